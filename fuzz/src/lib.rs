//! What several targets share.

pub mod bigint;
pub mod log;

use personhood::membership::{MembershipProof, Statement};

/// A statement and its proof, as bytes that can be changed one by one.
#[derive(Clone, PartialEq)]
pub struct Entry {
    pub proof: [u8; MembershipProof::BYTES],
    /// root ‖ ext ‖ nullifier ‖ signal ‖ nonce, 32 bytes each; use index, 4; T1 and T2, 8 each; which of them are asked
    /// for; assurance.
    public: [u8; Self::PUBLIC],
}

impl Entry {
    const PUBLIC: usize = 5 * 32 + 4 + 16 + 2;

    /// The golden proof of version 1.
    pub fn valid() -> Self {
        let statement: Statement = serde_json::from_str(include_str!("../seeds/statement/valid.json")).expect("a seed");
        let time = |time: Option<u64>| time.unwrap_or(0).to_le_bytes();
        let asked = u8::from(statement.issued_no_later_than.is_some())
            | u8::from(statement.expires_no_earlier_than.is_some()) << 1;
        let public = [
            &statement.root.to_bytes()[..],
            &statement.external_nullifier.to_bytes(),
            &statement.nullifier.to_bytes(),
            &statement.signal.to_bytes(),
            &statement.nonce,
            &statement.use_index.to_le_bytes(),
            &time(statement.issued_no_later_than),
            &time(statement.expires_no_earlier_than),
            &[asked, statement.assurance_at_least.as_u8()],
        ]
        .concat();
        Self { proof: *include_bytes!("../seeds/proof/valid.bin"), public: public.try_into().expect("the lengths") }
    }

    /// Sets a byte: of the proof, or behind its end of the statement.
    pub fn set(&mut self, place: usize, value: u8) {
        let place = place % (MembershipProof::BYTES + Self::PUBLIC);
        match place.checked_sub(MembershipProof::BYTES) {
            None => self.proof[place] = value,
            Some(place) => self.public[place] = value,
        }
    }

    /// The statement, if every field is one; bits that mean nothing make it none.
    pub fn statement(&self) -> Option<Statement> {
        let scalar = |i: usize| -> [u8; 32] { self.public[32 * i..][..32].try_into().expect("32 bytes") };
        let time = |at: usize| u64::from_le_bytes(self.public[at..at + 8].try_into().expect("8 bytes"));
        let asked = self.public[180];
        if asked > 3 || asked & 1 == 0 && time(164) != 0 || asked & 2 == 0 && time(172) != 0 {
            return None;
        }
        Some(Statement {
            root: personhood::tree::MerkleRoot::from_bytes(&scalar(0)).ok()?,
            external_nullifier: personhood::nullifier::ExternalNullifier::from_bytes(&scalar(1)).ok()?,
            nullifier: personhood::nullifier::Nullifier::from_bytes(&scalar(2)).ok()?,
            signal: personhood::signal::Signal::from_bytes(&scalar(3)).ok()?,
            nonce: scalar(4),
            use_index: u32::from_le_bytes(self.public[160..164].try_into().expect("4 bytes")),
            issued_no_later_than: (asked & 1 != 0).then(|| time(164)),
            expires_no_earlier_than: (asked & 2 != 0).then(|| time(172)),
            assurance_at_least: personhood::identity::Assurance::new(self.public[181]),
        })
    }
}

/// The changes that an input spells: places of two bytes, little endian, and a value.
pub fn edits(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
    bytes.chunks_exact(3).map(|edit| (usize::from(u16::from_le_bytes([edit[0], edit[1]])), edit[2]))
}
