//! Bytes in and out: lower-case hexadecimal, and a reader for wire formats.
//!
//! One value has one spelling. An upper-case digit, a `0x` in front or a space behind is refused, because
//! a second spelling of a nullifier that somewhere is compared as text is a second vote.

use alloc::string::String;

/// Why a text is not the hexadecimal form of a value. The text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// The text does not have two digits for each byte.
    #[error("hexadecimal text has {found} bytes instead of {expected}; give two digits for each byte and nothing else")]
    Length {
        /// Digits that the value has.
        expected: usize,
        /// Bytes that the text has.
        found: usize,
    },
    /// A character is not one of `0123456789abcdef`.
    #[error(
        "byte {position} of the hexadecimal text is not one of 0-9 and a-f; write letters in lower case and no prefix"
    )]
    Digit {
        /// Offset of the first such byte.
        position: usize,
    },
}

/// Two lower-case digits for each byte, in the order of the bytes.
///
/// ```
/// use personhood::bytes::{from_hex, to_hex};
///
/// assert_eq!(to_hex(&[0x00, 0xab]), "00ab");
/// assert_eq!(from_hex::<2>("00ab")?, [0x00, 0xab]);
/// assert!(from_hex::<2>("00AB").is_err());
/// # Ok::<(), personhood::bytes::HexError>(())
/// ```
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Reads what [`to_hex`] writes for exactly `N` bytes, and nothing else.
///
/// The time depends on the text only through its length and the position of a wrong digit, but this is meant for
/// public values; secrets have a binary file format.
///
/// # Errors
///
/// [`HexError`] for any other length, and for any character beside `0-9a-f`.
pub fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    if text.len() != 2 * N {
        return Err(HexError::Length { expected: 2 * N, found: text.len() });
    }
    let digit = |position: usize| match text.as_bytes()[position] {
        byte @ b'0'..=b'9' => Ok(byte - b'0'),
        byte @ b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(HexError::Digit { position }),
    };
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * index)? << 4 | digit(2 * index + 1)?;
    }
    Ok(bytes)
}

/// Reads a value by its text form, for `Deserialize`.
#[cfg(feature = "serde")]
pub(crate) fn deserialize_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: core::str::FromStr<Err: core::fmt::Display>,
{
    struct Text<T>(core::marker::PhantomData<T>);

    impl<T: core::str::FromStr<Err: core::fmt::Display>> serde::de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("a text of lower-case hexadecimal digits")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(core::marker::PhantomData))
}

/// The bytes ended before the value, or did not end after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongLength;

/// Takes values off the front of a byte string; integers are little-endian.
///
/// ```text
/// let mut reader = Reader::new(bytes);
/// let index = u32::from_le_bytes(reader.array()?);
/// reader.finish()?;                                   // no trailing bytes
/// ```
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], WrongLength> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(WrongLength)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Ends reading.
    pub(crate) fn finish(self) -> Result<(), WrongLength> {
        if self.rest.is_empty() { Ok(()) } else { Err(WrongLength) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn other_spellings_are_refused() {
        let text = "00ff10a9";
        assert_eq!(from_hex::<4>(text).unwrap(), [0x00, 0xff, 0x10, 0xa9]);
        for wrong in ["00FF10a9", "0x00ff10", "00ff10a ", " 0ff10a9", "+0ff10a9", "00ff10ag", "00ff10é"] {
            assert!(matches!(from_hex::<4>(wrong), Err(HexError::Digit { .. })), "{wrong}");
        }
        for wrong in ["", "00ff10a", "00ff10a90", "00ff10a9\n", "0x00ff10a9"] {
            assert!(matches!(from_hex::<4>(wrong), Err(HexError::Length { expected: 8, .. })), "{wrong}");
        }
        assert_eq!(from_hex::<4>("00ff1-a9"), Err(HexError::Digit { position: 5 }));
    }

    #[test]
    fn errors_do_not_repeat_the_text() {
        let error = from_hex::<4>("secret!!").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn round_trip(bytes in any::<[u8; 32]>()) {
            let text = to_hex(&bytes);
            prop_assert_eq!(text.len(), 64);
            prop_assert_eq!(from_hex::<32>(&text).unwrap(), bytes);
        }

        #[test]
        fn what_is_read_is_what_would_be_written(text in "[0-9a-fA-F ]{62,66}") {
            if let Ok(bytes) = from_hex::<32>(&text) {
                prop_assert_eq!(to_hex(&bytes), text);
            }
        }
    }

    #[test]
    fn the_reader_takes_all_or_complains() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.array::<2>().unwrap(), [1, 2]);
        assert_eq!(reader.array::<2>(), Err(WrongLength));
        assert_eq!(reader.array::<1>().unwrap(), [3]);
        reader.finish().unwrap();
        assert_eq!(Reader::new(&[0]).finish(), Err(WrongLength));
    }
}
