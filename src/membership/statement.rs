//! What a proof says, and how it enters the transcript.

use super::relation::{PublicInputs, TIME_BITS};
use super::transcript::{Transcript, label};
use super::version::ProofVersion;
use crate::identity::Assurance;
use crate::nullifier::{ExternalNullifier, Nullifier};
use crate::scalar::{SUITE, Scalar};
use crate::signal::Signal;
use crate::tree::{DEPTH, MerkleRoot};

/// Everything public about a proof: *I know the secret of a leaf under this root, this is its nullifier for
/// this scope, the leaf is this old, this durable and this assured, and I say so for this signal.*
///
/// The verifier builds it from what it knows itself: the root from its list of accepted roots, the external
/// nullifier from its own [`Scope`](crate::nullifier::Scope), the signal from the message that it acts on.
/// Only the nullifier comes from the holder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[doc(alias = "public inputs")]
pub struct Statement {
    /// The root of the tree of enrolled holders.
    #[doc(alias = "anchor")]
    #[doc(alias = "merkle tree root")]
    pub root: MerkleRoot,
    /// The scope, hashed: application, action and period.
    #[doc(alias = "scope")]
    pub external_nullifier: ExternalNullifier,
    /// Which of the uses that the action allows, counted from 0. The verifier checks it against its limit.
    #[doc(alias = "max_verifications")]
    pub use_index: u32,
    /// The nullifier of the holder for this scope and use.
    #[doc(alias = "nullifier_hash")]
    pub nullifier: Nullifier,
    /// The message that the holder makes the statement for.
    #[doc(alias = "message")]
    #[doc(alias = "signal_hash")]
    pub signal: Signal,
    /// A value that the verifier chose for this request, or zeros. It keeps a proof from being shown twice to
    /// verifiers that do not remember nullifiers.
    #[cfg_attr(feature = "serde", serde(with = "nonce"))]
    pub nonce: [u8; 32],
    /// The leaf was issued at this time or before, in seconds since 1970, below 2^40. An action that asks for
    /// its own beginning here refuses replaced leaves: nobody acts once with each of two devices.
    #[doc(alias = "genesis_issued_at_min")]
    pub issued_no_later_than: Option<u64>,
    /// The leaf expires at this time or later, in seconds since 1970, below 2^40.
    #[doc(alias = "expires_at_min")]
    pub expires_no_earlier_than: Option<u64>,
    /// The leaf has this assurance or a higher one. Every leaf has [`Assurance::NONE`].
    #[doc(alias = "verification level")]
    pub assurance_at_least: Assurance,
}

/// Why a statement cannot be proven or verified, whoever tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// A bound is a time that no credential can have.
    #[error(
        "{bound} is {value}, but times are seconds since 1970 below {}; did you pass milliseconds?",
        Statement::TIME_LIMIT
    )]
    TimeOutOfRange {
        /// The name of the field.
        bound: &'static str,
        /// Its value.
        value: u64,
    },
}

impl StatementError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TimeOutOfRange { .. } => "statement_time_out_of_range",
        }
    }
}

impl Statement {
    /// Times are below this: 2^40 seconds, some 34,800 years.
    pub const TIME_LIMIT: u64 = 1 << TIME_BITS;

    /// The values that the equations use, if the bounds are times.
    ///
    /// A bound that is not asked for takes the value that every credential meets.
    pub(super) fn public_inputs(&self) -> Result<PublicInputs, StatementError> {
        let check = |bound, value: Option<u64>| match value {
            Some(value) if value >= Self::TIME_LIMIT => Err(StatementError::TimeOutOfRange { bound, value }),
            value => Ok(value),
        };
        let issued = check("issued_no_later_than", self.issued_no_later_than)?;
        let expires = check("expires_no_earlier_than", self.expires_no_earlier_than)?;
        Ok(PublicInputs {
            root: self.root.to_scalar(),
            external_nullifier: self.external_nullifier.to_scalar(),
            use_index: Scalar::from(u64::from(self.use_index)),
            nullifier: self.nullifier.to_scalar(),
            issued_no_later_than: issued.unwrap_or(Self::TIME_LIMIT - 1),
            expires_no_earlier_than: expires.unwrap_or(0),
            assurance_at_least: self.assurance_at_least.as_u8(),
        })
    }

    /// Absorbs the suite, the circuit and every public value, before anything else.
    ///
    /// That a bound was not asked for is absorbed as such: it is another statement than asking for the neutral value.
    pub(super) fn absorb_into(&self, transcript: &mut Transcript, circuit: &[u8; 32]) {
        transcript.append_u64(label::VERSION, u64::from(ProofVersion::V1.to_byte()));
        transcript.append(label::SUITE, SUITE);
        transcript.append_u64(label::DEPTH, DEPTH as u64);
        transcript.append(label::CIRCUIT, circuit);
        transcript.append(label::ROOT, &self.root.to_bytes());
        transcript.append(label::EXTERNAL_NULLIFIER, &self.external_nullifier.to_bytes());
        transcript.append_u64(label::USE_INDEX, u64::from(self.use_index));
        transcript.append(label::NULLIFIER, &self.nullifier.to_bytes());
        transcript.append(label::SIGNAL, &self.signal.to_bytes());
        transcript.append(label::NONCE, &self.nonce);
        append_time(transcript, label::ISSUED, self.issued_no_later_than);
        append_time(transcript, label::EXPIRES, self.expires_no_earlier_than);
        transcript.append(label::ASSURANCE, &[self.assurance_at_least.as_u8()]);
    }
}

/// Absorbs 0, or 1 followed by eight bytes, little endian.
fn append_time(transcript: &mut Transcript, label: &'static [u8], time: Option<u64>) {
    match time {
        None => transcript.append(label, &[0]),
        Some(time) => {
            let mut message = [1; 9];
            message[1..].copy_from_slice(&time.to_le_bytes());
            transcript.append(label, &message);
        }
    }
}

/// The nonce in text: 64 lower-case hexadecimal digits.
#[cfg(feature = "serde")]
mod nonce {
    use alloc::string::String;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(nonce: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::bytes::to_hex(nonce))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::bytes::from_hex(&text).map_err(serde::de::Error::custom)
    }
}
