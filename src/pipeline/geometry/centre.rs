//! Centres of pupil and iris.

use super::{EyeCentres, EyePolygons, Point, diameter};
use crate::pipeline::error::{Boundary, PipelineError};
use crate::pipeline::mt19937::Mt19937;

/// How the centre of a boundary is found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CentreMethod {
    /// The point nearest to a hundred perpendicular bisectors of random point pairs.
    ///
    /// open-iris' default. Its random numbers are reproduced, so that the template is the same bit for bit.
    Bisectors,
    /// Algebraic circle fit, once more without the points far off the first circle.
    ///
    /// Deterministic without random numbers, in open-iris since 1.11.2 beside the bisectors. The centres differ by up to
    /// a pixel from those of the bisectors, and the templates accordingly.
    CircleFit {
        /// Points farther off than median + this × median absolute deviation are left out of the second fit.
        mad_scale: f64,
    },
}

impl CentreMethod {
    /// The circle fit with open-iris' tolerance of 3 median absolute deviations.
    pub const CIRCLE_FIT: Self = Self::CircleFit { mad_scale: 3.0 };

    /// The centres of pupil and iris.
    ///
    /// # Errors
    /// [`PipelineError::NoCentre`] when too little of a boundary is there to tell.
    pub fn centres(self, polygons: &EyePolygons) -> Result<EyeCentres, PipelineError> {
        let centre = |boundary, points: &[Point]| {
            match self {
                Self::Bisectors => bisectors(points),
                Self::CircleFit { mad_scale } => circle_fit(points, mad_scale),
            }
            .filter(|centre| centre.iter().all(|c| c.is_finite()))
            .ok_or(PipelineError::NoCentre { boundary })
        };
        Ok(EyeCentres {
            pupil: centre(Boundary::Pupil, &polygons.pupil)?,
            iris: centre(Boundary::Iris, &polygons.iris)?,
        })
    }
}

/// Bisectors used.
const BISECTORS: usize = 100;
/// Rounds of drawing before giving up; each draws [`BISECTORS`] pairs.
const ROUNDS: usize = 50;
/// A pair counts when its points are farther apart than this share of the polygon's diameter.
const LEAST_DISTANCE: f64 = 0.75;
/// open-iris' seed.
const SEED: u32 = 142_857;

fn bisectors(points: &[Point]) -> Option<[f64; 2]> {
    let count = u32::try_from(points.len()).ok().filter(|&count| count > 0)?;
    // numpy compares single-precision distances with the limit cast to single precision.
    #[allow(clippy::cast_possible_truncation)]
    let least = (LEAST_DISTANCE * diameter(points)) as f32;
    let mut random = Mt19937::new(SEED);
    let mut pairs = Vec::with_capacity(2 * BISECTORS);
    for _ in 0..ROUNDS {
        for _ in 0..BISECTORS {
            let [a, b] = [(); 2].map(|()| points[random.index(count) as usize]);
            let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
            if (dx * dx + dy * dy).sqrt() > least {
                pairs.push((a.map(f64::from), b.map(f64::from)));
            }
        }
        if pairs.len() >= BISECTORS {
            pairs.truncate(BISECTORS);
            return intersection(&pairs);
        }
    }
    None
}

/// The point with the least squared distance from all perpendicular bisectors: Σ(I − nnᵀ) p = Σ(I − nnᵀ) q for lines
/// through q along n.
fn intersection(pairs: &[([f64; 2], [f64; 2])]) -> Option<[f64; 2]> {
    let [mut r00, mut r01, mut r11, mut q0, mut q1] = [0.0; 5];
    for (a, b) in pairs {
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length = dx.hypot(dy);
        let (nx, ny) = (dy / length, -dx / length);
        // Any point of the line will do; open-iris takes the one a unit before the middle.
        let (x, y) = ((a[0] + b[0]) / 2.0 - nx, (a[1] + b[1]) / 2.0 - ny);
        let (p00, p01, p11) = (1.0 - nx * nx, -nx * ny, 1.0 - ny * ny);
        r00 += p00;
        r01 += p01;
        r11 += p11;
        q0 += p00 * x + p01 * y;
        q1 += p01 * x + p11 * y;
    }
    let determinant = r00 * r11 - r01 * r01;
    // All bisectors parallel: the centre is anywhere on them.
    (determinant > 1e-12).then(|| [(q0 * r11 - q1 * r01) / determinant, (q1 * r00 - q0 * r01) / determinant])
}

/// Least points of a fit; fewer survivors of the first fit mean that the first fit stands.
const LEAST_POINTS: usize = 3;

fn circle_fit(points: &[Point], mad_scale: f64) -> Option<[f64; 2]> {
    let points: Vec<[f64; 2]> = points.iter().map(|point| point.map(f64::from)).collect();
    let (centre, radius) = algebraic_circle(&points)?;
    let residuals: Vec<f64> =
        points.iter().map(|[x, y]| ((x - centre[0]).hypot(y - centre[1]) - radius).abs()).collect();
    let middle = median(residuals.clone());
    let deviation = median(residuals.iter().map(|residual| (residual - middle).abs()).collect());
    let most = middle + mad_scale * deviation;
    let kept: Vec<[f64; 2]> =
        points.iter().zip(&residuals).filter(|&(_, &residual)| residual <= most).map(|(&point, _)| point).collect();
    if kept.len() < LEAST_POINTS {
        return Some(centre);
    }
    algebraic_circle(&kept).map(|(centre, _)| centre)
}

/// Least squares of x² + y² + ax + by + c = 0 (Kåsa 1976), in coordinates about the mean, where c decouples.
fn algebraic_circle(points: &[[f64; 2]]) -> Option<([f64; 2], f64)> {
    if points.len() < LEAST_POINTS {
        return None;
    }
    #[allow(clippy::cast_precision_loss)] // contour points
    let count = points.len() as f64;
    let mean = points.iter().fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]).map(|sum| sum / count);
    let [mut xx, mut xy, mut yy, mut xz, mut yz, mut z] = [0.0; 6];
    for point in points {
        let (x, y) = (point[0] - mean[0], point[1] - mean[1]);
        let squared = x * x + y * y;
        xx += x * x;
        xy += x * y;
        yy += y * y;
        xz += x * squared;
        yz += y * squared;
        z += squared;
    }
    let determinant = xx * yy - xy * xy;
    // On a line there is no circle; the scale is that of the moments themselves.
    if determinant <= 1e-12 * (xx + yy).powi(2) {
        return None;
    }
    let x = (xz * yy - yz * xy) / (2.0 * determinant);
    let y = (yz * xx - xz * xy) / (2.0 * determinant);
    Some(([mean[0] + x, mean[1] + y], (x * x + y * y + z / count).sqrt()))
}

/// Mean of the two middle values where there are two; 0 without values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn circle(count: u16, turn: f64) -> Vec<Point> {
        let points: Vec<[f64; 2]> = (0..count)
            .map(|i| super::super::from_polar([turn * f64::from(i) / f64::from(count), 40.0], [120.0, 90.0]))
            .collect();
        super::super::store(&points)
    }

    fn off(centre: [f64; 2]) -> f64 {
        (centre[0] - 120.0).hypot(centre[1] - 90.0)
    }

    #[test]
    fn both_methods_find_the_centre_of_a_circle() {
        assert!(off(bisectors(&circle(300, core::f64::consts::TAU)).unwrap()) < 1e-4);
        assert!(off(circle_fit(&circle(300, core::f64::consts::TAU), 3.0).unwrap()) < 1e-4);
        // Half a circle is enough for the fit.
        assert!(off(circle_fit(&circle(300, 3.0), 3.0).unwrap()) < 1e-3);
    }

    #[test]
    fn outliers_do_not_move_the_circle() {
        let mut points = circle(300, core::f64::consts::TAU);
        points.extend([[200.0, 90.0]; 20]);
        assert!(off(circle_fit(&points, 3.0).unwrap()) < 1e-3);
    }

    #[test]
    fn degenerate_curves_have_no_centre() {
        assert_eq!(bisectors(&[]), None);
        assert_eq!(bisectors(&[[1.0, 1.0]]), None);
        let line: Vec<Point> = (0_u8..50).map(|i| [f32::from(i), 2.0 * f32::from(i)]).collect();
        assert_eq!(circle_fit(&line, 3.0), None);
        assert_eq!(bisectors(&line), None);
    }
}
