//! Templates as open-iris writes them.
//!
//! ```text
//! {"iris_codes": "<base64>", "mask_codes": "<base64>", "iris_code_version": "v0.1"}
//! ```
//!
//! Beside these there may be `"image_id": "<text>"` and `"weights": "<base64 of little-endian float32>"` (what several
//! frames agreed on). The bits stand in the order row, column, wavelet, part; the first bit is the highest of the first
//! byte:
//!
//! ```text
//!   byte 0                                    byte 1
//!  ┌────┬────┬────┬────┬────┬────┬────┬────┐ ┌────┬──
//!  │ w0 │ w0 │ w1 │ w1 │ w0 │ w0 │ w1 │ w1 │ │ w0 │      w = wavelet
//!  │ re │ im │ re │ im │ re │ im │ re │ im │ │ re │ …    all of row 0
//!  │     column 0      │     column 1      │ │ co │
//!  └────┴────┴────┴────┴────┴────┴────┴────┘ └────┴──
//!     7    6    5    4    3    2    1    0      7   bit of the byte
//! ```
//!
//! 16,384 bits are 2,048 bytes and 2,732 characters; 12,800 bits are 1,600 bytes and 2,136 characters. The layout is known
//! from the length. Only canonical base64 is read (standard alphabet, padded, no stray bits), so that one template has
//! one spelling.
//!
//! # Examples
//!
//! ```
//! use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, openiris};
//!
//! let code = IrisCode::from_fn(Layout::Columns256, |_, row, _, _| row % 2 == 0);
//! let template = IrisTemplate::new(code, Mask::full(Layout::Columns256), EncoderVersion::OpenIris1112)?;
//! let json = openiris::to_json(&template)?;
//! assert!(json.ends_with(r#""iris_code_version": "v0.1"}"#));
//! assert_eq!(openiris::from_json(json.as_bytes())?.code(), template.code());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use super::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};

/// The longest text that is looked at: the largest document, with weights and a long image id, has under 100 kB.
pub const MAXIMUM_JSON_BYTES: usize = 256 * 1024;

/// Everything that open-iris keeps in a file of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The template.
    pub template: IrisTemplate,
    /// The name of the picture, if the file has one.
    pub image_id: Option<String>,
    /// One weight per bit, in the order of the bits in the file; only in templates made of several frames.
    pub weights: Option<Vec<f32>>,
}

impl Document {
    /// Reads a file of open-iris.
    ///
    /// # Errors
    ///
    /// [`OpenIrisError`], which never quotes the bits.
    pub fn from_json(json: &[u8]) -> Result<Self, OpenIrisError> {
        let fields: Fields<'_> = parse(json)?;
        let code = code_from_base64_of("iris_codes", required("iris_codes", fields.iris_codes.as_deref())?)?;
        let mask = mask_from_base64_of("mask_codes", required("mask_codes", fields.mask_codes.as_deref())?)?;
        let version = required("iris_code_version", fields.iris_code_version.as_deref())?;
        let weights = fields.weights.as_deref().map(|text| weights_from_base64(text, code.layout())).transpose()?;
        let (code_layout, mask_layout) = (code.layout(), mask.layout());
        let template = IrisTemplate::new(code, mask, parse_version(version)?)
            .map_err(|_| OpenIrisError::LayoutMismatch { code: code_layout, mask: mask_layout })?;
        Ok(Self { template, image_id: fields.image_id.as_deref().map(String::from), weights })
    }

    /// Writes the text that open-iris writes (Python's `json.dumps` with its default separators), byte for byte.
    ///
    /// # Errors
    ///
    /// [`OpenIrisError::NoVersion`] if the encoder has no version in open-iris' sense, [`OpenIrisError::Length`] if there
    /// is not exactly one weight per bit.
    pub fn to_json(&self) -> Result<Zeroizing<String>, OpenIrisError> {
        let encoder = self.template.encoder();
        let version = version_text(encoder).ok_or(OpenIrisError::NoVersion { encoder })?;
        let mut json = Zeroizing::new(String::with_capacity(8 * 1024));
        json.push_str("{\"iris_codes\": \"");
        json.push_str(&code_to_base64(self.template.code()));
        json.push_str("\", \"mask_codes\": \"");
        json.push_str(&mask_to_base64(self.template.mask()));
        json.push_str(&format!("\", \"iris_code_version\": \"{version}\""));
        if let Some(weights) = &self.weights {
            let bits = self.template.layout().bits();
            if weights.len() != bits {
                return Err(OpenIrisError::Length { field: "weights", found: weights.len() * 4 });
            }
            let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
            json.push_str(&format!(", \"weights\": \"{}\"", STANDARD.encode(bytes)));
        }
        if let Some(image_id) = &self.image_id {
            json.push_str(", \"image_id\": ");
            push_quoted_ascii(&mut json, image_id);
        }
        json.push('}');
        Ok(json)
    }
}

/// Reads the template of a file of open-iris; [`Document::from_json`] also gives the fields beside it.
///
/// # Errors
///
/// [`OpenIrisError`], which never quotes the bits.
pub fn from_json(json: &[u8]) -> Result<IrisTemplate, OpenIrisError> {
    Document::from_json(json).map(|document| document.template)
}

/// Writes a template as open-iris does.
///
/// # Errors
///
/// [`OpenIrisError::NoVersion`] if the encoder has no version in open-iris' sense.
pub fn to_json(template: &IrisTemplate) -> Result<Zeroizing<String>, OpenIrisError> {
    Document { template: template.clone(), image_id: None, weights: None }.to_json()
}

/// Reads a code alone; the layout follows from the length.
///
/// # Errors
///
/// [`OpenIrisError::Length`] or [`OpenIrisError::Base64`].
pub fn code_from_base64(text: &str) -> Result<IrisCode, OpenIrisError> {
    code_from_base64_of("code", text)
}

/// Reads a mask alone; the layout follows from the length.
///
/// # Errors
///
/// [`OpenIrisError::Length`] or [`OpenIrisError::Base64`].
pub fn mask_from_base64(text: &str) -> Result<Mask, OpenIrisError> {
    mask_from_base64_of("mask", text)
}

/// Writes a code alone.
#[must_use]
pub fn code_to_base64(code: &IrisCode) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(&*pack(code.layout(), code.columns())))
}

/// Writes a mask alone.
#[must_use]
pub fn mask_to_base64(mask: &Mask) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(&*pack(mask.layout(), mask.columns())))
}

/// The fields of a file, before anything is known about them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow, default)]
    iris_codes: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    mask_codes: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    iris_code_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    image_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    weights: Option<Cow<'a, str>>,
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        wipe_copies([&mut self.iris_codes, &mut self.mask_codes, &mut self.weights]);
    }
}

/// The parser copies only a text with escapes in it; base64 has none, unless somebody wrote `\/`.
pub(super) fn wipe_copies<'a, const N: usize>(fields: [&mut Option<Cow<'a, str>>; N]) {
    for field in fields {
        if let Some(Cow::Owned(text)) = field {
            text.zeroize();
        }
    }
}

/// Parses an object of fields, and nothing but an object: the derived parser would also take a list of the values.
pub(super) fn parse<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> Result<T, OpenIrisError> {
    if json.len() > MAXIMUM_JSON_BYTES {
        return Err(OpenIrisError::TooLong { found: json.len() });
    }
    if json.trim_ascii_start().first() == Some(&b'[') {
        return Err(OpenIrisError::NotATemplate { line: 1, column: 1 });
    }
    // The parser's own message may quote what it found, and what it found may be an eye: only the place is kept.
    serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            OpenIrisError::NotATemplate { line, column }
        } else {
            OpenIrisError::NotJson { line, column }
        }
    })
}

pub(super) fn required<'a>(field: &'static str, text: Option<&'a str>) -> Result<&'a str, OpenIrisError> {
    text.ok_or(OpenIrisError::MissingField { field })
}

pub(super) fn code_from_base64_of(field: &'static str, text: &str) -> Result<IrisCode, OpenIrisError> {
    let (layout, columns) = unpack(field, text)?;
    Ok(IrisCode::from_columns(layout, columns).expect("unpacking gives one word per column"))
}

pub(super) fn mask_from_base64_of(field: &'static str, text: &str) -> Result<Mask, OpenIrisError> {
    let (layout, columns) = unpack(field, text)?;
    Ok(Mask::from_columns(layout, columns).expect("unpacking gives one word per column"))
}

fn unpack(field: &'static str, text: &str) -> Result<(Layout, Vec<u64>), OpenIrisError> {
    let bytes = decode(field, text)?;
    let layout = Layout::ALL
        .into_iter()
        .find(|layout| layout.bytes() == bytes.len())
        .ok_or(OpenIrisError::Length { field, found: bytes.len() })?;
    let mut columns = alloc::vec![0_u64; layout.columns()];
    for_each_bit(layout, |index, column, bit| {
        let value = bytes[index / 8] >> (7 - index % 8) & 1;
        columns[column] |= u64::from(value) << bit;
    });
    Ok((layout, columns))
}

fn pack(layout: Layout, columns: &[u64]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(alloc::vec![0_u8; layout.bytes()]);
    for_each_bit(layout, |index, column, bit| {
        let value = (columns[column] >> bit & 1) as u8;
        bytes[index / 8] |= value << (7 - index % 8);
    });
    bytes
}

/// Calls with the number of every bit in open-iris' order, and with its column and bit in ours.
pub(super) fn for_each_bit(layout: Layout, mut call: impl FnMut(usize, usize, usize)) {
    let mut index = 0;
    for row in 0..Layout::ROWS {
        for column in 0..layout.columns() {
            for wavelet in 0..Layout::WAVELETS {
                for part in 0..Layout::PARTS {
                    call(index, column, part * 32 + wavelet * 16 + row);
                    index += 1;
                }
            }
        }
    }
}

fn decode(field: &'static str, text: &str) -> Result<Zeroizing<Vec<u8>>, OpenIrisError> {
    // The engine wants whole padded groups and refuses bits that no byte has room for.
    STANDARD.decode(text).map(Zeroizing::new).map_err(|_| OpenIrisError::Base64 { field })
}

fn weights_from_base64(text: &str, layout: Layout) -> Result<Vec<f32>, OpenIrisError> {
    let bytes = decode("weights", text)?;
    let (weights, rest) = bytes.as_chunks::<4>();
    if weights.len() != layout.bits() || !rest.is_empty() {
        return Err(OpenIrisError::Length { field: "weights", found: bytes.len() });
    }
    let weights: Vec<f32> = weights.iter().copied().map(f32::from_le_bytes).collect();
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(OpenIrisError::Weight);
    }
    Ok(weights)
}

/// Begins the version of a template of our own encoder; open-iris, which takes only `v<digits>.<digits>`, refuses such a file.
const PERSONHOOD: &str = "personhood-v";

fn version_text(encoder: EncoderVersion) -> Option<String> {
    if let EncoderVersion::Personhood(version) = encoder {
        return Some(format!("{PERSONHOOD}{version}"));
    }
    encoder.open_iris_format().map(|(major, minor)| format!("v{major}.{minor}"))
}

fn parse_version(text: &str) -> Result<EncoderVersion, OpenIrisError> {
    let number = |digits: &str| {
        let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        if canonical { digits.parse::<u16>().ok() } else { None }
    };
    let own = || text.strip_prefix(PERSONHOOD).and_then(number).map(EncoderVersion::Personhood);
    text.strip_prefix('v')
        .and_then(|numbers| numbers.split_once('.'))
        .and_then(|(major, minor)| {
            Some(EncoderVersion::OpenIrisFormat { major: number(major)?, minor: number(minor)? })
        })
        .or_else(own)
        .ok_or_else(|| OpenIrisError::Version { found: text.chars().take(32).collect() })
}

/// A JSON string as Python writes it: everything beyond ASCII as `\u` escapes.
fn push_quoted_ascii(json: &mut String, text: &str) {
    let quoted = serde_json::Value::from(text).to_string();
    let mut units = [0_u16; 2];
    for character in quoted.chars() {
        if character.is_ascii() {
            json.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                json.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

/// Why a text is not a template of open-iris, or a template not one of its texts. Never quotes the bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenIrisError {
    /// Longer than any template.
    #[error("{found} bytes are too long for a template; the limit is {MAXIMUM_JSON_BYTES}")]
    TooLong {
        /// The bytes given.
        found: usize,
    },
    /// Not JSON, or cut off.
    #[error("not JSON, from line {line}, column {column}")]
    NotJson {
        /// Counted from 1; 0 if there is no text at all.
        line: usize,
        /// Counted from 1; 0 at the start of a line.
        column: usize,
    },
    /// JSON, but not an object of these fields, each a text and there once.
    #[error(
        "JSON, but not a template: a field is of another kind, unknown or there twice, at line {line}, column {column}"
    )]
    NotATemplate {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field is missing.
    #[error("the field \"{field}\" is missing")]
    MissingField {
        /// The name of the field.
        field: &'static str,
    },
    /// The version is not `v<number>.<number>`.
    #[error("the version {found:?} is not of the form \"v0.1\"")]
    Version {
        /// The beginning of what was found.
        found: String,
    },
    /// Not canonical base64.
    #[error("\"{field}\" is not canonical base64 (standard alphabet, padded)")]
    Base64 {
        /// The name of the field.
        field: &'static str,
    },
    /// No layout has this many bits.
    #[error(
        "\"{field}\" has {found} bytes, which no layout has: 12,800 bits are 1,600 bytes and 16,384 bits are 2,048, four bytes per bit for weights"
    )]
    Length {
        /// The name of the field.
        field: &'static str,
        /// The decoded bytes.
        found: usize,
    },
    /// Code and mask are of different layouts.
    #[error("the code has {} columns and the mask {}; both must have the same", code.columns(), mask.columns())]
    LayoutMismatch {
        /// The layout of the code.
        code: Layout,
        /// The layout of the mask.
        mask: Layout,
    },
    /// A weight is infinite or not a number.
    #[error("a weight is infinite or not a number")]
    Weight,
    /// The encoder of the template has no version that open-iris would know.
    #[error("templates of {encoder} have no version in open-iris' sense and cannot be written in its format")]
    NoVersion {
        /// The encoder.
        encoder: EncoderVersion,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn document(layout: Layout) -> Document {
        let code = IrisCode::from_fn(layout, |w, r, c, p| (w + 3 * r + 5 * c * c + 7 * p) % 11 < 5);
        let mask = Mask::from_fn(layout, |w, r, c, p| (w + r * c + p) % 3 < 2);
        let template = IrisTemplate::new(code, mask, EncoderVersion::OpenIrisFormat { major: 0, minor: 1 }).unwrap();
        Document { template, image_id: None, weights: None }
    }

    #[test]
    fn the_first_bits_are_where_the_picture_says() {
        // Row 0: column 0 wavelet 0 real, column 1 wavelet 1 imaginary; row 1: column 0 wavelet 0 imaginary.
        let wanted = [(0, 0, 0, 0), (1, 0, 1, 1), (0, 1, 0, 1)];
        let code = IrisCode::from_fn(Layout::Columns256, |w, r, c, p| wanted.contains(&(w, r, c, p)));
        let bytes = pack(code.layout(), code.columns());
        assert_eq!(bytes[0], 0b1000_0001);
        assert_eq!(bytes[128], 0b0100_0000);
        assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 3);
    }

    #[test]
    fn documents_come_back_with_all_their_fields() {
        for layout in Layout::ALL {
            let mut document = document(layout);
            document.image_id = Some("café \"1\" \u{1F441}".to_string());
            document.weights = Some((0..layout.bits()).map(|i| i as f32 / 7.0).collect());
            let json = document.to_json().unwrap();
            assert!(json.is_ascii());
            assert!(json.contains(r#""image_id": "caf\u00e9 \"1\" \ud83d\udc41""#));
            assert_eq!(Document::from_json(json.as_bytes()).unwrap(), document);
        }
    }

    #[test]
    fn a_template_without_version_cannot_be_written() {
        let template = document(Layout::Columns200).template;
        let nameless = IrisTemplate::new(template.code().clone(), template.mask().clone(), EncoderVersion::Other(9));
        let expected = OpenIrisError::NoVersion { encoder: EncoderVersion::Other(9) };
        assert_eq!(to_json(&nameless.unwrap()).unwrap_err(), expected);
    }

    #[test]
    fn every_fault_has_its_own_error() {
        let good = document(Layout::Columns256).to_json().unwrap().to_string();
        let short = document(Layout::Columns200).to_json().unwrap().to_string();
        let read = |json: &str| from_json(json.as_bytes()).map(|_| ()).unwrap_err();
        let field = |json: &str, name: &str| -> String {
            let from = json.find(&format!("\"{name}\": \"")).unwrap() + name.len() + 5;
            json[from..].split('"').next().unwrap().to_string()
        };

        assert_eq!(read(""), OpenIrisError::NotJson { line: 1, column: 0 });
        assert!(matches!(read(&good[..good.len() - 1]), OpenIrisError::NotJson { .. }));
        assert!(matches!(read(&format!("{good} {good}")), OpenIrisError::NotJson { .. }));
        assert!(matches!(read("[]"), OpenIrisError::NotATemplate { .. }));
        assert!(matches!(read("7"), OpenIrisError::NotATemplate { .. }));
        assert!(matches!(read(&good.replace("\"v0.1\"", "1")), OpenIrisError::NotATemplate { .. }));
        assert!(matches!(read(&good.replace("{", "{\"more\": \"\", ")), OpenIrisError::NotATemplate { .. }));
        let twice = good.replace("{", "{\"iris_code_version\": \"v0.1\", ");
        assert!(matches!(read(&twice), OpenIrisError::NotATemplate { .. }));
        assert_eq!(read("{}"), OpenIrisError::MissingField { field: "iris_codes" });
        for name in ["v0", "0.1", "v0.1.2", "v.1", "v0.", "v00.1", "v0.01", "v+1.0", "v65536.0", "v-1.0", "V0.1", ""] {
            let expected = OpenIrisError::Version { found: name.to_string() };
            assert_eq!(read(&good.replace("v0.1", name)), expected);
        }
        let code = field(&good, "iris_codes");
        let list = format!(r#" ["{code}", "{code}", "v0.1"]"#);
        assert!(matches!(read(&list), OpenIrisError::NotATemplate { .. }));
        let with_code = |text: &str| good.replacen(&code, text, 1);
        // 2,048 bytes leave two bits of the last character without a byte; they must be zero.
        let stray = format!("{}{}=", &code[..2730], if code.as_bytes()[2730] == b'9' { 'A' } else { '9' });
        assert_eq!(read(&with_code(&stray)), OpenIrisError::Base64 { field: "iris_codes" });
        let unpadded = code.trim_end_matches('=');
        let url_safe = format!("_-{}", &code[2..]);
        for text in [unpadded, "*", &url_safe, &format!("{code}\\n"), &format!("{code}AAAA")] {
            assert_eq!(read(&with_code(text)), OpenIrisError::Base64 { field: "iris_codes" }, "{}", &text[..1]);
        }
        assert_eq!(read(&with_code("")), OpenIrisError::Length { field: "iris_codes", found: 0 });
        assert_eq!(read(&with_code(&code[..2728])), OpenIrisError::Length { field: "iris_codes", found: 2046 });
        assert_eq!(
            read(&with_code(&field(&short, "iris_codes"))),
            OpenIrisError::LayoutMismatch { code: Layout::Columns200, mask: Layout::Columns256 }
        );
        let with_weights = good.replace("}", ", \"weights\": \"AAAA\"}");
        assert_eq!(read(&with_weights), OpenIrisError::Length { field: "weights", found: 3 });
        let mut infinite = document(Layout::Columns200);
        infinite.weights = Some(alloc::vec![f32::INFINITY; 12_800]);
        assert_eq!(read(&infinite.to_json().unwrap()), OpenIrisError::Weight);
        let long = format!("{good}{}", " ".repeat(MAXIMUM_JSON_BYTES));
        assert_eq!(read(&long), OpenIrisError::TooLong { found: long.len() });
        assert!(from_json(b"\xff\xfe{}").is_err());
    }
}
