//! Skin around the eye: lids, creases, folds, fine lines and pores.

use super::numeric::{Lattice, Stream, Tile, bell, smoothstep};
use super::scene::{LidSample, Scene};
use super::traits::Traits;

/// Side of the square of pores that repeats, iris radii.
const PORE_SIDE: f64 = 3.2;
/// Cycles per [`PORE_SIDE`] and strength of each octave of pores.
const PORES: [(usize, f32); 4] = [(16, 0.035), (35, 0.045), (70, 0.060), (120, 0.075)];
/// Samples of what depends on x alone, and how far to both sides of the socket's origin they reach.
const RIPPLES: usize = 512;
const RIPPLE_REACH: f64 = 6.0;
/// Pixels between the samples of the broad forms.
const COARSE: usize = 8;

pub(super) struct Skin<'a> {
    traits: &'a Traits,
    broad: Lattice,
    fine: Lattice,
    pores: Tile,
    /// Cycles per radius of the finest glitter that this resolution shows.
    glitter: f64,
    /// Strength of fine lines at this resolution, 0 to 1.
    lines: f64,
    /// Tone of the large forms, density of glitter, waviness of lines: every [`COARSE`] pixels.
    forms: Vec<[f32; 3]>,
    form_columns: usize,
    /// Unevenness of crease, pouch and margin over x, [`RIPPLES`] samples.
    ripples: Vec<[f64; 3]>,
}

impl<'a> Skin<'a> {
    pub(super) fn new(traits: &'a Traits, scene: &Scene, width: usize, height: usize) -> Self {
        let scale = scene.scale;
        let s = &mut Stream::new(traits.seed, "skin");
        let shown = |frequency: f64| ((0.5 * scale / frequency - 1.0) / 0.5).clamp(0.0, 1.0) as f32;
        let pores = PORES
            .map(|(cycles, strength)| (cycles, strength * shown(cycles as f64 / PORE_SIDE) * traits.skin_grain as f32));
        let mut skin = Self {
            traits,
            broad: Lattice::new(s, 24, 24),
            fine: Lattice::new(s, 128, 128),
            pores: Tile::new(s, PORE_SIDE, &pores),
            glitter: (0.33 * scale).min(34.0),
            lines: f64::from(shown(9.0)),
            forms: Vec::new(),
            form_columns: width / COARSE + 2,
            ripples: Vec::new(),
        };
        let broad = &skin.broad;
        skin.ripples = (0..RIPPLES)
            .map(|i| {
                let x = RIPPLE_REACH * (2.0 * i as f64 / RIPPLES as f64 - 1.0);
                [broad.at(x * 1.1, 3.3), broad.at(x * 0.8, 7.7), broad.at(x * 3.1, 17.0)].map(f64::from)
            })
            .collect();
        for row in 0..height / COARSE + 2 {
            for column in 0..skin.form_columns {
                let face = scene.face_from_pixel((column * COARSE) as f64, (row * COARSE) as f64);
                let [x, y] = scene.socket_from_face(face);
                let form = skin.form(x, y);
                skin.forms.push(form);
            }
        }
        skin
    }

    /// Tone of a pixel at a place of the socket that lies `above` the upper margin and `below` the
    /// lower one (radii; only the positive one matters).
    pub(super) fn tone(&self, pixel: [usize; 2], [x, y]: [f64; 2], lid: &LidSample, above: f64, below: f64) -> f64 {
        let upper = y < (lid.upper + lid.lower) / 2.0;
        let distance = (if upper { above } else { below }).max(0.0);
        let [broad, glitter, wave] = self.form_at(pixel);
        let ripple = self.ripple(x);
        let mut tone = broad;
        // Beyond these distances every term is below a grey level.
        if upper && distance < 2.0 {
            tone *= self.upper_lid(ripple[0], distance, lid);
        } else if !upper && distance < 1.5 {
            tone *= self.lower_lid(ripple, distance, lid);
        }
        let mut grain = self.pores.at(x, y);
        if distance < 1.4 {
            // Lines that run along the lids, wavy, fading away from them.
            let lines = self.fine.at(x * 2.3, distance * 13.0 + 3.0 * wave);
            grain += lines * (0.09 * (bell(distance / 0.9) - 0.085).max(0.0) * self.lines) as f32;
            // Beyond the corners both lids end in one soft fold, longest on the outer side.
            let end = if lid.place < 0.0 { smoothstep(1.22, 1.0, -lid.place) } else { smoothstep(1.1, 1.0, lid.place) };
            tone *= 1.0 - 0.22 * end * (1.0 - lid.along) * bell(distance / 0.05);
        }
        tone *= 1.0 + f64::from(grain);
        if glitter > 0.0 {
            let spark = f64::from(self.fine.at(x * self.glitter + 31.7, y * self.glitter * 1.4 + 11.3));
            tone += glitter * (spark - 0.25).max(0.0) * tone;
        }
        tone
    }

    /// Brow ridge, hollow beside the nose, temple; and where moist skin glitters.
    fn form(&self, x: f64, y: f64) -> [f32; 3] {
        let hollow = 0.20 * bell((x - 2.9) / 1.0) * bell((y + 0.7) / 1.1);
        let ridge = 0.07 * bell((y + 2.0) / 0.9);
        let temple = 0.10 * smoothstep(2.6, 4.2, -x);
        let uneven = 0.10 * f64::from(self.broad.at(x * 0.45, y * 0.45))
            + 0.05 * f64::from(self.broad.at(x * 1.3 + 9.0, y * 1.3));
        let tone = self.traits.skin_tone * (1.0 + ridge - hollow - temple + uneven);
        let patch = 0.5 + 1.2 * f64::from(self.broad.at(x * 0.8 + 2.0, y * 0.8 + 13.0));
        let wave = self.broad.at(x * 0.9 + 5.0, y * 1.7);
        [tone as f32, (1.3 * self.traits.skin_gloss * patch) as f32, wave]
    }

    fn form_at(&self, [column, row]: [usize; 2]) -> [f64; 3] {
        let (left, top) = (column / COARSE, row / COARSE);
        let part = |p: usize| (p % COARSE) as f32 / COARSE as f32;
        let (fx, fy) = (part(column), part(row));
        let at = |c: usize, r: usize| self.forms[r * self.form_columns + c];
        let (a, b, c, d) = (at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1));
        let mix = |i: usize| {
            let (upper, lower) = (a[i] + (b[i] - a[i]) * fx, c[i] + (d[i] - c[i]) * fx);
            f64::from(upper + (lower - upper) * fy)
        };
        [0, 1, 2].map(mix)
    }

    fn ripple(&self, x: f64) -> [f64; 3] {
        let place = (x / RIPPLE_REACH + 1.0) * 0.5 * RIPPLES as f64;
        self.ripples[(place.max(0.0) as usize).min(RIPPLES - 1)]
    }

    fn upper_lid(&self, ripple: f64, distance: f64, lid: &LidSample) -> f64 {
        let shape = &self.traits.lids;
        let along = lid.along;
        // The margin, dark with the lashes' roots, most at the outer half.
        let roots = 0.50 * bell(distance / 0.050) * (0.45 + 0.55 * smoothstep(0.7, -0.5, lid.place));
        let mut shade = 1.0 - along * roots;
        if shape.crease > 0.0 {
            let arch = (1.0 - lid.place * lid.place).clamp(0.0, 1.0);
            let crease = shape.crease * (0.45 + 0.55 * arch) + 0.02 * ripple;
            let from_crease = distance - crease;
            let fade = 1.0 - smoothstep(0.85, 1.2, lid.place.abs());
            shade -= fade * shape.crease_depth * bell(from_crease / 0.055);
            shade += fade * 0.06 * bell((from_crease - 0.17) / 0.14);
            // The lid itself is a roll between margin and crease.
            shade += fade * 0.07 * bell((distance / crease - 0.5) / 0.35);
            shade -= fade * 0.06 * bell((from_crease - 0.55) / 0.35);
        } else {
            shade += along * 0.06 * bell((distance - 0.35) / 0.3);
        }
        shade
    }

    fn lower_lid(&self, [_, sag, lumps]: [f64; 3], distance: f64, lid: &LidSample) -> f64 {
        let along = lid.along;
        let bag = self.traits.lids.bag;
        // The margin itself, moist and pale, then the lashes' roots, then the pouch and its fold.
        let mut near = 0.0;
        if distance < 0.4 {
            near = 0.035 * (1.0 + lumps) * smoothstep(0.11, 0.05, distance)
                - 0.16 * bell((distance - 0.125) / 0.035)
                - 0.16 * bell(distance / 0.016);
        }
        let sag = 0.62 + 0.10 * sag + 0.10 * lid.place;
        let pouch = 0.05 * bell((distance - 0.36) / 0.2) - 0.09 * bell((distance - sag) / 0.13);
        1.0 + along * near + bag * smoothstep(1.25, 0.8, lid.place.abs()) * pouch
    }
}
