//! Outer contours of a mask by border following (Suzuki and Abe 1985), in the order that open-iris sees.
//!
//! Which point comes first and in which order the others follow decides which random bisectors are drawn, so the
//! trace keeps OpenCV's conventions: raster order of the scan, counter-clockwise on the screen, and of every straight
//! run (horizontal, vertical, diagonal) only the end points.

use ndarray::{Array2, ArrayView2};

use super::error::{Boundary, PipelineError};
use super::geometry::{EyePolygons, Point};
use super::segment::SegmentationMasks;

/// A pixel of a contour, `[x, y]`.
type Pixel = [i32; 2];

/// Smallest share of the largest contour's area that a second contour needs to count (open-iris `filter_polygon_areas`).
const RELATIVE_AREA: f64 = 0.03;

/// Steps to the eight neighbours, counter-clockwise on the screen, beginning at +x.
const STEPS: [[i32; 2]; 8] = [[1, 0], [1, -1], [0, -1], [-1, -1], [-1, 0], [-1, 1], [0, 1], [1, 1]];

const BACKGROUND: u8 = 0;
const UNSEEN: u8 = 1;
/// On a border that was followed.
const FOLLOWED: u8 = 2;
/// The same, and the pixel to the right was looked at and is background: scanning leaves the region here.
const RIGHT_EDGE: u8 = 3;

/// Outer contours of pupil, of iris with pupil, and of the lids' opening with both (open-iris `ContouringAlgorithm`).
///
/// # Errors
/// [`PipelineError::NoIris`] when the iris mask is empty, [`PipelineError::Regions`] when one of the three masks has no
/// region, or more than one of at least 3 % of the largest one's area.
pub fn vectorize(masks: &SegmentationMasks) -> Result<EyePolygons, PipelineError> {
    if !masks.iris.iter().any(|&inside| inside) {
        return Err(PipelineError::NoIris);
    }
    let iris = &masks.iris | &masks.pupil;
    // In the order of open-iris, for the sake of which mask is complained about.
    let eyeball = one_contour(Boundary::Eyeball, &(&iris | &masks.eyeball))?;
    let iris = one_contour(Boundary::Iris, &iris)?;
    Ok(EyePolygons { pupil: one_contour(Boundary::Pupil, &masks.pupil)?, iris, eyeball })
}

/// The outer contour of the lids' opening with iris and pupil.
pub(crate) fn vectorize_eyeball(masks: &SegmentationMasks) -> Result<Vec<Point>, PipelineError> {
    let iris = &masks.iris | &masks.pupil;
    one_contour(Boundary::Eyeball, &(iris | &masks.eyeball))
}

fn one_contour(boundary: Boundary, mask: &Array2<bool>) -> Result<Vec<Point>, PipelineError> {
    let contours = significant_contours(mask.view());
    let [contour] = &contours[..] else {
        return Err(PipelineError::Regions { boundary, found: contours.len() });
    };
    #[allow(clippy::cast_precision_loss)] // sides of a picture
    let points = contour.iter().map(|&[x, y]| [x as f32, y as f32]).collect();
    Ok(points)
}

/// The outer contours that lie in no hole of another and are large enough to count.
fn significant_contours(mask: ArrayView2<'_, bool>) -> Vec<Vec<Pixel>> {
    let mut contours = outer_contours(mask);
    let areas: Vec<f64> = contours.iter().map(|contour| if contour.len() > 2 { area(contour) } else { 1.0 }).collect();
    let largest = areas.iter().copied().fold(0.0, f64::max);
    let mut areas = areas.into_iter();
    contours.retain(|_| areas.next().is_some_and(|area| area > 0.0 && area / largest > RELATIVE_AREA));
    contours
}

/// Area by the shoelace formula.
fn area(contour: &[Pixel]) -> f64 {
    let mut twice = 0_i64;
    let mut previous = contour.last().copied().unwrap_or_default();
    for &[x, y] in contour {
        twice += i64::from(previous[0]) * i64::from(y) - i64::from(x) * i64::from(previous[1]);
        previous = [x, y];
    }
    #[allow(clippy::cast_precision_loss)] // at most twice the picture's pixels
    let area = twice.unsigned_abs() as f64 / 2.0;
    area
}

/// Every outer contour that lies in no hole of another region, in raster order of its first pixel.
fn outer_contours(mask: ArrayView2<'_, bool>) -> Vec<Vec<Pixel>> {
    let mut grid = Grid::new(mask);
    let mut contours = Vec::new();
    for row in 1..=grid.height {
        let start = row * grid.stride;
        let end = start + grid.stride;
        // Label where the scan last met a followed border in this row. On `FOLLOWED` it is inside a region.
        let mut border = BACKGROUND;
        let mut previous = BACKGROUND;
        let mut at = start + 1;
        loop {
            at = grid.next_change(at, end, previous);
            if at >= end {
                break;
            }
            if previous == BACKGROUND && grid.labels[at] == UNSEEN && border != FOLLOWED {
                contours.push(grid.follow(at));
            }
            previous = grid.labels[at];
            if previous != BACKGROUND && previous != UNSEEN {
                border = previous;
            }
        }
    }
    contours
}

/// Copies a row of the mask behind the frame's first pixel.
fn copy<'a>(row: impl Iterator<Item = &'a bool>, target: &mut [u8]) {
    for (label, &inside) in target[1..].iter_mut().zip(row) {
        *label = u8::from(inside);
    }
}

/// The mask with a frame of background, and the marks that following leaves.
struct Grid {
    labels: Vec<u8>,
    height: usize,
    stride: usize,
}

impl Grid {
    fn new(mask: ArrayView2<'_, bool>) -> Self {
        let (height, width) = mask.dim();
        let stride = width + 2;
        let mut labels = vec![BACKGROUND; stride * (height + 2)];
        for (row, target) in mask.rows().into_iter().zip(labels[stride..].chunks_exact_mut(stride)) {
            match row.to_slice() {
                Some(row) => copy(row.iter(), target),
                None => copy(row.iter(), target),
            }
        }
        Self { labels, height, stride }
    }

    /// First position in `at..end` whose label differs from `previous`, eight labels at a time; `end` if none does.
    fn next_change(&self, at: usize, end: usize, previous: u8) -> usize {
        let rest = &self.labels[at..end];
        let (words, tail) = rest.as_chunks::<8>();
        let same = words.iter().take_while(|word| **word == [previous; 8]).count();
        let beyond = words.get(same).map_or(tail, |word| &word[..]);
        at + 8 * same + beyond.iter().position(|&label| label != previous).unwrap_or(beyond.len())
    }

    fn neighbour(&self, at: usize, direction: usize) -> usize {
        // The row above is `stride` positions back; the frame keeps every neighbour inside.
        match direction {
            0 => at + 1,
            1 => at - self.stride + 1,
            2 => at - self.stride,
            3 => at - self.stride - 1,
            4 => at - 1,
            5 => at + self.stride - 1,
            6 => at + self.stride,
            _ => at + self.stride + 1,
        }
    }

    /// Follows the outer border that begins at `start`, marks it, and returns its corners.
    fn follow(&mut self, start: usize) -> Vec<Pixel> {
        let coordinate = |value: usize| i32::try_from(value).unwrap_or(i32::MAX) - 1;
        let mut pixel = [coordinate(start % self.stride), coordinate(start / self.stride)];
        // The last pixel of the border is the first set neighbour, clockwise from the left.
        let clockwise = [3, 2, 1, 0, 7, 6, 5];
        let Some(&first) = clockwise.iter().find(|&&d| self.labels[self.neighbour(start, d)] != BACKGROUND) else {
            self.labels[start] = RIGHT_EDGE;
            return vec![pixel];
        };
        let last = self.neighbour(start, first);
        let mut corners = Vec::new();
        let mut at = start;
        let mut from = first;
        let mut previous_direction = first ^ 4;
        loop {
            let mut turn = from + 1;
            while self.labels[self.neighbour(at, turn & 7)] == BACKGROUND {
                turn += 1;
            }
            let direction = turn & 7;
            let next = self.neighbour(at, direction);
            // Direction 0 (right) was among the background neighbours that were turned over.
            if direction != 0 && direction - 1 < from {
                self.labels[at] = RIGHT_EDGE;
            } else if self.labels[at] == UNSEEN {
                self.labels[at] = FOLLOWED;
            }
            if direction != previous_direction {
                corners.push(pixel);
                previous_direction = direction;
            }
            pixel = [pixel[0] + STEPS[direction][0], pixel[1] + STEPS[direction][1]];
            if next == start && at == last {
                return corners;
            }
            at = next;
            from = (direction + 4) & 7;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn mask(rows: &[&str]) -> Array2<bool> {
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(y, x)| rows[y].as_bytes()[x] == b'#')
    }

    #[test]
    fn a_rectangle_has_four_corners_counter_clockwise_from_the_top_left() {
        let contours = outer_contours(mask(&["......", ".####.", ".####.", "......"]).view());
        assert_eq!(contours, [vec![[1, 1], [1, 2], [4, 2], [4, 1]]]);
    }

    #[test]
    fn the_border_of_the_picture_is_no_obstacle() {
        let contours = outer_contours(mask(&["###", "###", "###"]).view());
        assert_eq!(contours, [vec![[0, 0], [0, 2], [2, 2], [2, 0]]]);
    }

    #[test]
    fn one_pixel_is_a_contour_of_one_point() {
        assert_eq!(outer_contours(mask(&["...", ".#.", "..."]).view()), [vec![[1, 1]]]);
    }

    #[test]
    fn a_line_is_walked_there_and_back() {
        assert_eq!(outer_contours(mask(&["....", "####", "...."]).view()), [vec![[0, 1], [3, 1]]]);
        assert_eq!(outer_contours(mask(&["#..", ".#.", "..#"]).view()), [vec![[0, 0], [2, 2]]]);
    }

    #[test]
    fn what_lies_in_a_hole_is_no_outer_contour() {
        let ring = ["#######", "#.....#", "#.###.#", "#.###.#", "#.....#", "#######"];
        assert_eq!(outer_contours(mask(&ring).view()), [vec![[0, 0], [0, 5], [6, 5], [6, 0]]]);
        // Beside the ring it is.
        let beside = ["####...", "#..#.##", "####.##"];
        assert_eq!(outer_contours(mask(&beside).view()).len(), 2);
    }

    #[test]
    fn small_specks_are_dropped_and_large_ones_kept() {
        let mut picture = Array2::from_elem((40, 60), false);
        picture.slice_mut(ndarray::s![5..35, 5..35]).fill(true);
        picture.slice_mut(ndarray::s![2..5, 50..53]).fill(true);
        assert_eq!(significant_contours(picture.view()).len(), 1);
        picture.slice_mut(ndarray::s![2..12, 45..56]).fill(true);
        assert_eq!(significant_contours(picture.view()).len(), 2);
    }

    #[test]
    fn an_empty_mask_has_no_contour() {
        assert!(significant_contours(Array2::from_elem((4, 4), false).view()).is_empty());
        assert!(significant_contours(Array2::from_elem((0, 0), false).view()).is_empty());
    }
}
