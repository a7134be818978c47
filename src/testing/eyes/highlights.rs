//! Mirrored light: lamps and windows on the cornea, wet spots, and everything spectacles do.

use core::f64::consts::TAU;

use super::conditions::{CaptureConditions, Lamps};
use super::numeric::{Lattice, Stream, bell, sin_cos, smoothstep};
use super::scene::Scene;

/// Light of a mirrored lamp: well beyond what the sensor can show.
const LAMP: f64 = 2.2;

/// A canvas of light with the noise mask beside it.
struct Canvas<'a> {
    light: &'a mut [f32],
    noise: &'a mut [bool],
    width: usize,
    height: usize,
    /// Pixels by which blur carries a highlight beyond its edge.
    bloom: f64,
}

impl Canvas<'_> {
    /// An elliptic spot with half axes in pixels.
    fn spot(&mut self, [x, y]: [f64; 2], [half_x, half_y]: [f64; 2], brightness: f64) {
        self.patch([x, y], [half_x, half_y], brightness, |dx, dy| (dx * dx + dy * dy).sqrt());
    }

    /// A patch whose `outline` is 1 at its edge; coordinates are relative to the half axes.
    fn patch(
        &mut self,
        [x, y]: [f64; 2],
        [half_x, half_y]: [f64; 2],
        brightness: f64,
        outline: impl Fn(f64, f64) -> f64,
    ) {
        let small = half_x.min(half_y).max(0.3);
        let soft = 0.7 / small;
        let reach = self.bloom + 1.5;
        let rows = span(y - half_y - reach, y + half_y + reach, self.height);
        for row in rows {
            for column in span(x - half_x - reach, x + half_x + reach, self.width) {
                let (dx, dy) = (column as f64 - x, row as f64 - y);
                let cover = 1.0 - smoothstep(1.0 - soft, 1.0 + soft, outline(dx / half_x, dy / half_y));
                let index = row * self.width + column;
                let light = &mut self.light[index];
                *light = light.max((f64::from(*light) * (1.0 - cover) + brightness * cover) as f32);
                let bloom = outline(dx / (half_x + self.bloom), dy / (half_y + self.bloom));
                self.noise[index] |= bloom < 1.0;
            }
        }
    }
}

fn span(low: f64, high: f64, limit: usize) -> core::ops::Range<usize> {
    let low = low.ceil().max(0.0) as usize;
    let high = if high < 0.0 { 0 } else { (high.floor() as usize + 1).min(limit) };
    low..high.max(low)
}

/// Lamps, veil and wet spots on the eyeball; nothing where the lids cover it.
pub(super) fn cornea(light: &mut [f32], noise: &mut [bool], scene: &Scene, c: &CaptureConditions) {
    let s = &mut Stream::new(c.seed, "highlights");
    let (width, height) = (c.width, c.height);
    if c.glare > 0.0 {
        veil(light, scene, c, s);
    }
    let mut canvas = Canvas { light, noise, width, height, bloom: 1.2 * c.defocus };
    let size = 0.034 * s.between(0.8, 1.35);
    let spread = s.between(0.85, 1.15);
    let spots: Vec<([f64; 2], [f64; 2])> = match c.lamps {
        Lamps::None => Vec::new(),
        Lamps::Single => vec![([0.0, 0.0], [1.5, 1.5])],
        Lamps::Pair => vec![([-0.17, 0.0], [1.0, 1.0]), ([0.17, 0.015], [1.0, 1.0])],
        Lamps::Square => [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
            .map(|[x, y]| ([0.11 * x, 0.09 * y], [0.85, 0.85]))
            .to_vec(),
        Lamps::Ring => (0..8)
            .map(|i| {
                let (sine, cosine) = sin_cos(TAU * f64::from(i) / 8.0 + 0.2);
                ([0.13 * cosine, 0.13 * sine], [0.62, 0.62])
            })
            .collect(),
        Lamps::Bar => vec![([0.0, 0.0], [3.4, 1.0])],
    };
    let origin = [scene.mirror[0] + c.lamp_offset[0], scene.mirror[1] + c.lamp_offset[1]];
    for ([x, y], [wide, high]) in spots {
        let face = [origin[0] + x * spread, origin[1] + y * spread];
        if !uncovered(scene, face, 0.0) {
            continue;
        }
        let half = [wide, high].map(|h| (h * size * scene.scale).max(0.55));
        canvas.spot(scene.pixel_from_face(face), half, LAMP);
    }
    if c.lamps == Lamps::None {
        return;
    }
    // The tear film at the lower lid and in the inner corner mirrors the lamps again.
    let [_, inner] = scene.lids.corners();
    for _ in 0..s.count(1, 4) {
        let x = s.about(0.05, 0.45, -1.1, 1.1);
        let lid = scene.lids.at(x);
        if lid.lower - lid.upper > 0.4 {
            let half = [s.between(0.012, 0.045) * scene.scale, (0.009 * scene.scale).max(0.4)];
            canvas.spot(scene.pixel_from_socket([x, lid.lower - 0.022]), half, s.between(0.7, 1.5));
        }
    }
    for _ in 0..s.count(0, 4) {
        let x = inner - s.between(0.10, 0.42);
        let lid = scene.lids.at(x);
        if lid.lower - lid.upper > 0.1 {
            let y = lid.lower - (lid.lower - lid.upper) * s.between(0.15, 0.8);
            let half = [s.between(0.010, 0.024), s.between(0.010, 0.020)].map(|h| (h * scene.scale).max(0.4));
            canvas.spot(scene.pixel_from_socket([x, y]), half, s.between(0.6, 1.4));
        }
    }
}

/// Whether the lids leave a place of the face uncovered by at least `margin` radii.
fn uncovered(scene: &Scene, face: [f64; 2], margin: f64) -> bool {
    let [x, y] = scene.socket_from_face(face);
    let lid = scene.lids.at(x);
    y - lid.upper > margin && lid.lower - y > margin
}

/// A window mirrored by the cornea: a broad pale patch with the window's bars, weak enough to see through.
fn veil(light: &mut [f32], scene: &Scene, c: &CaptureConditions, s: &mut Stream) {
    let side = if s.chance(0.5) { 1.0 } else { -1.0 };
    let middle = [side * s.between(0.15, 0.5), s.between(-0.55, 0.1)];
    let half = [s.between(0.22, 0.42), s.between(0.25, 0.5)];
    let lattice = Lattice::new(s, 16, 16);
    let bars = s.between(1.5, 3.0);
    for row in 0..c.height {
        for column in 0..c.width {
            let face = scene.face_from_pixel(column as f64, row as f64);
            let (x, y) = ((face[0] - middle[0]) / half[0], (face[1] - middle[1]) / half[1]);
            if x * x + y * y > 6.0 || !uncovered(scene, face, 0.0) {
                continue;
            }
            let pane = (1.0 - smoothstep(0.7, 1.15, x.abs())) * (1.0 - smoothstep(0.7, 1.15, (y + 0.12 * x * x).abs()));
            let uneven = 0.7 + 0.8 * f64::from(lattice.at(x * bars + 4.0, y * bars + 4.0));
            light[row * c.width + column] +=
                (0.22 * c.glare * (pane * uneven.max(0.1) + 0.12 * bell(x) * bell(y))) as f32;
        }
    }
}

/// Rim, mirrored lamps and haze of spectacles.
pub(super) fn spectacles(light: &mut [f32], noise: &mut [bool], scene: &Scene, c: &CaptureConditions) {
    let Some(glasses) = &c.glasses else { return };
    let s = &mut Stream::new(c.seed, "spectacles");
    let (half_x, half_y) = (s.between(3.3, 4.2), s.between(2.15, 2.7));
    let middle = [s.between(-0.3, 0.3), s.between(0.1, 0.5)];
    let thickness = s.between(0.05, 0.12);
    let dust = Lattice::new(s, 64, 64);
    for row in 0..c.height {
        for column in 0..c.width {
            let index = row * c.width + column;
            let face = scene.face_from_pixel(column as f64, row as f64);
            let socket = scene.socket_from_face(face);
            let (x, y) = ((socket[0] - middle[0]) / half_x, (socket[1] - middle[1]) / half_y);
            // A rounded rectangle: the fourth-power norm.
            let norm = (x * x * x * x + y * y * y * y).sqrt().sqrt();
            let from_rim = (norm - 1.0) * half_y;
            if from_rim < 0.0 {
                let smear = 1.0 + 0.6 * f64::from(dust.at(socket[0] * 1.3, socket[1] * 1.3));
                light[index] = light[index] * 0.94 + (glasses.haze * smear.max(0.2)) as f32;
            }
            if glasses.frame && from_rim.abs() < thickness * 1.6 {
                let solid = 1.0 - smoothstep(0.75, 1.15, from_rim.abs() / thickness);
                // Round metal: a bright line along a dark rim, interrupted.
                let gleam = bell((from_rim / thickness + 0.25) / 0.22)
                    * smoothstep(0.0, 0.45, f64::from(dust.at(socket[0] * 0.7 + 20.0, socket[1] * 0.7)));
                let rim = 0.10 + 1.1 * gleam;
                light[index] += ((rim - f64::from(light[index])) * solid) as f32;
                noise[index] |= solid > 0.5;
            }
        }
    }
    let mut canvas = Canvas { light, noise, width: c.width, height: c.height, bloom: 1.2 * c.defocus };
    for i in 0..glasses.reflections {
        let face =
            [glasses.offset[0] + f64::from(i) * 0.9 * s.normal(), glasses.offset[1] + f64::from(i) * 0.4 * s.normal()];
        let half = [s.between(0.09, 0.22), s.between(0.08, 0.2)].map(|h| h * scene.scale);
        let (rows, lean) = (s.between(2.0, 4.0), s.between(-0.25, 0.25));
        let array = s.chance(0.5);
        let at = scene.pixel_from_face(face);
        canvas.patch(at, half, LAMP, |dx, dy| {
            let (x, y) = (dx + lean * dy, dy);
            let square = (x * x * x * x + y * y * y * y).sqrt().sqrt();
            // A lamp made of rows of diodes shows its rows.
            let (sine, _) = sin_cos(rows * core::f64::consts::PI * y);
            if array && sine.abs() < 0.22 { square + 0.5 } else { square }
        });
        // The lens' other face mirrors the lamp again, fainter and displaced.
        let ghost = [at[0] + half[0] * s.between(-3.5, 3.5), at[1] + half[1] * s.between(-1.0, 1.0)];
        canvas.spot(ghost, half.map(|h| 0.8 * h), s.between(0.3, 0.75));
    }
}
