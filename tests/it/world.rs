//! A small world: who is enrolled, when, and with which eyes.

#![allow(clippy::unwrap_used)]

use personhood::iris::IrisTemplate;
use personhood::registry::{EnrollRequest, EnrolmentClass, Registry, RegistryPolicy};
use personhood::store::{MemoryStore, PersonId};

use crate::people::{again, commitment, eye};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const LATER: u64 = 1_900_000_000;

pub(crate) fn left(person: u64) -> IrisTemplate {
    eye(2 * person)
}

pub(crate) fn right(person: u64) -> IrisTemplate {
    eye(2 * person + 1)
}

/// Another capture of an eye.
pub(crate) fn capture(eye: &IrisTemplate, number: u64) -> IrisTemplate {
    again(eye, number, 2, 1)
}

pub(crate) fn both(left: IrisTemplate, right: IrisTemplate, number: u64) -> EnrollRequest {
    EnrollRequest {
        left: Some(left),
        right: Some(right),
        commitment: commitment(number),
        class: EnrolmentClass::BothEyes,
        issued_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) fn request(person: u64) -> EnrollRequest {
    both(left(person), right(person), person)
}

pub(crate) fn id(number: u64) -> PersonId {
    PersonId::new(number).unwrap()
}

/// People 0 to `people` - 1 of the eyes are people 1 to `people` of the registry.
pub(crate) fn world(policy: RegistryPolicy, people: u64) -> Registry<MemoryStore> {
    let mut registry = Registry::create(MemoryStore::new(), policy, NOW).unwrap();
    for person in 0..people {
        let _enrolled = registry.enroll(request(person)).unwrap();
    }
    registry
}
