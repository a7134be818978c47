//! Pupils: candidates by signed ring alignment, and the contour of one candidate.

use core::f32::consts::TAU;
use core::ops::Range;

use super::plane::{Plane, Pyramid};
use super::ring::{Curve, Ring, Shape, closed_path, fit_series, ranked, turns};
use crate::pipeline::privacy::Wiped;

/// A disc that may be a pupil, in picture pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) radius: f32,
    pub(super) score: f32,
}

/// Smallest pupil looked for, picture pixels: an iris of 50 px radius with a pupil of 18 % of it.
const LEAST_RADIUS: f32 = 9.0;
/// Largest pupil looked for, as a share of the short side.
const LARGEST_SHARE: f32 = 0.27;
/// Ring radii tried on each level, in pixels of that level; the next level continues at twice the first.
const LEVEL_RADII: [f32; 6] = [4.5, 5.05, 5.67, 6.36, 7.14, 8.02];
/// Points on a ring, by angle in 1/16 turns (y downwards): the sides first, since lids hide them least.
const RING_ORDER: [u8; 16] = [0, 8, 1, 7, 15, 9, 4, 2, 6, 14, 10, 3, 5, 12, 13, 11];
/// The same sixteen directions as (cos, sin).
const RING: [(f32, f32); 16] = {
    const A: f32 = 0.923_879_5;
    const B: f32 = core::f32::consts::FRAC_1_SQRT_2;
    const C: f32 = 0.382_683_43;
    [
        (1.0, 0.0),
        (A, C),
        (B, B),
        (C, A),
        (0.0, 1.0),
        (-C, A),
        (-B, B),
        (-A, C),
        (-1.0, 0.0),
        (-A, -C),
        (-B, -B),
        (-C, -A),
        (0.0, -1.0),
        (C, -A),
        (B, -B),
        (A, -C),
    ]
};
/// After this many ring points a centre whose mean alignment is below [`EARLY_LEAST`] is given up.
const EARLY_POINTS: usize = 6;
const EARLY_LEAST: f32 = 0.1;
/// Discs of each level that are looked at again on the finer level.
const REFINED_PER_LEVEL: usize = 8;
/// How much the darkness of the disc counts beside the alignment of its edge.
const DARKNESS_WEIGHT: f32 = 0.6;

/// The best-looking discs, best first, at most `count`.
pub(super) fn candidates(pyramid: &Pyramid, count: usize) -> Vec<Candidate> {
    let (width, height) = pyramid.size();
    let largest = LARGEST_SHARE * width.min(height) as f32;
    let mut found = Vec::new();
    let mut level = pyramid.level_for(LEAST_RADIUS / LEVEL_RADII[0]);
    while level < pyramid.levels() {
        let scale = (1 << level) as f32;
        if LEVEL_RADII[0] * scale > largest {
            break;
        }
        let mut cells = Vec::new();
        search_level(pyramid, level, largest / scale, &mut cells);
        cells.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.extend(distinct(cells, REFINED_PER_LEVEL).into_iter().map(|coarse| refined(pyramid, coarse)));
        level += 1;
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    distinct(found, count)
}

/// The first `count` of the sorted candidates that are no near copies of earlier ones.
fn distinct(sorted: Vec<Candidate>, count: usize) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in sorted {
        let is_known = kept.iter().any(|k| {
            let distance = (k.x - candidate.x).hypot(k.y - candidate.y);
            let ratio = k.radius / candidate.radius;
            distance < 0.5 * k.radius.max(candidate.radius) && (0.6..1.6).contains(&ratio)
        });
        if !is_known {
            kept.push(candidate);
            if kept.len() == count {
                break;
            }
        }
    }
    kept
}

/// Gradient over (its length + softness) at an inner pixel: strong edges count 1, flat noise next to nothing.
fn soft_gradient(plane: &Plane, at: usize, softness: f32) -> [f32; 2] {
    // From the pixel above to the one below, in one piece.
    let around = &plane.data[at - plane.width..=at + plane.width];
    let grey = |i: usize| f32::from(around[i]);
    soften(grey(plane.width + 1) - grey(plane.width - 1), grey(2 * plane.width) - grey(0), softness)
}

/// Of a gradient over two pixels.
fn soften(twice_x: f32, twice_y: f32, softness: f32) -> [f32; 2] {
    let (gx, gy) = (0.5 * twice_x, 0.5 * twice_y);
    let scale = 1.0 / ((gx * gx + gy * gy).sqrt() + softness);
    [gx * scale, gy * scale]
}

fn soft_gradients(plane: &Plane, softness: f32) -> Wiped<[f32; 2]> {
    let (width, height) = (plane.width, plane.height);
    let mut gradient = Wiped::filled([0.0; 2], width * height);
    for y in 1..height - 1 {
        let [above, line, below] = [y - 1, y, y + 1].map(|y| &plane.data[y * width..(y + 1) * width]);
        let across = line.iter().zip(&line[2..]);
        let down = above[1..].iter().zip(&below[1..]);
        for ((gradient, (&left, &right)), (&above, &below)) in
            gradient[y * width + 1..].iter_mut().zip(across).zip(down)
        {
            let gx = f32::from(i16::from(right) - i16::from(left));
            let gy = f32::from(i16::from(below) - i16::from(above));
            *gradient = soften(gx, gy, softness);
        }
    }
    gradient
}

/// Darkness of a disc: 1 as dark as the darkest of the picture, 0 as light as its median.
fn darkness(pyramid: &Pyramid, grey: f32) -> f32 {
    (1.0 - (grey - pyramid.dark) / (pyramid.median - pyramid.dark).max(1.0)).clamp(0.0, 1.0)
}

/// Steps of the refinement, in pixels and as a factor of the radius: first over the stride of the search, then to the pixel.
const STEPS: [(i32, f32); 3] = [(2, 1.12), (1, 1.06), (1, 1.03)];

/// The candidate moved to where its score is best, on the level with twice the pixels.
fn refined(pyramid: &Pyramid, coarse: Candidate) -> Candidate {
    let level = pyramid.level_for(coarse.radius / (2.2 * LEVEL_RADII[0]));
    let plane = pyramid.level(level);
    let scale = (1 << level) as f32;
    let softness = SOFTNESS * pyramid.range();
    let local = |v: f32| (v + 0.5) / scale - 0.5;
    let (mut best, mut best_score) = ((local(coarse.x), local(coarse.y), coarse.radius / scale), f32::MIN);
    for (step, factor) in STEPS {
        let (x, y, radius) = best;
        // Steps are whole pixels: what lies on a ring and inside it moves along with the centre.
        let rings = [radius / factor, radius, radius * factor].map(|radius| Offsets::new(plane, [x, y], radius));
        for dx in [-step, 0, step] {
            for dy in [-step, 0, step] {
                for ring in &rings {
                    if let Some(score) = ring.score(pyramid, plane, [dx, dy], softness, best_score) {
                        (best, best_score) = ((x + dx as f32, y + dy as f32, ring.radius), score);
                    }
                }
            }
        }
    }
    let (x, y, radius) = best;
    Candidate { x: (x + 0.5) * scale - 0.5, y: (y + 0.5) * scale - 0.5, radius: radius * scale, score: best_score }
}

/// Where the pixels of a ring and of the disc inside it are from the one in its middle.
struct Offsets {
    /// The middle.
    pixel: [i32; 2],
    radius: f32,
    reach: i32,
    ring: [isize; 16],
    disc: [isize; 16],
}

impl Offsets {
    fn new(plane: &Plane, [x, y]: [f32; 2], radius: f32) -> Self {
        let pixel = [x, y].map(|v| v as i32);
        let nearest = |v: f32| (v + 0.5) as i32;
        let from_middle = |share: f32| {
            RING.map(|(cos, sin)| {
                let column = nearest(x + share * radius * cos) - pixel[0];
                let row = nearest(y + share * radius * sin) - pixel[1];
                row as isize * plane.width.cast_signed() + column as isize
            })
        };
        let reach = (radius + 2.0).ceil() as i32;
        Self { pixel, radius, reach, ring: from_middle(1.0), disc: from_middle(0.65) }
    }

    /// The score with the middle moved by `step`, if it is better than `best`.
    fn score(&self, pyramid: &Pyramid, plane: &Plane, step: [i32; 2], softness: f32, best: f32) -> Option<f32> {
        let [column, row] = [0, 1].map(|axis| self.pixel[axis] + step[axis]);
        #[allow(clippy::cast_possible_wrap)] // sides of pictures are far below 2^31
        let (width, height) = (plane.width as i32, plane.height as i32);
        if column.min(row) < self.reach || column + self.reach + 1 >= width || row + self.reach + 1 >= height {
            return None;
        }
        let middle = row.unsigned_abs() as usize * plane.width + column.unsigned_abs() as usize;
        let grey: u32 = self.disc.iter().map(|&at| u32::from(plane.data[middle.wrapping_add_signed(at)])).sum();
        let darkness = DARKNESS_WEIGHT * darkness(pyramid, grey as f32 / 16.0) * 16.0;
        let (mut sum, mut left) = (0.0, 16.0);
        for (ring, directions) in self.ring.chunks_exact(4).zip(RING.chunks_exact(4)) {
            // No point adds more than 1, and rounding next to nothing.
            if sum + left + darkness < 16.0 * best - 0.01 {
                return None;
            }
            for (&at, &(cos, sin)) in ring.iter().zip(directions) {
                let [gx, gy] = soft_gradient(plane, middle.wrapping_add_signed(at), softness);
                sum += gx * cos + gy * sin;
            }
            left -= 4.0;
        }
        let score = (sum + darkness) / 16.0;
        (score > best).then_some(score)
    }
}

/// Grey steps per pixel that count half, as a share of the picture's range: 12 of 200 in the prototype.
const SOFTNESS: f32 = 0.06;

fn search_level(pyramid: &Pyramid, level: usize, largest: f32, found: &mut Vec<Candidate>) {
    let plane = pyramid.level(level);
    let (width, height) = (plane.width, plane.height);
    let gradient = soft_gradients(plane, SOFTNESS * pyramid.range());
    let scale = (1 << level) as f32;
    struct Template {
        radius: f32,
        reach: usize,
        ring: [(isize, [f32; 2]); 16],
        disc: [isize; 8],
    }
    let templates: Vec<Template> = LEVEL_RADII
        .iter()
        .filter(|&&radius| radius <= largest)
        .map(|&radius| {
            let ring = RING_ORDER.map(|sixteenth| {
                let (sin, cos) = (f32::from(sixteenth) * TAU / 16.0).sin_cos();
                let (dx, dy) = ((radius * cos).round() as isize, (radius * sin).round() as isize);
                (dy * width.cast_signed() + dx, [cos, sin])
            });
            let disc = core::array::from_fn(|eighth| {
                let (sin, cos) = (eighth as f32 * TAU / 8.0).sin_cos();
                let (dx, dy) = ((0.65 * radius * cos).round() as isize, (0.65 * radius * sin).round() as isize);
                dy * width.cast_signed() + dx
            });
            Template { radius, reach: radius.ceil() as usize + 1, ring, disc }
        })
        .collect();
    // The best disc of each cell; cells are smaller than the smallest disc.
    const CELL: usize = 6;
    let columns = width.div_ceil(CELL);
    let mut best: Vec<Option<Candidate>> = vec![None; columns];
    // Every second pixel both ways: the edge of a level's smallest ring is two pixels wide.
    for y in (0..height).step_by(2) {
        if y % CELL == 0 {
            found.extend(best.iter_mut().filter_map(Option::take));
        }
        for x in (0..width).step_by(2) {
            let at = y * width + x;
            // A pupil is darker than half of the picture, or there is nothing to see in it.
            if f32::from(plane.data[at]) > pyramid.median {
                continue;
            }
            let room = x.min(y).min(width - 1 - x).min(height - 1 - y);
            for template in &templates {
                if room < template.reach {
                    break;
                }
                let aligned = |sum: f32, points: &[(isize, [f32; 2])]| {
                    points.iter().fold(sum, |sum, &(offset, [nx, ny])| {
                        let [gx, gy] = gradient[at.wrapping_add_signed(offset)];
                        sum + (gx * nx + gy * ny)
                    })
                };
                let (early, late) = template.ring.split_at(EARLY_POINTS);
                let sum = aligned(0.0, early);
                if sum < EARLY_LEAST * EARLY_POINTS as f32 {
                    continue;
                }
                let align = aligned(sum, late) / template.ring.len() as f32;
                let grey: f32 = template.disc.iter().map(|&o| f32::from(plane.data[at.wrapping_add_signed(o)])).sum();
                let score = align + DARKNESS_WEIGHT * darkness(pyramid, grey / 8.0);
                let cell = &mut best[x / CELL];
                if cell.is_none_or(|c| c.score < score) {
                    *cell = Some(Candidate {
                        x: (x as f32 + 0.5) * scale - 0.5,
                        y: (y as f32 + 0.5) * scale - 0.5,
                        radius: template.radius * scale,
                        score,
                    });
                }
            }
        }
    }
    found.extend(best.iter_mut().filter_map(Option::take));
}

/// A traced pupil.
#[derive(Clone, Debug)]
pub(super) struct Pupil {
    pub(super) curve: Curve,
    /// How uniform the disc is: 1 where its greys differ by nothing, 0 where by as much as its edge.
    pub(super) uniformity: f32,
    /// Grey inside.
    grey: f32,
    /// How much lighter the surroundings are, grey levels.
    pub(super) contrast: f32,
    /// Share of the angles at which the path agrees with the smooth curve and has an edge.
    pub(super) support: f32,
}

impl Pupil {
    /// Mean radius, picture pixels.
    pub(super) fn radius(&self) -> f32 {
        self.curve.mean_radius()
    }

    /// How far the outline is from an ellipse: its third and higher harmonics over the mean radius.
    pub(super) fn irregularity(&self) -> f32 {
        let [mean, higher] =
            [self.curve.series[0], self.curve.series[5.min(self.curve.series.len())..].iter().map(|a| a * a).sum()];
        higher.sqrt() / mean.max(1.0)
    }

    /// The foreshortening that its outline shows, round where it is less than pupils have by themselves.
    ///
    /// Seen from aside, a pupil and the limbus around it become alike narrow, and all of the pupil is seen. What two
    /// harmonics say is too little to tell a turned eye from an oval pupil, so that it counts in part: from
    /// [`OVAL_PUPIL`] on, as a shrunken estimate.
    pub(super) fn shape(&self) -> Shape {
        let &[mean, _, _, a, b, ..] = self.curve.series.as_slice() else { return Shape::ROUND };
        let [a, b] = [a / mean, b / mean];
        let amount = a.hypot(b);
        if self.support < WHOLE_SHAPE || !(OVAL_PUPIL..LARGEST_OVAL).contains(&amount) {
            return Shape::ROUND;
        }
        let share = 1.0 - (OVAL_PUPIL / amount) * (OVAL_PUPIL / amount);
        Shape { a: share * a, b: share * b }
    }

    /// Whether another traced disc lies within this one and is clearly its smaller part.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let [dx, dy] = [0, 1].map(|axis| self.curve.centre[axis] - other.curve.centre[axis]);
        other.radius() < 0.75 * self.radius() && dx.hypot(dy) + other.radius() < 1.05 * self.radius()
    }
}

/// Second harmonic of pupils' own outlines over the radius, at most: axes of 0.93 and more of each other (Wyatt 1995). A
/// circle seen from 21° aside has as much.
const OVAL_PUPIL: f32 = 0.035;
/// Nobody is to be recognised from 50° aside, which this is.
const LARGEST_OVAL: f32 = 0.22;
/// Share of the outline that must have been seen for its shape to mean anything.
const WHOLE_SHAPE: f32 = 0.8;

/// Harmonics of a pupil's contour: Daugman's 17 coefficients (2007, section II).
const HARMONICS: usize = 8;

/// What the first pass looks at on either side of the candidate, over its radius. Where a lid covers a third of a pupil, the
/// best whole disc is the one that the rest holds, and its centre lies 0.4 radii below the pupil's: the pass must see the
/// pupil's far side, and its path must be free to run there, two steps of 0.025 radii for each of 64 angles. With 0.35 and one
/// step, 13 of 120 drawn pupils behind half-closed lids were that disc; now one.
const FIRST_SHARE: f32 = 0.45;

/// A first pass that agrees with its curve on less than this share of the turn saw no disc.
const LEAST_SUPPORT: f32 = 0.2;

/// Traces the contour around a candidate: a rough pass, then a finer one about the found centre.
pub(super) fn trace(pyramid: &Pyramid, candidate: &Candidate, fine: bool) -> Option<Pupil> {
    let start = Curve::circle([candidate.x, candidate.y], candidate.radius);
    let rough = pass(pyramid, &start, FIRST_SHARE, (64, 36), 2, None)?;
    if rough.support < LEAST_SUPPORT {
        return None;
    }
    let rough = pass(pyramid, &rough.curve, 0.28, (64, 32), 4, None)?;
    if fine { pass(pyramid, &rough.curve, 0.22, (256, 48), HARMONICS, Some(&rough)) } else { Some(rough) }
}

/// What lies inside an edge of the pupil is lighter than the pupil by a share of its contrast: below the
/// first nothing is held against the edge, above the second it is none.
const LIGHT_ROUGH: (f32, f32) = (0.2, 0.6);
const LIGHT_FINE: (f32, f32) = (0.4, 1.0);

/// One pass: unwrap about the curve's own centre, find the path, fit the series. The greys inside and
/// outside come from an earlier pass with a wider view, or from this one.
fn pass(
    pyramid: &Pyramid,
    start: &Curve,
    share: f32,
    (angles, radii): (usize, usize),
    harmonics: usize,
    earlier: Option<&Pupil>,
) -> Option<Pupil> {
    let (centre, about) = start.about_own_centre(64);
    let radius = about.iter().sum::<f32>() / 64.0;
    if !(radius > 3.0 && radius < 0.4 * pyramid.size().0.max(pyramid.size().1) as f32) {
        return None;
    }
    let range = ((1.0 - share) * radius, (1.0 + share) * radius);
    let mut ring = Ring::new(pyramid, centre, range, (angles, radii), Shape::ROUND);
    ring.blur_angles(angles / 64);
    let (edges, inner) = ring.edges(|rho| (0.1 * rho).max(1.5));
    // The greys of some radii, for a quantile of them.
    let greys = |radius: Range<usize>| {
        let mut greys = Wiped::from(Vec::with_capacity(angles * radius.len()));
        for (values, weights) in ring.values.chunks_exact(radii).zip(ring.weights.chunks_exact(radii)) {
            let counts = weights[radius.clone()].iter();
            greys.extend(values[radius.clone()].iter().zip(counts).filter(|(_, w)| **w > 0.0).map(|(v, _)| *v));
        }
        greys
    };
    let is_seen =
        |radius: Range<usize>| ring.weights.chunks_exact(radii).any(|w| w[radius.clone()].iter().any(|w| *w > 0.0));
    if !is_seen(0..radii / 4) || !is_seen(radii - radii / 4..radii) {
        return None;
    }
    let (grey, contrast) = match earlier {
        Some(pupil) => (pupil.grey, pupil.contrast),
        None => {
            let (mut inside, mut outside) = (greys(0..radii / 4), greys(radii - radii / 4..radii));
            // What is inside a pupil is as dark as the pupil: the darker third of the inner samples tells how dark.
            let ranks = [inside.len() / 3, outside.len() * 3 / 10];
            let ([grey], [light]) = (ranked(&mut inside, [ranks[0]]), ranked(&mut outside, [ranks[1]]));
            (grey, (light - grey).max(1.0))
        }
    };
    let mut strongest: Vec<f32> =
        edges.chunks_exact(radii).map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
    let [middle] = ranked(&mut strongest, [angles / 2]);
    let typical = middle.max(1.0);
    // With a trusted curve before it, the fine pass may follow a blurred edge to its middle.
    let (light_from, light_to) = if earlier.is_some() { LIGHT_FINE } else { LIGHT_ROUGH };
    let score: Vec<f32> = edges
        .iter()
        .zip(&inner)
        .map(|(&edge, &inside)| {
            let light = (((inside - grey) / contrast - light_from) / (light_to - light_from)).clamp(0.0, 1.0);
            (edge / typical).clamp(0.0, 1.2) * (1.0 - light)
        })
        .collect();
    let (reach, slope) = if share == FIRST_SHARE { (2, 0.08) } else { (1, 0.15) };
    let path = closed_path(&score, angles, radii, reach, slope);
    let rho: Vec<f32> = path.iter().map(|&i| ring.radius(i as f32)).collect();
    let strength: Vec<f32> = path.iter().enumerate().map(|(a, &i)| score[a * radii + i]).collect();
    // Robust fit: first the ellipse-like part, then what agrees with it in full detail.
    let refined = |mut weights: Vec<f32>, first: usize| {
        let mut series = fit_series(&rho, &weights, 1, 1e-3);
        for &(count, tolerance) in &[(1, 0.20), (2, 0.12), (2, 0.07), (harmonics, 0.05)][first..] {
            let curve = Curve { centre, series };
            for ((angle, weight), expected) in weights.iter_mut().enumerate().zip(curve.radii(angles)) {
                let residual = (rho[angle] - expected).abs() / radius;
                let ratio = (residual / tolerance).min(1.0);
                let prior = if count == harmonics { 1.0 } else { lid_prior(angle, angles) };
                *weight = prior * strength[angle].min(1.0) * (1.0 - ratio * ratio) * (1.0 - ratio * ratio);
            }
            series = fit_series(&rho, &weights, count, 1e-4);
        }
        let curve = Curve { centre, series };
        let on_it: Vec<bool> = curve
            .radii(angles)
            .enumerate()
            .map(|(angle, expected)| (rho[angle] - expected).abs() / radius < 0.06 && strength[angle] > 0.35)
            .collect();
        (curve, on_it)
    };
    let share = |on_it: &[bool]| on_it.iter().filter(|&&on| on).count() as f32 / angles as f32;
    let weights = (0..angles).map(|angle| strength[angle].min(1.0) * lid_prior(angle, angles)).collect();
    let (mut curve, mut on_it) = refined(weights, 0);
    if earlier.is_none() && share(&on_it) < WHOLE_SUPPORT {
        // A lid, a lash or a glint cuts the disc, and the fit to all of the path is a compromise between both.
        let (circle, agreement) = best_circle(&rho, &strength, radius);
        if agreement > agreement_of(&curve, &rho, &strength, radius) {
            let (other, other_on_it) = refined(circle, 2);
            if agreement_of(&other, &rho, &strength, radius) > agreement_of(&curve, &rho, &strength, radius) {
                (curve, on_it) = (other, other_on_it);
            }
        }
    }
    let support = share(&on_it);
    let mut edge = 0.0;
    for angle in 0..angles {
        edge += edges[angle * radii + path[angle]];
    }
    let uniformity = uniformity(pyramid, &curve, &on_it, edge / angles as f32);
    Some(Pupil { curve, grey, uniformity, contrast, support })
}

/// What an edge counts before the shape is known: where the upper lid may cut the pupil, 50° on either side of
/// straight up, a quarter, so that the rest decides whether it did. OSIRIS takes half of the samples there.
fn lid_prior(angle: usize, angles: usize) -> f32 {
    let degrees = angle as f32 * 360.0 / angles as f32;
    if (degrees - 270.0).abs() < 50.0 { 0.25 } else { 1.0 }
}

/// From this support on the whole outline was seen, and nothing cuts it.
const WHOLE_SUPPORT: f32 = 0.9;
/// Points of a path that circles are laid through, three at a time.
const CORNERS: usize = 12;
/// Distance from a circle, over its radius, at which a point does not speak for it any more.
const AGREEMENT: f32 = 0.05;

/// How much of the path speaks for a distance from it: the strength of the points near it.
fn agreement(distances: impl Iterator<Item = f32>, strength: &[f32]) -> f32 {
    distances
        .zip(strength)
        .map(|(distance, strength)| {
            let ratio = (distance / AGREEMENT).min(1.0);
            strength.min(1.0) * (1.0 - ratio * ratio) * (1.0 - ratio * ratio)
        })
        .sum()
}

fn agreement_of(curve: &Curve, rho: &[f32], strength: &[f32], radius: f32) -> f32 {
    agreement(rho.iter().zip(curve.radii(rho.len())).map(|(rho, expected)| (rho - expected).abs() / radius), strength)
}

/// The circle through three points of the path that most of the path agrees with, as a weight for each point; and how much.
fn best_circle(rho: &[f32], strength: &[f32], radius: f32) -> (Vec<f32>, f32) {
    let angles = rho.len();
    let points: Vec<[f32; 2]> = rho.iter().zip(turns(angles)).map(|(rho, (sin, cos))| [rho * cos, rho * sin]).collect();
    // A hypotenuse in double precision, as the library's: this one is taken for several points at once.
    let from = |[x, y]: [f32; 2], r: f32, p: &[f32; 2]| {
        let [dx, dy] = [f64::from(p[0] - x), f64::from(p[1] - y)];
        ((dx * dx + dy * dy).sqrt() as f32 - r).abs() / r
    };
    let mut distances = vec![0.0_f32; angles];
    let mut best = ([0.0; 2], 1.0, 0.0);
    let corner = |i: usize| i * angles / CORNERS;
    for a in 0..CORNERS {
        for b in a + 1..CORNERS {
            for c in b + 1..CORNERS {
                let [a, b, c] = [a, b, c].map(corner);
                if strength[a].min(strength[b]).min(strength[c]) < 0.35 {
                    continue;
                }
                let Some((centre, r)) = through(points[a], points[b], points[c]) else { continue };
                if !(0.6 * radius..1.6 * radius).contains(&r) || centre[0].hypot(centre[1]) > 0.6 * radius {
                    continue;
                }
                distances.iter_mut().zip(&points).for_each(|(distance, p)| *distance = from(centre, r, p));
                let found = agreement(distances.iter().copied(), strength);
                if found > best.2 {
                    best = (centre, r, found);
                }
            }
        }
    }
    let (centre, r, found) = best;
    let weight = |(p, strength): (&[f32; 2], &f32)| {
        let ratio = (from(centre, r, p) / AGREEMENT).min(1.0);
        strength.min(1.0) * (1.0 - ratio * ratio) * (1.0 - ratio * ratio)
    };
    (points.iter().zip(strength).map(weight).collect(), found)
}

/// The circle through three points; `None` where they lie on a line.
fn through(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> Option<([f32; 2], f32)> {
    let [bx, by, cx, cy] = [b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]];
    let cross = 2.0 * (bx * cy - by * cx);
    if cross.abs() < 1e-3 {
        return None;
    }
    let (bb, cc) = (bx * bx + by * by, cx * cx + cy * cy);
    let (x, y) = ((cy * bb - by * cc) / cross, (bx * cc - cx * bb) / cross);
    Some(([a[0] + x, a[1] + y], x.hypot(y)))
}

/// An iris taken for a pupil holds the true pupil, and a tuft of lashes holds skin.
///
/// Towards angles without a boundary, where a lid may hang over it, only the middle of the disc is looked at.
fn uniformity(pyramid: &Pyramid, curve: &Curve, on_it: &[bool], contrast: f32) -> f32 {
    let mut greys = Wiped::from(Vec::with_capacity(128));
    let level = pyramid.level_for(curve.mean_radius() / 6.0);
    for share in [0.15, 0.35, 0.55, 0.7, 0.82] {
        for eighth in 0..16 {
            if share > 0.5 && !on_it[eighth * on_it.len() / 16] {
                continue;
            }
            let angle = eighth as f32 * TAU / 16.0;
            let rho = share * curve.radius(angle);
            let (x, y) = (curve.centre[0] + rho * angle.cos(), curve.centre[1] + rho * angle.sin());
            if !pyramid.is_glint(x, y) {
                greys.push(pyramid.at(level, x, y));
            }
        }
    }
    if greys.len() < 16 {
        return 0.0;
    }
    let ranks = [0.1, 0.85].map(|share| (share * (greys.len() - 1) as f32) as usize);
    let [dark, light] = ranked(&mut greys, ranks);
    (1.0 - (light - dark) / contrast.max(1.0)).clamp(0.0, 1.0)
}
