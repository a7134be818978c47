//! Nullifiers: the same person, seen twice in one place and never across two.
//!
//! ```text
//! Scope {app, action, period} ──SHA-512──▶ external nullifier ┐
//! IdentitySecret, use index ──────────────────────────────────┴──P9, tag 3──▶ nullifier
//! ```
//!
//! In one scope a holder has one nullifier for each use index, whatever they do; without the secret, the nullifiers
//! of two scopes cannot be told from those of two holders.

mod period;

pub use period::{Period, PeriodError};

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use zeroize::Zeroize;

use crate::identity::IdentitySecret;
use crate::poseidon::{Domain, hash};
use crate::scalar::{Scalar, hash_to_scalar, public_scalar};

/// Where and for what a person acts at most once (or a number of times that the verifier sets).
///
/// ```
/// use personhood::nullifier::Scope;
///
/// let poll = Scope::new("polls.example", "mayor 2026")?;
/// let daily = Scope::new("faucet.example", "claim")?.in_period("2026-11-22")?;
/// assert_ne!(poll.external_nullifier(), daily.external_nullifier());
/// # Ok::<(), personhood::nullifier::ScopeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "ScopeFields"))]
#[doc(alias = "app_id")]
#[doc(alias = "external nullifier")]
pub struct Scope {
    app: String,
    action: String,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    period: Option<String>,
}

impl Scope {
    /// The longest part, in bytes of UTF-8.
    pub const MAX_PART_BYTES: usize = 256;

    /// The scope of an action that is open once for all time.
    ///
    /// `app` should be a name that the app owns, such as a domain: two apps that agree on both names can tell that
    /// they saw the same person.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] for a part that is empty, too long, begins or ends in white space, or has a control character:
    /// "vote" and "vote " would be two actions that nobody can tell apart.
    pub fn new(app: impl Into<String>, action: impl Into<String>) -> Result<Self, ScopeError> {
        let scope = Self { app: app.into(), action: action.into(), period: None };
        check("app", &scope.app)?;
        check("action", &scope.action)?;
        Ok(scope)
    }

    /// The same action in one period; every period has nullifiers of its own, and they are not linkable.
    ///
    /// The name of the period is the app's choice: a round, an epoch, or one of the calendar from [`Period::name`].
    ///
    /// # Errors
    ///
    /// [`ScopeError`], as [`Scope::new`].
    pub fn in_period(mut self, period: impl Into<String>) -> Result<Self, ScopeError> {
        let period = period.into();
        check("period", &period)?;
        self.period = Some(period);
        Ok(self)
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The period, for an action that recurs.
    #[must_use]
    pub fn period(&self) -> Option<&str> {
        self.period.as_deref()
    }

    /// The hash to a scalar of "ext" over app, action and, if there is one, period.
    ///
    /// Parts are hashed with their lengths, so none can be moved from one part to the next.
    #[must_use]
    pub fn external_nullifier(&self) -> ExternalNullifier {
        let (app, action) = (self.app.as_bytes(), self.action.as_bytes());
        ExternalNullifier(match &self.period {
            None => hash_to_scalar(b"ext", &[app, action]),
            Some(period) => hash_to_scalar(b"ext", &[app, action, period.as_bytes()]),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.app, self.action)?;
        self.period.as_ref().map_or(Ok(()), |period| write!(f, " / {period}"))
    }
}

fn check(part: &'static str, text: &str) -> Result<(), ScopeError> {
    if text.is_empty() {
        Err(ScopeError::Empty { part })
    } else if text.len() > Scope::MAX_PART_BYTES {
        Err(ScopeError::TooLong { part, found: text.len() })
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Err(ScopeError::Invisible { part })
    } else {
        Ok(())
    }
}

/// Why texts are not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A part has no characters.
    #[error("the {part} of the scope is empty; name it")]
    Empty {
        /// "app", "action" or "period".
        part: &'static str,
    },
    /// A part is too long.
    #[error("the {part} of the scope has {found} bytes, more than {}; shorten or hash it", Scope::MAX_PART_BYTES)]
    TooLong {
        /// "app", "action" or "period".
        part: &'static str,
        /// Its length in bytes of UTF-8.
        found: usize,
    },
    /// A part has characters that a reader does not see.
    #[error("the {part} of the scope has white space at an end or a control character; remove it")]
    Invisible {
        /// "app", "action" or "period".
        part: &'static str,
    },
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeFields {
    app: String,
    action: String,
    #[serde(default)]
    period: Option<String>,
}

#[cfg(feature = "serde")]
impl TryFrom<ScopeFields> for Scope {
    type Error = ScopeError;

    fn try_from(fields: ScopeFields) -> Result<Self, ScopeError> {
        let scope = Self::new(fields.app, fields.action)?;
        fields.period.map_or(Ok(scope.clone()), |period| scope.in_period(period))
    }
}

public_scalar!(
    /// A scope as one number: the public input that separates nullifiers.
    #[doc(alias = "scope")]
    #[doc(alias = "context")]
    #[doc(alias = "external_nullifier_hash")]
    ExternalNullifier
);

impl From<&Scope> for ExternalNullifier {
    fn from(scope: &Scope) -> Self {
        scope.external_nullifier()
    }
}

public_scalar!(
    /// The mark that a person leaves in one scope: the same each time, and nothing beyond it.
    ///
    /// Store it together with its [`ExternalNullifier`], through a [`NullifierStore`].
    #[doc(alias = "nullifier hash")]
    #[doc(alias = "tag")]
    Nullifier
);

impl Nullifier {
    /// The nullifier of a holder: P9(3; s, external nullifier, use index, 0, 0, 0, 0, 0).
    ///
    /// `use_index` counts the uses from 0; an action that is open once knows only 0.
    #[must_use]
    pub fn new(secret: &IdentitySecret, scope: &ExternalNullifier, use_index: u32) -> Self {
        let mut inputs = [Scalar::ZERO; 8];
        inputs[0] = *secret.nullifier_secret();
        inputs[1] = scope.0;
        inputs[2] = Scalar::from(u64::from(use_index));
        let nullifier = hash(Domain::Nullifier, &inputs);
        inputs[0].zeroize(); // a copy of the secret
        Self(nullifier)
    }
}

/// Where a verifier remembers the nullifiers that it has accepted.
///
/// The one operation is check and insert in one step. An implementation must make it atomic (of two calls with
/// equal arguments at most one succeeds, also across processes if they share the store) and durable as far as
/// the action deserves.
pub trait NullifierStore {
    /// Records a nullifier of a scope, if it is new there.
    ///
    /// # Errors
    ///
    /// [`NullifierError::AlreadyUsed`] if it was recorded before; then, and on every other error, the store is
    /// as it was.
    fn record(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<(), NullifierError>;
}

impl<S: NullifierStore + ?Sized> NullifierStore for &mut S {
    fn record(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<(), NullifierError> {
        (**self).record(scope, nullifier)
    }
}

/// Why a nullifier was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NullifierError {
    /// The nullifier is there already: this person has done this before.
    #[error("nullifier {nullifier} was used before in this scope; every person acts once")]
    AlreadyUsed {
        /// The nullifier.
        nullifier: Nullifier,
    },
    /// The store failed; nothing is known about the nullifier.
    #[error("nullifier was not recorded, so nothing may be accepted: {0}")]
    Store(#[source] Box<dyn core::error::Error + Send + Sync + 'static>),
}

impl NullifierError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyUsed { .. } => "nullifier_already_used",
            Self::Store(_) => "nullifier_store_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use alloc::vec::Vec;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn parts_cannot_be_moved_between_scopes() {
        let scopes = [
            Scope::new("ab", "c").unwrap(),
            Scope::new("a", "bc").unwrap(),
            Scope::new("c", "ab").unwrap(),
            Scope::new("ab", "c").unwrap().in_period("d").unwrap(),
            Scope::new("ab", "cd").unwrap(),
            Scope::new("ab", "c").unwrap().in_period("e").unwrap(),
        ];
        let hashes: Vec<_> = scopes.iter().map(Scope::external_nullifier).collect();
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{}", scopes[index]);
        }
        assert_eq!(scopes[0].external_nullifier(), ExternalNullifier::from(&scopes[0].clone()));
    }

    #[test]
    fn unclear_scopes_are_refused() {
        for text in [" a", "a ", "a\n", "\ta", "a\u{0}b", "a\u{85}b", "\u{3000}a"] {
            assert_eq!(Scope::new("app", text), Err(ScopeError::Invisible { part: "action" }), "{text:?}");
        }
        assert_eq!(Scope::new("", "a"), Err(ScopeError::Empty { part: "app" }));
        let scope = Scope::new("a".repeat(256), "b c").unwrap();
        assert_eq!(scope.in_period("x".repeat(257)), Err(ScopeError::TooLong { part: "period", found: 257 }));
    }

    #[test]
    fn holder_scope_and_use_index_separate_nullifiers() {
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        let (alice, bob) = (IdentitySecret::generate(rng), IdentitySecret::generate(rng));
        let one = Scope::new("app", "one").unwrap().external_nullifier();
        let two = Scope::new("app", "two").unwrap().external_nullifier();
        let all = [
            Nullifier::new(&alice, &one, 0),
            Nullifier::new(&alice, &one, 1),
            Nullifier::new(&alice, &two, 0),
            Nullifier::new(&bob, &one, 0),
        ];
        assert_eq!(all[0], Nullifier::new(&alice, &one, 0));
        for (index, nullifier) in all.iter().enumerate() {
            assert!(!all[..index].contains(nullifier));
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn scopes_in_json_are_checked() {
        let scope = Scope::new("app", "act").unwrap();
        let json = serde_json::to_string(&scope).unwrap();
        assert_eq!(json, r#"{"app":"app","action":"act"}"#);
        assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
        let recurring = scope.in_period("2026").unwrap();
        let json = serde_json::to_string(&recurring).unwrap();
        assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), recurring);
        for wrong in [json.replace("act", ""), json.replace("2026", " "), json.replace("period", "time")] {
            assert!(serde_json::from_str::<Scope>(&wrong).is_err(), "{wrong}");
        }
    }
}
