//! What all public values that are one scalar have in common.

use super::ScalarError;
use crate::bytes::HexError;

/// Why a text is not the form of a public value: 64 lower-case hexadecimal digits of a canonical scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is not 64 lower-case hexadecimal digits.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// The digits are those of no reduced scalar.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
}

/// Gives a type of its own to a scalar that everybody may see.
///
/// Values of different meaning are different types over the same 32 bytes. All of them get bytes in and out
/// (canonical only), one text form, an order by their bytes, and with the feature `serde` the text form there too.
macro_rules! public_scalar {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name($crate::scalar::Scalar);

        impl $name {
            /// Reads 32 bytes: a little-endian integer below l.
            ///
            /// # Errors
            ///
            /// [`ScalarError::NotCanonical`](crate::scalar::ScalarError::NotCanonical) for l or more.
            pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, $crate::scalar::ScalarError> {
                $crate::scalar::Scalar::from_bytes(bytes).map(Self)
            }

            /// The canonical 32 bytes.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 32] {
                self.0.to_bytes()
            }

            /// The value as an element of the field.
            #[must_use]
            pub fn to_scalar(self) -> $crate::scalar::Scalar {
                self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(&$crate::bytes::to_hex(&self.to_bytes()))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::scalar::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from_bytes(&$crate::bytes::from_hex(text)?)?)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.to_bytes().cmp(&other.to_bytes())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl core::hash::Hash for $name {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.to_bytes().hash(state);
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::bytes::deserialize_text(deserializer)
            }
        }
    };
}

pub(crate) use public_scalar;

#[cfg(test)]
mod tests {
    // The macro makes public items, which in a test module nobody reaches.
    #![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

    use super::*;
    use crate::scalar::Scalar;
    use alloc::format;
    use alloc::string::ToString;

    public_scalar!(
        /// A value.
        Value
    );

    #[test]
    fn one_text_form() {
        let value = Value(Scalar::from(0xab01));
        let text = format!("01ab{}", "0".repeat(60));
        assert_eq!(value.to_string(), text);
        assert_eq!(format!("{value:?}"), format!("Value({text})"));
        assert_eq!(text.parse::<Value>().unwrap(), value);
        assert!(matches!(text.to_uppercase().parse::<Value>(), Err(ParseError::Hex(HexError::Digit { .. }))));
        assert!(matches!(text[..62].parse::<Value>(), Err(ParseError::Hex(HexError::Length { .. }))));
        assert_eq!("f".repeat(64).parse::<Value>(), Err(ParseError::Scalar(ScalarError::NotCanonical)));
    }

    #[test]
    fn order_is_that_of_the_bytes() {
        let values = [1, 2, 255, 256, 257, 65_536].map(|value| Value(Scalar::from(value)));
        for a in &values {
            for b in &values {
                assert_eq!(a.cmp(b), a.to_bytes().cmp(&b.to_bytes()));
                assert_eq!(a == b, a.cmp(b).is_eq());
            }
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn json_is_the_text_form_and_nothing_else() {
        let value = Value(Scalar::from(7));
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, format!("\"{value}\""));
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        for wrong in ["7", "[7]", "null", "\"07\"", &json.replace("07", "0x07"), &format!("\"{}\"", "f".repeat(64))] {
            assert!(serde_json::from_str::<Value>(wrong).is_err(), "{wrong}");
        }
    }
}
