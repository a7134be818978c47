//! Closed lids: the one dark line that they leave, and the lashes that hang from it.
//!
//! Asked only when no pupil was believed, to tell a shut eye from a picture of something else. Only what is seen
//! counts: without a line there is no eye.

use zeroize::Zeroize as _;

use super::plane::{Plane, Pyramid};

/// Columns of the level on which the line is looked for, at least: the line of an eye that fills a third of the
/// picture is then some 50 px long and two to four pixels thick, and single lashes are too thin to be lines.
const LINE_COLUMNS: usize = 160;
/// Columns of the level on which lashes are looked for, at least: they stand a hundredth of the width apart.
const LASH_COLUMNS: usize = 320;
/// Least contrast of a piece of the line, as a share of the picture's range, in deviations of the level's noise
/// (five of one pixel are never reached by chance), and in grey levels (below it rounding makes lines of its own).
const LEAST_CONTRAST: f32 = 0.15;
const LEAST_SIGNAL: f32 = 5.0;
const LEAST_LEVELS: f32 = 4.0;
/// The whole line has at least twice the least contrast on the average: 1 beyond the floor. Drawn closed eyes of every
/// kind have 1.2 to 2.0, blurred open ones below 0.8, noise and clouds below 1.1.
const LEAST_STRENGTH: f32 = 1.0;
/// Length of the line over the picture's width, at least. The lids of an iris of 50 px radius, the smallest that is
/// segmented, are 250 px long, which is 0.39 of 640 columns; half of it may be too weak to be seen.
const LEAST_LENGTH: f32 = 0.2;
/// Beside the line there may be the lid's crease, the brow or a rim of spectacles, as strong as `TWIN_SHARE` of it; two
/// equal ones are the halves of a ring or a band. A third of `PATTERN_SHARE` makes it a pattern: text, stripes, hair.
const TWIN_SHARE: f32 = 0.9;
const PATTERN_SHARE: f32 = 0.35;
/// The surroundings are light again within this share of the width below the line: lashes are shorter.
const BAND: f32 = 0.12;
/// How much more the greys vary along the line below it than above it, where lashes hang.
const LASHES_BELOW: f32 = 1.5;
/// … and by this share of the line's least contrast, so that the steps of a slanting line on the grid are none.
const LEAST_LASHES: f32 = 0.25;

/// Whether the picture shows lids that are shut.
pub(super) fn are_shut(pyramid: &Pyramid) -> bool {
    let plane = pyramid.level(level_of_width(pyramid, LINE_COLUMNS));
    let floor = (LEAST_CONTRAST * pyramid.range()).max(LEAST_SIGNAL * noise(plane)).max(LEAST_LEVELS);
    let mut ridge = Ridge::new(plane, floor);
    let Some(line) = ridge.take_strongest() else { return false };
    let length = line.rows.len() as f32;
    if length < LEAST_LENGTH * plane.width as f32 || line.strength < LEAST_STRENGTH * length {
        return false;
    }
    let [second, third] = [(); 2].map(|()| ridge.take_strongest().map_or(0.0, |other| other.strength));
    if second > TWIN_SHARE * line.strength || third > PATTERN_SHARE * line.strength {
        return false;
    }
    let ends_inside = line.first > 1 && line.first + line.rows.len() + 1 < plane.width;
    ends_inside || has_lashes(pyramid, &line, plane.width, floor)
}

/// The coarsest level of at least so many columns, or the picture itself.
fn level_of_width(pyramid: &Pyramid, columns: usize) -> usize {
    (0..pyramid.levels()).rev().find(|&level| pyramid.level(level).width >= columns).unwrap_or(0)
}

/// Deviation of a pixel's noise, from the median of second differences along rows.
fn noise(plane: &Plane) -> f32 {
    let mut histogram = [0_usize; 1024];
    let mut count = 0;
    for row in plane.data.chunks_exact(plane.width) {
        for three in row.windows(3).step_by(2) {
            let [a, b, c] = [three[0], three[1], three[2]].map(i32::from);
            histogram[(2 * b - a - c).unsigned_abs() as usize] += 1;
            count += 1;
        }
    }
    let mut below = 0;
    let median = histogram.iter().position(|&n| {
        below += n;
        2 * below > count
    });
    // The median of |x| is 0.6745 deviations, and the second difference has √6 of a pixel's.
    median.unwrap_or(0) as f32 / (0.6745 * 2.449_49)
}

/// A dark line: `rows[i]` is its height in column `first + i`.
struct Line {
    first: usize,
    rows: Vec<usize>,
    /// Sum of the contrast beyond the floor, in floors.
    strength: f32,
}

/// How much darker each pixel is than what lies above and below it, in floors; wiped when dropped.
struct Ridge {
    width: usize,
    height: usize,
    /// `gain[column * height + row]`, −1 where there is no contrast.
    gain: Vec<f32>,
    /// Rows around a found line in which no other is looked for.
    clearance: usize,
}

impl Drop for Ridge {
    fn drop(&mut self) {
        self.gain.zeroize();
    }
}

impl Ridge {
    fn new(plane: &Plane, floor: f32) -> Self {
        let (width, height) = (plane.width, plane.height);
        let mut gain = vec![-1.0_f32; width * height];
        // Half the thickness of the line, and as far above it the lid is still shaded.
        let half = (width / 160).max(1);
        let band = ((BAND * width as f32) as usize).max(3 * half);
        let mut sums = vec![0.0_f32; height + 1];
        for column in 1..width - 1 {
            for row in 0..height {
                let three = &plane.data[row * width + column - 1..row * width + column + 2];
                let mean = three.iter().map(|&grey| f32::from(grey)).sum::<f32>() / 3.0;
                sums[row + 1] = sums[row] + mean;
            }
            let mean = |from: usize, to: usize| (sums[to] - sums[from]) / (to - from) as f32;
            for row in 5 * half..height.saturating_sub(5 * half + 1) {
                let centre = mean(row - half, row + half + 1);
                let above = mean(row - 5 * half, row - 2 * half);
                let lightest = |floor: f32, from: usize| floor.max(mean(from, from + 3 * half));
                let below = (row + 2 * half..(row + band).min(height - 3 * half)).step_by(half).fold(0.0, lightest);
                let contrast = above.min(below) - centre;
                gain[column * height + row] = (contrast / floor).clamp(0.0, 3.0) - 1.0;
            }
        }
        sums.zeroize();
        Self { width, height, gain, clearance: band / 2 }
    }

    /// The path from left to right with the largest sum of gains, wherever it begins and ends; its surroundings are
    /// taken out.
    fn take_strongest(&mut self) -> Option<Line> {
        let height = self.height;
        let mut sums = self.gain.clone();
        let mut from = vec![0_i8; sums.len()];
        let (mut best, mut end) = (0.0, None);
        for column in 1..self.width {
            let (before, now) = sums.split_at_mut(column * height);
            let before = &before[(column - 1) * height..];
            for row in 1..height - 1 {
                // Straight on is preferred a little: a step sideways costs a tenth of a floor.
                let (mut most, mut step) = (before[row], 0);
                for (sideways, sum) in [(-1, before[row - 1] - 0.1), (1, before[row + 1] - 0.1)] {
                    if sum > most {
                        (most, step) = (sum, sideways);
                    }
                }
                if most > 0.0 {
                    now[row] += most;
                    from[column * height + row] = step;
                } else {
                    from[column * height + row] = i8::MAX;
                }
                if now[row] > best {
                    (best, end) = (now[row], Some((column, row)));
                }
            }
        }
        sums.zeroize();
        let (mut column, mut row) = end?;
        let mut rows = vec![row];
        while column > 1 && from[column * height + row] != i8::MAX {
            row = row.saturating_add_signed(isize::from(from[column * height + row]));
            column -= 1;
            rows.push(row);
        }
        rows.reverse();
        for (at, &row) in rows.iter().enumerate() {
            let start = (column + at) * height;
            let near = row.saturating_sub(self.clearance)..(row + self.clearance + 1).min(height);
            self.gain[start + near.start..start + near.end].fill(-1.0);
        }
        Some(Line { first: column, rows, strength: best })
    }
}

/// Whether the greys vary more along the line below it than above it, by more than noise.
fn has_lashes(pyramid: &Pyramid, line: &Line, width: usize, floor: f32) -> bool {
    let level = level_of_width(pyramid, LASH_COLUMNS);
    let plane = pyramid.level(level);
    let scale = plane.width / width;
    // From beyond the line to where lashes end.
    let (near, far) = (plane.width / 40, plane.width / 16);
    let (mut above, mut below, mut count) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (at, &row) in line.rows.iter().enumerate() {
        let (column, row) = ((line.first + at) * scale, row * scale);
        if column + 2 >= plane.width || row < far || row + far >= plane.height {
            continue;
        }
        let step = |row: usize| {
            let start = row * plane.width + column;
            f32::from(plane.data[start].abs_diff(plane.data[start + 2]))
        };
        for distance in near..far {
            above += step(row - distance);
            below += step(row + distance);
            count += 1.0;
        }
    }
    // The mean absolute difference of two noisy pixels is 2/√π deviations.
    let chance = noise(plane) * 1.128;
    count > 0.0 && below > LASHES_BELOW * above.max(chance * count) && below > LEAST_LASHES * floor * count
}
