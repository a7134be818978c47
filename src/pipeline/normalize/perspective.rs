//! Unrolling patch by patch with projective maps (open-iris `PerspectiveNormalization`).

use ndarray::Array2;

use super::{NormalizedIris, Validity};
use crate::pipeline::geometry::Point;
use crate::pipeline::image::EyeImage;

/// Parameters of the projective unrolling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perspective {
    /// Columns of the unrolled iris.
    pub columns: u16,
    /// Every which contour point is a corner of a patch.
    pub skip: u16,
    /// Rings of corners between pupil and limbus, both included; at least 2.
    pub rings: u16,
}

impl Perspective {
    /// open-iris' defaults: 1024 columns, every 10th contour point, 10 rings.
    pub const OPEN_IRIS: Self = Self { columns: 1024, skip: 10, rings: 10 };

    pub(super) fn unroll(
        self,
        image: &EyeImage,
        valid: &Validity<'_>,
        pupil: &[Point],
        iris: &[Point],
        rows: usize,
    ) -> NormalizedIris {
        let columns = usize::from(self.columns);
        let mut unrolled =
            NormalizedIris { image: Array2::zeros((rows, columns)), mask: Array2::from_elem((rows, columns), false) };
        let skip = usize::from(self.skip.max(1));
        let corners: Vec<(Point, Point)> =
            pupil.iter().zip(iris).step_by(skip).map(|(&pupil, &iris)| (pupil, iris)).collect();
        let rings = usize::from(self.rings.max(2));
        let ring = |r: usize| -> Vec<Point> {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // numpy casts the scalar
            let radius = if r + 1 == rings { 1.0 } else { (r as f64 * (1.0 / (rings - 1) as f64)) as f32 };
            corners.iter().map(|(p, i)| [p[0] + radius * (i[0] - p[0]), p[1] + radius * (i[1] - p[1])]).collect()
        };
        let edges = |count: usize, length: usize| -> Vec<usize> { (0..=count).map(|k| k * length / count).collect() };
        if corners.is_empty() {
            return unrolled;
        }
        let (xs, ys) = (edges(corners.len(), columns), edges(rings - 1, rows));
        let mut inner = ring(0);
        for r in 1..rings {
            let outer = ring(r);
            for (c, x) in xs.windows(2).enumerate() {
                let next = (c + 1) % corners.len();
                let source = [inner[c], inner[next], outer[c], outer[next]].map(|point| point.map(f64::from));
                let (y0, y1) = (ys[r - 1], ys[r]);
                let Some(map) = Homography::between([x[0], x[1]], [y0, y1], source) else { continue };
                for row in y0..y1 {
                    for column in x[0]..x[1] {
                        #[allow(clippy::cast_precision_loss)] // sides of a picture
                        let [sx, sy] = map.at(column as f64, row as f64);
                        unrolled.image[[row, column]] = bilinear(image, sx, sy);
                        unrolled.mask[[row, column]] = pixel(sx, sy)
                            .filter(|&(y, x)| y < image.height() && x < image.width())
                            .is_some_and(|(y, x)| valid.at(y, x));
                    }
                }
            }
            inner = outer;
        }
        unrolled
    }
}

/// Row and column of the pixel that the coordinates, cut to whole numbers, name.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative after the cut; too large is `None` later
fn pixel(x: f64, y: f64) -> Option<(usize, usize)> {
    (x > -1.0 && y > -1.0).then_some((y as usize, x as usize))
}

/// Bilinear interpolation; pixels outside the picture count as black.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 255 after clamping
fn bilinear(image: &EyeImage, x: f64, y: f64) -> u8 {
    #[allow(clippy::cast_precision_loss)]
    let (right, bottom) = ((image.width() - 1) as f64, (image.height() - 1) as f64);
    // On a whole coordinate the second neighbour has weight 0; at the far border it is the one before.
    let span = |value: f64, last: f64| {
        let (low, high) = (value.floor(), value.ceil());
        if low < high {
            (low, high)
        } else if low == last {
            (low - 1.0, high)
        } else {
            (low, high + 1.0)
        }
    };
    let ((x0, x1), (y0, y1)) = (span(x, right), span(y, bottom));
    let grey = |x, y| pixel(x, y).and_then(|at| image.pixels().get(at)).map_or(0.0, |&grey| f64::from(grey));
    let left = grey(x0, y1) * (y - y0) + grey(x0, y0) * (y1 - y);
    let far = grey(x1, y1) * (y - y0) + grey(x1, y0) * (y1 - y);
    let value = (x1 - x) * left + (x - x0) * far;
    // open-iris stores value / 255 in single precision before it scales and rounds.
    let stored = value as f32 / 255.0;
    (stored * 255.0).round_ties_even().clamp(0.0, 255.0) as u8
}

/// The projective map with (u, v) ↦ ((h0 u + h1 v + h2) / w, (h3 u + h4 v + h5) / w), w = h6 u + h7 v + 1.
struct Homography([f64; 8]);

impl Homography {
    /// Maps the corners of a rectangle, row by row, to four points; `None` where there is no such map.
    #[allow(clippy::cast_precision_loss)] // sides of a picture
    fn between(u: [usize; 2], v: [usize; 2], to: [[f64; 2]; 4]) -> Option<Self> {
        let mut system = [[0.0; 9]; 8];
        for (k, [x, y]) in to.into_iter().enumerate() {
            let (u, v) = (u[k % 2] as f64, v[k / 2] as f64);
            system[k] = [u, v, 1.0, 0.0, 0.0, 0.0, -u * x, -v * x, x];
            system[k + 4] = [0.0, 0.0, 0.0, u, v, 1.0, -u * y, -v * y, y];
        }
        solve(system).map(Self)
    }

    fn at(&self, u: f64, v: f64) -> [f64; 2] {
        let h = &self.0;
        let w = h[6] * u + h[7] * v + 1.0;
        [(h[0] * u + h[1] * v + h[2]) / w, (h[3] * u + h[4] * v + h[5]) / w]
    }
}

/// Gaussian elimination with partial pivoting.
fn solve(mut system: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for k in 0..8 {
        let pivot = (k..8).max_by(|&a, &b| system[a][k].abs().total_cmp(&system[b][k].abs()))?;
        if system[pivot][k].abs() < f64::EPSILON {
            return None;
        }
        system.swap(k, pivot);
        let pivot = system[k];
        for row in &mut system[k + 1..] {
            let factor = row[k] / pivot[k];
            for (value, pivot) in row.iter_mut().zip(pivot).skip(k) {
                *value -= factor * pivot;
            }
        }
    }
    let mut solution = [0.0; 8];
    for k in (0..8).rev() {
        let known: f64 = (k + 1..8).map(|j| system[k][j] * solution[j]).sum();
        solution[k] = (system[k][8] - known) / system[k][k];
    }
    Some(solution)
}
