//! One permutation of the bits of up to sixty-four planes at once.
//!
//! Moving bits one by one takes some twenty microseconds a plane, which a million people would wait a minute for. Turned
//! on their side, so that a word holds one place of sixty-four planes, a permutation of bits moves whole words.

use zeroize::Zeroizing;

/// Planes that are moved together.
pub(super) const LANES: usize = 64;

/// Bit i of every plane becomes what bit `source[i]` was.
///
/// # Panics
///
/// With more than [`LANES`] planes, or planes that do not have one bit for each place of `source`.
pub(super) fn permute(planes: &mut [Zeroizing<Vec<u64>>], source: &[u16]) {
    let columns = source.len() / 64;
    assert!(
        planes.len() <= LANES && planes.iter().all(|plane| plane.len() == columns),
        "one layout, 64 planes at most"
    );
    let mut places = Zeroizing::new(vec![0_u64; source.len()]);
    for column in 0..columns {
        let block: &mut [u64; 64] =
            (&mut places[64 * column..64 * (column + 1)]).try_into().expect("a slice of 64 words");
        for (word, plane) in block.iter_mut().zip(planes.iter()) {
            *word = plane[column];
        }
        transpose(block);
    }
    let mut block = Zeroizing::new([0_u64; 64]);
    for column in 0..columns {
        for (word, source) in block.iter_mut().zip(&source[64 * column..]) {
            *word = places[usize::from(*source)];
        }
        transpose(&mut block);
        for (word, plane) in block.iter().zip(planes.iter_mut()) {
            plane[column] = *word;
        }
    }
}

/// Bit j of word i becomes bit i of word j: halves, then quarters, and so on (H. S. Warren, *Hacker's Delight*, 7-3).
fn transpose(block: &mut [u64; 64]) {
    let (mut width, mut low) = (32, 0x0000_0000_FFFF_FFFF_u64);
    while width > 0 {
        for start in (0..64).step_by(2 * width) {
            for row in start..start + width {
                let exchanged = (block[row] >> width ^ block[row + width]) & low;
                block[row] ^= exchanged << width;
                block[row + width] ^= exchanged;
            }
        }
        width /= 2;
        low ^= low << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *seed;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    #[test]
    fn rows_become_columns() {
        let mut seed = 1;
        let before: [u64; 64] = core::array::from_fn(|_| noise(&mut seed));
        let mut after = before;
        transpose(&mut after);
        for (i, row) in before.iter().enumerate() {
            for (j, column) in after.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> i & 1, "bit {j} of word {i}");
            }
        }
    }

    /// The naive twin: one bit after the other.
    #[test]
    fn every_bit_arrives_whatever_the_number_of_planes() {
        let mut seed = 2;
        let columns = 3;
        let mut source: Vec<u16> = (0..64 * columns).collect();
        for i in (1..source.len()).rev() {
            source.swap(i, noise(&mut seed) as usize % (i + 1));
        }
        for count in [0, 1, 2, 63, 64] {
            let before: Vec<_> = (0..count)
                .map(|_| Zeroizing::new((0..columns).map(|_| noise(&mut seed)).collect::<Vec<u64>>()))
                .collect();
            let mut after = before.clone();
            permute(&mut after, &source);
            for (before, after) in before.iter().zip(&after) {
                for (to, from) in source.iter().enumerate() {
                    let from = usize::from(*from);
                    assert_eq!(after[to / 64] >> (to % 64) & 1, before[from / 64] >> (from % 64) & 1);
                }
            }
        }
    }
}
