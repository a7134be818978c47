//! Brightness without the lighting: what is left when the mean of the surroundings is taken away.

use crate::pipeline::normalize::NormalizedIris;
use crate::pipeline::privacy::Wiped;

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
    pub(super) fn remove(self, iris: &NormalizedIris) -> Wiped<i16> {
        let (rows, columns) = iris.image().dim();
        let mut differences = Wiped::filled(0_i16, rows * columns);
        if differences.is_empty() {
            return differences;
        }
        let half_rows = usize::from(self.half_rows);
        // No pixel of a circle is counted twice.
        let reach = usize::from(self.half_columns).min((columns - 1) / 2);
        let mut sums = Sums::new(columns, reach);
        let (grey, valid) = iris.as_slices();
        let line = |row: usize| {
            let line = row * columns..(row + 1) * columns;
            (&grey[line.clone()], &valid[line])
        };
        (0..half_rows.min(rows)).for_each(|row| sums.enter(line(row)));
        for (row, differences) in differences.chunks_exact_mut(columns).enumerate() {
            if row + half_rows < rows {
                sums.enter(line(row + half_rows));
            }
            if row > half_rows {
                sums.leave(line(row - half_rows - 1));
            }
            let (grey, valid) = line(row);
            let totals = sums.around(reach);
            for (((difference, &total), &grey), &valid) in differences.iter_mut().zip(totals).zip(grey).zip(valid) {
                // A valid pixel is among those that are counted.
                *difference = if valid { i16::from(grey) - mean(total) } else { 0 };
            }
        }
        differences
    }
}

/// A sum of grey values, and in the upper half how many they are.
///
/// The sums of the picture's first 2²⁴ pixels fit in their half.
type Total = u64;

/// The mean, rounded, halves up: at most 255.
///
/// The quotient of whole numbers of at most 2²⁴ is a half or differs from one by 2⁻²⁵ at least, so that `NUDGE` moves halves
/// and nothing else. Then the last bits of a number of this size are the nearest whole number. Compilers do that for several
/// pixels at once; integer divisions they do one after the other.
fn mean(total: Total) -> i16 {
    const NUDGE: f64 = 1.0 / (1_u64 << 30) as f64;
    const WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;
    #[allow(clippy::cast_possible_truncation)] // the halves are taken apart
    let (sum, count) = (f64::from(total as u32), f64::from((total >> 32) as u32));
    #[allow(clippy::cast_possible_truncation)]
    let mean = ((sum / count + NUDGE) + WHOLE).to_bits() as i16;
    mean
}

/// Sums over the rows in reach.
struct Sums {
    /// Of each column.
    grey: Wiped<u32>,
    count: Vec<u32>,
    /// Both, with as many columns repeated on either side as are in reach.
    closed: Wiped<Total>,
    /// Of the columns around each one.
    around: Wiped<Total>,
}

impl Sums {
    fn new(columns: usize, reach: usize) -> Self {
        Self {
            grey: Wiped::filled(0, columns),
            count: vec![0; columns],
            closed: Wiped::filled(0, columns + 2 * reach),
            around: Wiped::filled(0, columns),
        }
    }

    fn enter(&mut self, (pixels, valid): (&[u8], &[bool])) {
        let sums = self.grey.iter_mut().zip(&mut self.count);
        for ((grey, count), (&pixel, &valid)) in sums.zip(pixels.iter().zip(valid)) {
            let one = u8::from(valid);
            *grey += u32::from(pixel & one.wrapping_neg());
            *count += u32::from(one);
        }
    }

    fn leave(&mut self, (pixels, valid): (&[u8], &[bool])) {
        let sums = self.grey.iter_mut().zip(&mut self.count);
        for ((grey, count), (&pixel, &valid)) in sums.zip(pixels.iter().zip(valid)) {
            let one = u8::from(valid);
            *grey -= u32::from(pixel & one.wrapping_neg());
            *count -= u32::from(one);
        }
    }

    /// The sums of `reach` columns to either side of each one, and itself.
    fn around(&mut self, reach: usize) -> &[Total] {
        let columns = self.grey.len();
        let totals =
            self.grey.iter().zip(&self.count).map(|(&grey, &count)| Total::from(grey) | Total::from(count) << 32);
        self.closed[reach..].iter_mut().zip(totals).for_each(|(closed, total)| *closed = total);
        self.closed.copy_within(columns..columns + reach, 0);
        self.closed.copy_within(reach..2 * reach, reach + columns);
        // What is about to enter is known less what is about to leave; halves that borrow from each other pay back.
        let mut total = self.closed[..2 * reach].iter().sum::<Total>();
        for ((around, &entering), &leaving) in self.around.iter_mut().zip(&self.closed[2 * reach..]).zip(&*self.closed)
        {
            total = total.wrapping_add(entering);
            *around = total;
            total = total.wrapping_sub(leaving);
        }
        &self.around
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
