//! From the wavelets' answers to code and mask (open-iris `FragileBitRefinement` and `IrisEncoder`).

use crate::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};

use super::filter::{IrisResponse, MaskRule, WaveletResponse};

/// Which answers are too near a decision line, or too strong, to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FragileBits {
    /// By absolute value and angle: open-iris' default.
    Polar {
        /// Least absolute value.
        least: f32,
        /// Greatest absolute value.
        most: f32,
        /// Least angle between the answer and the axis that decides its bit, radians. Not applied to a duplicated mask.
        angle: f64,
    },
    /// By the part that decides the bit.
    Cartesian {
        /// Least absolute value of the part.
        least: f32,
        /// Greatest absolute value of the real part.
        most_real: f32,
        /// Greatest absolute value of the imaginary part.
        most_imaginary: f32,
    },
}

impl FragileBits {
    /// open-iris' default thresholds: 10⁻⁴ to 0.275, and 5° from the axes.
    pub const OPEN_IRIS: Self = Self::Polar { least: 1e-4, most: 0.275, angle: 0.087_266_462_599_716_47 };

    /// Only the angle of [`Self::OPEN_IRIS`]: 5° from the axes, where a little noise turns the bit. Answers of 0 are none.
    pub const AXES: Self = Self::Polar { least: 1e-4, most: f32::INFINITY, angle: 0.087_266_462_599_716_47 };

    /// Sets the mask of fragile answers to 0.
    pub fn refine(self, response: &mut IrisResponse, mask_rule: MaskRule) {
        for WaveletResponse { iris, mask } in &mut response.wavelets {
            for (&answer, mask) in iris.iter().zip(mask.iter_mut()) {
                let [real, imaginary] = self.trusts(answer);
                *mask = match mask_rule {
                    MaskRule::Separate => [kept(mask[0], real), kept(mask[1], imaginary)],
                    MaskRule::Duplicated => [kept(mask[1], self.trusts_both(answer)); 2],
                };
            }
        }
    }

    fn trusts(self, answer: [f32; 2]) -> [bool; 2] {
        match self {
            Self::Polar { angle, .. } => {
                let is_strong = self.trusts_both(answer);
                // |sin arg| ≤ cos angle keeps the answer off the imaginary axis, where the real part changes sign.
                let [real, imaginary] = answer.map(|part| f64::from(part).abs());
                #[allow(clippy::cast_possible_truncation)] // numpy compares in single precision
                let limit = f64::from(angle.cos().abs() as f32);
                // The argument of 0 is 0: on the real axis.
                let length = (real * real + imaginary * imaginary).sqrt();
                let (cos, sin) = if length > 0.0 { (real / length, imaginary / length) } else { (1.0, 0.0) };
                [is_strong && sin <= limit, is_strong && cos <= limit]
            }
            Self::Cartesian { least, most_real, most_imaginary } => {
                let [real, imaginary] = answer.map(f32::abs);
                [real >= least && real <= most_real, imaginary >= least && imaginary <= most_imaginary]
            }
        }
    }

    /// Where the two mask bits are one: the rule without the angle, or that of the imaginary part.
    fn trusts_both(self, answer: [f32; 2]) -> bool {
        match self {
            Self::Polar { least, most, .. } => {
                // In double precision squares are exact; rounding the root once gives the C library's `hypotf`.
                let [real, imaginary] = answer.map(f64::from);
                #[allow(clippy::cast_possible_truncation)]
                let length = (real * real + imaginary * imaginary).sqrt() as f32;
                (least..=most).contains(&length)
            }
            Self::Cartesian { .. } => self.trusts(answer)[1],
        }
    }
}

fn kept(mask: f32, trusted: bool) -> f32 {
    if trusted { mask } else { 0.0 }
}

/// Code and mask: a bit is set where its part is above 0, and usable where its mask reaches `mask_threshold`.
///
/// `None` when the response has not two wavelets of 16 rows and the layout's columns.
#[must_use]
pub fn encode(
    response: &IrisResponse,
    layout: Layout,
    mask_threshold: f32,
    encoder: EncoderVersion,
) -> Option<IrisTemplate> {
    let shape = (Layout::ROWS, layout.columns());
    let fits = |wavelet: &WaveletResponse| wavelet.iris.dim() == shape && wavelet.mask.dim() == shape;
    if response.wavelets.len() != Layout::WAVELETS || !response.wavelets.iter().all(fits) {
        return None;
    }
    let code = IrisCode::from_fn(layout, |wavelet, row, column, part| {
        response.wavelets[wavelet].iris[[row, column]][part] > 0.0
    });
    let mask = Mask::from_fn(layout, |wavelet, row, column, part| {
        response.wavelets[wavelet].mask[[row, column]][part] >= mask_threshold
    });
    IrisTemplate::new(code, mask, encoder).ok()
}
