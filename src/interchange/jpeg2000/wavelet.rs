//! The reversible 5/3 wavelet: ITU-T T.800, annex F.4, for an image whose first sample has even coordinates.

use zeroize::Zeroizing;

/// Transforms `levels` times, in place: afterwards the low frequencies of each level are in the upper left quarter
/// (rounded up), and the next level works on these alone.
pub(super) fn forward(samples: &mut [i32], width: usize, height: usize, levels: usize) {
    let mut line = Zeroizing::new(vec![0; width.max(height)]);
    let (mut columns, mut rows) = (width, height);
    for _ in 0..levels {
        // Columns first: with rounding in each step the order matters, and decoders end with the columns.
        for x in 0..columns {
            let column = &mut line[..rows];
            column.iter_mut().enumerate().for_each(|(y, value)| *value = samples[y * width + x]);
            split(column);
            place(column, |y, value| samples[y * width + x] = value);
        }
        for y in 0..rows {
            let row = &mut line[..columns];
            row.copy_from_slice(&samples[y * width..][..columns]);
            split(row);
            place(row, |x, value| samples[y * width + x] = value);
        }
        (columns, rows) = (columns.div_ceil(2), rows.div_ceil(2));
    }
}

/// Lifting (equations F-9 and F-10), with the line mirrored at both ends: details at odd places, averages at even ones.
fn split(line: &mut [i32]) {
    let last = line.len() - 1;
    if last == 0 {
        return;
    }
    for odd in (1..=last).step_by(2) {
        let right = if odd < last { odd + 1 } else { odd - 1 };
        line[odd] -= (line[odd - 1] + line[right]).div_euclid(2);
    }
    for even in (0..=last).step_by(2) {
        let left = if even > 0 { even - 1 } else { 1 };
        let right = if even < last { even + 1 } else { even - 1 };
        line[even] += (line[left] + line[right] + 2).div_euclid(4);
    }
}

/// Hands out averages, then details, with the place where each belongs.
fn place(line: &[i32], mut put: impl FnMut(usize, i32)) {
    let averages = line.len().div_ceil(2);
    for (index, value) in line.iter().enumerate() {
        put(if index % 2 == 0 { index / 2 } else { averages + index / 2 }, *value);
    }
}
