//! How far two irises are apart, and who of a gallery is near.
//!
//! The distance is the fractional Hamming distance of J. Daugman, *How Iris Recognition Works* (IEEE Trans. CSVT
//! 14(1), 2004, eq. 1), with the bits of the two codes A and B and of the two masks:
//!
//! ```text
//!   disagreeing = popcount((A xor B) and mask A and mask B)
//!   compared    = popcount(mask A and mask B)
//!   distance    = disagreeing / compared        the smallest over the rotations −15 … +15 columns
//! ```
//!
//! It is kept as the two integers and compared by cross multiplication, so that no rounding ever decides whether
//! two people are one. Where too few bits are common to both there *is* no distance: the answer is
//! [`Comparison::Incomparable`], never NaN and never 1.
//!
//! [`compare`] takes two templates, [`Gallery::search`] takes one against many, and [`PeopleGallery::search`] a person with
//! two eyes against people; all are exact over all rotations and agree with each other in every count. [`openiris`] and [`irismpc`] have the other measures that are in use in
//! the world, for comparing results with theirs.
//!
//! # Examples
//!
//! ```
//! use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
//! use personhood::matcher::{Comparison, MatchPolicy, compare};
//!
//! let layout = Layout::Columns256;
//! let code = IrisCode::from_fn(layout, |wavelet, row, column, part| (row * column + wavelet + part) % 7 < 3);
//! let first = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::OpenIris1112)?;
//! let second = first.rotated(Rotation::new(4));
//! let Comparison::Match(alignment) = compare(&first, &second, &MatchPolicy::default()) else { panic!() };
//! assert_eq!(alignment.distance.disagreeing(), 0);
//! assert_eq!(alignment.rotation, Rotation::new(4));
//! # Ok::<(), personhood::iris::TemplateError>(())
//! ```

pub mod approximate;
mod compare;
mod distance;
mod gallery;
pub mod irismpc;
mod kernel;
#[cfg(feature = "testing")]
pub mod measure;
pub mod openiris;
mod policy;

pub use compare::{Comparison, Incomparable, PreparedProbe, RotationCounts, compare, rotation_counts};
pub use distance::{Alignment, FractionalHammingDistance};
pub use gallery::{
    Duplicate, Duplicates, EntryId, EyePair, Gallery, GalleryError, GallerySnapshot, Hit, PeopleFound, PeopleGallery,
    PeopleSearch, PeopleSnapshot, PersonHit, SearchResult, Sighting,
};
#[cfg(feature = "std")]
pub use gallery::{GalleryFile, GalleryFileError, GalleryWriter};
pub use kernel::Kernel;
pub use policy::{EyeRule, MatchPolicy, ScoreRule, Threshold, ThresholdError};
