//! Keys of an API: who may do what is not public.
//!
//! ```toml
//! [[key]]
//! name = "prometheus"
//! sha256 = "…64 hexadecimal digits…"      # of the key; `printf %s KEY | sha256sum`
//! roles = ["metrics"]
//! ```
//!
//! The file holds digests, so that reading it gives nobody a key. A key is a random text of at least 128 bits. Decisions that are
//! made with a key are recorded under its name: two keys of one name are one person with two keys, and count once in a review.

use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::bytes::from_hex;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Reading the metrics.
    Metrics,
    /// Asking for insertions into the registry.
    Insert,
    /// Having requests signed.
    Request,
    /// Revoking and erasing people.
    Delete,
    /// Working at the desk: looking at pictures, searching, enrolling.
    Operator,
    /// Deciding about duplicates, with the distances and the aligned codes.
    Adjudicator,
    /// Reading reviews, votes, distances and decisions.
    Auditor,
}

/// Whoever sent a key that is known here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    /// The name of the key.
    pub(super) name: &'a str,
    /// What it allows.
    pub(super) roles: &'a [Role],
}

impl Caller<'_> {
    /// Whether the key has one of these roles.
    pub(super) fn has(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// No longer name of a key is taken, in bytes: it goes into every decision.
const MAXIMUM_NAME: usize = 64;

/// The keys that a service knows.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    name: String,
    digest: [u8; 32],
    roles: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "key")]
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    roles: Vec<Role>,
}

/// Why a text is not a list of keys.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// It is not TOML of this form.
    #[error("the list of keys is not taken: {0}")]
    Format(#[from] toml::de::Error),
    /// A digest is not one.
    #[error("the sha256 of key \"{name}\" is not 64 lower-case hexadecimal digits")]
    Digest {
        /// The name of the key.
        name: String,
    },
    /// A name is none that a decision could be recorded under.
    #[error("the name of a key has {found} bytes, and must have 1 to {limit} without blanks around them")]
    Name {
        /// Its length.
        found: usize,
        /// The longest.
        limit: usize,
    },
}

impl KeysError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(_) => "keys_format",
            Self::Digest { .. } => "keys_digest",
            Self::Name { .. } => "keys_name",
        }
    }
}

impl Keys {
    /// Nobody may do anything that is not public.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the file drawn in this module's head.
    ///
    /// # Errors
    ///
    /// [`KeysError`].
    pub fn from_toml(text: &str) -> Result<Self, KeysError> {
        let file: File = toml::from_str(text)?;
        let keys = file
            .keys
            .into_iter()
            .map(|Entry { name, sha256, roles }| {
                if name.is_empty() || name.len() > MAXIMUM_NAME || name.trim() != name {
                    return Err(KeysError::Name { found: name.len(), limit: MAXIMUM_NAME });
                }
                let Ok(digest) = from_hex(&sha256) else { return Err(KeysError::Digest { name }) };
                Ok(Key { name, digest, roles })
            })
            .collect::<Result<_, KeysError>>()?;
        Ok(Self { keys })
    }

    /// Lets a request pass whose `Authorization: Bearer` is a key with this role.
    pub(super) fn allow(&self, headers: &HeaderMap, role: Role) -> Result<Caller<'_>, Refusal> {
        self.allow_any(headers, &[role])
    }

    /// Lets a request pass whose `Authorization: Bearer` is a key with one of these roles.
    pub(super) fn allow_any(&self, headers: &HeaderMap, roles: &[Role]) -> Result<Caller<'_>, Refusal> {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .ok_or_else(|| {
                Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Send a key: \"Authorization: Bearer KEY\".")
            })?;
        // Digests are compared in constant time, and every one of them: the time tells nothing about a key.
        let digest: [u8; 32] = Sha256::digest(shown).into();
        let mut known = None;
        for key in &self.keys {
            if bool::from(key.digest.ct_eq(&digest)) {
                known = Some(key);
            }
        }
        let key = known
            .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "The key is not known here."))?;
        let caller = Caller { name: &key.name, roles: &key.roles };
        if caller.has(roles) {
            Ok(caller)
        } else {
            Err(Refusal::new(StatusCode::FORBIDDEN, "permission_denied", "The key does not allow this."))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_key_allows_what_its_roles_say() {
        // printf %s 'a key for tests' | sha256sum
        let file = "[[key]]\nname='prometheus'\nroles=['metrics']\n\
             sha256='8377eb85ff4b35a5a8ee0a8c4c8f9a2e8a2bd4d4d7e5b9a3de1f3e7e2e6b9e0c'\n";
        let digest = crate::bytes::to_hex(&Sha256::digest("a key for tests"));
        let file = file.replace("8377eb85ff4b35a5a8ee0a8c4c8f9a2e8a2bd4d4d7e5b9a3de1f3e7e2e6b9e0c", &digest);
        let keys = Keys::from_toml(&file).unwrap();
        let status = |value: Option<&'static str>, role| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            keys.allow(&headers, role).map(|caller| caller.name.to_owned()).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(status(Some("Bearer a key for tests"), Role::Metrics), Ok("prometheus".to_owned()));
        assert_eq!(status(Some("Bearer a key for tests"), Role::Delete), Err(403));
        for wrong in [None, Some("Bearer a key for test"), Some("Basic a key for tests"), Some("Bearer ")] {
            assert_eq!(status(wrong, Role::Metrics), Err(401), "{wrong:?}");
        }
        assert_eq!(Keys::from_toml(&file.replace(&digest, "00")).unwrap_err().code(), "keys_digest");
        for name in ["", " a", &"n".repeat(65)] {
            assert_eq!(Keys::from_toml(&file.replace("prometheus", name)).unwrap_err().code(), "keys_name", "{name:?}");
        }
        assert_eq!(Keys::from_toml(&file.replace("metrics", "all")).unwrap_err().code(), "keys_format");
    }
}
