//! The log of `testdata/log/v1`, which nobody's key signs.

use personhood::log::{LogPublicKey, SignedCheckpoint, WitnessPublicKey, WitnessSigningKey};

/// An offline bundle from it.
pub const BUNDLE: &str = include_str!("../../testdata/log/v1/bundle.tlog-proof");
const CHECKPOINT: &[u8] = include_bytes!("../../testdata/log/v1/checkpoint");
const KEYS: &str = include_str!("../../testdata/log/v1/keys");
const WITNESS: &[u8] = include_bytes!("../../testdata/log/v1/witness.key");

/// Its key.
pub fn log_key() -> LogPublicKey {
    KEYS.lines().next().unwrap().parse().unwrap()
}

/// The key of its witness.
pub fn witness_key() -> WitnessPublicKey {
    KEYS.lines().nth(1).unwrap().parse().unwrap()
}

/// The secret of its witness.
pub fn witness_secret() -> WitnessSigningKey {
    WitnessSigningKey::from_file(WITNESS).unwrap()
}

/// The checkpoint that the log signed and the witness cosigned.
pub fn signed() -> SignedCheckpoint {
    SignedCheckpoint::from_bytes(CHECKPOINT).unwrap()
}
