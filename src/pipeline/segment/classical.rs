//! A segmenter without a model: ring alignment, optimal closed contours, Fourier smoothing.
//!
//! The skeleton is OSIRIS 4.1's (Othman, Dorizzi, Garcia-Salicetti 2016): pupil by aligned gradients,
//! both boundaries as closed Viterbi paths in unwrapped rings, noise by deviation from a safe area.
//! Boundaries are kept as short Fourier series (Daugman 2007). There is nothing to set: every size
//! follows from the picture or from the pupil, every grey level from the picture's range.

mod lids;
mod limbus;
mod plane;
mod pupil;
mod raster;
mod ring;
mod visible;

use core::cell::OnceCell;

use crate::pipeline::image::EyeImage;
use crate::pipeline::segment::{Contours, SegmentError, Segmentation, Segmenter};

use limbus::{Limbus, Sides};
use plane::Pyramid;
use pupil::{Candidate, Pupil};
use ring::Curve;
use visible::PolarIris;

/// Segments near-infrared eyes of any sensor without a model and without settings.
///
/// # Examples
/// ```
/// use ndarray::Array2;
/// use personhood::pipeline::image::EyeImage;
/// use personhood::pipeline::segment::{SegmentError, Segmenter, classical::ClassicalSegmenter};
///
/// let wall = EyeImage::from_pixels(Array2::from_elem((240, 320), 128));
/// let refusal = ClassicalSegmenter::default().segment(&wall);
/// assert!(matches!(refusal, Err(SegmentError::NoPupil { .. })));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClassicalSegmenter {}

/// Least short side of a picture: an iris of 50 px radius and its lids must fit.
const LEAST_SIDE: usize = 100;
/// Least radius of a limbus: four fifths of what the limits of quality accept, so that who stands too far away is told so. In
/// shut eyes pores and tufts of lashes have rings of less.
const LEAST_IRIS: f32 = 20.0;
/// Pupil candidates that are verified: the reference report advises four to six maxima.
const CANDIDATES: usize = 6;
/// Least confidences accepted: most of the pupil's edge, and a third of the limbus' where lids take their share.
const LEAST_PUPIL_CONFIDENCE: f64 = 0.6;
const LEAST_IRIS_CONFIDENCE: f64 = 0.3;
/// A pupil that lids, lashes and glints leave little of is believed from here on if the limbus around it is a good one: a tuft of
/// lashes has none. Of 300 drawn shut eyes three pass. Of 545
/// development eyes one does not pass.
const DOUBTFUL_PUPIL_CONFIDENCE: f64 = 0.4;
const GOOD_IRIS_CONFIDENCE: f64 = 0.65;
/// Contrasts below this many grey levels are noise and rounding, however dull the rest of the picture.
const LEAST_LEVELS: f32 = 4.0;
/// Higher harmonics of an outline over its radius: up to the first it is round (99.9 % of the pupils traced on development
/// eyes are), from the second on it is none. What is traced of a square has 0.036 to 0.05.
const IRREGULARITY: (f32, f32) = (0.025, 0.06);
/// From this uniformity on nothing is held against a pupil; nine of ten eyes are above 0.7.
const UNIFORM_PUPIL: f32 = 0.4;
/// Up to this confidence of the rough contour the fine one will not do either.
const HOPELESS_PUPIL: f64 = 0.2;
/// From this confidence on a pupil inside a larger disc unmasks the disc as an iris.
const GOOD_PUPIL: f64 = 0.6;
/// … if it is darker than the disc's rest by this share of the disc's own contrast; glints' shadows are not.
const DARKER_PUPIL: f32 = 0.33;

/// From this strength of its sides on a limbus cannot be better: a step of an eighth of the picture's range all along them.
const GOOD_LIMBUS: f32 = 0.67;

/// What support, uniformity and limbus add to a candidate's score at the most.
const LARGEST_GAIN: f32 = 3.0;

/// A candidate with what speaks for it.
struct Eye {
    pupil: Pupil,
    sides: Sides,
    score: f32,
}

impl Segmenter for ClassicalSegmenter {
    fn segment(&self, image: &EyeImage) -> Result<Segmentation, SegmentError> {
        let (width, height) = (image.width(), image.height());
        if width.min(height) < LEAST_SIDE {
            return Err(SegmentError::TooSmall { width, height, least: LEAST_SIDE });
        }
        let pyramid = Pyramid::new(image);
        let eye = best_eye(&pyramid).map_err(|refusal| closed_or(&pyramid, refusal))?;
        let pupil = pupil::trace(&pyramid, &eye.candidate(), true).unwrap_or(eye.pupil);
        let pupil_confidence = pupil_confidence(&pyramid, &pupil);
        let no_pupil = || {
            let refusal = SegmentError::NoPupil { confidence: pupil_confidence, least: LEAST_PUPIL_CONFIDENCE };
            closed_or(&pyramid, refusal)
        };
        if pupil_confidence < DOUBTFUL_PUPIL_CONFIDENCE {
            return Err(no_pupil());
        }
        let limbus = limbus::trace(&pyramid, &pupil, &eye.sides)
            .ok_or(SegmentError::NoIris { confidence: 0.0, least: LEAST_IRIS_CONFIDENCE })?;
        let polar = PolarIris::new(&pyramid, &pupil.curve, &limbus.curve);
        let iris_confidence = iris_confidence(&pyramid, &pupil, &eye.sides, &limbus, &polar);
        if pupil_confidence < LEAST_PUPIL_CONFIDENCE && iris_confidence < GOOD_IRIS_CONFIDENCE {
            return Err(no_pupil());
        }
        if iris_confidence < LEAST_IRIS_CONFIDENCE {
            return Err(SegmentError::NoIris { confidence: iris_confidence, least: LEAST_IRIS_CONFIDENCE });
        }
        let masks = raster::masks(width, height, &polar, &limbus.curve);
        let contours = Some(Contours { pupil: contour(&pupil.curve), iris: contour(&limbus.curve) });
        Ok(Segmentation { masks, pupil_confidence, iris_confidence, contours })
    }

    fn id(&self) -> &str {
        "classical 3"
    }
}

impl Eye {
    fn candidate(&self) -> Candidate {
        let (centre, radii) = self.pupil.curve.about_own_centre(64);
        let radius = radii.iter().sum::<f32>() / radii.len() as f32;
        Candidate { x: centre[0], y: centre[1], radius, score: self.score }
    }

    /// Whether a candidate may be a better eye, or a pupil inside of this one.
    ///
    /// What is traced of a candidate lies off it by 0.6 of its radius at the most.
    fn has_rival(&self, other: &Candidate) -> bool {
        let ([x, y], radius) = (self.pupil.curve.centre, self.pupil.radius());
        let is_near = (other.x - x).hypot(other.y - y) < 1.05 * radius && other.radius < 1.25 * radius;
        is_near || other.score + LARGEST_GAIN > self.score
    }
}

/// Where no pupil was believed: lids that are seen to be shut, or the refusal as it is.
fn closed_or(pyramid: &Pyramid, refusal: SegmentError) -> SegmentError {
    match refusal {
        SegmentError::NoPupil { .. } | SegmentError::NoIris { .. } if lids::are_shut(pyramid) => {
            SegmentError::EyeClosed
        }
        refusal => refusal,
    }
}

/// The candidate that is the best pupil and has the best limbus around it.
fn best_eye(pyramid: &Pyramid) -> Result<Eye, SegmentError> {
    let candidates = pupil::candidates(pyramid, CANDIDATES);
    let traced =
        |candidate: &Candidate| Some(Traced::new(pyramid, candidate.score, pupil::trace(pyramid, candidate, false)?));
    // The first one nearly always is the pupil, and few of the others can be better or lie inside of it.
    let first: Vec<Traced> = candidates.first().and_then(traced).into_iter().collect();
    if let Some((_, eye)) = best_of(pyramid, &first) {
        let rivals = candidates[1..].iter().filter(|rival| eye.has_rival(rival));
        let known: Vec<Traced> = first.into_iter().chain(rivals.filter_map(traced)).collect();
        if let Some((0, eye)) = best_of(pyramid, &known) {
            return Ok(eye);
        }
    }
    let traced: Vec<Traced> = candidates.iter().filter_map(traced).collect();
    let best_pupil = traced.iter().map(|traced| traced.confidence).fold(0.0, f64::max);
    best_of(pyramid, &traced).map(|(_, eye)| eye).ok_or(if best_pupil < LEAST_PUPIL_CONFIDENCE {
        SegmentError::NoPupil { confidence: best_pupil, least: LEAST_PUPIL_CONFIDENCE }
    } else {
        SegmentError::NoIris { confidence: 0.0, least: LEAST_IRIS_CONFIDENCE }
    })
}

/// A candidate's rough contour.
struct Traced {
    /// Of the candidate.
    score: f32,
    pupil: Pupil,
    confidence: f64,
    /// Looked for when they are asked for.
    sides: OnceCell<Option<Sides>>,
}

impl Traced {
    fn new(pyramid: &Pyramid, score: f32, pupil: Pupil) -> Self {
        let confidence = pupil_confidence(pyramid, &pupil);
        Self { score, pupil, confidence, sides: OnceCell::new() }
    }

    fn sides(&self, pyramid: &Pyramid) -> Option<Sides> {
        *self.sides.get_or_init(|| limbus::sides(pyramid, &self.pupil).filter(|sides| sides.radius >= LEAST_IRIS))
    }

    /// What speaks for the pupil without its limbus, which adds 1 at the most.
    fn without_limbus(&self) -> f32 {
        self.score + self.pupil.support + self.pupil.uniformity
    }

    /// Whether one of the others unmasks this disc: a good pupil inside a disc makes the disc an iris.
    fn is_iris(&self, others: &[Self]) -> bool {
        others.iter().any(|Self { pupil, confidence, .. }| {
            self.pupil.contains(pupil)
                && pupil.uniformity > self.pupil.uniformity
                && pupil.contrast > DARKER_PUPIL * self.pupil.contrast
                && *confidence > GOOD_PUPIL
        })
    }
}

/// The best of the traced candidates, and which one it is.
fn best_of(pyramid: &Pyramid, traced: &[Traced]) -> Option<(usize, Eye)> {
    let is_hopeful = |disc: &Traced| disc.confidence > HOPELESS_PUPIL && !disc.is_iris(traced);
    let mut hopeful: Vec<(usize, &Traced)> = traced.iter().enumerate().filter(|(_, disc)| is_hopeful(disc)).collect();
    hopeful.sort_by(|(_, a), (_, b)| b.without_limbus().total_cmp(&a.without_limbus()));
    let mut best: Option<(usize, Eye)> = None;
    for (at, disc) in hopeful {
        let least = best.as_ref().map_or(f32::NEG_INFINITY, |(_, eye)| eye.score);
        if disc.without_limbus() + 1.0 <= least {
            break;
        }
        let Some(sides) = disc.sides(pyramid) else { continue };
        let score = disc.without_limbus() + (sides.strength / GOOD_LIMBUS).min(1.0) * sides.balance.sqrt();
        if score > least {
            best = Some((at, Eye { pupil: disc.pupil.clone(), sides, score }));
        }
    }
    best
}

/// Support of the contour, less what it lacks in contrast, roundness and, down to half, uniformity.
///
/// Uniformity is what tells: of 1837 clippings of skin, lashes, brows and lid corners around development
/// eyes 28 % passed without it and 0.4 % pass with it, at the price of 0.5 % of the eyes.
fn pupil_confidence(pyramid: &Pyramid, pupil: &Pupil) -> f64 {
    let contrast = (pupil.contrast / (0.1 * pyramid.range()).max(LEAST_LEVELS)).clamp(0.0, 1.0);
    let (round, angular) = IRREGULARITY;
    let roundness = ((angular - pupil.irregularity()) / (angular - round)).clamp(0.0, 1.0);
    f64::from(pupil.support * contrast * roundness * (0.5 + 0.5 * (pupil.uniformity / UNIFORM_PUPIL).min(1.0)))
}

/// Support of the contour at the sides, less what it lacks in contrast, balance and visible iris.
///
/// Beside a strong pupil a limbus is not next to nothing: what is left of a drawn disc's own blur is.
fn iris_confidence(pyramid: &Pyramid, pupil: &Pupil, sides: &Sides, limbus: &Limbus, polar: &PolarIris) -> f64 {
    let least = (0.08 * pyramid.range().max(pupil.contrast)).max(LEAST_LEVELS);
    let contrast = (limbus.contrast / least).clamp(0.0, 1.0);
    let visible = (polar.usable() / 0.3).min(1.0);
    f64::from(limbus.support * contrast * visible * sides.balance.sqrt())
}

/// Points of a boundary, as `Contours` orders them.
fn contour(curve: &Curve) -> Vec<[f64; 2]> {
    let (centre, radii) = curve.about_own_centre(visible::ANGLES);
    radii
        .iter()
        .enumerate()
        .map(|(i, &radius)| {
            let angle = i as f64 * core::f64::consts::TAU / radii.len() as f64;
            let radius = f64::from(radius);
            [f64::from(centre[0]) + radius * angle.cos(), f64::from(centre[1]) + radius * angle.sin()]
        })
        .collect()
}
