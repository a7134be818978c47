//! The order of the stages.

use ndarray::{CowArray, Ix2, Zip};

use super::contour::{vectorize, vectorize_eyeball};
use super::encode::encode;
use super::geometry::{self, BoundingBox, EyeCentres, EyePolygons, Moments, Point, diameter};
use super::image::EyeImage;
use super::normalize::normalize;
use super::quality::{Quality, sharpness, visible_fractions};
use super::segment::{Contours, SegmentationMasks};
use super::{Boundary, Confidence, Pipeline, PipelineConfig, PipelineError, Stage, Trace, UnknownTilt};

/// Points that a segmenter's curve needs: fewer cannot follow an iris.
const LEAST_CURVE_POINTS: usize = 32;

impl Pipeline {
    /// Runs the stages; `keep` the wavelets' answers, which only a trace wants.
    pub(super) fn staged(&self, image: &EyeImage, masks: Option<&SegmentationMasks>, keep: bool) -> Trace {
        self.staged_with(image, masks, keep, Trace::empty())
    }

    /// [`Self::staged`] into a trace that was begun, for instance with a clock.
    pub(super) fn staged_with(
        &self,
        image: &EyeImage,
        masks: Option<&SegmentationMasks>,
        keep: bool,
        mut trace: Trace,
    ) -> Trace {
        trace.quality.measure_picture(image);
        trace.times.finished(Stage::Quality);
        let outcome = self.stages(image, masks, keep, &mut trace);
        // A measure that an earlier stage found wanting is the better reason.
        trace.outcome = trace.quality.within(&self.limits, self.config.layout.bits()).and(outcome);
        trace
    }

    fn stages(
        &self,
        image: &EyeImage,
        given: Option<&SegmentationMasks>,
        keep: bool,
        trace: &mut Trace,
    ) -> Result<(), PipelineError> {
        if let Some(masks) = given {
            if keep {
                trace.masks = Some(masks.clone());
            }
            return self.stages_from_masks(image, masks, None, keep, trace);
        }
        let found = self.segmenter.segment(image)?;
        trace.times.finished(Stage::Segmentation);
        trace.confidence = Some(Confidence {
            segmenter: self.segmenter.id().to_owned(),
            pupil: found.pupil_confidence,
            iris: found.iris_confidence,
        });
        let outcome = self.stages_from_masks(image, &found.masks, found.contours.as_ref(), keep, trace);
        trace.masks = Some(found.masks);
        outcome
    }

    fn stages_from_masks(
        &self,
        image: &EyeImage,
        masks: &SegmentationMasks,
        curves: Option<&Contours>,
        keep: bool,
        trace: &mut Trace,
    ) -> Result<(), PipelineError> {
        let config = &self.config;
        same_size(image, masks)?;
        let (centres, boundaries) = match curves {
            Some(curves) => {
                let boundaries = polygons_of(curves, vectorize_eyeball(masks)?)?;
                self.find_orientation(&boundaries.eyeball, trace)?;
                // The curves are complete, and smoother than contours of masks: nothing random is needed.
                let centres = geometry::CentreMethod::CIRCLE_FIT.centres(&boundaries)?;
                centres.inside(image.width(), image.height())?;
                (centres, boundaries)
            }
            None => self.complete_boundaries(image, masks, trace)?,
        };
        trace.times.finished(Stage::Boundaries);
        let centres = *trace.centres.insert(centres);
        let boundaries = trace.boundaries.insert(boundaries);
        let orientation = trace.orientation.map_or(0.0, |(angle, _)| angle);

        measure_geometry(boundaries, &centres, &mut trace.quality);
        trace.quality.measure_eye(image, masks, boundaries, &centres);
        let [visible, beside] = visible_fractions(boundaries, masks.eyelashes.view(), orientation, [90.0, 30.0]);
        trace.quality.visible = Some(visible);
        trace.quality.visible_beside = Some(beside);

        trace.times.finished(Stage::Quality);
        let noise = with_reflections(image, masks, config);
        let normalized = normalize(image, noise.view(), boundaries, orientation, &config.normalization)?;
        trace.times.finished(Stage::Unrolling);
        trace.quality.sharpness = Some(sharpness(&normalized));
        trace.bounding_box = Some(BoundingBox::around(&boundaries.iris)?);

        trace.times.finished(Stage::Quality);
        let mut response = self.bank.respond(&normalized);
        trace.times.finished(Stage::Filters);
        trace.normalized = Some(normalized);
        if keep {
            trace.response = Some(response.clone());
        }
        config.fragile_bits.refine(&mut response, config.mask_rule);
        let template = encode(&response, config.layout, config.mask_threshold, config.encoder);
        let template = template.expect("the bank asks two wavelets on the layout's grid");
        trace.times.finished(Stage::Encoding);
        trace.quality.usable_bits = Some(template.mask().count());
        trace.template = Some(template);
        if keep {
            trace.refined = Some(response);
        }
        Ok(())
    }

    /// From masks to 512 points a boundary.
    fn complete_boundaries(
        &self,
        image: &EyeImage,
        masks: &SegmentationMasks,
        trace: &mut Trace,
    ) -> Result<(EyeCentres, EyePolygons), PipelineError> {
        let config = &self.config;
        let contours = vectorize(masks)?;
        let contours = trace.contours.insert(contours);
        let interpolated = trace.interpolated.insert(geometry::interpolate(contours, config.largest_gap));
        let filtered = geometry::drop_touching(interpolated.clone(), masks.eyelashes.view(), config.distance_to_noise)?;
        let filtered = trace.filtered.insert(filtered).clone();
        self.find_orientation(&filtered.eyeball, trace)?;
        let centres = *trace.centres.insert(config.centre.centres(&filtered)?);
        centres.inside(image.width(), image.height())?;
        let smoothed = trace.smoothed.insert(geometry::smooth(&filtered, &centres, config.smoothing)?);
        let boundaries = geometry::extrapolate(smoothed, &centres, config.extrapolation)?;
        Ok((centres, boundaries))
    }

    fn find_orientation(&self, eyeball: &[Point], trace: &mut Trace) -> Result<(), PipelineError> {
        let known = geometry::orientation(eyeball, self.config.least_eccentricity).map(|angle| (angle, true));
        trace.orientation = Some(match (known, self.config.unknown_tilt) {
            (Err(PipelineError::OrientationUnknown { .. }), UnknownTilt::Level) => (0.0, false),
            (known, _) => known?,
        });
        Ok(())
    }
}

fn same_size(image: &EyeImage, masks: &SegmentationMasks) -> Result<(), PipelineError> {
    let (width, height) = (image.width(), image.height());
    let named =
        [("eyeball", &masks.eyeball), ("iris", &masks.iris), ("pupil", &masks.pupil), ("eyelash", &masks.eyelashes)];
    for (mask, pixels) in named {
        let (found_height, found_width) = pixels.dim();
        if (found_width, found_height) != (width, height) {
            return Err(PipelineError::MaskSize { mask, found_width, found_height, width, height });
        }
    }
    Ok(())
}

/// Lashes and reflections: what is not iris although it is inside.
fn with_reflections<'a>(
    image: &EyeImage,
    masks: &'a SegmentationMasks,
    config: &PipelineConfig,
) -> CowArray<'a, bool, Ix2> {
    // The unrolling leaves out bright pixels by itself. Where it leaves out all of these, the union changes nothing.
    if config.normalization.oversaturated.saturating_sub(1) <= config.specular_above {
        return CowArray::from(&masks.eyelashes);
    }
    let mut noise = masks.eyelashes.clone();
    Zip::from(&mut noise).and(image.pixels()).for_each(|noise, &pixel| *noise |= pixel > config.specular_above);
    CowArray::from(noise)
}

fn polygons_of(curves: &Contours, eyeball: Vec<Point>) -> Result<EyePolygons, PipelineError> {
    let curve = |boundary, points: &[[f64; 2]]| {
        let is_good = points.len() >= LEAST_CURVE_POINTS
            && points.len() == curves.pupil.len()
            && points.iter().flatten().all(|c| c.abs() < 1e6);
        if is_good {
            Ok(geometry::store(points))
        } else {
            Err(PipelineError::BadCurve { boundary, points: points.len(), least: LEAST_CURVE_POINTS })
        }
    };
    Ok(EyePolygons {
        pupil: curve(Boundary::Pupil, &curves.pupil)?,
        iris: curve(Boundary::Iris, &curves.iris)?,
        eyeball,
    })
}

fn measure_geometry(boundaries: &EyePolygons, centres: &EyeCentres, quality: &mut Quality) {
    let (pupil, iris) = (diameter(&boundaries.pupil), diameter(&boundaries.iris));
    let [pupil_shape, iris_shape] =
        [&boundaries.pupil, &boundaries.iris].map(|points| Moments::of(points).eccentricity());
    quality.pupil_diameter = Some(pupil);
    quality.iris_diameter = Some(iris);
    quality.pupil_to_iris_diameter = Some(pupil / iris);
    quality.pupil_to_iris_centre_distance = Some(centres.distance() * 2.0 / iris);
    quality.off_gaze = Some(pupil_shape.min(iris_shape));
}
