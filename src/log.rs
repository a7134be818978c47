//! The transparency log: every root that the registry ever had, in a list that can only grow.
//!
//! A registry could show one root to the world and another to a victim, or take back what it said. This log makes both
//! visible. It is a Merkle tree of [entries](Entry) in static files (C2SP tlog-tiles), under a [checkpoint](SignedCheckpoint)
//! that the log signs and [witnesses](Witness) cosign, each of which signs no two histories.
//!
//! | who | does | with |
//! |---|---|---|
//! | registry | appends a step after each change of root, policy, key or software | [`LogWriter`] |
//! | witness | checks that the log only grew, remembers, cosigns | [`Witness`] |
//! | holder | fetches a bundle with their path | [`LogFolder::bundle`], [`Bundle`] |
//! | relying party | takes only roots that were logged, seen by k of n witnesses, not older than T | [`LoggedRoots`] |
//! | auditor | computes everything again | [`audit`](audit()) |
//!
//! An entry is about the registry, never about one person: roots, counts, digests of documents, times.
//!
//! # What it does not do
//!
//! It does not say whether an enrolled person exists. Without witnesses, a log can still be forked: signatures say who said
//! it, not that everybody was told the same. Whoever holds the log's key *and* a quorum of the witnesses' keys can fork it.
//!
//! # Why the tree is written here
//!
//! `tlog_tiles` and `signed_note` are what our notes, tiles and proofs are compared with in tests, beside `ct-merkle`. They
//! are not what a relying party runs: they know no cosignatures, take keys of small order, do not wipe secrets, assert on
//! sizes from outside, and bring some thirty packages for an address type that is not needed.

mod audit;
mod bundle;
mod checkpoint;
mod disk;
mod entry;
mod error;
mod folder;
mod key;
mod merkle;
mod note;
mod rules;
mod tiles;
mod witness;

pub use audit::{Audit, audit};
pub use bundle::Bundle;
pub use checkpoint::{Checkpoint, Cosignature, LARGEST_LOG, SignedCheckpoint};
pub use entry::{DocumentDigest, ENTRY_BYTES, Entry, Step};
pub use error::LogError;
pub use folder::{LogFolder, LogWriter, add_cosignatures};
pub use key::{
    LogPublicKey, LogRole, LogSigningKey, PublicKey, Role, SecretKey, WitnessPublicKey, WitnessRole, WitnessSigningKey,
};
pub use merkle::{LogHash, check_consistency, check_inclusion};
pub use rules::{CLOCK_TOLERANCE, LoggedRoots};
pub use tiles::split_entries;
pub use witness::{
    FileWitnessStore, MemoryWitnessStore, REQUEST_LIMIT, Witness, WitnessAnswer, WitnessRequest, WitnessStore,
};
