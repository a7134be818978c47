//! How much of the iris is visible (open-iris `OcclusionCalculator`).

use ndarray::ArrayView2;

use crate::pipeline::geometry::{EyePolygons, Point, axis_offset};
use crate::pipeline::privacy::Wiped;
use crate::pipeline::raster::{Vertex, fill_polygon};

/// A canvas larger than this many pictures belongs to curves that have run away; nothing counts as visible then.
const MOST_PICTURES: usize = 16;

/// Visible shares of the iris within the given angles (degrees) of the eye's axis, on both sides of the pupil; 90° is
/// all of it. `noise` has the picture's size, true = something in front; `orientation` is the tilt in radians.
///
/// 0 where a part is empty, and where the curves are so large that the picture is a speck in them.
#[must_use]
pub fn visible_fractions<const N: usize>(
    polygons: &EyePolygons,
    noise: ArrayView2<'_, bool>,
    orientation: f64,
    degrees: [f64; N],
) -> [f64; N] {
    let Some(mut visibility) = Visibility::new(polygons, noise) else { return [0.0; N] };
    degrees.map(|degrees| visibility.fraction(orientation, degrees))
}

/// What lies in front of an iris: lids, lashes, the border of the picture.
struct Visibility<'a> {
    polygons: &'a EyePolygons,
    noise: ArrayView2<'a, bool>,
    canvas: Canvas,
    /// [`PUPIL`] and [`EYEBALL`] of each pixel of the canvas.
    layers: Wiped<u8>,
}

const PUPIL: u8 = 1;
const EYEBALL: u8 = 2;
const IRIS: u8 = 4;

/// The picture, enlarged so that the curves have room.
#[derive(Clone, Copy)]
struct Canvas {
    width: usize,
    height: usize,
    /// Position of the picture's first pixel.
    left: usize,
    top: usize,
}

impl<'a> Visibility<'a> {
    fn new(polygons: &'a EyePolygons, noise: ArrayView2<'a, bool>) -> Option<Self> {
        let canvas = Canvas::around(polygons, noise.dim())?;
        let mut layers = Wiped::filled(0, canvas.width * canvas.height);
        canvas.fill(&mut layers, &polygons.pupil, PUPIL);
        canvas.fill(&mut layers, &polygons.eyeball, EYEBALL);
        Some(Self { polygons, noise, canvas, layers })
    }

    fn fraction(&mut self, orientation: f64, degrees: f64) -> f64 {
        let part = quantile(&self.polygons.iris, orientation, degrees);
        self.canvas.fill(&mut self.layers, &part, IRIS);
        let Canvas { width, left, top, .. } = self.canvas;
        let (rows, columns) = self.noise.dim();
        let (mut visible, mut total) = (0_u32, 0_u32);
        for (y, layers) in self.layers.chunks_exact_mut(width.max(1)).enumerate() {
            // Most rows, and most of each row, are beside the iris; to know that takes no branch per pixel.
            let within = layers.iter().fold(0, |all, &layer| all | layer) & IRIS != 0;
            if !within {
                continue;
            }
            // open-iris draws the frame with its far corners, so it is one pixel larger than the picture.
            let row = y.checked_sub(top).filter(|&row| row <= rows);
            let noise = row.filter(|&row| row < rows).map(|row| self.noise.row(row));
            let first = layers.iter().position(|layer| layer & IRIS != 0).unwrap_or(0);
            let last = layers.iter().rposition(|layer| layer & IRIS != 0).unwrap_or(0);
            for (x, layer) in (first..).zip(&mut layers[first..=last]).filter(|(_, layer)| **layer & IRIS != 0) {
                *layer &= !IRIS;
                if *layer & PUPIL != 0 {
                    continue;
                }
                total += 1;
                let column = x.checked_sub(left).filter(|&column| column <= columns);
                if *layer & EYEBALL != 0
                    && row.is_some()
                    && let Some(column) = column
                    && !noise.and_then(|noise| noise.get(column).copied()).unwrap_or(false)
                {
                    visible += 1;
                }
            }
        }
        if total == 0 { 0.0 } else { f64::from(visible) / f64::from(total) }
    }
}

impl Canvas {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded below
    fn around(polygons: &EyePolygons, (rows, columns): (usize, usize)) -> Option<Self> {
        let (mut low, mut high) = ([0.0_f64; 2], [columns as f64, rows as f64]);
        for point in polygons.iris.iter().chain(&polygons.eyeball).chain(&polygons.pupil) {
            for axis in 0..2 {
                let value = f64::from(point[axis]);
                if !value.is_finite() {
                    return None;
                }
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        let [left, top] = low.map(|value| -value.floor());
        let [width, height] = [high[0].ceil() + left, high[1].ceil() + top];
        if width * height > (rows * columns * MOST_PICTURES) as f64 {
            return None;
        }
        Some(Self { width: width as usize, height: height as usize, left: left as usize, top: top as usize })
    }

    /// Adds a polygon to a layer; points are moved before they are rounded, as open-iris does.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // within the canvas
    fn fill(self, layers: &mut [u8], points: &[Point], layer: u8) {
        let (left, top) = (self.left as f64, self.top as f64);
        let vertices: Vec<Vertex> = points
            .iter()
            .map(|&[x, y]| [f64::from(x) + left, f64::from(y) + top].map(|c| c.round_ties_even() as i64))
            .collect();
        fill_polygon(layers, self.width, self.height, &vertices, |pixel| *pixel |= layer);
    }
}

/// The points within `degrees` of the axis, on both sides, as one polygon.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // about 512 points
fn quantile(iris: &[Point], orientation: f64, degrees: f64) -> Vec<Point> {
    let count = iris.len();
    let (front, back) = iris.split_at(axis_offset(orientation, count).min(count));
    let turned = [back, front].concat();
    let reach = (degrees * count as f64 / 360.0).round_ties_even() as usize;
    let middle = count / 2;
    let mut part = turned[..reach.min(count)].to_vec();
    part.extend_from_slice(&turned[middle.saturating_sub(reach)..(middle + reach).min(count)]);
    part.extend_from_slice(&turned[count.saturating_sub(reach)..]);
    part
}
