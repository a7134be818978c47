//! Grey planes: the pyramid that every search reads, and the glints removed from it.

use zeroize::Zeroize as _;

use crate::pipeline::image::EyeImage;

/// An 8-bit grey plane, row-major; wiped when dropped, since it is the picture in another size.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) data: Vec<u8>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

impl Plane {
    fn of(image: &EyeImage) -> Self {
        let data = image.pixels().iter().copied().collect();
        Self { width: image.width(), height: image.height(), data }
    }

    /// Half the size, each pixel the rounded mean of four; an odd last row or column is left out.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut data = Vec::with_capacity(width * height);
        for row in self.data.chunks_exact(2 * self.width).take(height) {
            let (upper, lower) = row.split_at(self.width);
            data.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).map(|(a, b)| {
                let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                ((sum + 2) / 4) as u8
            }));
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

/// The picture at sizes 1, 1/2, 1/4 … and where its glints are.
///
/// Level `k` pixel `X` covers the pixels `2^k·X … 2^k·(X+1)−1`, so its centre is at `(X + ½)·2^k − ½`.
pub(super) struct Pyramid {
    levels: Vec<Plane>,
    /// True at glint pixels of level `glint_level`, grown by one pixel.
    glints: Vec<bool>,
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
        Self { levels, glints, glint_level, dark, median, bright }
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

    /// Whether a glint is at these picture coordinates.
    pub(super) fn is_glint(&self, x: f32, y: f32) -> bool {
        let scale = 1.0 / (1 << self.glint_level) as f32;
        let plane = &self.levels[self.glint_level];
        let (column, row) = ((x + 0.5) * scale, (y + 0.5) * scale);
        if column < 0.0 || row < 0.0 || column >= plane.width as f32 || row >= plane.height as f32 {
            return false;
        }
        self.glints[row as usize * plane.width + column as usize]
    }

    /// Grey range of the picture, at least 1.
    pub(super) fn range(&self) -> f32 {
        (self.bright - self.dark).max(1.0)
    }
}

/// Replaces glints by the opening of the plane and returns where they were.
fn fill_glints(plane: &mut Plane) -> Vec<bool> {
    let (width, height) = (plane.width, plane.height);
    let mut opened = extreme(&plane.data, width, height, u8::min, u8::MAX);
    opened = extreme(&opened, width, height, u8::max, u8::MIN);
    let found: Vec<u8> =
        plane.data.iter().zip(&opened).map(|(&v, &o)| u8::from(v.saturating_sub(o) > GLINT_HEIGHT)).collect();
    // One pixel more on each side: the halo of the optics and of the mean over the level's pixel.
    let grown = window_extreme(&found, width, height, 3, u8::max, 0);
    for ((value, &open), &glint) in plane.data.iter_mut().zip(&opened).zip(&grown) {
        if glint == 1 {
            *value = (*value).min(open);
        }
    }
    opened.zeroize();
    grown.into_iter().map(|glint| glint == 1).collect()
}

fn extreme(data: &[u8], width: usize, height: usize, pick: fn(u8, u8) -> u8, outside: u8) -> Vec<u8> {
    window_extreme(data, width, height, GLINT_WINDOW, pick, outside)
}

/// Minimum or maximum over a centred square window of odd side, by doubling the window.
fn window_extreme(
    data: &[u8],
    width: usize,
    height: usize,
    side: usize,
    pick: impl Fn(u8, u8) -> u8,
    outside: u8,
) -> Vec<u8> {
    let half = side / 2;
    let mut result = vec![outside; data.len()];
    // Along rows: a padded line, doubled windows.
    let mut line = vec![outside; width + 2 * half];
    for (source, target) in data.chunks_exact(width).zip(result.chunks_exact_mut(width)) {
        line.fill(outside);
        line[half..half + width].copy_from_slice(source);
        let mut reach = 1;
        while reach < side {
            let shift = reach.min(side - reach);
            let end = line.len() - shift;
            for i in 0..end {
                line[i] = pick(line[i], line[i + shift]);
            }
            reach += shift;
        }
        target.copy_from_slice(&line[..width]);
    }
    line.zeroize();
    // Along columns: the same with whole rows as elements.
    let mut padded = vec![outside; (height + 2 * half) * width];
    padded[half * width..(half + height) * width].copy_from_slice(&result);
    let mut reach = 1;
    while reach < side {
        let shift = reach.min(side - reach);
        let end = padded.len() - shift * width;
        for i in 0..end {
            padded[i] = pick(padded[i], padded[i + shift * width]);
        }
        reach += shift;
    }
    result.copy_from_slice(&padded[..height * width]);
    padded.zeroize();
    result
}
