//! What belongs to a person: shapes and tones of one eye, drawn once from its identity.

use super::numeric::{Stream, scramble};
use crate::iris::EyeSide;

/// Shapes and tones of one eye. Lengths are iris radii, angles radians, tones 0 black to 1 white.
#[derive(Clone, Debug)]
pub(super) struct Traits {
    /// Seed of everything random that is this eye's own (texture, vessels, lash roots).
    pub(super) seed: u64,
    /// +1 where the nose is towards +x of the picture (the person's right eye), −1 otherwise.
    pub(super) nose: f64,
    /// Radius of the iris over that of an average one.
    pub(super) iris_size: f64,
    /// Fourier amplitudes and phases of the pupil's outline, orders 2, 3, 4, ….
    pub(super) pupil_outline: [(f64, f64); 5],
    /// The same for the limbus, orders 2 and 3.
    pub(super) limbus_outline: [(f64, f64); 2],
    /// Centre of the pupil from that of the limbus, towards the nose and downwards.
    pub(super) pupil_offset: [f64; 2],
    pub(super) iris_tone: f64,
    pub(super) sclera_tone: f64,
    pub(super) pupil_tone: f64,
    pub(super) skin_tone: f64,
    /// Width over which the limbus passes from iris to sclera.
    pub(super) limbus_width: f64,
    pub(super) texture: TextureStyle,
    pub(super) lids: LidShape,
    pub(super) lashes: LashStyle,
    /// Strength of the fine structure of the skin.
    pub(super) skin_grain: f64,
    /// How much the skin glitters.
    pub(super) skin_gloss: f64,
    pub(super) brow_height: f64,
    pub(super) brow_density: f64,
    pub(super) vessels: u32,
}

/// The kind of iris: which structures are strong in it.
#[derive(Clone, Debug)]
pub(super) struct TextureStyle {
    pub(super) fibres: f64,
    pub(super) mottling: f64,
    /// Mean place of the collarette between pupil (0) and limbus (1).
    pub(super) collarette: f64,
    pub(super) collarette_strength: f64,
    pub(super) zigzag: f64,
    /// Tone of the pupillary zone over that of the ciliary zone, minus one.
    pub(super) inner_zone: f64,
    pub(super) crypts: u32,
    pub(super) crypt_depth: f64,
    pub(super) furrows: u32,
    pub(super) furrow_depth: f64,
    pub(super) spots: u32,
    pub(super) nodules: u32,
    pub(super) limbal_ring: f64,
    pub(super) contrast: f64,
}

/// The opening of the lids at rest, about the centre of an iris that looks straight.
#[derive(Clone, Debug)]
pub(super) struct LidShape {
    /// Middle of the opening, towards the nose.
    pub(super) middle: f64,
    pub(super) half_width: f64,
    /// Height of the line between the corners, below the iris' centre.
    pub(super) base: f64,
    /// Fall of that line towards the nose, per radius.
    pub(super) tilt: f64,
    pub(super) upper_height: f64,
    pub(super) lower_height: f64,
    /// Form of each arc: −0.5 flat with steep ends, 0 parabola, +1 peaked with slender ends.
    pub(super) upper_form: f64,
    pub(super) lower_form: f64,
    /// Shift of each arc's summit towards the nose.
    pub(super) upper_skew: f64,
    pub(super) lower_skew: f64,
    /// Distance of the crease above the upper lid's margin; 0 where there is none.
    pub(super) crease: f64,
    pub(super) crease_depth: f64,
    /// Strength of the fold under the lower lid.
    pub(super) bag: f64,
}

#[derive(Clone, Debug)]
pub(super) struct LashStyle {
    pub(super) count: u32,
    pub(super) length: f64,
    pub(super) width: f64,
    /// How much they curl upwards.
    pub(super) curl: f64,
    /// How much neighbours stick together.
    pub(super) clumping: f64,
    pub(super) lower_count: u32,
    pub(super) lower_length: f64,
    pub(super) tone: f64,
}

impl Traits {
    pub(super) fn new(identity: u64, side: EyeSide) -> Self {
        let (side_key, nose) = match side {
            EyeSide::Left => (0x4C45_4654, -1.0),
            EyeSide::Right => (0x5249_4748, 1.0),
        };
        let seed = scramble(scramble(identity) ^ side_key);
        // Two streams: what both eyes of a person share, and what each has for itself. The texture's
        // details come from `seed` alone, so left and right are as independent as two people are.
        let p = &mut Stream::new(identity, "person");
        let e = &mut Stream::new(seed, "eye");
        let outline = |order: u32, e: &mut Stream| {
            (e.between(0.2, 1.0) * 0.035 / f64::from(order * order), e.between(0.0, core::f64::consts::TAU))
        };
        let pupil_outline = [outline(2, e), outline(3, e), outline(4, e), outline(5, e), outline(6, e)];
        let limbus_outline =
            [(e.between(0.002, 0.012), e.between(-0.3, 0.3)), (e.between(0.0, 0.004), e.between(0.0, 6.2))];
        let skin_tone = p.about(0.72, 0.08, 0.52, 0.88);
        let iris_tone = p.about(0.36, 0.045, 0.26, 0.47) + e.between(-0.008, 0.008);
        // Sclera minus iris is 0.13 to 0.3: low contrast is what segmentation finds hard.
        let sclera_tone = iris_tone + p.about(0.245, 0.055, 0.14, 0.36);
        Self {
            seed,
            nose,
            iris_size: p.about(1.0, 0.02, 0.95, 1.05) + e.between(-0.006, 0.006),
            pupil_outline,
            limbus_outline,
            pupil_offset: [e.about(0.035, 0.018, -0.01, 0.08), e.about(-0.012, 0.018, -0.05, 0.03)],
            iris_tone,
            sclera_tone,
            pupil_tone: p.between(0.035, 0.085),
            skin_tone,
            limbus_width: p.between(0.045, 0.085),
            texture: TextureStyle::new(p, e),
            lids: LidShape::new(p, e),
            lashes: LashStyle::new(p),
            skin_grain: p.between(0.6, 1.4),
            skin_gloss: p.between(0.0, 1.0),
            brow_height: p.between(2.3, 3.0),
            brow_density: p.between(0.4, 1.2),
            vessels: e.count(6, 14),
        }
    }
}

impl TextureStyle {
    fn new(p: &mut Stream, e: &mut Stream) -> Self {
        // 0: dense dark stroma, few fibres, furrows and spots. 1: open stroma, strong fibres, crypts.
        let open = p.unit();
        let mix = |low: f64, high: f64| low + (high - low) * open;
        Self {
            fibres: mix(0.55, 1.15) * p.between(0.85, 1.15),
            mottling: mix(1.1, 0.8) * p.between(0.85, 1.15),
            collarette: (p.between(0.26, 0.40) + e.between(-0.02, 0.02)).clamp(0.22, 0.44),
            collarette_strength: mix(0.5, 1.1) * p.between(0.7, 1.3),
            zigzag: p.between(0.6, 1.4),
            inner_zone: p.between(-0.10, 0.14),
            crypts: (mix(16.0, 44.0) * p.between(0.6, 1.4)) as u32 + e.count(0, 8),
            crypt_depth: mix(0.20, 0.36) * p.between(0.8, 1.2),
            furrows: (mix(9.0, 3.0) * p.between(0.5, 1.5)) as u32,
            furrow_depth: mix(0.10, 0.05),
            spots: if p.chance(0.6) { e.count(2, 26) } else { e.count(0, 4) },
            nodules: if p.chance(0.2) { e.count(6, 16) } else { 0 },
            limbal_ring: p.between(0.05, 0.22),
            contrast: p.between(0.55, 0.95),
        }
    }
}

impl LidShape {
    fn new(p: &mut Stream, e: &mut Stream) -> Self {
        let crease = if p.chance(0.75) { p.between(0.28, 0.62) } else { 0.0 };
        Self {
            middle: p.between(-0.12, 0.14) + e.between(-0.03, 0.03),
            half_width: p.about(2.32, 0.12, 2.05, 2.6),
            base: p.about(0.42, 0.08, 0.22, 0.6),
            tilt: p.about(0.06, 0.045, -0.04, 0.16),
            upper_height: p.about(1.28, 0.09, 1.05, 1.5) + e.between(-0.025, 0.025),
            lower_height: p.about(0.56, 0.06, 0.42, 0.72) + e.between(-0.02, 0.02),
            upper_form: p.between(-0.45, -0.05),
            lower_form: p.between(-0.4, 0.1),
            upper_skew: p.between(0.0, 0.16),
            lower_skew: p.between(-0.2, -0.02),
            crease,
            crease_depth: p.between(0.12, 0.30),
            bag: p.between(0.2, 1.0),
        }
    }
}

impl LashStyle {
    fn new(p: &mut Stream) -> Self {
        Self {
            count: p.count(70, 150),
            length: p.between(0.5, 0.95),
            width: p.between(0.020, 0.034),
            curl: p.between(0.2, 1.0),
            clumping: p.between(0.2, 1.0),
            lower_count: p.count(30, 75),
            lower_length: p.between(0.22, 0.5),
            tone: p.between(0.07, 0.16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_eyes_share_the_person_but_not_the_seed() {
        let (left, right) = (Traits::new(3, EyeSide::Left), Traits::new(3, EyeSide::Right));
        assert_eq!(left.skin_tone, right.skin_tone);
        assert_eq!(left.lashes.count, right.lashes.count);
        assert_ne!(left.seed, right.seed);
        assert_ne!(left.pupil_outline, right.pupil_outline);
    }

    #[test]
    fn the_sclera_is_always_brighter_than_the_iris() {
        for identity in 0..3000 {
            let t = Traits::new(identity, EyeSide::Left);
            assert!(t.sclera_tone - t.iris_tone > 0.1 && t.iris_tone > t.pupil_tone + 0.12, "identity {identity}");
        }
    }
}
