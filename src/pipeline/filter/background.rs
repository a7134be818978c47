//! Brightness without the lighting: what is left when the mean of the surroundings is taken away.

use zeroize::Zeroizing;

use crate::pipeline::normalize::NormalizedIris;

/// The surroundings whose mean brightness is taken away from every pixel before the wavelets are asked.
///
/// Only valid pixels make the mean, and invalid ones become 0, which is the mean: a lash or a reflection beside a
/// probe leaves a gap in its answer, where the plain bank lets the dark or bright pixels themselves answer (normalized
/// averaging: H. Knutsson and C.-F. Westin, *Normalized and Differential Convolution*, CVPR 1993).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background {
    /// Rows of the unrolled iris that count, above and below the pixel.
    pub half_rows: u16,
    /// Columns that count, to either side; around the eye they close to a circle.
    pub half_columns: u16,
}

impl Background {
    /// A third of the radius and a quarter of the circle to either side, of 128 × 512 pixels.
    ///
    /// Wide enough to leave the longest wave of our wavelets (28 columns) as it is, and narrow enough to follow light from one
    /// side and the change of brightness from the pupil outwards, which all irises have in common. The optimum is flat:
    /// half and twice the height and two thirds of the width gave the same equal error rates on development data.
    pub const WIDE: Self = Self { half_rows: 42, half_columns: 128 };

    /// The differences, row-major, in whole grey levels.
    pub(super) fn remove(self, iris: &NormalizedIris) -> Zeroizing<Vec<i16>> {
        let (rows, columns) = iris.image().dim();
        let half_rows = usize::from(self.half_rows);
        // No pixel of a circle is counted twice.
        let half_columns = usize::from(self.half_columns).min(columns.saturating_sub(1) / 2);
        let sums = Sums::new(iris, half_columns);
        let mut left = Zeroizing::new(Vec::with_capacity(rows * columns));
        for (((row, column), &pixel), &valid) in iris.image().indexed_iter().zip(iris.mask()) {
            let vertical = [row.saturating_sub(half_rows), (row + half_rows + 1).min(rows)];
            let [sum, count] = sums.within(vertical, [column, column + 2 * half_columns + 1]);
            // A valid pixel is among those that are counted. The mean is rounded, and at most 255.
            #[allow(clippy::cast_possible_truncation)]
            let mean = |sum: u32, count: u32| i16::from(((2 * sum + count) / (2 * count)) as u8);
            left.push(if valid { i16::from(pixel) - mean(sum, count) } else { 0 });
        }
        left
    }
}

/// Sums of the valid pixels above and to the left of each corner, and how many they are.
struct Sums {
    stride: usize,
    corners: Zeroizing<Vec<[u32; 2]>>,
}

impl Sums {
    /// `reach` columns are repeated on either side. The sums wrap at 2³²; those of a rectangle do not, up to 2²⁴ pixels.
    fn new(iris: &NormalizedIris, reach: usize) -> Self {
        let (rows, columns) = iris.image().dim();
        let width = columns + 2 * reach;
        let stride = width + 1;
        let mut corners = Zeroizing::new(vec![[0_u32; 2]; (rows + 1) * stride]);
        for (row, (grey, valid)) in iris.image().rows().into_iter().zip(iris.mask().rows()).enumerate() {
            let mut along = [0_u32; 2];
            for x in 0..width {
                let from = (x + columns - reach) % columns;
                if valid[from] {
                    along = [along[0].wrapping_add(u32::from(grey[from])), along[1] + 1];
                }
                let above = corners[row * stride + x + 1];
                corners[(row + 1) * stride + x + 1] = [0, 1].map(|i| above[i].wrapping_add(along[i]));
            }
        }
        Self { stride, corners }
    }

    fn within(&self, rows: [usize; 2], columns: [usize; 2]) -> [u32; 2] {
        let at = |row: usize, column: usize| self.corners[row * self.stride + column];
        let (a, b, c, d) =
            (at(rows[1], columns[1]), at(rows[0], columns[0]), at(rows[0], columns[1]), at(rows[1], columns[0]));
        [0, 1].map(|i| a[i].wrapping_add(b[i]).wrapping_sub(c[i]).wrapping_sub(d[i]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Every mean again, one pixel after the other.
    #[test]
    fn means_are_those_of_the_valid_pixels_around() {
        let (rows, columns) = (9, 14);
        let image = Array2::from_shape_fn((rows, columns), |(r, c)| ((r * 53 + c * 97 + r * c * 31) % 256) as u8);
        let mask = Array2::from_shape_fn((rows, columns), |(r, c)| (r * 5 + c * 3) % 7 > 1);
        let iris = NormalizedIris::new(image.clone(), mask.clone()).unwrap();
        for (half_rows, half_columns) in [(0, 0), (2, 3), (4, 6), (20, 50)] {
            let left = Background { half_rows, half_columns }.remove(&iris);
            for row in 0..rows {
                for column in 0..columns {
                    let mut values = Vec::new();
                    for r in row.saturating_sub(half_rows.into())..(row + usize::from(half_rows) + 1).min(rows) {
                        let reach = usize::from(half_columns).min((columns - 1) / 2);
                        for c in 0..2 * reach + 1 {
                            let c = (column + c + columns - reach) % columns;
                            values.extend(mask[[r, c]].then(|| f64::from(image[[r, c]])));
                        }
                    }
                    let mean = (values.iter().sum::<f64>() / values.len() as f64 + 0.5).floor();
                    let expected = if mask[[row, column]] { f64::from(image[[row, column]]) - mean } else { 0.0 };
                    assert_eq!(f64::from(left[row * columns + column]), expected);
                }
            }
        }
    }

    #[test]
    fn flat_light_leaves_nothing() {
        let image = Array2::from_elem((128, 512), 200);
        let iris = NormalizedIris::new(image, Array2::from_elem((128, 512), true)).unwrap();
        assert!(Background::WIDE.remove(&iris).iter().all(|&left| left == 0));
    }
}
