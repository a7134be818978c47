//! What a pipeline does at each stage, as plain values.

use crate::iris::{EncoderVersion, Layout};

use super::encode::FragileBits;
use super::filter::{Background, BottomEdge, Gabor, Kernel, MaskRule};
use super::geometry::{CentreMethod, ExtrapolationConfig, SmoothingConfig};
use super::normalize::NormalizationConfig;

/// What to do when the opening of the lids is too round to tell the eye's tilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownTilt {
    /// Refuse the picture, as open-iris does.
    Refuse,
    /// Take the eye as level. Comparison tries rotations anyway, so a wide open eye need not be refused.
    Level,
}

/// Every parameter between masks and template.
///
/// The bits of a template depend on nearly all of them. Change one, and name the result by an
/// [`encoder`](Self::encoder) of your own: templates of different encoders are not compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// Columns of the template.
    pub layout: Layout,
    /// Name of the encoder in the templates.
    pub encoder: EncoderVersion,
    /// Largest distance between neighbours on a contour, as a share of the iris' diameter.
    pub largest_gap: f64,
    /// Contour points this near to lashes or lids are dropped, as a share of the iris' diameter.
    pub distance_to_noise: f64,
    /// Pixels brighter than this are reflections (open-iris' specular mask).
    pub specular_above: u8,
    /// Least eccentricity of the lids' opening that tells the tilt.
    pub least_eccentricity: f64,
    /// What to do below it.
    pub unknown_tilt: UnknownTilt,
    /// How centres are found.
    pub centre: CentreMethod,
    /// Smoothing of the contours.
    pub smoothing: SmoothingConfig,
    /// Completion of the contours.
    pub extrapolation: ExtrapolationConfig,
    /// Unrolling.
    pub normalization: NormalizationConfig,
    /// What is taken away from the brightness before the wavelets are asked; open-iris takes nothing.
    pub background: Option<Background>,
    /// The two wavelets, coarse first.
    pub wavelets: [Kernel; 2],
    /// One mask bit per answer, or one per part of it.
    pub mask_rule: MaskRule,
    /// The rows that the lowest probes see.
    pub bottom_edge: BottomEdge,
    /// Which answers are not trusted.
    pub fragile_bits: FragileBits,
    /// Least mask response of a usable bit.
    pub mask_threshold: f32,
}

impl PipelineConfig {
    /// Version 1 of our own encoder: [`EncoderVersion::Personhood`] 1.
    ///
    /// The stages of open-iris up to the unrolled iris. Different are, each because it separates people better: the mean of the surroundings is taken away first ([`Background::WIDE`]), the fine wavelet is longer
    /// ([`Gabor::FINE`]), both are balanced ([`Gabor::balanced_kernel`]), and no answer is masked for being strong: what
    /// is not iris is masked by the segmenter already, and invalid pixels have no part in an answer. `benches/RECORD.md`
    /// has the figures.
    #[must_use]
    pub fn personhood_1() -> Self {
        Self {
            encoder: EncoderVersion::Personhood(1),
            unknown_tilt: UnknownTilt::Level,
            background: Some(Background::WIDE),
            wavelets: [Gabor::COARSE, Gabor::FINE].map(|gabor| {
                gabor.balanced_kernel().expect("both constants are in range, a test says").to_fixed_point()
            }),
            fragile_bits: FragileBits::AXES,
            ..Self::open_iris_1_11_2()
        }
    }

    /// The parameters under which this release makes templates that can be compared with those of `encoder`; `None` for an
    /// encoder that it does not have.
    ///
    /// An eye whose tilt is unknown is taken as level. Wherever open-iris gives a template, its encoder here gives the
    /// same one.
    #[must_use]
    pub fn for_encoder(encoder: EncoderVersion) -> Option<Self> {
        if encoder == EncoderVersion::Personhood(1) {
            Some(Self::personhood_1())
        } else if encoder.is_comparable_with(EncoderVersion::OpenIris1112) {
            Some(Self { unknown_tilt: UnknownTilt::Level, ..Self::open_iris_1_11_2() })
        } else {
            None
        }
    }

    /// open-iris 1.11.2 as its default configuration has it, bit for bit.
    ///
    /// Centres come from bisectors here. open-iris also has a circle fit that needs no random numbers
    /// ([`CentreMethod::CIRCLE_FIT`]); it moves centres by up to a pixel and so changes templates. The bisectors stay
    /// as long as they are open-iris' own default, so that templates of both can meet in one gallery.
    #[must_use]
    pub fn open_iris_1_11_2() -> Self {
        Self {
            layout: Layout::Columns256,
            encoder: EncoderVersion::OpenIris1112,
            largest_gap: 0.01,
            distance_to_noise: 0.005,
            specular_above: 254,
            least_eccentricity: 0.1,
            unknown_tilt: UnknownTilt::Refuse,
            centre: CentreMethod::Bisectors,
            smoothing: SmoothingConfig::OPEN_IRIS,
            extrapolation: ExtrapolationConfig::OPEN_IRIS,
            normalization: NormalizationConfig::OPEN_IRIS,
            background: None,
            wavelets: [Gabor::OPEN_IRIS_COARSE, Gabor::OPEN_IRIS_FINE]
                .map(|gabor| gabor.kernel().expect("both constants are in range, a test says").to_fixed_point()),
            mask_rule: MaskRule::Separate,
            bottom_edge: BottomEdge::Full,
            fragile_bits: FragileBits::OPEN_IRIS,
            mask_threshold: 0.93,
        }
    }

    /// open-iris 1.11.0: the last row of the unrolled iris is left out at the lower edge.
    ///
    /// Its code format is the same `v0.1`, and so are all rows of the code but the last.
    #[must_use]
    pub fn open_iris_1_11_0() -> Self {
        Self {
            encoder: EncoderVersion::OpenIrisFormat { major: 0, minor: 1 },
            bottom_edge: BottomEdge::WithoutLastRow,
            ..Self::open_iris_1_11_2()
        }
    }
}

impl Default for PipelineConfig {
    /// [`Self::personhood_1`].
    fn default() -> Self {
        Self::personhood_1()
    }
}
