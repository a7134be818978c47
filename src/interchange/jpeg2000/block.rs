//! The bit-plane coder of one code-block: ITU-T T.800, annex D.

use zeroize::{Zeroize, Zeroizing};

use super::arithmetic::{Encoder, RUN_LENGTH, UNIFORM};

/// The side of a code-block; at the edges of a sub-band they are smaller.
pub(super) const SIDE: usize = 64;
/// Rows that are coded together, column by column.
const STRIPE: usize = 4;

/// What a sub-band holds: the frequencies across and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Band {
    /// Low and low.
    Ll,
    /// High across, low down.
    Hl,
    /// Low across, high down.
    Lh,
    /// High and high.
    Hh,
}

impl Band {
    /// The logarithm of the gain of the wavelet (T.800, table E.1).
    pub(super) fn gain(self) -> u8 {
        match self {
            Self::Ll => 0,
            Self::Hl | Self::Lh => 1,
            Self::Hh => 2,
        }
    }
}

/// A code-block, coded.
pub(super) struct CodeBlock {
    /// Bit-planes below the first one that has a bit; 0 if all coefficients are zero.
    pub(super) planes: u8,
    /// All passes, in one codeword segment.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl CodeBlock {
    /// Coding passes: one for the first plane, three for each further one.
    pub(super) fn passes(&self) -> u32 {
        (3 * u32::from(self.planes)).saturating_sub(2)
    }
}

/// What is known of a coefficient. A border of zeros all around spares every question about edges.
#[derive(Clone, Copy, Default, PartialEq, Eq, Zeroize)]
struct State {
    significant: bool,
    negative: bool,
    /// Coded in this plane already.
    visited: bool,
    /// Has had a bit after the one that made it significant.
    refined: bool,
}

struct Coder {
    band: Band,
    columns: usize,
    rows: usize,
    stride: usize,
    magnitudes: Zeroizing<Vec<u32>>,
    states: Zeroizing<Vec<State>>,
    encoder: Encoder,
}

/// Codes `columns` × `rows` coefficients (at most [`SIDE`] each), row after row.
pub(super) fn encode(band: Band, columns: usize, rows: usize, coefficient: impl Fn(usize, usize) -> i32) -> CodeBlock {
    let stride = columns + 2;
    let mut magnitudes = Zeroizing::new(vec![0; stride * (rows + 2)]);
    let mut states = Zeroizing::new(vec![State::default(); stride * (rows + 2)]);
    for y in 0..rows {
        for x in 0..columns {
            let (place, value) = ((y + 1) * stride + x + 1, coefficient(x, y));
            magnitudes[place] = value.unsigned_abs();
            states[place].negative = value < 0;
        }
    }
    let largest = magnitudes.iter().max().map_or(0, |magnitude| magnitude.checked_ilog2().map_or(0, |bit| bit + 1));
    let planes = u8::try_from(largest).expect("a number of bits");
    // Twice what noise needs: a vector that grows leaves a copy of its bytes behind.
    let encoder = Encoder::new(columns * rows * (usize::from(planes) + 2) / 2 + 64);
    let mut coder = Coder { band, columns, rows, stride, magnitudes, states, encoder };
    for plane in (0..planes).rev() {
        if plane + 1 < planes {
            coder.significance_propagation(plane);
            coder.magnitude_refinement(plane);
        }
        coder.cleanup(plane);
    }
    CodeBlock { planes, bytes: if planes == 0 { Zeroizing::default() } else { coder.encoder.finish() } }
}

impl Coder {
    /// Every column of every stripe in order: the place of its first coefficient, and how many it has.
    fn stripe_columns(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (columns, rows, stride) = (self.columns, self.rows, self.stride);
        (0..rows)
            .step_by(STRIPE)
            .flat_map(move |y| (0..columns).map(move |x| ((y + 1) * stride + x + 1, STRIPE.min(rows - y))))
    }

    fn bit(&self, place: usize, plane: u8) -> bool {
        self.magnitudes[place] >> plane & 1 == 1
    }

    /// Significant neighbours: beside, above and below, at the corners.
    fn neighbours(&self, place: usize) -> (usize, usize, usize) {
        let count = |places: &[usize]| places.iter().filter(|&&place| self.states[place].significant).count();
        let (up, down) = (place - self.stride, place + self.stride);
        (count(&[place - 1, place + 1]), count(&[up, down]), count(&[up - 1, up + 1, down - 1, down + 1]))
    }

    /// The context of "does it become significant?" (T.800, table D.1).
    fn zero_coding(&self, place: usize) -> usize {
        let (beside, upright, corners) = self.neighbours(place);
        // The bands that are high in one direction differ by exchanging the directions.
        let (first, second) = if self.band == Band::Hl { (upright, beside) } else { (beside, upright) };
        match (self.band, first, second, corners) {
            (Band::Hh, h, v, corners) => match (corners, h + v) {
                (3.., _) => 8,
                (2, 1..) => 7,
                (2, 0) => 6,
                (1, 2..) => 5,
                (1, 1) => 4,
                (1, 0) => 3,
                (0, sum) => sum.min(2),
            },
            (_, 2.., ..) => 8,
            (_, 1, 1.., _) => 7,
            (_, 1, 0, 1..) => 6,
            (_, 1, 0, 0) => 5,
            (_, 0, 2.., _) => 4,
            (_, 0, 1, _) => 3,
            (_, 0, 0, corners) => corners.min(2),
        }
    }

    /// Codes the sign of a coefficient that just became significant (T.800, tables D.2 and D.3).
    fn sign(&mut self, place: usize) {
        let contribution = |one: usize, other: usize| {
            let of = |place: usize| match self.states[place] {
                State { significant: false, .. } => 0,
                State { negative: false, .. } => 1,
                State { negative: true, .. } => -1,
            };
            (of(one) + of(other)).clamp(-1, 1)
        };
        let beside = contribution(place - 1, place + 1);
        let upright = contribution(place - self.stride, place + self.stride);
        let (context, flip) = match (beside, upright) {
            (1, 1) => (13, false),
            (1, 0) => (12, false),
            (1, _) => (11, false),
            (0, 1) => (10, false),
            (0, 0) => (9, false),
            (0, _) => (10, true),
            (_, 1) => (11, true),
            (_, 0) => (12, true),
            _ => (13, true),
        };
        self.states[place].significant = true;
        self.encoder.encode(context, self.states[place].negative ^ flip);
    }

    /// Whether a coefficient becomes significant, and its sign then.
    fn significance(&mut self, place: usize, plane: u8) {
        let (context, bit) = (self.zero_coding(place), self.bit(place, plane));
        self.encoder.encode(context, bit);
        if bit {
            self.sign(place);
        }
    }

    /// Insignificant coefficients beside significant ones (T.800, D.3.1).
    fn significance_propagation(&mut self, plane: u8) {
        for (top, rows) in self.stripe_columns() {
            for place in (top..).step_by(self.stride).take(rows) {
                if !self.states[place].significant && self.zero_coding(place) != 0 {
                    self.significance(place, plane);
                    self.states[place].visited = true;
                }
            }
        }
    }

    /// The next bit of those that were significant before this plane (T.800, D.3.3, table D.4).
    fn magnitude_refinement(&mut self, plane: u8) {
        for (top, rows) in self.stripe_columns() {
            for place in (top..).step_by(self.stride).take(rows) {
                let State { significant, visited, refined, .. } = self.states[place];
                if significant && !visited {
                    let context = match (refined, self.neighbours(place)) {
                        (true, _) => 16,
                        (false, (0, 0, 0)) => 14,
                        (false, _) => 15,
                    };
                    self.encoder.encode(context, self.bit(place, plane));
                    self.states[place].refined = true;
                }
            }
        }
    }

    /// All that is left (T.800, D.3.4).
    fn cleanup(&mut self, plane: u8) {
        for (top, rows) in self.stripe_columns() {
            let places = (top..).step_by(self.stride).take(rows);
            let mut done = 0;
            let silent = |place: usize| {
                self.states[place] == State { negative: self.states[place].negative, ..State::default() }
            };
            if rows == STRIPE && places.clone().all(|place| silent(place) && self.zero_coding(place) == 0) {
                let first = places.clone().position(|place| self.bit(place, plane));
                self.encoder.encode(RUN_LENGTH, first.is_some());
                if let Some(first) = first {
                    self.encoder.encode(UNIFORM, first & 2 != 0);
                    self.encoder.encode(UNIFORM, first & 1 != 0);
                    self.sign(top + first * self.stride);
                    done = first + 1;
                } else {
                    done = STRIPE;
                }
            }
            for place in places.clone().skip(done) {
                let State { significant, visited, .. } = self.states[place];
                if !significant && !visited {
                    self.significance(place, plane);
                }
            }
            for place in places {
                self.states[place].visited = false;
            }
        }
    }
}
