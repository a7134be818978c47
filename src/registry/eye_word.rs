//! An eye as a word, for serde.

use serde::{Deserialize, Deserializer, Serializer};

use crate::iris::EyeSide;

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) fn serialize<S: Serializer>(eye: &EyeSide, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(eye.as_str())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EyeSide, D::Error> {
    let word = String::deserialize(deserializer)?;
    EyeSide::BOTH
        .into_iter()
        .find(|eye| eye.as_str() == word)
        .ok_or_else(|| serde::de::Error::custom(format_args!("an eye is left or right, not {word:?}")))
}
