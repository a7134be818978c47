//! Membership proofs: *one of the enrolled humans, once per action*, and nothing else.
//!
//! A holder proves a [`Statement`] with a [`Witness`]; anybody checks it with [`verify`]. There is no trusted
//! set-up, and verifying needs no randomness, no clock, no network and no registry.
//!
//! ```
//! use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
//! use personhood::membership::{self, MembershipProof, Statement, Witness};
//! use personhood::nullifier::{Nullifier, Scope};
//! use personhood::signal::Signal;
//! use personhood::tree::Tree;
//! # use rand_chacha::ChaCha20Rng;
//! # use rand_chacha::rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = ChaCha20Rng::seed_from_u64(1);
//! // Enrolment: the holder gives the commitment, the registry sets the credential.
//! let secret = IdentitySecret::generate(&mut rng);
//! let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
//! let mut tree = Tree::new();
//! let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
//!
//! // The holder proves.
//! let scope = Scope::new("polls.example", "budget 2027")?.external_nullifier();
//! let statement = Statement {
//!     root: tree.root(),
//!     external_nullifier: scope,
//!     use_index: 0,
//!     nullifier: Nullifier::new(&secret, &scope, 0),
//!     signal: Signal::new(b"yes"),
//!     nonce: [0; 32],
//!     issued_no_later_than: Some(1_750_000_000),
//!     expires_no_earlier_than: Some(1_800_000_000),
//!     assurance_at_least: Assurance::ONE_EYE,
//! };
//! let witness = Witness { secret: &secret, credential: &credential, path: &tree.path(index)? };
//! let proof = membership::prove(&statement, &witness, &mut rng)?.to_bytes();
//!
//! // Somebody else verifies.
//! let proof = MembershipProof::from_bytes(&proof)?;
//! membership::verify(&statement, &proof)?;
//! # Ok(())
//! # }
//! ```
//!
//! Readers who come from Semaphore or World ID find their words in [`concepts`]. The proof system is described, with its
//! security argument, in [`proof_system`]. In short: every slot of the
//! circuit is one Poseidon permutation, committed as one Pedersen vector commitment over ristretto255; a
//! zero-knowledge sumcheck in base 4 over gates of degree five shows that all rows hold; a second one shows that the
//! claimed evaluations and the linear ties are those of the committed columns; and a single inner-product argument on a masked
//! vector checks everything at once. A proof has 1,441 bytes.

mod argument;
mod commitment;
mod error;
mod generators;
mod inner_product;
mod parameters;
mod progress;
mod proof;
mod prover;
mod relation;
mod statement;
mod sumcheck;
mod transcript;
mod verifier;
mod version;
mod witness;
mod workers;

#[cfg(test)]
mod tests;

pub use error::{BatchError, ProveError, VerifyError};
pub use parameters::Parameters;
pub use progress::Progress;
pub use proof::{MembershipProof, ProofDecodeError};
pub use statement::{Statement, StatementError};
pub use version::ProofVersion;
pub use witness::Witness;

#[doc = include_str!("../docs/proof-system.md")]
pub mod proof_system {}

#[doc = include_str!("../docs/concepts.md")]
pub mod concepts {}

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::ops::ControlFlow;

use merlin::TranscriptRng;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::scalar::Scalar;
use progress::{Cancelled, Reporter};
use relation::{Assignment, MASKS, PublicInputs, SecretInputs};
use transcript::{Transcript, label};
use verifier::Equation;
use workers::{OneThread, Workers};

/// Proves `statement`.
///
/// `rng` should be the operating system's. Its output is mixed with the witness and the statement, so that a weak one
/// does not give the witness away.
///
/// # Errors
///
/// A [`ProveError`] that says what is wrong if the witness does not prove the statement.
#[doc(alias = "generateProof")]
pub fn prove(
    statement: &Statement,
    witness: &Witness<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<MembershipProof, ProveError> {
    let parameters = parameters::shared();
    parameters.prove(statement, witness, rng)
}

/// [`prove`] on the threads of rayon's current pool; the proof is the same.
///
/// # Errors
///
/// As [`prove`].
#[cfg(feature = "rayon")]
pub fn par_prove(
    statement: &Statement,
    witness: &Witness<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<MembershipProof, ProveError> {
    parameters::shared().par_prove(statement, witness, rng)
}

/// [`prove`], with somebody who hears how far it is and may stop it.
///
/// Made for callers without threads: in a browser, `observe` draws the progress and breaks when the page was left.
///
/// ```
/// # use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
/// # use personhood::membership::{self, ProveError, Statement, Witness};
/// # use personhood::nullifier::{Nullifier, Scope};
/// # use personhood::signal::Signal;
/// # use personhood::tree::Tree;
/// # use rand_chacha::ChaCha20Rng;
/// # use rand_chacha::rand_core::SeedableRng;
/// use std::ops::ControlFlow;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
/// # let secret = IdentitySecret::generate(&mut rng);
/// # let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
/// # let mut tree = Tree::new();
/// # let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
/// # let scope = Scope::new("polls.example", "budget 2027")?.external_nullifier();
/// # let statement = Statement {
/// #     root: tree.root(), external_nullifier: scope, use_index: 0, nullifier: Nullifier::new(&secret, &scope, 0),
/// #     signal: Signal::new(b"yes"), nonce: [0; 32], issued_no_later_than: None, expires_no_earlier_than: None,
/// #     assurance_at_least: Assurance::NONE,
/// # };
/// # let path = tree.path(index)?;
/// # let witness = Witness { secret: &secret, credential: &credential, path: &path };
/// let stop_half_way = |progress: membership::Progress| {
///     if 2 * progress.done < progress.total { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let cancelled = membership::prove_observed(&statement, &witness, &mut rng, stop_half_way);
/// assert_eq!(cancelled, Err(ProveError::Cancelled));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`prove`], and [`ProveError::Cancelled`] if `observe` breaks.
pub fn prove_observed(
    statement: &Statement,
    witness: &Witness<'_>,
    rng: &mut impl CryptoRngCore,
    observe: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<MembershipProof, ProveError> {
    let parameters = parameters::shared();
    parameters.prove_observed(statement, witness, rng, observe)
}

/// Verifies that `proof` proves `statement`.
///
/// This says nothing about whether the root is current or the nullifier is new: those are the caller's to check,
/// see [`crate::verify`].
///
/// # Errors
///
/// [`VerifyError::Rejected`] if it does not; [`VerifyError::Statement`] if nothing could.
#[doc(alias = "verifyProof")]
pub fn verify(statement: &Statement, proof: &MembershipProof) -> Result<(), VerifyError> {
    let parameters = parameters::shared();
    parameters.verify(statement, proof)
}

/// Verifies many proofs at once, at a fraction of the cost of each.
///
/// It accepts exactly the batches whose every proof [`verify`] accepts, up to a chance of 2^-240 over a hash of the
/// batch. It needs no randomness.
///
/// # Errors
///
/// [`BatchError`] with the first entry that is not accepted.
pub fn verify_batch<S, P>(batch: &[(S, P)]) -> Result<(), BatchError>
where
    S: Borrow<Statement>,
    P: Borrow<MembershipProof>,
{
    let parameters = parameters::shared();
    parameters.verify_batch(batch)
}

/// Verifies many proofs at once, and says of each whether it is accepted.
///
/// Accepted are exactly those that [`verify`] accepts, up to a chance of 2^-240 over a hash of the batch. While all are
/// good this costs what [`verify_batch`] does; bad ones are found by halving, and when every one of 64 is bad the whole costs
/// about two verifications for each, so nobody slows a verifier down by more than that with bad proofs.
#[must_use = "a proof counts only if its own verdict is Ok"]
pub fn verify_each<S, P>(batch: &[(S, P)]) -> Vec<Result<(), VerifyError>>
where
    S: Borrow<Statement>,
    P: Borrow<MembershipProof>,
{
    parameters::shared().verify_each(batch)
}

impl Parameters {
    /// [`prove`] with these parameters.
    ///
    /// # Errors
    ///
    /// As [`prove`].
    pub fn prove(
        &self,
        statement: &Statement,
        witness: &Witness<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<MembershipProof, ProveError> {
        self.begin(statement, witness, rng)?.finish(&OneThread, &mut |_| ControlFlow::Continue(()))
    }

    /// [`par_prove`] with these parameters.
    ///
    /// # Errors
    ///
    /// As [`prove`].
    #[cfg(feature = "rayon")]
    pub fn par_prove(
        &self,
        statement: &Statement,
        witness: &Witness<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<MembershipProof, ProveError> {
        let prover = self.begin(statement, witness, rng)?;
        // On a thread of the pool, so that sharing work wakes the other threads and never this one.
        rayon::scope(|_| prover.finish(&workers::AllThreads, &mut |_| ControlFlow::Continue(())))
    }

    /// [`prove_observed`] with these parameters.
    ///
    /// # Errors
    ///
    /// As [`prove_observed`].
    pub fn prove_observed(
        &self,
        statement: &Statement,
        witness: &Witness<'_>,
        rng: &mut impl CryptoRngCore,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<MembershipProof, ProveError> {
        self.begin(statement, witness, rng)?.finish(&OneThread, &mut observe)
    }

    /// Everything of a proof that needs the caller's generator, and the checks that need no hash.
    fn begin(
        &self,
        statement: &Statement,
        witness: &Witness<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Prover<'_>, ProveError> {
        let public = statement.public_inputs()?;
        if !witness.leaf().is_member() {
            return Err(ProveError::EmptyLeaf);
        }
        let secret = witness.secret_inputs();
        check_bounds(&public, &secret)?;

        let mut transcript = Transcript::new(label::PROTOCOL);
        statement.absorb_into(&mut transcript, self.digest());
        // Bound to statement and witness: a generator that repeats itself repeats a whole proof at worst.
        let rng = transcript.build_rng().rekey_with_witness_bytes(label::WITNESS, &secret.to_bytes()).finalize(rng);
        Ok(Prover { parameters: self, public, secret, transcript, rng })
    }

    /// [`verify`] with these parameters.
    ///
    /// # Errors
    ///
    /// As [`verify`].
    pub fn verify(&self, statement: &Statement, proof: &MembershipProof) -> Result<(), VerifyError> {
        let public = statement.public_inputs()?;
        let mut transcript = Transcript::new(label::PROTOCOL);
        statement.absorb_into(&mut transcript, self.digest());
        let mut equation = Equation::new();
        equation.add(self, &mut transcript, &public, proof, &Scalar::ONE);
        if equation.holds(self) { Ok(()) } else { Err(VerifyError::Rejected) }
    }

    /// [`verify_batch`] with these parameters.
    ///
    /// # Errors
    ///
    /// As [`verify_batch`].
    pub fn verify_batch<S, P>(&self, batch: &[(S, P)]) -> Result<(), BatchError>
    where
        S: Borrow<Statement>,
        P: Borrow<MembershipProof>,
    {
        // A statement that nobody can prove needs no arithmetic, but a bad proof before it comes first.
        let impossible = batch.iter().enumerate().find_map(|(index, (statement, _))| {
            statement.borrow().public_inputs().err().map(|error| BatchError { index, reason: error.into() })
        });
        let possible = impossible.map_or(batch.len(), |error| error.index);
        self.search_batch(&batch[..possible], 0)?;
        impossible.map_or(Ok(()), Err)
    }

    /// [`verify_each`] with these parameters.
    #[must_use = "a proof counts only if its own verdict is Ok"]
    pub fn verify_each<S, P>(&self, batch: &[(S, P)]) -> Vec<Result<(), VerifyError>>
    where
        S: Borrow<Statement>,
        P: Borrow<MembershipProof>,
    {
        let mut verdicts = Vec::with_capacity(batch.len());
        self.judge_each(batch, &mut verdicts, false);
        verdicts
    }

    /// Appends the verdicts on a part of a batch. Of a part that is known to have a bad entry, the whole is not tried again.
    fn judge_each<S, P>(&self, batch: &[(S, P)], verdicts: &mut Vec<Result<(), VerifyError>>, bad: bool) -> bool
    where
        S: Borrow<Statement>,
        P: Borrow<MembershipProof>,
    {
        if let [(statement, proof)] = batch {
            let verdict = self.verify(statement.borrow(), proof.borrow());
            verdicts.push(verdict);
            return verdict.is_ok();
        }
        if batch.is_empty() || (!bad && self.batch_holds(Transcript::new(label::BATCH), batch)) {
            verdicts.extend(batch.iter().map(|_| Ok(())));
            return true;
        }
        let (front, back) = batch.split_at(batch.len() / 2);
        let front_holds = self.judge_each(front, verdicts, false);
        // The bad entry of this part is in one of its halves: if not in the front, then in the back.
        self.judge_each(back, verdicts, front_holds);
        false
    }

    /// Verifies a part of a batch that begins at `offset`, and halves it to find the first bad entry.
    fn search_batch<S, P>(&self, batch: &[(S, P)], offset: usize) -> Result<(), BatchError>
    where
        S: Borrow<Statement>,
        P: Borrow<MembershipProof>,
    {
        if let [(statement, proof)] = batch {
            let verdict = self.verify(statement.borrow(), proof.borrow());
            return verdict.map_err(|reason| BatchError { index: offset, reason });
        }
        if batch.is_empty() || self.batch_holds(Transcript::new(label::BATCH), batch) {
            return Ok(());
        }
        let (front, back) = batch.split_at(batch.len() / 2);
        self.search_batch(front, offset)?;
        self.search_batch(back, offset + front.len())
    }

    /// Whether the weighted sum of all equations holds. The weights come from `weights` after every statement and every proof.
    fn batch_holds<S, P>(&self, mut weights: Transcript, batch: &[(S, P)]) -> bool
    where
        S: Borrow<Statement>,
        P: Borrow<MembershipProof>,
    {
        for (statement, proof) in batch {
            statement.borrow().absorb_into(&mut weights, self.digest());
            weights.append(label::BATCH_PROOF, &proof.borrow().to_bytes());
        }
        let mut equation = Equation::new();
        for (statement, proof) in batch {
            let Ok(public) = statement.borrow().public_inputs() else {
                return false;
            };
            let mut transcript = Transcript::new(label::PROTOCOL);
            statement.borrow().absorb_into(&mut transcript, self.digest());
            let weight = weights.challenge(label::BATCH_WEIGHT);
            equation.add(self, &mut transcript, &public, proof.borrow(), &weight);
        }
        equation.holds(self)
    }
}

/// A proof that has begun: it needs nothing more from its caller.
struct Prover<'a> {
    parameters: &'a Parameters,
    public: PublicInputs,
    secret: SecretInputs,
    transcript: Transcript,
    rng: TranscriptRng,
}

impl Prover<'_> {
    fn finish(
        self,
        workers: &(impl Workers + Sync),
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<MembershipProof, ProveError> {
        let Self { parameters, public, secret, mut transcript, mut rng } = self;
        let masks: Zeroizing<[Scalar; MASKS]> = Zeroizing::new(core::array::from_fn(|_| Scalar::random(&mut rng)));
        let assignment = Assignment::new(&public, &secret, &masks);
        if assignment.root() != public.root {
            return Err(ProveError::NotAMember);
        }
        if assignment.nullifier() != public.nullifier {
            return Err(ProveError::NullifierMismatch);
        }
        let reporter = &mut Reporter::new(observe);
        prover::prove_assignment(parameters, &mut transcript, &public, &assignment, true, &mut rng, workers, reporter)
            .map_err(|Cancelled| ProveError::Cancelled)
    }
}

/// Refuses a credential that does not meet the bounds.
fn check_bounds(public: &PublicInputs, secret: &SecretInputs) -> Result<(), ProveError> {
    if secret.issued_at > public.issued_no_later_than {
        let (issued_at, limit) = (secret.issued_at, public.issued_no_later_than);
        return Err(ProveError::IssuedTooLate { issued_at, limit });
    }
    if secret.expires_at < public.expires_no_earlier_than {
        let (expires_at, limit) = (secret.expires_at, public.expires_no_earlier_than);
        return Err(ProveError::ExpiresTooEarly { expires_at, limit });
    }
    if secret.assurance < public.assurance_at_least {
        let (assurance, limit) = (secret.assurance, public.assurance_at_least);
        return Err(ProveError::AssuranceTooLow { assurance, limit });
    }
    Ok(())
}
