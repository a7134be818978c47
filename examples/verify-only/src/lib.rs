//! A relying party in fifty lines: it accepts one vote per person, and knows no eyes, no registry and no names.
//!
//! The package depends on `personhood` without default features. It compiles for a server and, with
//! `--target wasm32-unknown-unknown`, for a browser or a contract.

use personhood::membership::MembershipProof;
use personhood::nullifier::{Nullifier, Scope};
use personhood::tree::MerkleRoot;
use personhood::verify::{AcceptedRoots, MemoryNullifiers, Presentation, Request, Verifier};

/// A poll: its rules, and who has voted, by nullifier.
pub struct Poll {
    verifier: Verifier,
    voters: MemoryNullifiers,
}

impl Poll {
    /// A poll of everybody in the tree of `root`.
    ///
    /// # Errors
    ///
    /// A sentence, if a name is unclear or the root is not one.
    pub fn new(app: &str, action: &str, root: &[u8; 32]) -> Result<Self, String> {
        let scope = Scope::new(app, action).map_err(|error| error.to_string())?;
        let root = MerkleRoot::from_bytes(root).map_err(|error| error.to_string())?;
        Ok(Self { verifier: Verifier::new(&scope, AcceptedRoots::only(root)), voters: MemoryNullifiers::new() })
    }

    /// Takes one vote, or says with a stable word why not.
    ///
    /// # Errors
    ///
    /// The word.
    pub fn vote(
        &mut self,
        root: &[u8; 32],
        nullifier: &[u8; 32],
        proof: &[u8],
        choice: &str,
    ) -> Result<(), &'static str> {
        let root = MerkleRoot::from_bytes(root).map_err(|_| "root_malformed")?;
        let nullifier = Nullifier::from_bytes(nullifier).map_err(|_| "nullifier_malformed")?;
        let proof = MembershipProof::from_bytes(proof).map_err(|error| error.code())?;
        let vote = Presentation { root, nullifier, use_index: 0, proof: &proof };
        // Listed roots do not age, so the time does not matter here.
        let request = Request::new(choice.as_bytes());
        self.verifier.verify(&vote, &request, 0, &mut self.voters).map_err(|error| error.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `personhood demo` or `simulate` make proofs; here it is enough that rubbish has no vote.
    #[test]
    fn rubbish_has_no_vote() {
        let root = [7; 32];
        let mut poll = Poll::new("polls.example", "budget 2027", &root).expect("a clear name and a reduced root");
        assert_eq!(poll.vote(&root, &[1; 32], b"", "yes"), Err("proof_length"));
        assert_eq!(poll.vote(&[255; 32], &[1; 32], b"", "yes"), Err("root_malformed"));
        assert!(Poll::new("polls.example", "", &root).is_err());
    }
}
