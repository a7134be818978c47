//! The vocabulary of irises: eye, layout, code, mask, rotation, template.
//!
//! An [`IrisTemplate`] is what the encoder leaves of a picture: an [`IrisCode`] (the signs of two Gabor
//! wavelets' responses), a [`Mask`] that says which of those bits may be trusted, and the
//! [`EncoderVersion`] that made them. Every one of them is biometric data: wiped when dropped, and never
//! shown by `Debug`.
//!
//! # How the bits lie in memory
//!
//! One `u64` per column of the unrolled iris. Turning the head turns the iris, which turns the *order of
//! the columns* and nothing else; so a rotation of the template is a rotation of whole words.
//!
//! ```text
//!   bit of a column = part × 32 + wavelet × 16 + row
//!
//!   63           48 47           32 31           16 15            0
//!  ┌───────────────┬───────────────┬───────────────┬───────────────┐
//!  │ imaginary     │ imaginary     │ real          │ real          │
//!  │ wavelet 1     │ wavelet 0     │ wavelet 1     │ wavelet 0     │
//!  │ row 15 … 0    │ row 15 … 0    │ row 15 … 0    │ row 15 … 0    │
//!  └───────────────┴───────────────┴───────────────┴───────────────┘
//! ```
//!
//! Wavelet 0 is the coarse one, row 0 is next to the pupil, column 0 is where the pipeline starts to unroll.

mod code;
mod encoder;
mod facts;
mod format;
#[cfg(feature = "serde")]
pub mod irismpc;
mod layout;
mod mask;
#[cfg(feature = "serde")]
pub mod openiris;
mod plane;
mod rotation;
mod template;

pub use code::IrisCode;
pub use encoder::EncoderVersion;
pub use facts::{DegeneracyLimits, Degenerate, TemplateFacts};
pub use format::TemplateFormatError;
pub use layout::{EyeSide, Layout};
pub use mask::Mask;
pub use rotation::Rotation;
pub use template::{IrisTemplate, TemplateError};
