//! From a near-infrared picture of an eye to an iris template.
//!
//! The stages are those of open-iris 1.11.2, and so exact that the same masks give the same template, bit for bit:
//!
//! | stage | gives | open-iris |
//! |---|---|---|
//! | [`segment`] | masks of pupil, iris, lids' opening, lashes | network; here a classical method |
//! | [`contour`] | outer contours of the masks | `ContouringAlgorithm` |
//! | refinement | contours without gaps, and without points that touch lashes or lids | `ContourInterpolation`, `ContourPointNoiseEyeballDistanceFilter` |
//! | [`geometry`] | tilt, centres, smooth boundaries of 512 points | `MomentOfArea`, `BisectorsMethod`, `Smoothing`, `FusionExtrapolation` |
//! | [`quality`] | measures, and a refusal for each | calculators and validators |
//! | [`normalize`] | the iris unrolled to 512 × 128 pixels, with a mask | `LinearNormalization` |
//! | [`filter`] | answers of two Gabor wavelets on 16 × 256 probes | `ConvFilterBank` |
//! | [`encode`] | code and mask | `FragileBitRefinement`, `IrisEncoder` |
//!
//! # Examples
//! ```
//! use personhood::pipeline::Pipeline;
//! use personhood::pipeline::image::{Limits, decode};
//!
//! let pipeline = Pipeline::builder().build();
//! # let mut picture = b"P5 320 240 255\n".to_vec();
//! # picture.resize(picture.len() + 320 * 240, 128);
//! let image = decode(&picture, &Limits::default())?;
//! match pipeline.run(&image) {
//!     Ok(capture) => println!("{} usable bits", capture.template.mask().count()),
//!     Err(refusal) => println!("{}: {refusal}", refusal.code()),
//! }
//! # Ok::<(), personhood::pipeline::image::ImageError>(())
//! ```

mod config;
pub mod contour;
pub mod encode;
mod error;
pub mod filter;
pub mod frames;
pub mod geometry;
pub mod image;
mod mt19937;
pub mod normalize;
pub mod picture;
mod privacy;
pub mod quality;
pub(crate) mod raster;
pub mod segment;
mod stages;
mod times;
mod trace;

use std::sync::Arc;

use crate::iris::{IrisTemplate, Layout};

use filter::FilterBank;
use geometry::{BoundingBox, EyeCentres, EyePolygons};
use image::EyeImage;
use quality::{Advice, Quality, QualityLimits, advice};
use segment::classical::ClassicalSegmenter;
use segment::{SegmentationMasks, Segmenter};

pub use config::{PipelineConfig, UnknownTilt};
pub use error::{Boundary, PipelineError};
pub use times::{Clock, Stage, StageTimes};
pub use trace::Trace;

/// Turns pictures into templates. A value: build it once, share it among threads, run it on many pictures.
#[derive(Clone)]
pub struct Pipeline {
    segmenter: Arc<dyn Segmenter>,
    config: PipelineConfig,
    limits: QualityLimits,
    bank: FilterBank,
}

/// What one picture gave.
#[non_exhaustive]
pub struct Capture {
    /// The template.
    pub template: IrisTemplate,
    /// The measures of quality, all of them present and within their limits.
    pub quality: Quality,
    /// Where in the picture the eye is.
    pub geometry: EyeGeometry,
    /// How far the segmenter believes itself; `None` when the masks came from the caller.
    pub confidence: Option<Confidence>,
}

impl core::fmt::Debug for Capture {
    /// Shows everything but the template.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Capture")
            .field("layout", &self.template.layout())
            .field("quality", &self.quality)
            .field("centres", &self.geometry.centres)
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

/// What was measured on one picture, whether it became a template or not.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assessment {
    /// Every measure that was reached.
    pub quality: Quality,
    /// How far the segmenter believes itself; `None` when it found nothing.
    pub confidence: Option<Confidence>,
    /// What would make a better picture, most important first.
    pub advice: Vec<Advice>,
    /// The template, or why there is none.
    pub outcome: Result<Capture, PipelineError>,
}

/// Where in the picture the eye is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EyeGeometry {
    /// The completed boundaries of pupil and iris, 512 points each, and the opening of the lids.
    pub boundaries: EyePolygons,
    /// Centres of pupil and iris.
    pub centres: EyeCentres,
    /// Tilt of the eye, radians in [−π/2, π/2), from +x towards +y (clockwise on the screen).
    pub orientation: f64,
    /// Whether the lids' opening told the tilt; otherwise it is taken as 0.
    pub orientation_known: bool,
    /// The rectangle around the iris.
    pub bounding_box: BoundingBox,
}

/// A segmenter's trust in what it found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Confidence {
    /// The segmenter's name and version.
    pub segmenter: String,
    /// Trust in the pupil's boundary, 0 to 1.
    pub pupil: f64,
    /// Trust in the limbus, 0 to 1.
    pub iris: f64,
}

impl Pipeline {
    /// Begins a pipeline with the classical segmenter, our encoder ([`PipelineConfig::personhood_1`]) and its limits.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    /// Picture to template.
    ///
    /// # Errors
    /// [`PipelineError`]: no eye was found, the geometry makes no sense, or a measure is beyond its limit.
    /// [`Self::trace`] tells what was measured all the same.
    pub fn run(&self, image: &EyeImage) -> Result<Capture, PipelineError> {
        self.staged(image, None, false).into_capture()
    }

    /// [`Self::run`], and what `clock` read more at the end of each stage than at its beginning.
    ///
    /// The library has no clock of its own: give it one, for instance of the thread's processor time.
    ///
    /// # Errors
    /// As [`Self::run`]; the times up to the refusal are there all the same.
    pub fn run_timed(&self, image: &EyeImage, clock: Clock) -> (Result<Capture, PipelineError>, StageTimes) {
        let mut trace = self.staged_with(image, None, false, Trace::timed_by(clock));
        let times = core::mem::take(&mut trace.times);
        (trace.into_capture(), times)
    }

    /// Picture to template with masks from elsewhere: a person's drawing, a network, the truth of a synthetic eye.
    ///
    /// # Errors
    /// As [`Self::run`], and [`PipelineError::MaskSize`] when a mask is not of the picture's size.
    pub fn run_with_masks(&self, image: &EyeImage, masks: &SegmentationMasks) -> Result<Capture, PipelineError> {
        self.staged(image, Some(masks), false).into_capture()
    }

    /// Picture to template, with every measure and advice for the next picture also where it is refused.
    ///
    /// # Examples
    /// ```
    /// use personhood::pipeline::Pipeline;
    /// # use personhood::pipeline::image::EyeImage;
    ///
    /// # let image = EyeImage::from_pixels(ndarray::Array2::from_elem((240, 320), 128));
    /// let assessment = Pipeline::builder().build().assess(&image);
    /// assert!(assessment.outcome.is_err());
    /// for advice in &assessment.advice {
    ///     println!("{advice}");
    /// }
    /// ```
    #[must_use]
    pub fn assess(&self, image: &EyeImage) -> Assessment {
        let trace = self.staged(image, None, false);
        Assessment {
            quality: trace.quality,
            confidence: trace.confidence.clone(),
            advice: advice(&trace.quality, &self.limits, trace.outcome.as_ref().err()),
            outcome: trace.into_capture(),
        }
    }

    /// Runs every stage and keeps what each one gave, up to the one that failed.
    ///
    /// A measure beyond its limit does not stop the stages after it: [`Trace::outcome`] has the refusal, and the other
    /// fields what can be known about the picture.
    #[must_use]
    pub fn trace(&self, image: &EyeImage) -> Trace {
        self.staged(image, None, true)
    }

    /// [`Self::trace`] with masks from elsewhere.
    #[must_use]
    pub fn trace_with_masks(&self, image: &EyeImage, masks: &SegmentationMasks) -> Trace {
        self.staged(image, Some(masks), true)
    }

    /// The parameters of the stages.
    #[must_use]
    pub fn config(&self) -> &PipelineConfig {
        &self.config
    }

    /// The limits of quality.
    #[must_use]
    pub fn limits(&self) -> &QualityLimits {
        &self.limits
    }

    /// The segmenter.
    #[must_use]
    pub fn segmenter(&self) -> &dyn Segmenter {
        &*self.segmenter
    }
}

impl core::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pipeline")
            .field("segmenter", &self.segmenter.id())
            .field("config", &self.config)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Collects the parts of a [`Pipeline`]; each has a default.
#[derive(Clone, Default)]
#[must_use = "nothing happens until `build`"]
pub struct PipelineBuilder {
    segmenter: Option<Arc<dyn Segmenter>>,
    config: PipelineConfig,
    limits: Option<QualityLimits>,
}

impl PipelineBuilder {
    /// Uses another segmenter than [`ClassicalSegmenter`].
    pub fn segmenter(mut self, segmenter: impl Segmenter + 'static) -> Self {
        self.segmenter = Some(Arc::new(segmenter));
        self
    }

    /// Makes templates of this layout.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.config.layout = layout;
        self
    }

    /// Uses these parameters, the layout among them.
    pub fn config(mut self, config: PipelineConfig) -> Self {
        self.config = config;
        self
    }

    /// Uses these limits of quality instead of those that fit the encoder ([`QualityLimits::for_encoder`]).
    pub fn limits(mut self, limits: QualityLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The pipeline; computes the wavelets.
    #[must_use]
    pub fn build(self) -> Pipeline {
        let Self { segmenter, config, limits } = self;
        let limits = limits.unwrap_or_else(|| QualityLimits::for_encoder(config.encoder));
        let segmenter = segmenter.unwrap_or_else(|| Arc::new(ClassicalSegmenter::default()));
        let bank = FilterBank::new(
            &config.wavelets,
            Layout::ROWS,
            config.layout.columns(),
            config.mask_rule,
            config.bottom_edge,
        )
        .with_background(config.background);
        Pipeline { segmenter, config, limits, bank }
    }
}

impl core::fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("segmenter", &self.segmenter.as_ref().map(|segmenter| segmenter.id().to_owned()))
            .field("config", &self.config)
            .field("limits", &self.limits)
            .finish()
    }
}
