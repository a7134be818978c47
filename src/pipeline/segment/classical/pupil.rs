//! Pupils: candidates by signed ring alignment, and the contour of one candidate.

use core::f32::consts::TAU;

use super::plane::{Plane, Pyramid};
use super::ring::{Curve, Ring, closed_path, fit_series};

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
/// After this many ring points a centre whose mean alignment is below [`EARLY_LEAST`] is given up.
const EARLY_POINTS: usize = 6;
const EARLY_LEAST: f32 = 0.2;
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
        search_level(pyramid, level, largest / scale, &mut found);
        level += 1;
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found {
        let known = kept.iter().any(|k| {
            let distance = (k.x - candidate.x).hypot(k.y - candidate.y);
            let ratio = k.radius / candidate.radius;
            distance < 0.5 * k.radius.max(candidate.radius) && (0.6..1.6).contains(&ratio)
        });
        if !known {
            kept.push(candidate);
            if kept.len() == count {
                break;
            }
        }
    }
    kept
}

/// Gradient over (its length + softness): strong edges count 1, flat noise next to nothing.
fn soft_gradient(plane: &Plane, softness: f32) -> Vec<[f32; 2]> {
    let (width, height) = (plane.width, plane.height);
    let mut gradient = vec![[0.0; 2]; width * height];
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let grey = |i: usize| f32::from(plane.data[i]);
            let gx = 0.5 * (grey(at + 1) - grey(at - 1));
            let gy = 0.5 * (grey(at + width) - grey(at - width));
            let scale = 1.0 / ((gx * gx + gy * gy).sqrt() + softness);
            gradient[at] = [gx * scale, gy * scale];
        }
    }
    gradient
}

/// Grey steps per pixel that count half, as a share of the picture's range: 12 of 200 in the prototype.
const SOFTNESS: f32 = 0.06;

fn search_level(pyramid: &Pyramid, level: usize, largest: f32, found: &mut Vec<Candidate>) {
    let plane = pyramid.level(level);
    let (width, height) = (plane.width, plane.height);
    let gradient = soft_gradient(plane, SOFTNESS * pyramid.range());
    let scale = (1 << level) as f32;
    struct Template {
        radius: f32,
        reach: usize,
        ring: Vec<(isize, [f32; 2])>,
        disc: Vec<isize>,
    }
    let templates: Vec<Template> = LEVEL_RADII
        .iter()
        .filter(|&&radius| radius <= largest)
        .map(|&radius| {
            let ring = RING_ORDER
                .iter()
                .map(|&sixteenth| {
                    let (sin, cos) = (f32::from(sixteenth) * TAU / 16.0).sin_cos();
                    let (dx, dy) = ((radius * cos).round() as isize, (radius * sin).round() as isize);
                    (dy * width.cast_signed() + dx, [cos, sin])
                })
                .collect();
            let disc = (0..8)
                .map(|eighth| {
                    let (sin, cos) = (eighth as f32 * TAU / 8.0).sin_cos();
                    let (dx, dy) = ((0.65 * radius * cos).round() as isize, (0.65 * radius * sin).round() as isize);
                    dy * width.cast_signed() + dx
                })
                .collect();
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
            for template in &templates {
                let reach = template.reach;
                if x < reach || y < reach || x + reach >= width || y + reach >= height {
                    break;
                }
                let mut sum = 0.0;
                let mut used = 0;
                for &(offset, [nx, ny]) in &template.ring {
                    let [gx, gy] = gradient[at.wrapping_add_signed(offset)];
                    sum += gx * nx + gy * ny;
                    used += 1;
                    if used == EARLY_POINTS && sum < EARLY_LEAST * EARLY_POINTS as f32 {
                        break;
                    }
                }
                if used < template.ring.len() {
                    continue;
                }
                let align = sum / used as f32;
                let grey: f32 = template.disc.iter().map(|&o| f32::from(plane.data[at.wrapping_add_signed(o)])).sum();
                let darkness = 1.0 - (grey / 8.0 - pyramid.dark) / (pyramid.median - pyramid.dark).max(1.0);
                let score = align + DARKNESS_WEIGHT * darkness.clamp(0.0, 1.0);
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
    /// Mean edge along the contour, grey levels.
    pub(super) contrast: f32,
    /// Share of the angles at which the path agrees with the smooth curve and has an edge.
    pub(super) support: f32,
}

/// Harmonics of a pupil's contour: Daugman's 17 coefficients (2007, section II).
const HARMONICS: usize = 8;

/// Traces the contour around a candidate: a rough pass, then a finer one about the found centre.
pub(super) fn trace(pyramid: &Pyramid, candidate: &Candidate, fine: bool) -> Option<Pupil> {
    let start = Curve::circle([candidate.x, candidate.y], candidate.radius);
    let rough = pass(pyramid, &start, 0.45, 64, 36, 2)?;
    let rough = pass(pyramid, &rough.curve, 0.3, 64, 32, 4)?;
    if fine { pass(pyramid, &rough.curve, 0.22, 256, 48, HARMONICS) } else { Some(rough) }
}

/// One pass: unwrap about the curve's own centre, find the path, fit the series.
fn pass(pyramid: &Pyramid, start: &Curve, share: f32, angles: usize, radii: usize, harmonics: usize) -> Option<Pupil> {
    let (centre, about) = start.about_own_centre(64);
    let radius = about.iter().sum::<f32>() / 64.0;
    if !(radius > 3.0 && radius < 0.4 * pyramid.size().0.max(pyramid.size().1) as f32) {
        return None;
    }
    let range = ((1.0 - share) * radius, (1.0 + share) * radius);
    let mut ring = Ring::new(pyramid, centre, range, (angles, radii), |_| true);
    ring.blur_angles(angles / 64);
    let (edges, inner) = ring.edges(|rho| (0.1 * rho).max(1.5));
    // What is inside a pupil is as dark as the pupil: the darkest fifth of the inner samples tells.
    let mut inside: Vec<f32> =
        (0..angles).flat_map(|a| ring.values[a * radii..a * radii + radii / 4].iter().copied()).collect();
    inside.sort_by(f32::total_cmp);
    let grey = inside[inside.len() / 3];
    let mut strongest: Vec<f32> =
        edges.chunks_exact(radii).map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
    strongest.sort_by(f32::total_cmp);
    let typical = strongest[angles / 2].max(1.0);
    let score: Vec<f32> = edges
        .iter()
        .zip(&inner)
        .map(|(&edge, &inside)| {
            let light = ((inside - grey) / (0.7 * typical) - 0.5).clamp(0.0, 1.0);
            (edge / typical).clamp(0.0, 1.2) * (1.0 - light)
        })
        .collect();
    let path = closed_path(&score, angles, radii, 1, 0.15);
    let rho: Vec<f32> = path.iter().map(|&i| ring.radius(i as f32)).collect();
    let strength: Vec<f32> = path.iter().enumerate().map(|(a, &i)| score[a * radii + i]).collect();
    // Robust fit: first the ellipse-like part, then what agrees with it in full detail.
    let mut weights: Vec<f32> = strength.iter().map(|&s| s.min(1.0)).collect();
    let mut series = fit_series(&rho, &weights, 2, 1e-3);
    for (count, tolerance) in [(2, 0.12), (2, 0.07), (harmonics, 0.05)] {
        let curve = Curve { centre, series: series.clone() };
        for (angle, weight) in weights.iter_mut().enumerate() {
            let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
            let ratio = (residual / tolerance).min(1.0);
            *weight = strength[angle].min(1.0) * (1.0 - ratio * ratio) * (1.0 - ratio * ratio);
        }
        series = fit_series(&rho, &weights, count, 1e-4);
    }
    let curve = Curve { centre, series };
    let (mut support, mut contrast) = (0.0, 0.0);
    for angle in 0..angles {
        let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
        support += if residual < 0.06 && strength[angle] > 0.35 { 1.0 } else { 0.0 };
        contrast += edges[angle * radii + path[angle]];
    }
    let n = angles as f32;
    let contrast = contrast / n;
    let uniformity = uniformity(pyramid, &curve, contrast);
    Some(Pupil { curve, uniformity, contrast, support: support / n })
}

/// An iris taken for a pupil holds the true pupil, and a tuft of lashes holds skin.
fn uniformity(pyramid: &Pyramid, curve: &Curve, contrast: f32) -> f32 {
    let mut greys = Vec::with_capacity(128);
    let level = pyramid.level_for(curve.mean_radius() / 6.0);
    for share in [0.15, 0.35, 0.55, 0.7, 0.82] {
        for eighth in 0..16 {
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
    greys.sort_by(f32::total_cmp);
    let quantile = |share: f32| greys[(share * (greys.len() - 1) as f32) as usize];
    (1.0 - (quantile(0.85) - quantile(0.1)) / contrast.max(1.0)).clamp(0.0, 1.0)
}
