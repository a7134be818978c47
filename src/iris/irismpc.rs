//! Templates as World's uniqueness service (iris-mpc) keeps them: 12,800 bits.
//!
//! The text form of a code is the base64 of [`openiris`](super::openiris), 2,136 characters. In memory the service has 200
//! words in the same order of bits, but counted from the *lowest* bit of each word:
//!
//! ```text
//!   bit i of the order row, column, wavelet, part  =  bit (i mod 64) of word (i div 64)
//! ```
//!
//! A person is a JSON object with both eyes. The format does not say which encoder made the bits (`IRIS_version` is the
//! release of the whole pipeline), so the reader says it.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::openiris::{
    OpenIrisError, code_from_base64_of, code_to_base64, for_each_bit, mask_from_base64_of, mask_to_base64, parse,
    required, wipe_copies,
};
use super::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};

/// The only layout of iris-mpc.
pub const LAYOUT: Layout = Layout::Columns200;
/// Words of a code, and of a mask.
pub const WORDS: usize = LAYOUT.bits() / 64;

/// Both eyes of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eyes {
    /// The release of the pipeline that made the codes, as it is written in the file.
    pub iris_version: String,
    /// The left eye.
    pub left: IrisTemplate,
    /// The right eye.
    pub right: IrisTemplate,
}

impl Eyes {
    /// Reads the JSON of both eyes; `encoder` is what the reader knows about the release that the file names.
    ///
    /// # Errors
    ///
    /// [`OpenIrisError`]; a code of the other layout is [`OpenIrisError::Length`].
    pub fn from_json(json: &[u8], encoder: EncoderVersion) -> Result<Self, OpenIrisError> {
        let fields: Fields<'_> = parse(json)?;
        let eye = |names: [&'static str; 2], code: &Option<Cow<'_, str>>, mask: &Option<Cow<'_, str>>| {
            let code = code_from_base64_of(names[0], required(names[0], code.as_deref())?)?;
            let mask = mask_from_base64_of(names[1], required(names[1], mask.as_deref())?)?;
            for (field, layout) in names.into_iter().zip([code.layout(), mask.layout()]) {
                if layout != LAYOUT {
                    return Err(OpenIrisError::Length { field, found: layout.bytes() });
                }
            }
            Ok(IrisTemplate::new(code, mask, encoder).expect("both have the one layout of iris-mpc"))
        };
        Ok(Self {
            iris_version: required("IRIS_version", fields.iris_version.as_deref())?.into(),
            left: eye(["left_iris_code", "left_mask_code"], &fields.left_iris_code, &fields.left_mask_code)?,
            right: eye(["right_iris_code", "right_mask_code"], &fields.right_iris_code, &fields.right_mask_code)?,
        })
    }

    /// Writes the JSON of both eyes, without spaces, as iris-mpc does.
    ///
    /// The service keeps one mask bit per response; see [`Mask::paired`] for templates of today's open-iris.
    ///
    /// # Errors
    ///
    /// [`OpenIrisError::Length`] if an eye is not of 12,800 bits.
    pub fn to_json(&self) -> Result<Zeroizing<String>, OpenIrisError> {
        let mut json = Zeroizing::new(String::with_capacity(9 * 1024));
        json.push_str("{\"IRIS_version\":");
        json.push_str(&serde_json::Value::from(self.iris_version.as_str()).to_string());
        let eyes = [("left", "left_iris_code", &self.left), ("right", "right_iris_code", &self.right)];
        for (side, field, eye) in eyes {
            if eye.layout() != LAYOUT {
                return Err(OpenIrisError::Length { field, found: eye.layout().bytes() });
            }
            for (kind, text) in [("iris", code_to_base64(eye.code())), ("mask", mask_to_base64(eye.mask()))] {
                for piece in [",\"", side, "_", kind, "_code\":\"", &text, "\""] {
                    json.push_str(piece);
                }
            }
        }
        json.push('}');
        Ok(json)
    }
}

/// The fields of a file, before anything is known about them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow, default, rename = "IRIS_version")]
    iris_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    left_iris_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    left_mask_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    right_iris_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    right_mask_code: Option<Cow<'a, str>>,
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        let Self { left_iris_code, left_mask_code, right_iris_code, right_mask_code, .. } = self;
        wipe_copies([left_iris_code, left_mask_code, right_iris_code, right_mask_code]);
    }
}

/// The code in the order of iris-mpc's memory, lowest bit first.
#[must_use]
pub fn code_to_words(code: &IrisCode) -> Option<Zeroizing<[u64; WORDS]>> {
    (code.layout() == LAYOUT).then(|| to_words(code.columns()))
}

/// The mask in the order of iris-mpc's memory, lowest bit first.
#[must_use]
pub fn mask_to_words(mask: &Mask) -> Option<Zeroizing<[u64; WORDS]>> {
    (mask.layout() == LAYOUT).then(|| to_words(mask.columns()))
}

/// A code from the order of iris-mpc's memory, lowest bit first.
#[must_use]
pub fn code_from_words(words: &[u64; WORDS]) -> IrisCode {
    IrisCode::from_columns(LAYOUT, from_words(words)).expect("one word per column was made")
}

/// A mask from the order of iris-mpc's memory, lowest bit first.
#[must_use]
pub fn mask_from_words(words: &[u64; WORDS]) -> Mask {
    Mask::from_columns(LAYOUT, from_words(words)).expect("one word per column was made")
}

fn to_words(columns: &[u64]) -> Zeroizing<[u64; WORDS]> {
    let mut words = Zeroizing::new([0; WORDS]);
    for_each_bit(LAYOUT, |index, column, bit| {
        words[index / 64] |= (columns[column] >> bit & 1) << (index % 64);
    });
    words
}

fn from_words(words: &[u64; WORDS]) -> Vec<u64> {
    let mut columns = alloc::vec![0; LAYOUT.columns()];
    for_each_bit(LAYOUT, |index, column, bit| {
        columns[column] |= (words[index / 64] >> (index % 64) & 1) << bit;
    });
    columns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn eyes() -> Eyes {
        let eye = |salt: usize| {
            let code = IrisCode::from_fn(LAYOUT, |w, r, c, p| (salt + w + 3 * r + 5 * c * c + 7 * p) % 11 < 5);
            let mask = Mask::from_fn(LAYOUT, |_, r, c, _| (salt + r * c) % 3 < 2);
            IrisTemplate::new(code, mask, EncoderVersion::Other(1)).unwrap()
        };
        Eyes { iris_version: "1.6.1".to_string(), left: eye(1), right: eye(2) }
    }

    #[test]
    fn words_come_back() {
        let eyes = eyes();
        let words = code_to_words(eyes.left.code()).unwrap();
        assert_eq!(&code_from_words(&words), eyes.left.code());
        let words = mask_to_words(eyes.left.mask()).unwrap();
        assert_eq!(&mask_from_words(&words), eyes.left.mask());
        // Row 0, column 16, wavelet 0, real is bit 16 × 4 of the order: the lowest bit of the second word.
        let one = IrisCode::from_fn(LAYOUT, |w, r, c, p| (w, r, c, p) == (0, 0, 16, 0));
        assert_eq!(code_to_words(&one).unwrap()[1], 1);
        assert!(mask_to_words(&Mask::full(Layout::Columns256)).is_none());
    }

    #[test]
    fn both_eyes_come_back_and_faults_are_named() {
        let eyes = eyes();
        let json = eyes.to_json().unwrap();
        let read = |json: &str| Eyes::from_json(json.as_bytes(), EncoderVersion::Other(1));
        assert_eq!(read(&json).as_ref(), Ok(&eyes));
        let renamed = json.replace("right_mask_code", "mask");
        assert!(matches!(read(&renamed), Err(OpenIrisError::NotATemplate { .. })));
        let expected = OpenIrisError::MissingField { field: "left_iris_code" };
        assert_eq!(read(r#"{"IRIS_version":"1"}"#), Err(expected));
        let mut wide = eyes.clone();
        let code = IrisCode::from_fn(Layout::Columns256, |_, _, _, _| true);
        wide.right = IrisTemplate::new(code, Mask::full(Layout::Columns256), EncoderVersion::OpenIris1112).unwrap();
        let expected = OpenIrisError::Length { field: "right_iris_code", found: 2048 };
        assert_eq!(wide.to_json().unwrap_err(), expected);
    }
}
