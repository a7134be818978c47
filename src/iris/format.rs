//! The binary form of a template.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};

const MAGIC: [u8; 4] = *b"PHIT";
const VERSION: u8 = 1;
const HEADER: usize = 16;

const ENCODER_OPEN_IRIS_1_11_2: u8 = 1;
const ENCODER_OPEN_IRIS_FORMAT: u8 = 2;
const ENCODER_PERSONHOOD: u8 = 3;
const ENCODER_OTHER: u8 = 255;

/// The binary form: one spelling per template, every other one refused.
///
/// ```text
/// offset      bytes  content
///    0          4    "PHIT" (personhood iris template)
///    4          1    version of this format: 1
///    5          1    encoder: 1 = open-iris 1.11.2, 2 = open-iris code format, 3 = ours, 255 = other
///    6          2    columns C, little-endian: 200 or 256
///    8          4    encoder detail, little-endian: 0 for 1; major × 65,536 + minor for 2; version for 3; number for 255
///   12          4    zero
///   16        8 C    code, one little-endian u64 per column
///  16 + 8 C   8 C    mask, one little-endian u64 per column
/// ```
///
/// That is 3,216 bytes with 200 columns and 4,112 with 256. There is no checksum: a flipped bit of a
/// template is noise like any other, and whoever must notice it (a store, a cipher) has its own.
impl IrisTemplate {
    /// Bytes of the binary form of a template of this layout.
    #[must_use]
    pub const fn encoded_len(layout: Layout) -> usize {
        HEADER + 2 * layout.bytes()
    }

    /// The binary form, in memory that is wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let layout = self.layout();
        let (encoder, detail) = match self.encoder() {
            EncoderVersion::OpenIris1112 => (ENCODER_OPEN_IRIS_1_11_2, 0),
            EncoderVersion::OpenIrisFormat { major, minor } => {
                (ENCODER_OPEN_IRIS_FORMAT, u32::from(major) << 16 | u32::from(minor))
            }
            EncoderVersion::Personhood(version) => (ENCODER_PERSONHOOD, version.into()),
            EncoderVersion::Other(number) => (ENCODER_OTHER, number),
        };
        let columns: u16 = match layout {
            Layout::Columns200 => 200,
            Layout::Columns256 => 256,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::encoded_len(layout)));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, encoder]);
        bytes.extend_from_slice(&columns.to_le_bytes());
        bytes.extend_from_slice(&detail.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        for word in self.code().columns().iter().chain(self.mask().columns()) {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// [`TemplateFormatError`] for everything but the output of [`IrisTemplate::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateFormatError> {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(TemplateFormatError::TooShort { found: bytes.len() });
        };
        let [m0, m1, m2, m3, version, encoder, c0, c1, d0, d1, d2, d3, zeros @ ..] = *header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(TemplateFormatError::NotATemplate);
        }
        if version != VERSION {
            return Err(TemplateFormatError::Version { found: version });
        }
        let columns = u16::from_le_bytes([c0, c1]);
        let layout =
            Layout::from_columns(usize::from(columns)).ok_or(TemplateFormatError::Columns { found: columns })?;
        let detail = u32::from_le_bytes([d0, d1, d2, d3]);
        let encoder = match (encoder, detail) {
            (ENCODER_OPEN_IRIS_1_11_2, 0) => EncoderVersion::OpenIris1112,
            (ENCODER_OPEN_IRIS_FORMAT, _) => {
                let [major_low, major_high] = [d2, d3];
                EncoderVersion::OpenIrisFormat {
                    major: u16::from_le_bytes([major_low, major_high]),
                    minor: u16::from_le_bytes([d0, d1]),
                }
            }
            (ENCODER_PERSONHOOD, 0..=0xFFFF) => EncoderVersion::Personhood(u16::from_le_bytes([d0, d1])),
            (ENCODER_OTHER, number) => EncoderVersion::Other(number),
            (code, detail) => return Err(TemplateFormatError::Encoder { code, detail }),
        };
        if zeros != [0; 4] {
            return Err(TemplateFormatError::Reserved);
        }
        if body.len() != 2 * layout.bytes() {
            return Err(TemplateFormatError::Length { expected: Self::encoded_len(layout), found: bytes.len() });
        }
        let (code, mask) = body.split_at(layout.bytes());
        let code = IrisCode::from_columns(layout, words(code)).expect("the length was compared with the layout");
        let mask = Mask::from_columns(layout, words(mask)).expect("the length was compared with the layout");
        Ok(Self::new(code, mask, encoder).expect("code and mask have the one layout of the header"))
    }
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let (words, rest) = bytes.as_chunks::<8>();
    debug_assert!(rest.is_empty(), "a plane is whole words");
    words.iter().copied().map(u64::from_le_bytes).collect()
}

/// Why bytes are not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateFormatError {
    /// Not even a header.
    #[error("{found} bytes are too few for a template, whose header alone has {HEADER}")]
    TooShort {
        /// The bytes given.
        found: usize,
    },
    /// The first four bytes are not `PHIT`.
    #[error("not an iris template: it does not begin with \"PHIT\"")]
    NotATemplate,
    /// Written by a newer release, or damaged.
    #[error(
        "template format version {found} is not known here (this release reads version {VERSION}); update personhood"
    )]
    Version {
        /// The version byte.
        found: u8,
    },
    /// A column count that is no layout.
    #[error("a template of {found} columns is not known here; layouts have 200 or 256")]
    Columns {
        /// The column count.
        found: u16,
    },
    /// An encoder code that is not assigned, or with a detail that it does not have.
    #[error("encoder {code} with detail {detail} is not known here")]
    Encoder {
        /// The encoder byte.
        code: u8,
        /// The four bytes of detail.
        detail: u32,
    },
    /// The four bytes that must be zero are not.
    #[error("bytes 12 to 15 of the header are not zero")]
    Reserved,
    /// Cut off, or followed by something.
    #[error("a template of this layout has {expected} bytes, not {found}")]
    Length {
        /// The length that the header promises.
        expected: usize,
        /// The bytes given.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(layout: Layout, encoder: EncoderVersion) -> IrisTemplate {
        let code = IrisCode::from_fn(layout, |w, r, c, p| (w + 3 * r + 5 * c + 7 * p) % 11 < 5);
        let mask = Mask::from_fn(layout, |w, r, c, p| (w + r * c + p) % 3 < 2);
        IrisTemplate::new(code, mask, encoder).expect("one layout")
    }

    #[test]
    fn every_template_comes_back() {
        let encoders = [
            EncoderVersion::OpenIris1112,
            EncoderVersion::Personhood(1),
            EncoderVersion::Personhood(u16::MAX),
            EncoderVersion::OpenIrisFormat { major: 2, minor: 0xFFFF },
            EncoderVersion::Other(u32::MAX),
        ];
        for layout in Layout::ALL {
            for encoder in encoders {
                let template = template(layout, encoder);
                let bytes = template.to_bytes();
                assert_eq!(bytes.len(), IrisTemplate::encoded_len(layout));
                assert_eq!(IrisTemplate::from_bytes(&bytes).as_ref(), Ok(&template));
            }
        }
    }

    #[test]
    fn the_header_is_as_drawn() {
        let bytes = template(Layout::Columns256, EncoderVersion::OpenIrisFormat { major: 2, minor: 1 }).to_bytes();
        assert_eq!(bytes[..HEADER], *b"PHIT\x01\x02\x00\x01\x01\x00\x02\x00\x00\x00\x00\x00");
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let good = template(Layout::Columns200, EncoderVersion::OpenIris1112).to_bytes();
        let change = |at: usize, to: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = to;
            IrisTemplate::from_bytes(&bytes)
        };
        assert_eq!(change(0, b'p'), Err(TemplateFormatError::NotATemplate));
        assert_eq!(change(4, 0), Err(TemplateFormatError::Version { found: 0 }));
        assert_eq!(change(4, 2), Err(TemplateFormatError::Version { found: 2 }));
        assert_eq!(change(5, 0), Err(TemplateFormatError::Encoder { code: 0, detail: 0 }));
        assert_eq!(change(8, 1), Err(TemplateFormatError::Encoder { code: 1, detail: 1 }));
        assert_eq!(change(6, 201), Err(TemplateFormatError::Columns { found: 201 }));
        for at in 12..16 {
            assert_eq!(change(at, 1), Err(TemplateFormatError::Reserved));
        }
        for len in 0..HEADER {
            assert_eq!(IrisTemplate::from_bytes(&good[..len]), Err(TemplateFormatError::TooShort { found: len }));
        }
        for len in [HEADER, good.len() - 8, good.len() - 1] {
            let expected = TemplateFormatError::Length { expected: good.len(), found: len };
            assert_eq!(IrisTemplate::from_bytes(&good[..len]), Err(expected));
        }
        let mut longer = good.to_vec();
        longer.push(0);
        assert!(matches!(IrisTemplate::from_bytes(&longer), Err(TemplateFormatError::Length { .. })));
    }
}
