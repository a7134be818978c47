//! Thin things: lashes, brow hairs, and the vessels of the sclera, drawn as tapering curves.

use super::conditions::CaptureConditions;
use super::numeric::{Stream, sin_cos, smoothstep};
use super::scene::Scene;
use super::traits::Traits;

/// How much of each pixel strokes cover, 0 to 1.
pub(super) struct Layer {
    width: usize,
    height: usize,
    cover: Vec<f32>,
}

/// A quadratic Bézier curve in pixels that tapers from `start` to `end` (half widths, pixels).
struct Stroke {
    points: [[f64; 2]; 3],
    start: f64,
    end: f64,
    strength: f64,
}

impl Layer {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, cover: vec![0.0; width * height] }
    }

    pub(super) fn cover(&self) -> &[f32] {
        &self.cover
    }

    fn draw(&mut self, stroke: &Stroke) {
        let [a, b, c] = stroke.points;
        let length = distance(a, b) + distance(b, c);
        let pieces = ((length / 2.5) as usize).clamp(5, 24);
        let at = |t: f64| {
            let (p, q, r) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            [p * a[0] + q * b[0] + r * c[0], p * a[1] + q * b[1] + r * c[1]]
        };
        let mut from = a;
        for piece in 0..pieces {
            let t = (piece + 1) as f64 / pieces as f64;
            let to = at(t);
            // Hairs keep their thickness and end in a short point.
            let middle = t - 0.5 / pieces as f64;
            let half = stroke.end + (stroke.start - stroke.end) * (1.0 - middle * middle * middle);
            self.segment(from, to, half, stroke.strength);
            from = to;
        }
    }

    fn segment(&mut self, from: [f64; 2], to: [f64; 2], half: f64, strength: f64) {
        let reach = half + 1.0;
        let range = |p: f64, q: f64, limit: usize| {
            let (low, high) = if p < q { (p, q) } else { (q, p) };
            let low = (low - reach).ceil().max(0.0);
            let high = (high + reach).floor().min(limit as f64 - 1.0);
            // An empty range where the segment lies outside.
            (low as usize)..(if high < low { low as usize } else { high as usize + 1 })
        };
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let squared = dx * dx + dy * dy;
        if squared == 0.0 {
            return;
        }
        // A hair thinner than a pixel covers a part of it only.
        let thin = (half * 2.0).min(1.0) * strength;
        let half = half.max(0.5);
        for y in range(from[1], to[1], self.height) {
            for x in range(from[0], to[0], self.width) {
                let (px, py) = (x as f64 - from[0], y as f64 - from[1]);
                let t = ((px * dx + py * dy) / squared).clamp(0.0, 1.0);
                let (ex, ey) = (px - t * dx, py - t * dy);
                let cover = (half + 0.5 - (ex * ex + ey * ey).sqrt()).clamp(0.0, 1.0) * thin;
                let cell = &mut self.cover[y * self.width + x];
                *cell = cell.max(cover as f32);
            }
        }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
    (dx * dx + dy * dy).sqrt()
}

/// Upper and lower lashes. Roots and forms are the person's; how they lie differs a little each time.
pub(super) fn lashes(layer: &mut Layer, traits: &Traits, scene: &Scene, c: &CaptureConditions) {
    let style = &traits.lashes;
    let [outer, inner] = scene.lids.corners();
    let width = inner - outer;
    let own = &mut Stream::new(traits.seed, "lashes");
    let now = &mut Stream::new(c.seed, "lashes now");
    let to_pixel = |p: [f64; 2]| scene.pixel_from_socket(p);
    // Lids that close turn their lashes down.
    let closing = 1.0 - smoothstep(0.1, 0.9, c.lid_opening);
    let droop = c.lash_droop + closing * (0.9 - c.lash_droop);
    let mut clump = (0.0, 0.0, 1.0);
    let mut left_in_clump = 0;
    for i in 0..style.count {
        if left_in_clump == 0 {
            left_in_clump = own.count(1, 5);
            clump = (own.normal(), own.normal(), own.between(0.75, 1.15));
        }
        left_in_clump -= 1;
        let together = style.clumping;
        let place = (f64::from(i) + own.between(0.0, 1.0)) / f64::from(style.count);
        // The innermost eighth of the margin bears no lashes.
        let x = outer + width * (0.005 + 0.86 * place);
        let along = 2.0 * (x - outer) / width - 1.0;
        // Short near both ends, longest a third from the outer corner.
        let envelope = smoothstep(-1.06, -0.75, along) * (1.0 - 0.6 * smoothstep(-0.1, 0.8, along));
        let length =
            style.length * (0.35 + 0.65 * envelope) * clump.2 * own.between(0.7, 1.12) * now.between(0.96, 1.04);
        let fan = 0.75 * (along + 0.10)
            + 0.45 * along * along * along
            + 0.16 * (together * clump.0 + (1.0 - 0.6 * together) * own.normal());
        let sway = 0.16 * (together * clump.1 + (1.0 - 0.6 * together) * own.normal()) + 0.03 * now.normal();
        // 1 hangs straight down, −0.7 is curled up over the lid.
        let hang = (1.45 * droop - 0.35 - 0.55 * style.curl + sway).clamp(-0.75, 1.0);
        let root = [x, scene.lids.upper(x) - 0.015 + own.between(-0.012, 0.012)];
        let down = length * (0.26 + 0.12 * droop);
        let bend = [root[0] + length * 0.22 * fan, root[1] + down];
        let (sine, _) = sin_cos(hang * 1.2);
        let tip = [root[0] + length * (0.85 * fan), root[1] + length * sine];
        layer.draw(&Stroke {
            points: [root, bend, tip].map(to_pixel),
            start: scene.scale * style.width * 0.5 * own.between(0.75, 1.2),
            end: scene.scale * style.width * 0.12,
            strength: own.between(0.75, 1.0),
        });
    }
    for i in 0..style.lower_count {
        let place = (f64::from(i) + own.unit()) / f64::from(style.lower_count);
        let x = outer + width * (0.10 + 0.78 * place);
        let along = 2.0 * (x - outer) / width - 1.0;
        let root = [x, scene.lids.lower(x) + 0.10 + own.between(-0.02, 0.03)];
        let length = style.lower_length * own.between(0.5, 1.15) * (1.0 - 0.35 * smoothstep(0.0, 0.8, along));
        let fan = 0.8 * along + 0.30 * own.normal() + 0.02 * now.normal();
        let bend = [root[0] + length * 0.25 * fan, root[1] + length * 0.65];
        let tip = [root[0] + length * 1.05 * fan, root[1] + length * own.between(0.45, 0.85)];
        layer.draw(&Stroke {
            points: [root, bend, tip].map(to_pixel),
            start: scene.scale * style.width * 0.30 * own.between(0.7, 1.2),
            end: scene.scale * style.width * 0.10,
            strength: own.between(0.35, 0.75),
        });
    }
}

/// The eyebrow, where the picture reaches so far.
pub(super) fn brow(layer: &mut Layer, traits: &Traits, scene: &Scene) {
    let s = &mut Stream::new(traits.seed, "brow");
    let hairs = (330.0 * traits.brow_density) as u32;
    for _ in 0..hairs {
        let across = s.unit();
        // From above the inner corner, rising, then falling outwards past the outer corner.
        let x = 2.5 - 5.6 * across;
        let height = traits.brow_height + 0.55 * (1.0 - (2.0 * across - 1.15) * (2.0 * across - 1.15));
        let thickness = 0.75 * (1.0 - 0.65 * across);
        let root = [x, -height - thickness * s.about(0.5, 0.28, 0.0, 1.0)];
        let length = s.between(0.35, 0.75);
        let (rise, out) = (0.75 * (1.0 - across) - 0.35 * across, 0.5 + 0.5 * across);
        let tip = [root[0] - length * (out + 0.15 * s.normal()), root[1] - length * (rise + 0.15 * s.normal())];
        let bend = [(root[0] + tip[0]) / 2.0, (root[1] + tip[1]) / 2.0 - 0.08 * length];
        layer.draw(&Stroke {
            points: [root, bend, tip].map(|p| scene.pixel_from_socket(p)),
            start: scene.scale * s.between(0.007, 0.014),
            end: scene.scale * 0.004,
            strength: s.between(0.4, 0.85),
        });
    }
}

/// Blood vessels of the conjunctiva, from both corners towards the limbus.
pub(super) fn vessels(layer: &mut Layer, traits: &Traits, scene: &Scene) {
    let s = &mut Stream::new(traits.seed, "vessels");
    for _ in 0..traits.vessels {
        let side = if s.chance(0.5) { 1.0 } else { -1.0 };
        let mut at = [side * s.between(1.7, 2.2), s.between(-0.5, 0.7)];
        let mut heading = [-side, s.between(-0.35, 0.35)];
        let mut half = s.between(0.006, 0.014);
        let strength = s.between(0.4, 1.0);
        for _ in 0..s.count(3, 7) {
            let step = s.between(0.08, 0.2);
            heading[1] = (heading[1] + 0.35 * s.normal()).clamp(-0.8, 0.8);
            let to = [at[0] + step * heading[0], at[1] + step * heading[1]];
            let bend = [(at[0] + to[0]) / 2.0 + 0.03 * s.normal(), (at[1] + to[1]) / 2.0 + 0.03 * s.normal()];
            let thinner = half * 0.85;
            // They lie on the eyeball and so move with the gaze: the face frame, mirrored like the socket.
            layer.draw(&Stroke {
                points: [at, bend, to].map(|[x, y]| scene.pixel_from_face([x * traits.nose, y])),
                start: scene.scale * half,
                end: scene.scale * thinner,
                strength,
            });
            half = thinner;
            at = to;
            if at[0].abs() < 1.2 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_stay_inside_the_picture() {
        let mut layer = Layer::new(20, 10);
        for points in
            [[[-50.0, -50.0], [0.0, 0.0], [60.0, 30.0]], [[100.0, 100.0]; 3], [[-9.0, 4.0], [-8.0, 4.0], [-5.0, 4.0]]]
        {
            layer.draw(&Stroke { points, start: 1.5, end: 0.5, strength: 1.0 });
        }
        assert!(layer.cover().iter().all(|c| (0.0..=1.0).contains(c)));
        assert!(layer.cover().iter().any(|&c| c > 0.9));
        assert_eq!(layer.cover()[4 * 20], 0.0);
    }
}
