//! What a registry hands to a holder: all that they need besides their secret to prove.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{DocumentKind, EnvelopeError, read};
use crate::identity::{Credential, IdentityCommitment, Leaf};
use crate::tree::{MerklePath, MerkleRoot};

/// The credential of a leaf and its path to a root, as they travel from the registry to the holder.
///
/// ```text
/// {"format": "personhood-membership", "version": 1, "root": "…",
///  "credential": {"issued_at": 1700000000, "expires_at": 1900000000, "assurance": 2},
///  "path": "<4,490 hexadecimal digits>"}
/// ```
///
/// It is good for proofs as long as services accept the root; after that the holder asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipFile {
    /// The root that the path leads to.
    pub root: MerkleRoot,
    /// What the registry wrote into the leaf.
    pub credential: Credential,
    /// The way from the leaf to the root.
    pub path: MerklePath,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    root: MerkleRoot,
    credential: Credential,
    path: MerklePath,
}

impl MembershipFile {
    /// The longest document that is read, in bytes: three times what is written.
    pub const MAX_BYTES: usize = 1 << 14;

    /// Whether this is the membership of the holder of a commitment: their leaf lies at the end of the path.
    #[must_use]
    pub fn is_of(&self, commitment: &IdentityCommitment) -> bool {
        self.path.root(&Leaf::new(commitment, &self.credential)) == self.root
    }

    /// The document, indented, without a line feed at its end.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers always serialise.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = Document {
            format: DocumentKind::Membership.format().to_owned(),
            version: DocumentKind::Membership.version(),
            root: self.root,
            credential: self.credential,
            path: self.path.clone(),
        };
        serde_json::to_string_pretty(&document).expect("texts and numbers serialise")
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] for more than [`MembershipFile::MAX_BYTES`], for another kind or version of document, unknown,
    /// missing and repeated fields, and values that are none.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        let Document { root, credential, path, .. } = read(DocumentKind::Membership, Self::MAX_BYTES, json)?;
        Ok(Self { root, credential, path })
    }
}
