//! The relying party's side: one value that holds its rules, one call that decides.
//!
//! ```text
//! holder sends              Presentation {root, nullifier, use index, proof}
//! relying party has         Verifier {scope, accepted roots, bounds, uses}     its rules
//!                           Request {signal, nonce}                            what this request is about
//!                           now, NullifierStore
//!
//! use index < limit ─▶ root accepted now ─▶ proof of the statement ─▶ nullifier new, and recorded ─▶ Ok(())
//! ```
//!
//! The statement that the proof is checked against is put together here, from the rules and the request. A holder
//! says which root, which use and which nullifier; scope, signal, nonce and bounds are never taken from a holder.
//!
//! ```
//! use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
//! use personhood::membership::{self, Witness};
//! use personhood::nullifier::{Nullifier, Scope};
//! use personhood::tree::Tree;
//! use personhood::verify::{AcceptedRoots, MemoryNullifiers, Presentation, Request, Verifier};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let secret = IdentitySecret::generate(rng);
//! # let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
//! # let mut tree = Tree::new();
//! # let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
//!
//! // The poll: open since 1.8·10⁹, for people who were enrolled before that.
//! let scope = Scope::new("polls.example", "budget 2027")?;
//! let poll = Verifier::new(&scope, AcceptedRoots::only(tree.root())).issued_no_later_than(1_800_000_000);
//! let request = Request::new(b"yes");
//!
//! // The holder, who knows the poll and its request.
//! let nullifier = Nullifier::new(&secret, &scope.external_nullifier(), 0);
//! let statement = poll.statement(tree.root(), nullifier, 0, &request);
//! let witness = Witness { secret: &secret, credential: &credential, path: &tree.path(index)? };
//! let proof = membership::prove(&statement, &witness, rng)?;
//!
//! // The poll again.
//! let mut voters = MemoryNullifiers::new();
//! let vote = Presentation { root: tree.root(), nullifier, use_index: 0, proof: &proof };
//! poll.verify(&vote, &request, 1_800_000_500, &mut voters)?;
//! let again = poll.verify(&vote, &request, 1_800_000_600, &mut voters).unwrap_err();
//! assert_eq!(again.code(), "nullifier_already_used");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::identity::Assurance;
use crate::membership::{self, MembershipProof, Statement};
use crate::nullifier::{ExternalNullifier, Nullifier, NullifierError, NullifierStore, Scope};
use crate::signal::Signal;
use crate::tree::{MerkleRoot, RootError, RootHistory};

/// A common limit for the age of a root, in seconds: two hours.
///
/// It has to cover the time between fetching a path and showing the proof. A holder who was revoked can act for as
/// long, so an action where that matters takes less.
pub const USUAL_ROOT_AGE: u64 = 2 * 60 * 60;

/// The rules of one action, and the decision whether somebody may do it.
#[derive(Clone, Debug)]
pub struct Verifier {
    scope: ExternalNullifier,
    roots: AcceptedRoots,
    uses: NonZeroU32,
    issued_no_later_than: Option<u64>,
    expires_no_earlier_than: Option<u64>,
    assurance_at_least: Assurance,
}

impl Verifier {
    /// The rules "every member, once in this scope".
    ///
    /// A member is whose leaf is in the tree, also after it expired: where that matters, ask for
    /// [`Verifier::expires_no_earlier_than`].
    #[must_use]
    pub fn new(scope: &Scope, roots: AcceptedRoots) -> Self {
        Self {
            scope: scope.external_nullifier(),
            roots,
            uses: NonZeroU32::MIN,
            issued_no_later_than: None,
            expires_no_earlier_than: None,
            assurance_at_least: Assurance::NONE,
        }
    }

    /// Lets every person act this many times in the scope, with the use indices 0 to `uses` − 1.
    ///
    /// Two uses of one person are not linkable.
    #[must_use]
    pub fn uses_per_person(mut self, uses: NonZeroU32) -> Self {
        self.uses = uses;
        self
    }

    /// Takes only leaves that were issued at this time or before, in seconds since 1970.
    ///
    /// Give the time at which the action opened. Whoever loses a device is enrolled again with a new secret, and so
    /// with a new nullifier; the new leaf is younger than the action, and this rule keeps them from acting twice.
    ///
    /// Somebody enrolled again shortly *before* that time has two leaves that are old enough, the second in the present
    /// root and the first in an earlier one that may still be [recent](AcceptedRoots::recent). So once the time has
    /// come, roots that were replaced by then are refused. This relies on a registry that issues a new leaf no earlier
    /// than it removes the old one, and it cannot be done for [listed](AcceptedRoots::Listed) roots, whose times are
    /// unknown: list one for an action.
    #[must_use]
    pub fn issued_no_later_than(mut self, time: u64) -> Self {
        self.issued_no_later_than = Some(time);
        self
    }

    /// Takes only leaves that expire at this time or later, in seconds since 1970.
    ///
    /// Holder and verifier must mean the same number, so it is a time that both know, such as the end of the action
    /// or the beginning of the day, and not the time of the request.
    #[must_use]
    pub fn expires_no_earlier_than(mut self, time: u64) -> Self {
        self.expires_no_earlier_than = Some(time);
        self
    }

    /// Takes only leaves of at least this assurance.
    #[must_use]
    pub fn assurance_at_least(mut self, assurance: Assurance) -> Self {
        self.assurance_at_least = assurance;
        self
    }

    /// The roots that are accepted.
    #[must_use]
    pub fn roots(&self) -> &AcceptedRoots {
        &self.roots
    }

    /// The roots that are accepted, to bring them up to date.
    pub fn roots_mut(&mut self) -> &mut AcceptedRoots {
        &mut self.roots
    }

    /// The statement that a holder has to prove here.
    #[must_use]
    pub fn statement(&self, root: MerkleRoot, nullifier: Nullifier, use_index: u32, request: &Request) -> Statement {
        Statement {
            root,
            external_nullifier: self.scope,
            use_index,
            nullifier,
            signal: request.signal,
            nonce: request.nonce,
            issued_no_later_than: self.issued_no_later_than,
            expires_no_earlier_than: self.expires_no_earlier_than,
            assurance_at_least: self.assurance_at_least,
        }
    }

    /// In what a statement that a holder sent along is not the one asked for here.
    ///
    /// For messages only: a refused proof itself cannot say what is wrong with it. That nothing differs means
    /// nothing, because holders can claim what they like.
    #[must_use]
    pub fn mismatch(&self, claimed: &Statement, request: &Request) -> Option<Mismatch> {
        let asked = self.statement(claimed.root, claimed.nullifier, claimed.use_index, request);
        [
            (asked.external_nullifier == claimed.external_nullifier, Mismatch::Scope),
            (asked.signal == claimed.signal, Mismatch::Signal),
            (asked.nonce == claimed.nonce, Mismatch::Nonce),
            (asked.issued_no_later_than == claimed.issued_no_later_than, Mismatch::Issue),
            (asked.expires_no_earlier_than == claimed.expires_no_earlier_than, Mismatch::Expiry),
            (asked.assurance_at_least == claimed.assurance_at_least, Mismatch::Assurance),
        ]
        .into_iter()
        .find_map(|(equal, mismatch)| (!equal).then_some(mismatch))
    }

    /// Decides, and records the nullifier if the decision is yes.
    ///
    /// `now` is the present time in seconds since 1970; only the age of the root is measured with it. The nullifier
    /// is recorded last, so a proof that is refused uses nothing up.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] says which rule refused. Act only on `Ok(())`.
    pub fn verify(
        &self,
        presentation: &Presentation<'_>,
        request: &Request,
        now: u64,
        nullifiers: &mut (impl NullifierStore + ?Sized),
    ) -> Result<(), VerifyError> {
        self.check(presentation, request, now)?;
        nullifiers.record(&self.scope, &presentation.nullifier)?;
        Ok(())
    }

    /// Decides everything but whether the nullifier is new, and records nothing.
    ///
    /// On its own this accepts the same person any number of times.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`], without [`VerifyError::Nullifier`].
    pub fn check(&self, presentation: &Presentation<'_>, request: &Request, now: u64) -> Result<(), VerifyError> {
        let Presentation { root, nullifier, use_index, proof } = *presentation;
        let statement = self.admit(root, nullifier, use_index, request, now)?;
        membership::verify(&statement, proof)?;
        Ok(())
    }

    /// [`Verifier::check`] for many at once, at a fraction of the cost of each; the verdicts are in their order.
    ///
    /// Two presentations of one nullifier are both accepted here, as [`Verifier::check`] would.
    #[must_use = "a presentation counts only if its own verdict is Ok"]
    pub fn check_each(&self, batch: &[(Presentation<'_>, Request)], now: u64) -> Vec<Result<(), VerifyError>> {
        let admitted: Vec<_> = batch
            .iter()
            .map(|(shown, request)| self.admit(shown.root, shown.nullifier, shown.use_index, request, now))
            .collect();
        let proofs: Vec<_> = admitted
            .iter()
            .zip(batch)
            .filter_map(|(statement, (presentation, _))| Some((statement.as_ref().ok()?, presentation.proof)))
            .collect();
        let mut verdicts = membership::verify_each(&proofs).into_iter();
        admitted
            .into_iter()
            .map(|statement| {
                statement?;
                Ok(verdicts.next().expect("one verdict for each statement that was admitted")?)
            })
            .collect()
    }

    /// Decides by use index and root, and returns the statement whose proof is the last thing to look at.
    ///
    /// For services that gather the proofs of several actions for [`membership::verify_each`].
    ///
    /// # Errors
    ///
    /// [`VerifyError::UseLimit`] and [`VerifyError::Root`].
    pub fn admit(
        &self,
        root: MerkleRoot,
        nullifier: Nullifier,
        use_index: u32,
        request: &Request,
        now: u64,
    ) -> Result<Statement, VerifyError> {
        if use_index >= self.uses.get() {
            return Err(VerifyError::UseLimit { use_index, limit: self.uses });
        }
        self.roots.check(&root, now)?;
        // A leaf that a root of before the opening still shows may be out of the tree, and its holder in it with another.
        if let Some(limit) = self.issued_no_later_than.filter(|limit| *limit <= now)
            && let Some(replaced_at) = self.roots.replaced_at(&root).filter(|time| *time <= limit)
        {
            return Err(RootError::Superseded { replaced_at, limit }.into());
        }
        Ok(self.statement(root, nullifier, use_index, request))
    }
}

/// What a holder shows.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    /// The root that the proof leads to.
    pub root: MerkleRoot,
    /// The holder's nullifier for the scope and this use.
    pub nullifier: Nullifier,
    /// Which use this is, from 0.
    pub use_index: u32,
    /// The proof.
    pub proof: &'a MembershipProof,
}

impl<'a> Presentation<'a> {
    /// A proof with what a holder may say about it; all else in the holder's statement is left aside.
    #[must_use]
    pub fn new(claimed: &Statement, proof: &'a MembershipProof) -> Self {
        Self { root: claimed.root, nullifier: claimed.nullifier, use_index: claimed.use_index, proof }
    }
}

/// What the relying party asked for: the message that is acted on, and a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The digest of the message, computed by the relying party from the message itself.
    pub signal: Signal,
    /// 32 bytes that the relying party chose for this request, or zeros if it asks for none.
    ///
    /// With a nonce, a proof that was made for somebody else's request, or earlier, is refused.
    pub nonce: [u8; 32],
}

impl Request {
    /// A request about a message, without a nonce.
    #[must_use]
    pub fn new(message: &[u8]) -> Self {
        Self { signal: Signal::new(message), nonce: [0; 32] }
    }

    /// The same request with a nonce.
    #[must_use]
    pub fn with_nonce(mut self, nonce: [u8; 32]) -> Self {
        self.nonce = nonce;
        self
    }
}

/// Which roots a relying party accepts, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptedRoots {
    /// These, at all times: a snapshot of the members, such as the electoral roll of one day.
    Listed(BTreeSet<MerkleRoot>),
    /// The present root of a registry, and those that were replaced not long ago.
    Recent {
        /// The roots of the registry through time, shared by the verifiers of all actions.
        history: Arc<RootHistory>,
        /// How many seconds ago a root may have been replaced.
        max_age: u64,
    },
}

impl AcceptedRoots {
    /// One root.
    #[must_use]
    pub fn only(root: MerkleRoot) -> Self {
        Self::Listed(BTreeSet::from([root]))
    }

    /// The present root of a registry, and those that were replaced at most `max_age` seconds ago; see
    /// [`USUAL_ROOT_AGE`].
    #[must_use]
    pub fn recent(history: impl Into<Arc<RootHistory>>, max_age: u64) -> Self {
        Self::Recent { history: history.into(), max_age }
    }

    /// Whether a root is accepted at a time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`RootError`] if it is not.
    pub fn check(&self, root: &MerkleRoot, now: u64) -> Result<(), RootError> {
        match self {
            Self::Listed(roots) if roots.contains(root) => Ok(()),
            Self::Listed(_) => Err(RootError::Unknown { root: *root }),
            Self::Recent { history, max_age } => history.check(root, now, *max_age),
        }
    }

    /// When a root was replaced, if it was and that is known.
    fn replaced_at(&self, root: &MerkleRoot) -> Option<u64> {
        match self {
            Self::Listed(_) => None,
            Self::Recent { history, .. } => history.replaced_at(root),
        }
    }
}

/// Why somebody may not act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The use index is not below the number of uses.
    #[error("use {use_index} is beyond the limit: the action allows {limit} per person, counted from 0")]
    UseLimit {
        /// The use index shown.
        use_index: u32,
        /// The number of uses that a person has.
        limit: NonZeroU32,
    },
    /// The root is not accepted, or no longer.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The proof does not prove the statement of this verifier and request.
    #[error(transparent)]
    Proof(#[from] membership::VerifyError),
    /// The nullifier was used before, or could not be recorded.
    #[error(transparent)]
    Nullifier(#[from] NullifierError),
}

impl VerifyError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UseLimit { .. } => "use_limit_exceeded",
            Self::Root(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Nullifier(error) => error.code(),
        }
    }

    /// Whether this is no refusal, but a failure to decide: the same presentation may be accepted later.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::Nullifier(NullifierError::Store(_)))
    }
}

/// In what a holder's statement is for something else; see [`Verifier::mismatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The proof is for another app, action or period.
    #[error("the proof was made for another app, action or period")]
    Scope,
    /// The proof is for another message.
    #[error("the proof was made for another message")]
    Signal,
    /// The proof answers another request.
    #[error("the proof was made with another nonce, so for another request")]
    Nonce,
    /// The proof shows another latest time of issue.
    #[error("the proof was made for another latest time of issue")]
    Issue,
    /// The proof shows another earliest time of expiry.
    #[error("the proof was made for another earliest time of expiry")]
    Expiry,
    /// The proof shows another least assurance.
    #[error("the proof was made for another assurance")]
    Assurance,
}

impl Mismatch {
    /// A stable name of the difference, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scope => "scope_differs",
            Self::Signal => "signal_differs",
            Self::Nonce => "nonce_differs",
            Self::Issue | Self::Expiry | Self::Assurance => "bounds_differ",
        }
    }
}

/// Nullifiers in memory: for tests, for short actions, and for programs that write them elsewhere.
///
/// Forgotten with the process. What has to outlive it belongs in a store that is durable.
#[derive(Clone, Debug, Default)]
pub struct MemoryNullifiers {
    used: BTreeSet<(ExternalNullifier, Nullifier)>,
}

impl MemoryNullifiers {
    /// A store in which nobody has done anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a nullifier was recorded in a scope.
    #[must_use]
    pub fn contains(&self, scope: &ExternalNullifier, nullifier: &Nullifier) -> bool {
        self.used.contains(&(*scope, *nullifier))
    }

    /// All that was recorded, by scope and in the order of the bytes.
    pub fn iter(&self) -> impl Iterator<Item = (ExternalNullifier, Nullifier)> + '_ {
        self.used.iter().copied()
    }

    /// The number of nullifiers, over all scopes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }
}

impl NullifierStore for MemoryNullifiers {
    fn record(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<(), NullifierError> {
        if self.used.insert((*scope, *nullifier)) {
            Ok(())
        } else {
            Err(NullifierError::AlreadyUsed { nullifier: *nullifier })
        }
    }
}
