//! Skin around the eye: lids, creases, folds, fine lines and pores.

use super::numeric::{Lattice, Stream, bell, smoothstep};
use super::scene::LidSample;
use super::traits::Traits;

/// Cycles per iris radius and strength of each octave of pores.
const PORES: [(f64, f32); 4] = [(5.0, 0.022), (11.0, 0.022), (23.0, 0.024), (41.0, 0.026)];

pub(super) struct Skin<'a> {
    traits: &'a Traits,
    broad: Lattice,
    fine: Lattice,
    /// Octaves that this resolution shows, faded out towards its limit.
    pores: Vec<(f64, f32)>,
    glitter: f64,
    lines: f64,
}

impl<'a> Skin<'a> {
    pub(super) fn new(traits: &'a Traits, scale: f64) -> Self {
        let s = &mut Stream::new(traits.seed, "skin");
        let shown = |frequency: f64| ((0.5 * scale / frequency - 1.0) / 0.5).clamp(0.0, 1.0) as f32;
        let pores = PORES
            .iter()
            .map(|&(frequency, strength)| (frequency, strength * shown(frequency) * traits.skin_grain as f32))
            .filter(|&(_, strength)| strength > 0.0)
            .collect();
        Self {
            traits,
            broad: Lattice::new(s, 24, 24),
            fine: Lattice::new(s, 128, 128),
            pores,
            glitter: (0.33 * scale).min(34.0),
            lines: f64::from(shown(9.0)),
        }
    }

    /// Tone at a place of the socket that lies `above` the upper margin and `below` the lower one
    /// (radii; exactly one of them matters and is positive).
    pub(super) fn tone(&self, [x, y]: [f64; 2], lid: &LidSample, above: f64, below: f64) -> f64 {
        let t = self.traits;
        let upper = y < (lid.upper + lid.lower) / 2.0;
        let distance = (if upper { above } else { below }).max(0.0);
        let mut tone = self.face(x, y);
        tone *= if upper { self.upper_lid(x, distance, lid) } else { self.lower_lid(x, distance, lid) };
        let mut grain = 0.0_f32;
        for &(frequency, strength) in &self.pores {
            grain += strength * self.fine.at(x * frequency, y * frequency);
        }
        // Lines that run along the lids, wavy, fading away from them.
        let wave = f64::from(self.broad.at(x * 0.9 + 5.0, distance * 1.7));
        let lines = self.fine.at(x * 2.3, distance * 13.0 + 3.0 * wave);
        let near = bell(distance / 0.9);
        grain += lines * (0.055 * near * self.lines) as f32;
        tone *= 1.0 + f64::from(grain);
        let spark = f64::from(self.fine.at(x * self.glitter + 31.7, y * self.glitter + 11.3));
        if spark > 0.38 {
            tone += t.skin_gloss * (spark - 0.38) * 0.9 * tone;
        }
        tone
    }

    /// The large forms: brow ridge, hollow beside the nose, cheek.
    fn face(&self, x: f64, y: f64) -> f64 {
        let hollow = 0.20 * bell((x - 2.9) / 1.0) * bell((y + 0.7) / 1.1);
        let ridge = 0.07 * bell((y + 2.0) / 0.9);
        let temple = 0.10 * smoothstep(2.6, 4.2, -x);
        let uneven = 0.10 * f64::from(self.broad.at(x * 0.45, y * 0.45))
            + 0.05 * f64::from(self.broad.at(x * 1.3 + 9.0, y * 1.3));
        self.traits.skin_tone * (1.0 + ridge - hollow - temple + uneven)
    }

    fn upper_lid(&self, x: f64, distance: f64, lid: &LidSample) -> f64 {
        let shape = &self.traits.lids;
        let along = lid.along;
        // The margin, dark with the lashes' roots, most at the outer half.
        let roots = 0.50 * bell(distance / 0.050) * (0.45 + 0.55 * smoothstep(0.7, -0.5, lid.place));
        let mut shade = 1.0 - along * roots;
        if shape.crease > 0.0 {
            let arch = (1.0 - lid.place * lid.place).clamp(0.0, 1.0);
            let crease = shape.crease * (0.45 + 0.55 * arch) + 0.02 * f64::from(self.broad.at(x * 1.1, 3.3));
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

    fn lower_lid(&self, x: f64, distance: f64, lid: &LidSample) -> f64 {
        let along = lid.along;
        let bag = self.traits.lids.bag;
        // The margin itself, moist and pale, then the lashes' roots, then the pouch and its fold.
        let margin = 0.10 * (1.0 - smoothstep(0.05, 0.11, distance)) - 0.16 * bell((distance - 0.125) / 0.035);
        let rim = -0.25 * bell(distance / 0.016);
        let sag = 0.62 + 0.10 * f64::from(self.broad.at(x * 0.8, 7.7)) + 0.10 * lid.place;
        let pouch = 0.05 * bell((distance - 0.36) / 0.2) - 0.09 * bell((distance - sag) / 0.13);
        1.0 + along * (margin + rim) + bag * (1.0 - smoothstep(0.8, 1.25, lid.place.abs())) * pouch
    }
}
