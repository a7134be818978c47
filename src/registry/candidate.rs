//! Is this the same person? One rule for enrolment, identification and authentication.

use crate::iris::EyeSide;
use crate::matcher::{self, Alignment, Comparison, EyePair, EyeRule, MatchPolicy, compare};
use crate::store::PersonId;

/// An enrolled person whom the presented eyes match.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Candidate {
    /// Who.
    pub person: PersonId,
    /// The matching eyes, nearest first; at least one.
    pub sightings: Vec<Sighting>,
}

impl Candidate {
    /// The nearest of the matching eyes.
    #[must_use]
    pub fn nearest(&self) -> Sighting {
        self.sightings[0]
    }
}

/// A presented eye laid on an enrolled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sighting {
    /// Which of the person's enrolled eyes.
    #[serde(serialize_with = "super::eye_word::serialize")]
    pub eye: EyeSide,
    /// The side as which the matching eye was presented; the other one if left and right were exchanged.
    #[serde(serialize_with = "super::eye_word::serialize")]
    pub probe: EyeSide,
    /// Distance and rotation.
    pub alignment: Alignment,
}

impl From<matcher::Sighting> for Sighting {
    fn from(matcher::Sighting { eye, probe, alignment }: matcher::Sighting) -> Self {
        Self { eye, probe, alignment }
    }
}

/// Every comparison of one way to pair two people's eyes.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    pub(super) matching: Vec<Sighting>,
    pub(super) differing: Vec<Sighting>,
    pub(super) incomparable: usize,
}

impl Pairing {
    /// Compares left with left and right with right, or (`crossed`) each with the other one.
    pub(super) fn new(probes: EyePair<'_>, enrolled: EyePair<'_>, crossed: bool, policy: &MatchPolicy) -> Self {
        let mut pairing = Self::default();
        for (side, probe) in probes.present() {
            let eye = if crossed { other(side) } else { side };
            let Some(reference) = enrolled.of(eye) else { continue };
            let sighting = |alignment| Sighting { eye, probe: side, alignment };
            match compare(probe, reference, policy) {
                Comparison::Match(alignment) => pairing.matching.push(sighting(alignment)),
                Comparison::NonMatch(alignment) => pairing.differing.push(sighting(alignment)),
                Comparison::Incomparable(_) => pairing.incomparable += 1,
            }
        }
        pairing.matching.sort_by(nearest_first(policy));
        pairing.differing.sort_by(nearest_first(policy));
        pairing
    }

    /// For uniqueness: in doubt the same. An eye that cannot be compared speaks for nobody, so that masking
    /// one eye does not undo the match of the other one.
    pub(super) fn suggests_same(&self, rule: EyeRule) -> bool {
        match rule {
            EyeRule::Either => !self.matching.is_empty(),
            EyeRule::Both => !self.matching.is_empty() && self.differing.is_empty(),
        }
    }

    /// For authentication: in doubt another. With [`EyeRule::Both`] each of the person's `enrolled` eyes
    /// must have been presented, compared, and found the same.
    pub(super) fn proves_same(&self, rule: EyeRule, enrolled: usize) -> bool {
        match rule {
            EyeRule::Either => !self.matching.is_empty(),
            EyeRule::Both => enrolled > 0 && self.matching.len() == enrolled,
        }
    }
}

/// The same person, as uniqueness sees it? What [`matcher::PeopleGallery::search`] says of many, of one.
pub(super) fn judge(
    person: PersonId,
    probes: EyePair<'_>,
    enrolled: EyePair<'_>,
    swapped_eyes: bool,
    policy: &MatchPolicy,
) -> Option<Candidate> {
    let mut sightings = Vec::new();
    for crossed in [false, true] {
        if crossed && !swapped_eyes {
            break;
        }
        let pairing = Pairing::new(probes, enrolled, crossed, policy);
        if pairing.suggests_same(policy.eye_rule) {
            sightings.extend(pairing.matching);
        }
    }
    sightings.sort_by(nearest_first(policy));
    (!sightings.is_empty()).then_some(Candidate { person, sightings })
}

pub(super) const fn other(eye: EyeSide) -> EyeSide {
    match eye {
        EyeSide::Left => EyeSide::Right,
        EyeSide::Right => EyeSide::Left,
    }
}

/// By distance; equal ones stay in their order, left first.
pub(super) fn nearest_first(policy: &MatchPolicy) -> impl Fn(&Sighting, &Sighting) -> core::cmp::Ordering + use<> {
    let score = policy.score;
    move |a, b| score.order(a.alignment.distance, b.alignment.distance)
}
