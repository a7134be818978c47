//! Which encoder made a template.

use core::fmt;

/// The encoder that turned a picture into bits.
///
/// Bits of two different encoders mean different things, so their templates are incomparable. One
/// exception is a question of knowledge, not of meaning: a file of open-iris names only the version of its
/// code format, and `v0.1` is the format that open-iris 1.11.2 writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncoderVersion {
    /// An encoder of this crate, by its number: 1 is what its pipeline makes by default.
    Personhood(u16),
    /// The two default Gabor wavelets of open-iris 1.11.2, bit for bit.
    OpenIris1112,
    /// Read from a file of open-iris, which says `"iris_code_version": "v<major>.<minor>"` and no more.
    OpenIrisFormat {
        /// The number before the point.
        major: u16,
        /// The number after the point.
        minor: u16,
    },
    /// Any other encoder, under a number that the deployment gives it.
    Other(u32),
}

impl EncoderVersion {
    /// Do the bits of the two mean the same thing?
    #[must_use]
    pub fn is_comparable_with(self, other: Self) -> bool {
        self.family() == other.family()
    }

    /// The version of the code format, where the encoder has one: `v0.1` for open-iris 1.11.2.
    #[must_use]
    pub const fn open_iris_format(self) -> Option<(u16, u16)> {
        match self {
            Self::OpenIris1112 => Some((0, 1)),
            Self::OpenIrisFormat { major, minor } => Some((major, minor)),
            Self::Personhood(_) | Self::Other(_) => None,
        }
    }

    const fn family(self) -> Self {
        match self {
            Self::OpenIrisFormat { major: 0, minor: 1 } => Self::OpenIris1112,
            itself => itself,
        }
    }
}

impl fmt::Display for EncoderVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Personhood(version) => write!(f, "personhood encoder {version}"),
            Self::OpenIris1112 => f.write_str("open-iris 1.11.2"),
            Self::OpenIrisFormat { major, minor } => write!(f, "open-iris code format v{major}.{minor}"),
            Self::Other(number) => write!(f, "encoder {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_family_has_two_names() {
        let v0_1 = EncoderVersion::OpenIrisFormat { major: 0, minor: 1 };
        let v2_1 = EncoderVersion::OpenIrisFormat { major: 2, minor: 1 };
        assert!(v0_1.is_comparable_with(EncoderVersion::OpenIris1112));
        assert!(EncoderVersion::OpenIris1112.is_comparable_with(v0_1));
        assert!(v2_1.is_comparable_with(v2_1));
        assert!(!v2_1.is_comparable_with(v0_1));
        assert!(!EncoderVersion::Other(1).is_comparable_with(EncoderVersion::Other(2)));
        assert!(!EncoderVersion::Other(0).is_comparable_with(EncoderVersion::OpenIris1112));
    }
}
