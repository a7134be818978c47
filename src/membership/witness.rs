//! What the holder knows.

use core::fmt;

use super::relation::SecretInputs;
use crate::identity::{Credential, IdentitySecret, Leaf};
use crate::tree::MerklePath;

/// The secret part of a proof, borrowed from its holder.
#[doc(alias = "private inputs")]
#[derive(Clone, Copy)]
pub struct Witness<'a> {
    /// The secret behind the leaf.
    pub secret: &'a IdentitySecret,
    /// What the registry wrote into the leaf.
    pub credential: &'a Credential,
    /// From the leaf to the root.
    pub path: &'a MerklePath,
}

impl Witness<'_> {
    /// The leaf that the witness belongs to.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        Leaf::new(&self.secret.commitment(), self.credential)
    }

    /// The values that the equations use.
    pub(super) fn secret_inputs(&self) -> SecretInputs {
        SecretInputs {
            nullifier_secret: *self.secret.nullifier_secret(),
            trapdoor: *self.secret.trapdoor(),
            issued_at: self.credential.issued_at(),
            expires_at: self.credential.expires_at(),
            assurance: self.credential.assurance().as_u8(),
            index: self.path.index().as_u32(),
            siblings: *self.path.siblings(),
        }
    }
}

/// Omits everything.
impl fmt::Debug for Witness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}
