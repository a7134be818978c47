//! Grey planes: the pyramid that every search reads, and the glints removed from it.

use crate::pipeline::image::EyeImage;
use crate::pipeline::privacy::{Wiped, wipe};

/// An 8-bit grey plane, row-major; wiped when dropped, since it is the picture in another size.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) data: Vec<u8>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        wipe(&mut self.data);
    }
}

impl Plane {
    fn of(image: &EyeImage) -> Self {
        let data = image.pixels().as_slice().map_or_else(|| image.pixels().iter().copied().collect(), <[u8]>::to_vec);
        Self { width: image.width(), height: image.height(), data }
    }

    /// Half the size, each pixel the rounded mean of four; an odd last row or column is left out.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut data = Vec::with_capacity(width * height);
        for row in self.data.chunks_exact(2 * self.width).take(height) {
            let (upper, lower) = row.split_at(self.width);
            // Two pixels as the bytes of one number: the sums of all pairs in a row are then sums of whole registers.
            let pair = |two: &[u8; 2]| {
                let two = u16::from_le_bytes(*two);
                (two & 0xff) + (two >> 8)
            };
            let pairs = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
            data.extend(pairs.map(|(a, b)| ((pair(a) + pair(b) + 2) / 4) as u8));
        }
        Self { width, height, data }
    }

    /// Bilinear value at `(x, y)`, pixel centres at whole coordinates, clamped to the border.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = ((x as usize).min(self.width - 2), (y as usize).min(self.height - 2));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let start = top * self.width + left;
        let (a, b) = (&self.data[start..start + 2], &self.data[start + self.width..start + self.width + 2]);
        let upper = f32::from(a[0]) + fx * (f32::from(a[1]) - f32::from(a[0]));
        let lower = f32::from(b[0]) + fx * (f32::from(b[1]) - f32::from(b[0]));
        upper + fy * (lower - upper)
    }

    /// Samples of a piece of a ray, at most [`BLOCK`] of them; returns where the next one is.
    fn samples(
        &self,
        start: [i32; 2],
        [dx, dy]: [i32; 2],
        counts: &[u8],
        values: &mut [f32],
        weights: &mut [f32],
    ) -> [i32; 2] {
        #[allow(clippy::cast_possible_wrap)] // sides of pictures are far below 2^31, and blocks are short
        let (right, bottom, last) =
            ((self.width as i32 - 1) << 16, (self.height as i32 - 1) << 16, values.len() as i32 - 1);
        // Negative ones are large without their sign.
        let is_inside =
            |[x, y]: [i32; 2]| x.cast_unsigned() < right.cast_unsigned() && y.cast_unsigned() < bottom.cast_unsigned();
        let [mut x, mut y] = start;
        // A straight piece is inside if both ends are.
        if is_inside(start) && is_inside([x + last * dx, y + last * dy]) {
            let (mut fours, mut which) = ([0_u32; BLOCK], [0_u8; BLOCK]);
            let around = Around::new(self, counts);
            for (four, which) in fours.iter_mut().zip(&mut which).take(values.len()) {
                (*four, *which) = around.at(x, y);
                x += dx;
                y += dy;
            }
            // By themselves, so that several go through a register at once.
            let [mut fx, mut fy] = start;
            for (value, &four) in values.iter_mut().zip(&fours) {
                *value = between(four, fx, fy);
                fx += dx;
                fy += dy;
            }
            weights.iter_mut().zip(&which).for_each(|(weight, &which)| *weight = f32::from(which));
            fours.fill(0);
            core::hint::black_box(&mut fours);
            return [x, y];
        }
        let around = Around::new(self, counts);
        for (value, weight) in values.iter_mut().zip(weights) {
            if is_inside([x, y]) {
                let (four, which) = around.at(x, y);
                (*value, *weight) = (between(four, x, y), f32::from(which));
            } else {
                let nearest = |v: i32, last: usize| ((v >> 16).max(0) as usize).min(last);
                let (column, row) = (nearest(x, self.width - 1), nearest(y, self.height - 1));
                *value = f32::from(self.data[row * self.width + column]);
                *weight = 0.0;
            }
            x += dx;
            y += dy;
        }
        [x, y]
    }

    /// The grey values below which the given permille of the pixels lie.
    pub(super) fn permilles<const N: usize>(&self, wanted: [usize; N]) -> [f32; N] {
        let mut histogram = [0_usize; 256];
        for &value in &self.data {
            histogram[usize::from(value)] += 1;
        }
        wanted.map(|permille| {
            let rank = permille * self.data.len() / 1000;
            let mut below = 0;
            let grey = histogram.iter().position(|&count| {
                below += count;
                below > rank
            });
            grey.unwrap_or(255) as f32
        })
    }
}

/// Samples of a ray that are taken together.
const BLOCK: usize = 64;

/// Bilinear value between four pixels, for a place with 16 bits of fraction, of which 8 count.
///
/// All numbers are whole and below 2^24 until the last step, so that single precision is exact.
fn between(four: u32, x: i32, y: i32) -> f32 {
    let grey = |at: u32| ((four >> (8 * at)) & 0xff).cast_signed() as f32;
    let share = |v: i32| ((v & 0xffff) >> 8) as f32;
    let (fx, fy) = (share(x), share(y));
    let upper = grey(0) * 256.0 + fx * (grey(1) - grey(0));
    let lower = grey(2) * 256.0 + fx * (grey(3) - grey(2));
    (upper * 256.0 + fy * (lower - upper)) * (1.0 / 65536.0)
}

/// The pixels around places inside a plane.
struct Around<'a> {
    width: u32,
    /// From the first pixel on, and from the one below it.
    upper: &'a [u8],
    lower: &'a [u8],
    counts: &'a [u8],
}

impl<'a> Around<'a> {
    #[allow(clippy::cast_possible_truncation)] // sides of pictures are far below 2^31
    fn new(plane: &'a Plane, counts: &'a [u8]) -> Self {
        Self { width: plane.width as u32, upper: &plane.data, lower: &plane.data[plane.width..], counts }
    }

    /// The four pixels around a place with 16 bits of fraction, row by row from the lowest byte on, and whether the nearest
    /// of them counts.
    #[inline(always)]
    fn at(&self, x: i32, y: i32) -> (u32, u8) {
        let (x, y) = (x.cast_unsigned(), y.cast_unsigned());
        let at = (y >> 16) * self.width + (x >> 16);
        // Half a pixel on is the next one.
        let nearest = at + ((x >> 15) & 1) + (((y >> 15) & 1) * self.width);
        let at = at as usize;
        let (upper, lower) = (&self.upper[at..at + 2], &self.lower[at..at + 2]);
        let pair = |pair: &[u8]| u32::from(u16::from_le_bytes([pair[0], pair[1]]));
        (pair(upper) | pair(lower) << 16, self.counts[nearest as usize])
    }
}

/// What counts at a level, from the glints of another one.
fn what_counts(levels: &[Plane], level: usize, glints: &[bool], glint_level: usize) -> Vec<u8> {
    let (plane, of) = (&levels[level], &levels[glint_level]);
    let (coarser, finer) = (glint_level.saturating_sub(level), level.saturating_sub(glint_level));
    let mut counts = vec![1; plane.data.len()];
    for (row, line) in glints.chunks_exact(of.width).enumerate().filter(|(_, line)| line.contains(&true)) {
        for (column, _) in line.iter().enumerate().filter(|(_, glint)| **glint) {
            // One pixel of a coarser level if it is the first of those that it stands for; all that it stands for of a finer one.
            if (row | column) & ((1 << finer) - 1) != 0 {
                continue;
            }
            let [columns, rows] = [(column, plane.width), (row, plane.height)].map(|(at, size)| {
                let first = (at >> finer) << coarser;
                first.min(size)..(first + (1 << coarser)).min(size)
            });
            for row in rows {
                counts[row * plane.width..][columns.clone()].fill(0);
            }
        }
    }
    counts
}

/// The picture at sizes 1, 1/2, 1/4 … and where its glints are.
///
/// Level `k` pixel `X` covers the pixels `2^k·X … 2^k·(X+1)−1`, so its centre is at `(X + ½)·2^k − ½`.
pub(super) struct Pyramid {
    levels: Vec<Plane>,
    /// 0 at glint pixels of each level, grown by one pixel of the level `glint_level`, elsewhere 1.
    counts: Vec<Vec<u8>>,
    glint_level: usize,
    /// Grey values of the permilles 20, 500 and 950, with glints filled.
    pub(super) dark: f32,
    pub(super) median: f32,
    pub(super) bright: f32,
}

/// Short side at which glints are looked for. A glint of an LED is below 1/18 of the short side in
/// close-ups and walk-up pictures alike, so at this size it fits [`GLINT_WINDOW`].
const GLINT_SIDE: usize = 240;
/// Side of the square of the opening that removes glints, pixels at the glint level.
const GLINT_WINDOW: usize = 13;
/// What stands out of the opening by more than this is a glint: a third of the grey range.
const GLINT_HEIGHT: u8 = 80;

impl Pyramid {
    /// Builds levels until the short side is below 30 pixels.
    pub(super) fn new(image: &EyeImage) -> Self {
        let mut levels = vec![Plane::of(image)];
        let mut glint_level = 0;
        let mut glints = Vec::new();
        loop {
            let last = &levels[levels.len() - 1];
            let side = last.width.min(last.height);
            if glints.is_empty() && side < 2 * GLINT_SIDE {
                glint_level = levels.len() - 1;
                let last = levels.last_mut().expect("the picture itself is there");
                glints = fill_glints(last);
                continue;
            }
            if side < 60 {
                break;
            }
            levels.push(last.halved());
        }
        let [dark, median, bright] = levels[glint_level].permilles([20, 500, 950]);
        let counts = (0..levels.len()).map(|level| what_counts(&levels, level, &glints, glint_level)).collect();
        Self { levels, counts, glint_level, dark, median, bright }
    }

    /// Columns and rows of the picture.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.levels[0].width, self.levels[0].height)
    }

    pub(super) fn level(&self, level: usize) -> &Plane {
        &self.levels[level.min(self.levels.len() - 1)]
    }

    pub(super) fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The coarsest level whose pixels are not larger than `step` (pixels of the picture).
    pub(super) fn level_for(&self, step: f32) -> usize {
        let mut level = 0;
        while level + 1 < self.levels.len() && ((2 << level) as f32) <= step {
            level += 1;
        }
        level
    }

    /// Value at picture coordinates, read from a level.
    pub(super) fn at(&self, level: usize, x: f32, y: f32) -> f32 {
        let scale = 1.0 / (1 << level) as f32;
        self.levels[level].at((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5)
    }

    /// Samples `start + i·step` (picture coordinates): bilinear values and whether they count,
    /// which samples outside the picture and in glints do not.
    ///
    /// In fixed point, 16 bits of fraction: this is the inner loop of the segmenter.
    pub(super) fn ray(&self, level: usize, start: [f32; 2], step: [f32; 2], values: &mut [f32], weights: &mut [f32]) {
        let plane = &self.levels[level];
        let scale = 65536.0 / (1 << level) as f32;
        let fixed = |v: f32| ((v + 0.5) * scale) as i32 - 32768;
        let (mut at, step) = (start.map(fixed), step.map(|v| (v * scale) as i32));
        for (values, weights) in values.chunks_mut(BLOCK).zip(weights.chunks_mut(BLOCK)) {
            at = plane.samples(at, step, &self.counts[level], values, weights);
        }
    }

    /// Whether a glint is at these picture coordinates.
    pub(super) fn is_glint(&self, x: f32, y: f32) -> bool {
        let scale = 1.0 / (1 << self.glint_level) as f32;
        let plane = &self.levels[self.glint_level];
        let (column, row) = ((x + 0.5) * scale, (y + 0.5) * scale);
        if column < 0.0 || row < 0.0 || column >= plane.width as f32 || row >= plane.height as f32 {
            return false;
        }
        self.counts[self.glint_level][row as usize * plane.width + column as usize] == 0
    }

    /// Grey range of what is not glare, at least 1.
    ///
    /// Glare of spectacles can fill a tenth of a picture; what is far above the median is not counted.
    pub(super) fn range(&self) -> f32 {
        (self.bright - self.dark).min(2.5 * (self.median - self.dark)).max(1.0)
    }
}

/// Replaces glints by the opening of the plane and returns where they were.
fn fill_glints(plane: &mut Plane) -> Vec<bool> {
    let size = (plane.width, plane.height);
    let eroded = window_extreme(&plane.data, size, GLINT_WINDOW, u8::min, u8::MAX);
    let opened = window_extreme(&eroded, size, GLINT_WINDOW, u8::max, u8::MIN);
    let found: Vec<u8> =
        plane.data.iter().zip(opened.iter()).map(|(&v, &o)| u8::from(v.saturating_sub(o) > GLINT_HEIGHT)).collect();
    // One pixel more on each side: the halo of the optics and of the mean over the level's pixel.
    let grown = window_extreme(&found, size, 3, u8::max, 0);
    for ((value, &open), &glint) in plane.data.iter_mut().zip(opened.iter()).zip(grown.iter()) {
        if glint == 1 {
            *value = (*value).min(open);
        }
    }
    grown.iter().map(|&glint| glint == 1).collect()
}

/// Minimum or maximum over a centred square window of odd side, by doubling the window.
fn window_extreme(
    data: &[u8],
    (width, height): (usize, usize),
    side: usize,
    pick: impl Fn(u8, u8) -> u8 + Copy,
    outside: u8,
) -> Wiped<u8> {
    let half = side / 2;
    // Along rows: a padded line whose window grows; `next` is the line after the step.
    let mut rows = Wiped::filled(outside, (height + 2 * half) * width);
    let mut line = Wiped::filled(outside, width + 2 * half);
    let mut next = line.clone();
    for (source, target) in data.chunks_exact(width).zip(rows[half * width..].chunks_exact_mut(width)) {
        line.fill(outside);
        line[half..half + width].copy_from_slice(source);
        let mut reach = 1;
        while reach < side {
            let shift = reach.min(side - reach);
            picked(&line[..width + 2 * half - shift], &line[shift..], &mut next, pick);
            core::mem::swap(&mut line, &mut next);
            reach += shift;
        }
        target.copy_from_slice(&line[..width]);
    }
    // Along columns: the same with whole rows as elements, in one go.
    let mut next = Wiped::filled(outside, rows.len());
    let mut reach = 1;
    while reach < side {
        let shift = reach.min(side - reach);
        picked(&rows[..rows.len() - shift * width], &rows[shift * width..], &mut next, pick);
        core::mem::swap(&mut rows, &mut next);
        reach += shift;
    }
    // The rows below are no more of use, and nothing of them stays behind.
    rows[height * width..].fill(outside);
    rows.truncate(height * width);
    rows
}

/// `target[i]` becomes one of `a[i]` and `b[i]`, which are of one length; what is beyond stays.
fn picked(a: &[u8], b: &[u8], target: &mut [u8], pick: impl Fn(u8, u8) -> u8) {
    let length = a.len();
    let (b, target) = (&b[..length], &mut target[..length]);
    for i in 0..length {
        target[i] = pick(a[i], b[i]);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Rays inside, across every border and along one, in pieces and whole: what each sample is by itself.
    #[test]
    fn rays_are_their_samples() {
        let mut state = 3_u32;
        let image = EyeImage::from_pixels(Array2::from_shape_fn((131, 170), |(y, x)| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Glints in some places.
            if (x / 5 + y / 7) % 9 == 0 { 255 } else { 40 + (state >> 26) as u8 }
        }));
        let pyramid = Pyramid::new(&image);
        assert!(pyramid.counts.iter().all(|counts| counts.contains(&0) && counts.contains(&1)));
        for level in 0..pyramid.levels() {
            let scale = (1 << level) as f32;
            let last = [170.0, 131.0].map(|size| (size / scale).floor() - 1.0);
            for ray in 0..400_u32 {
                let mut share = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / (1 << 24) as f32
                };
                let start = [0, 1].map(|axis| (1.4 * share() - 0.2) * last[axis] * scale);
                let length = [1, 7, 64, 65, 112][ray as usize % 5];
                let step = [0, 1].map(|_| 1.2 * (share() - 0.5));
                let (mut values, mut weights) = (vec![-1.0; length], vec![-1.0; length]);
                pyramid.ray(level, start, step, &mut values, &mut weights);
                for i in 0..length {
                    let [x, y] = [0, 1].map(|axis| start[axis] + i as f32 * step[axis]);
                    let local = [x, y].map(|v| (v + 0.5) / scale - 0.5);
                    // Not where rounding decides which side of the border it is on.
                    if (0..2).any(|axis| local[axis].abs() < 0.01 || (local[axis] - last[axis]).abs() < 0.01) {
                        continue;
                    }
                    if (0..2).all(|axis| local[axis] > 0.0 && local[axis] < last[axis]) {
                        let expected = pyramid.at(level, x, y);
                        // 8 bits of a fraction of 255, both ways, and the steps' rounding.
                        assert!(
                            (values[i] - expected).abs() < 3.0,
                            "level {level}, {x}, {y}: {}, {expected}",
                            values[i]
                        );
                    } else {
                        assert_eq!(weights[i], 0.0, "level {level}, {x}, {y}");
                    }
                }
                // A ray is its pieces.
                let one = |i: u16| {
                    let scale = 65536.0 / scale;
                    let fixed = |axis: usize| {
                        let (start, step) = (((start[axis] + 0.5) * scale) as i32 - 32768, (step[axis] * scale) as i32);
                        start + i32::from(i) * step
                    };
                    let (mut value, mut weight) = ([0.0], [0.0]);
                    pyramid.level(level).samples(
                        [fixed(0), fixed(1)],
                        [0, 0],
                        &pyramid.counts[level],
                        &mut value,
                        &mut weight,
                    );
                    (value[0], weight[0])
                };
                for (i, found) in (0..).zip(values.iter().copied().zip(weights.iter().copied())) {
                    assert_eq!(found, one(i), "level {level}, ray {ray}, sample {i}");
                }
            }
        }
    }
}
