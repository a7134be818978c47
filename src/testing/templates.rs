//! Templates with the statistics of real ones, by the million.
//!
//! Load tests and benches need galleries that behave like galleries of people: neighbouring bits that agree as often as
//! Gabor responses make them agree, eyelids in the masks, strangers whose distances scatter as widely as those of real
//! irises, and second captures that are turned and noisy. Independent random bits have none of this: their distances
//! scatter four times less, so nothing ever comes near a threshold.
//!
//! # The model
//!
//! A bit is the sign of the real or imaginary part of a complex Gaussian field over the unrolled iris, one field for each
//! wavelet, as it would be for a texture of white noise. Along the columns the field is a second-order autoregression with
//! the double pole `a·exp(iω)`: `ω` is the phase by which the wavelet's carrier advances from one column to the next,
//! and `a` says how soon it forgets. Along the rows it is one with a double real pole `ρ`. (A double pole, because responses
//! of a smooth filter are smooth: with a single pole the coarse wavelet would need so long a memory for its few
//! transitions that strangers would scatter twice as widely as they do.) The ring is closed.
//!
//! | statistic | real pair | this model, 200 columns |
//! |---|---|---|
//! | bits that differ from the next column's, coarse and fine wavelet | 0.09, 0.45 | 0.09, 0.45 |
//! | bits that differ from the next row's | 0.14, 0.19 | 0.14, 0.19 |
//! | usable bits | 0.72 | 0.72 |
//! | usable runs per row | 1 to 2 | 1 to 3 |
//! | degrees of freedom of strangers' distances | about 475 | about 520 |
//!
//! The column on the left is the one pair of real templates that is public (test vectors of World's
//! mpc-uniqueness-check); a test below measures the column on the right. With 256 columns the same texture is sampled
//! more densely (450 degrees of freedom), and bits near their decision line are masked one by one, as open-iris does there.
//!
//! A second capture of an eye is its field mixed with an independent one, `√(1−n²)·eye + n·noise`, which puts the expected
//! distance at `acos(√(1−n²))/π`; it is drawn evenly from 0.15 to 0.33. It has eyelids of its own and is turned by up to
//! 12 columns.
//!
//! What is not modelled: noise that is worse for the fine wavelet, the stretching of the iris by the pupil, and any
//! likeness of relatives or of the two eyes of a person.
//!
//! # Examples
//!
//! ```
//! use personhood::iris::{EyeSide, Layout};
//! use personhood::matcher::{Comparison, MatchPolicy, compare};
//! use personhood::testing::templates::SyntheticTemplates;
//!
//! let people = SyntheticTemplates::new(Layout::Columns200, 42);
//! let enrolled = people.enrolled(7, EyeSide::Left);
//! let again = people.recaptured(7, EyeSide::Left, 1);
//! let Comparison::Match(found) = compare(&again.template, &enrolled, &MatchPolicy::default()) else { panic!() };
//! assert_eq!(found.rotation, again.rotation);
//! assert!(!compare(&again.template, &people.enrolled(8, EyeSide::Left), &MatchPolicy::default()).is_match());
//! ```

use std::f32::consts::PI;
use std::ops::RangeInclusive;

use crate::iris::{EncoderVersion, EyeSide, IrisCode, IrisTemplate, Layout, Mask, Rotation};

/// Responses of one column and one part: 16 rows of 2 wavelets, wavelet fastest.
const SITES: usize = Layout::ROWS * Layout::WAVELETS;
/// Words of noise per column: one byte per site and part, and one row more to start from.
const NOISE_WORDS: usize = (SITES + Layout::WAVELETS) * Layout::PARTS / 8 + 1;
/// After so many columns the field has forgotten where it began: the memory is down to a hundredth.
const WARM_UP: usize = 48;

/// Found by solving for the transitions of the table (a Gaussian field with correlation r between neighbours has
/// `acos(r)/π` of them) along the one curve of phases and moduli that has them, for its degrees of freedom.
///
/// The phase by which the carrier of each wavelet advances per column of 200, and the modulus of its double pole there.
const PHASE: [f32; 2] = [12.2 * PI / 180.0, 78.0 * PI / 180.0];
const MODULUS: [f32; 2] = [0.828, 0.4536];
/// The double pole along the rows.
const ROW_POLE: [f32; 2] = [0.635, 0.530];

/// A world of people whose templates are drawn on demand.
///
/// Every template is a function of seed, person, eye and capture, so that nothing needs to be kept, threads can draw in
/// any order, and a failing test can be repeated.
#[derive(Clone, Debug)]
pub struct SyntheticTemplates {
    layout: Layout,
    seed: u64,
    encoder: EncoderVersion,
    distances: RangeInclusive<f64>,
    maximum_rotation: u8,
}

/// A later capture of an eye.
#[derive(Clone, Debug)]
pub struct Recapture {
    /// What the camera saw.
    pub template: IrisTemplate,
    /// The turn that lays this capture, as the probe, on the enrolled one.
    pub rotation: Rotation,
    /// The fractional Hamming distance to be expected there, over all bits; the actual one scatters by about 0.02. With
    /// 256 columns it is lower by 0.03, because the mask takes out the least steady bits.
    pub distance: f64,
}

impl SyntheticTemplates {
    /// The encoder that the templates name unless told otherwise: nobody's, so that they cannot slip into a real gallery.
    pub const ENCODER: EncoderVersion = EncoderVersion::Other(u32::from_le_bytes(*b"SYNT"));

    /// A world; another seed is another one.
    #[must_use]
    pub fn new(layout: Layout, seed: u64) -> Self {
        Self { layout, seed, encoder: Self::ENCODER, distances: 0.15..=0.33, maximum_rotation: 12 }
    }

    /// The same world with templates that name this encoder.
    #[must_use]
    pub fn with_encoder(self, encoder: EncoderVersion) -> Self {
        Self { encoder, ..self }
    }

    /// The same world with recaptures at these expected distances, of 0 to 0.5.
    #[must_use]
    pub fn with_distances(self, distances: RangeInclusive<f64>) -> Self {
        Self { distances, ..self }
    }

    /// The same world with recaptures turned by at most this many columns.
    #[must_use]
    pub fn with_maximum_rotation(self, maximum_rotation: u8) -> Self {
        Self { maximum_rotation, ..self }
    }

    /// The template that an eye is enrolled with.
    #[must_use]
    pub fn enrolled(&self, person: u64, eye: EyeSide) -> IrisTemplate {
        let mut capture = self.stream(person, eye, 0);
        let mut iris = Field::new(self.layout, self.stream(person, eye, u64::MAX).next());
        let lids = Lids::draw(&mut capture, self.layout);
        self.template(&lids, Rotation::ZERO, || *iris.column())
    }

    /// Another capture of the same eye. `capture` tells several apart; 0 is one like any other.
    #[must_use]
    pub fn recaptured(&self, person: u64, eye: EyeSide, capture: u64) -> Recapture {
        let mut draw = self.stream(person, eye, capture.wrapping_add(1).min(u64::MAX - 1));
        let (low, high) = (self.distances.start(), self.distances.end());
        let distance = (low + (high - low) * f64::from(draw.unit())).clamp(0.0, 0.5);
        let furthest = i16::from(self.maximum_rotation);
        let turn = (draw.unit() * f32::from(2 * furthest + 1)) as i16 - furthest;
        let lids = Lids::draw(&mut draw, self.layout);
        let mut iris = Field::new(self.layout, self.stream(person, eye, u64::MAX).next());
        let mut noise = Field::new(self.layout, draw.next());
        let alike = (std::f64::consts::PI * distance).cos();
        let (eye_share, noise_share) = (alike as f32, (1.0 - alike * alike).sqrt() as f32);
        let template = self.template(&lids, Rotation::new(-turn), || {
            let (mut mixed, noise) = (*iris.column(), noise.column());
            for (mixed, noise) in mixed.parts.as_flattened_mut().iter_mut().zip(noise.parts.as_flattened()) {
                *mixed = eye_share * *mixed + noise_share * noise;
            }
            mixed
        });
        Recapture { template, rotation: Rotation::new(turn), distance }
    }

    /// Draws codes and masks column by column, then turns the code under the lids, which stay where they are.
    fn template(&self, lids: &Lids, turn: Rotation, mut column: impl FnMut() -> Responses) -> IrisTemplate {
        let columns = self.layout.columns();
        let (mut code, mut steady) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        for _ in 0..columns {
            let responses = column();
            code.push(responses.signs());
            steady.push(if self.layout == Layout::Columns256 { responses.steady() } else { u64::MAX });
        }
        let right = "one word per column was drawn";
        let code = IrisCode::from_columns(self.layout, code).expect(right).rotated(turn);
        let steady = Mask::from_columns(self.layout, steady).expect(right).rotated(turn);
        let mask = steady.columns().iter().enumerate().map(|(column, steady)| steady & lids.column(column)).collect();
        let mask = Mask::from_columns(self.layout, mask).expect(right);
        IrisTemplate::new(code, mask, self.encoder).expect("code and mask have the layout of the world")
    }

    fn stream(&self, person: u64, eye: EyeSide, capture: u64) -> Noise {
        let side = match eye {
            EyeSide::Left => 1,
            EyeSide::Right => 2,
        };
        let mut stream = Noise(self.seed);
        for part in [person, side, capture] {
            stream = Noise(stream.next() ^ part);
        }
        Noise(stream.next())
    }
}

/// The responses of all wavelets in one column.
#[derive(Clone, Copy)]
struct Responses {
    /// Real parts, imaginary parts.
    parts: [[f32; SITES]; 2],
}

impl Responses {
    const ZERO: Self = Self { parts: [[0.0; SITES]; 2] };

    fn signs(&self) -> u64 {
        self.word(|part, site| self.parts[part][site] > 0.0)
    }

    /// Bits more than 5° away from their decision line, as open-iris asks for.
    fn steady(&self) -> u64 {
        const TANGENT: f32 = 0.087_488_66;
        self.word(|part, site| self.parts[part][site].abs() >= TANGENT * self.parts[1 - part][site].abs())
    }

    #[inline(always)]
    fn word(&self, bit: impl Fn(usize, usize) -> bool) -> u64 {
        let mut word = 0;
        for part in 0..Layout::PARTS {
            for site in 0..SITES {
                let (row, wavelet) = (site / Layout::WAVELETS, site % Layout::WAVELETS);
                word |= u64::from(bit(part, site)) << (part * 32 + wavelet * 16 + row);
            }
        }
        word
    }
}

/// A field on its way around the iris, one column per call.
struct Field {
    seed: u64,
    columns: usize,
    next: usize,
    /// The double pole along the columns, real and imaginary part per site.
    pole: [[f32; SITES]; 2],
    first: Responses,
    second: Responses,
}

impl Field {
    fn new(layout: Layout, seed: u64) -> Self {
        let columns = layout.columns();
        // The same texture, sampled more or less densely.
        let density = 200.0 / columns as f32;
        let poles = [0, 1].map(|wavelet| {
            let (sin, cos) = (PHASE[wavelet] * density).sin_cos();
            let modulus = MODULUS[wavelet].powf(density);
            [modulus * cos, modulus * sin]
        });
        let pole = [0, 1].map(|part| std::array::from_fn(|site| poles[site % Layout::WAVELETS][part]));
        let mut field =
            Self { seed, columns, next: columns - WARM_UP, pole, first: Responses::ZERO, second: Responses::ZERO };
        // The last columns first: when column 0 comes, the field remembers them, and the ring is closed.
        for _ in 0..WARM_UP {
            field.column();
        }
        field
    }

    fn column(&mut self) -> &Responses {
        let innovation = innovation(self.seed, self.next as u64);
        self.next = (self.next + 1) % self.columns;
        advance(&self.pole, &mut self.first, &innovation);
        let first = self.first;
        advance(&self.pole, &mut self.second, &first);
        &self.second
    }
}

/// `state = pole · state + input`, in complex numbers.
fn advance([pole_re, pole_im]: &[[f32; SITES]; 2], state: &mut Responses, input: &Responses) {
    let [state_re, state_im] = &mut state.parts;
    let [input_re, input_im] = &input.parts;
    for site in 0..SITES {
        let (re, im) = (state_re[site], state_im[site]);
        state_re[site] = pole_re[site] * re - pole_im[site] * im + input_re[site];
        state_im[site] = pole_im[site] * re + pole_re[site] * im + input_im[site];
    }
}

/// Fresh noise of one column, correlated along the rows.
///
/// The bytes are even, not Gaussian. Their sums over rows and columns are Gaussian enough: signs are all that remains.
fn innovation(seed: u64, column: u64) -> Responses {
    let mut stream = Noise(seed.wrapping_add(column.wrapping_mul(Noise::STEP.wrapping_mul(NOISE_WORDS as u64))));
    let mut bytes = [0_u8; NOISE_WORDS * 8];
    for word in bytes.as_chunks_mut().0 {
        *word = stream.next().to_le_bytes();
    }
    let (start, bytes) = bytes.split_at(Layout::PARTS * Layout::WAVELETS);
    let level = |byte: u8| f32::from(byte) - 127.5;
    let mut responses = Responses::ZERO;
    for (part, responses) in responses.parts.iter_mut().enumerate() {
        let bytes = &bytes[part * SITES..][..SITES];
        for wavelet in 0..Layout::WAVELETS {
            // Both stages begin in their stationary state: variances and covariance of a double pole.
            let pole = ROW_POLE[wavelet];
            let one = 1.0 / (1.0 - pole * pole);
            let both = one * one;
            let two = (one + 2.0 * pole * pole * both) * one;
            let mut first = level(bytes[wavelet]) * one.sqrt();
            let along = both / one.sqrt();
            let mut second = level(bytes[wavelet]) * along
                + level(start[part * Layout::WAVELETS + wavelet]) * (two - along * along).sqrt();
            responses[wavelet] = second;
            for row in 1..Layout::ROWS {
                let site = row * Layout::WAVELETS + wavelet;
                first = pole * first + level(bytes[site]);
                second = pole * second + first;
                responses[site] = second;
            }
        }
    }
    responses
}

/// What covers the iris: both eyelids, and the reflection of the lamp.
struct Lids {
    columns: usize,
    /// Centre and, per row, half of the width; as shares of the circle.
    arcs: [(f32, [f32; Layout::ROWS]); 3],
}

impl Lids {
    /// Column 0 is towards the right of the picture and columns go down first, so the lower lid is centred a quarter of
    /// the way around and the upper one three quarters. Lids cover the outer rows more.
    fn draw(noise: &mut Noise, layout: Layout) -> Self {
        // With 256 columns the bits that are masked one by one take their share of what the mask may cover.
        let cover = if layout == Layout::Columns256 { 0.060 } else { 0.072 };
        let mut between = |low: f32, high: f32| low + (high - low) * noise.unit();
        let outwards = |row: usize| row as f32 / (Layout::ROWS - 1) as f32;
        let upper = (between(0.72, 0.78), between(0.0, cover), between(0.07, 0.07 + 2.0 * cover));
        let lower = (between(0.22, 0.28), between(-0.10, -0.02), between(0.08, 0.08 + 2.0 * cover));
        let lid = |(centre, inner, slope): (f32, f32, f32)| {
            (centre, std::array::from_fn(|row| (inner + slope * outwards(row)).max(0.0)))
        };
        let (spot, spot_row) = (between(0.0, 1.0), between(0.0, 12.0) as usize);
        let spot_width = between(0.01, 0.03);
        let reflection =
            (spot, std::array::from_fn(|row| if (spot_row..spot_row + 4).contains(&row) { spot_width } else { 0.0 }));
        Self { columns: layout.columns(), arcs: [lid(upper), lid(lower), reflection] }
    }

    /// The usable bits of a column.
    fn column(&self, column: usize) -> u64 {
        let angle = (column as f32 + 0.5) / self.columns as f32;
        let mut open = 0_u64;
        for row in 0..Layout::ROWS {
            let covered = self.arcs.iter().any(|(centre, widths)| {
                let apart = (angle - centre).abs();
                apart.min(1.0 - apart) < widths[row]
            });
            open |= u64::from(!covered) << row;
        }
        // All four responses at a place see the same lid.
        open * 0x0001_0001_0001_0001
    }
}

/// The generator splitmix64 (G. Steele, D. Lea, C. Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014,
/// figure 16): its state is a counter, so any place of a stream can be reached at once. It keeps no secrets.
struct Noise(u64);

impl Noise {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// Evenly from 0 (included) to 1 (excluded).
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::DegeneracyLimits;
    use crate::matcher::{MatchPolicy, compare, rotation_counts};

    const PEOPLE: u64 = 150;

    fn world(layout: Layout) -> (SyntheticTemplates, Vec<IrisTemplate>) {
        let world = SyntheticTemplates::new(layout, 1);
        let templates = (0..PEOPLE).map(|person| world.enrolled(person, EyeSide::Left)).collect();
        (world, templates)
    }

    fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
        values.clone().sum::<f64>() / values.count() as f64
    }

    fn assert_near(found: f64, wanted: f64, tolerance: f64, what: &str) {
        eprintln!("{what}: {found:.4} (wanted {wanted} ± {tolerance})");
        assert!((found - wanted).abs() <= tolerance, "{what}: {found} instead of {wanted}");
    }

    /// The share of bits that differ from the next row's, of those where both are usable.
    fn row_transitions(template: &IrisTemplate, wavelet: usize) -> f64 {
        let (mut differ, mut both) = (0, 0);
        for (code, mask) in template.code().columns().iter().zip(template.mask().columns()) {
            for part in 0..2 {
                let rows = |word: &u64| (word >> (part * 32 + wavelet * 16)) as u16;
                let (code, mask) = (rows(code), rows(mask));
                let pairs = mask & mask >> 1;
                both += pairs.count_ones();
                differ += ((code ^ code >> 1) & pairs).count_ones();
            }
        }
        f64::from(differ) / f64::from(both)
    }

    #[test]
    fn statistics_are_those_of_real_templates() {
        let (_, templates) = world(Layout::Columns200);
        for (wavelet, columns, rows) in [(0, 0.09, 0.14), (1, 0.45, 0.19)] {
            let found = mean(templates.iter().map(|template| template.facts().column_transitions[wavelet]));
            assert_near(found, columns, 0.01, "transitions along columns");
            let found = mean(templates.iter().map(|template| row_transitions(template, wavelet)));
            assert_near(found, rows, 0.015, "transitions along rows");
        }
        let found = mean(templates.iter().map(|template| template.code().count_ones().into())) / 12_800.0;
        assert_near(found, 0.5, 0.01, "ones");
    }

    #[test]
    fn masks_are_those_of_real_templates() {
        for layout in Layout::ALL {
            let (_, templates) = world(layout);
            let share = mean(templates.iter().map(|template| template.facts().usable_share()));
            assert_near(share, 0.72, 0.02, "usable");
            for template in &templates {
                template.facts().check(&DegeneracyLimits::default()).expect("a template like a real one");
                assert!((0.45..0.95).contains(&template.facts().usable_share()));
            }
        }
        let (_, templates) = world(Layout::Columns200);
        for template in &templates {
            assert_eq!(&template.with_paired_mask(), template);
            for row in 0..16 {
                let open = |column: usize| template.mask().bit(0, row, column % 200, 0);
                let runs = (0..200).filter(|&column| !open(column) && open(column + 1)).count();
                let all = (0..200).all(open);
                assert!(all || (1..=3).contains(&runs), "row {row} has {runs} runs");
            }
        }
        let (_, templates) = world(Layout::Columns256);
        assert_ne!(templates[0].with_paired_mask(), templates[0]);
    }

    #[test]
    fn strangers_scatter_as_real_ones_do() {
        for (layout, wanted) in [(Layout::Columns200, 520.0), (Layout::Columns256, 450.0)] {
            let (_, templates) = world(layout);
            let mut distances = Vec::new();
            for (index, probe) in templates.iter().enumerate() {
                for reference in &templates[..index] {
                    let counts = rotation_counts(probe, reference, 0).expect("one layout")[0];
                    distances.push(f64::from(counts.disagreeing) / f64::from(counts.compared));
                }
            }
            let centre = mean(distances.iter().copied());
            let variance = mean(distances.iter().map(|distance| (distance - centre).powi(2)));
            assert_near(centre, 0.5, 0.005, "distance of strangers");
            // J. Daugman's count: the coins that would have to be tossed for the same scatter.
            assert_near(centre * (1.0 - centre) / variance, wanted, 60.0, "degrees of freedom");
        }
    }

    #[test]
    fn captures_of_one_eye_are_found_where_they_should_be() {
        for layout in Layout::ALL {
            let (world, templates) = world(layout);
            let mut errors = Vec::new();
            for (person, enrolled) in (0..PEOPLE).zip(&templates) {
                let again = world.recaptured(person, EyeSide::Left, person % 3);
                let found =
                    compare(&again.template, enrolled, &MatchPolicy::default()).alignment().expect("enough bits");
                assert_eq!(found.rotation, again.rotation, "person {person}");
                assert!((0.15..=0.33).contains(&again.distance));
                errors.push(found.distance.ratio() - again.distance);
                // One column off the best turn costs as much as it does for real ones: 0.335 becomes 0.40.
                let off = again.template.rotated(Rotation::new(again.rotation.columns() + 1));
                let off = rotation_counts(&off, enrolled, 0).expect("one layout")[0];
                let off = f64::from(off.disagreeing) / f64::from(off.compared);
                assert!(off > found.distance.ratio() + 0.02 && off < 0.47, "{off} beside {found}");
            }
            // Masking unsteady bits takes the worst ones out, as it does in reality.
            let (wanted, tolerance) = if layout == Layout::Columns256 { (-0.027, 0.01) } else { (0.0, 0.005) };
            assert_near(mean(errors.iter().copied()), wanted, tolerance, "distance beyond the expected one");
            let scatter = mean(errors.iter().map(|error| (error - wanted).powi(2))).sqrt();
            assert!(scatter < 0.025, "{scatter}");
        }
    }

    #[test]
    fn everybody_is_somebody_else_and_always_the_same() {
        let (world, templates) = world(Layout::Columns200);
        let policy = MatchPolicy::default();
        for (person, template) in (0..PEOPLE).zip(&templates) {
            assert_eq!(&world.enrolled(person, EyeSide::Left), template);
            assert!(!compare(&world.enrolled(person, EyeSide::Right), template, &policy).is_match());
            let next = &templates[(person as usize + 1) % templates.len()];
            assert!(!compare(next, template, &policy).is_match());
        }
        let elsewhere = SyntheticTemplates::new(Layout::Columns200, 2).enrolled(0, EyeSide::Left);
        assert!(!compare(&elsewhere, &templates[0], &policy).is_match());
        let (first, second) = (world.recaptured(3, EyeSide::Left, 1), world.recaptured(3, EyeSide::Left, 2));
        assert_ne!(first.template, second.template);
        assert_eq!(world.recaptured(3, EyeSide::Left, 1).template, first.template);
    }

    #[test]
    fn the_ring_is_closed() {
        // Across the seam bits differ as rarely as anywhere else.
        let (_, templates) = world(Layout::Columns200);
        let coarse = 0xFFFF_0000_FFFF;
        let differing = templates.iter().map(|template| {
            let columns = template.code().columns();
            f64::from(((columns[199] ^ columns[0]) & coarse).count_ones()) / 32.0
        });
        assert_near(mean(differing), 0.09, 0.02, "transitions across the seam");
    }
}
