//! Who was erased, kept outside the registry: a copy of before must not bring them back.

use std::collections::BTreeMap;

use super::{ErasureReceipt, ReceiptError, RegistryId};

/// No list is longer, in bytes: receipts of half a million people.
const MAXIMUM_BYTES: usize = 256 << 20;

/// The people whom a registry erased, by number, each with the signed receipt of it.
///
/// A backup that was made before an erasure still holds the person's record and its wrapped data key. Whoever restores one
/// holds it against this list, which is kept elsewhere, and erases again whom it names. The list says numbers, times and
/// roots; nothing in it comes from an eye. In text it is one receipt a line.
///
/// Every receipt is verified when the list is read, so that nobody can put a person on it. That somebody was taken off it
/// does not show in the list itself: the registry that it belongs to is compared with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasureList(BTreeMap<u64, ErasureReceipt>);

/// Why a text is not a registry's list of erasures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErasureListError {
    /// It is too long for any list.
    #[error("the list of erasures has {found} bytes (a list has at most {limit})")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// A line is no receipt, or not one that this registry signed.
    #[error("line {line} of the list of erasures: {reason}")]
    Receipt {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: ReceiptError,
    },
    /// A line is of another registry.
    #[error("line {line} of the list of erasures is of registry {found}, and this is {expected}")]
    OtherRegistry {
        /// Which line, from 1.
        line: usize,
        /// Whose it is.
        found: RegistryId,
        /// Whose list was expected.
        expected: RegistryId,
    },
}

impl ErasureListError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "erasures_too_long",
            Self::Receipt { reason, .. } => reason.code(),
            Self::OtherRegistry { .. } => "erasures_other_registry",
        }
    }
}

impl ErasureList {
    /// Nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Reads the list of this registry, and verifies each receipt with its key.
    ///
    /// # Errors
    ///
    /// [`ErasureListError`].
    pub fn from_text(text: &str, registry: RegistryId, key: &[u8; 32]) -> Result<Self, ErasureListError> {
        if text.len() > MAXIMUM_BYTES {
            return Err(ErasureListError::TooLong { found: text.len(), limit: MAXIMUM_BYTES });
        }
        let mut list = Self::new();
        for (line, text) in (1..).zip(text.lines()) {
            let wrong = |reason| ErasureListError::Receipt { line, reason };
            let receipt = ErasureReceipt::from_json(text).map_err(wrong)?;
            let found = receipt.erasure().registry;
            if found != registry {
                return Err(ErasureListError::OtherRegistry { line, found, expected: registry });
            }
            receipt.verify(key).map_err(wrong)?;
            list.insert(receipt);
        }
        Ok(list)
    }

    /// One receipt a line, by number.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.values().map(|receipt| receipt.to_line() + "\n").collect()
    }

    /// Adds a receipt; an earlier one of the same person goes.
    pub fn insert(&mut self, receipt: ErasureReceipt) {
        self.0.insert(receipt.erasure().person, receipt);
    }

    /// The receipt of a person.
    #[must_use]
    pub fn of(&self, person: u64) -> Option<&ErasureReceipt> {
        self.0.get(&person)
    }

    /// The numbers of the people.
    pub fn people(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.keys().copied()
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::vault::{Erasure, KeyMaterial};

    fn receipt(registry: u8, person: u64, seed: u8) -> ErasureReceipt {
        let registry = RegistryId::from_bytes([registry; 16]);
        Erasure { registry, person, at: 1_800_000_000, change: person + 10, decision: person + 20, root: [9; 32] }
            .sign(&KeyMaterial::new(&[seed; 32]))
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_only_with_receipts_of_its_registry() {
        let (registry, key) = (RegistryId::from_bytes([3; 16]), receipt(3, 1, 1).key());
        let mut list = ErasureList::new();
        assert_eq!(ErasureList::from_text("", registry, &key), Ok(ErasureList::new()));
        for person in [7, 2, 900] {
            list.insert(receipt(3, person, 1));
        }
        let text = list.to_text();
        assert_eq!(text.lines().count(), 3);
        assert_eq!(ErasureList::from_text(&text, registry, &key).as_ref(), Ok(&list));
        assert_eq!(list.people().collect::<Vec<_>>(), [2, 7, 900]);

        let other = text.clone() + &receipt(4, 1, 1).to_line();
        let error = ErasureList::from_text(&other, registry, &key).unwrap_err();
        assert!(matches!(error, ErasureListError::OtherRegistry { line: 4, .. }), "{error}");
        let forged = text.clone() + &receipt(3, 1, 2).to_line();
        assert_eq!(ErasureList::from_text(&forged, registry, &key).unwrap_err().code(), "receipt_other_key");
        let renamed = text.replace("\"person\":7,", "\"person\":8,");
        assert_eq!(ErasureList::from_text(&renamed, registry, &key).unwrap_err().code(), "receipt_signature");
        let cut = &text[..text.len() - 10];
        assert_eq!(ErasureList::from_text(cut, registry, &key).unwrap_err().code(), "receipt_malformed");
    }
}
