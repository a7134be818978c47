//! Where in a picture the pupil, the iris, the opening of the lids and the lashes are.

pub mod classical;
#[cfg(feature = "onnx")]
pub mod onnx;

use ndarray::Array2;

use crate::pipeline::image::EyeImage;

/// The four per-pixel masks of open-iris, each of the picture's size, `[row][column]`, true = belongs.
///
/// They may overlap and be filled or hollow: vectorisation unites them as open-iris does.
#[derive(Clone, Debug)]
pub struct SegmentationMasks {
    /// The opening between the lids.
    pub eyeball: Array2<bool>,
    /// The iris.
    pub iris: Array2<bool>,
    /// The pupil.
    pub pupil: Array2<bool>,
    /// Eyelashes and other things in front of the iris (noise).
    pub eyelashes: Array2<bool>,
}

/// What a [`Segmenter`] found.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The masks.
    pub masks: SegmentationMasks,
    /// Trust in the pupil boundary, 0 to 1.
    pub pupil_confidence: f64,
    /// Trust in the limbus (outer iris boundary), 0 to 1.
    pub iris_confidence: f64,
    /// The boundaries as curves, from a segmenter that knows them better than masks can say.
    ///
    /// `None` where there are only masks: vectorisation then finds the boundaries in the masks.
    pub contours: Option<Contours>,
}

/// The two boundaries of an iris as closed curves, also where a lid hides them.
///
/// Each has the same number of points (512 in all of ours), at equal angles about the boundary's own
/// centre; point 0 lies in the direction of +x, angles grow towards +y (downwards), as open-iris'
/// geometry estimation leaves them.
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// The pupil's boundary, `[x, y]` in pixels; pixel centres have whole coordinates.
    pub pupil: Vec<[f64; 2]>,
    /// The limbus, `[x, y]` in pixels; may leave the picture.
    pub iris: Vec<[f64; 2]>,
}

/// Finds the parts of an eye in a picture.
pub trait Segmenter: Send + Sync {
    /// Segments one picture.
    ///
    /// # Errors
    /// [`SegmentError`] when no eye is found or the segmenter does not believe what it found.
    fn segment(&self, image: &EyeImage) -> Result<Segmentation, SegmentError>;

    /// Name and version of the method, recorded with every template it leads to.
    fn id(&self) -> &str;
}

/// Why a picture was not segmented.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The picture is too small to hold an iris of the least usable size.
    #[error(
        "picture of {width}x{height} pixels is too small for segmentation, at least {least} on the short side are needed"
    )]
    TooSmall {
        /// Columns of the picture.
        width: usize,
        /// Rows of the picture.
        height: usize,
        /// Least short side, pixels.
        least: usize,
    },
    /// The line of closed lids was found, and no pupil.
    #[error(
        "the eye is shut, or so nearly that its pupil is hidden: there is the line of the lids, but no pupil; open the eye wide"
    )]
    EyeClosed,
    /// Nothing in the picture looks like a pupil, nor like closed lids.
    #[error(
        "no eye was found: nothing is a pupil (confidence {confidence:.2}, at least {least:.2} is needed), nor are there closed lids; is an eye in the picture, and in focus?"
    )]
    NoPupil {
        /// Best confidence seen.
        confidence: f64,
        /// Least confidence accepted.
        least: f64,
    },
    /// A pupil was found, but no believable outer boundary of the iris around it.
    #[error(
        "no outer boundary of the iris was found around the pupil (confidence {confidence:.2}, at least {least:.2} is needed)"
    )]
    NoIris {
        /// Best confidence seen.
        confidence: f64,
        /// Least confidence accepted.
        least: f64,
    },
    /// A model that worked when it was opened does not any more.
    #[error("the segmentation model failed: {detail}")]
    Model {
        /// What it says.
        detail: String,
    },
}
