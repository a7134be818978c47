//! The MQ arithmetic encoder: ITU-T T.800, annex C.2.

use zeroize::Zeroizing;

/// Contexts of the bit-plane coder (T.800, table D.7): zero coding, sign coding, magnitude refinement, run length, uniform.
pub(super) const CONTEXTS: usize = 19;
/// Context of "a whole column of a stripe stays insignificant".
pub(super) const RUN_LENGTH: usize = 17;
/// Context whose symbols are about equally likely.
pub(super) const UNIFORM: usize = 18;

/// Probability estimates (T.800, table C.2): of the less probable symbol, the next state after the more and after the less
/// probable one, and whether the two change places then.
#[rustfmt::skip]
const STATES: [(u32, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true), (0x3401, 2, 6, false), (0x1801, 3, 9, false), (0x0ac1, 4, 12, false), (0x0521, 5, 29, false),
    (0x0221, 38, 33, false), (0x5601, 7, 6, true), (0x5401, 8, 14, false), (0x4801, 9, 14, false), (0x3801, 10, 14, false),
    (0x3001, 11, 17, false), (0x2401, 12, 18, false), (0x1c01, 13, 20, false), (0x1601, 29, 21, false), (0x5601, 15, 14, true),
    (0x5401, 16, 14, false), (0x5101, 17, 15, false), (0x4801, 18, 16, false), (0x3801, 19, 17, false), (0x3401, 20, 18, false),
    (0x3001, 21, 19, false), (0x2801, 22, 19, false), (0x2401, 23, 20, false), (0x2201, 24, 21, false), (0x1c01, 25, 22, false),
    (0x1801, 26, 23, false), (0x1601, 27, 24, false), (0x1401, 28, 25, false), (0x1201, 29, 26, false), (0x1101, 30, 27, false),
    (0x0ac1, 31, 28, false), (0x09c1, 32, 29, false), (0x08a1, 33, 30, false), (0x0521, 34, 31, false), (0x0441, 35, 32, false),
    (0x02a1, 36, 33, false), (0x0221, 37, 34, false), (0x0141, 38, 35, false), (0x0111, 39, 36, false), (0x0085, 40, 37, false),
    (0x0049, 41, 38, false), (0x0025, 42, 39, false), (0x0015, 43, 40, false), (0x0009, 44, 41, false), (0x0005, 45, 42, false),
    (0x0001, 45, 43, false), (0x5601, 46, 46, false),
];

/// A state of [`STATES`], and the symbol that is more probable.
#[derive(Clone, Copy, Default)]
struct Estimate {
    state: u8,
    probable: bool,
}

/// Registers and names as in the standard.
pub(super) struct Encoder {
    /// The width of the interval.
    a: u32,
    /// Its lower end; the bits above 19 are waiting to go out.
    c: u32,
    /// Shifts until the next byte goes out.
    ct: u32,
    /// What went out, after one byte that stands for what comes before and is never changed.
    bytes: Zeroizing<Vec<u8>>,
    estimates: [Estimate; CONTEXTS],
}

impl Encoder {
    /// With room for `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let mut estimates = [Estimate::default(); CONTEXTS];
        // T.800, table D.7: where a symbol is rare from the beginning.
        estimates[0].state = 4;
        estimates[RUN_LENGTH].state = 3;
        estimates[UNIFORM].state = 46;
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + 1));
        bytes.push(0);
        Self { a: 0x8000, c: 0, ct: 12, bytes, estimates }
    }

    /// ENCODE (figures C.3 to C.7).
    pub(super) fn encode(&mut self, context: usize, symbol: bool) {
        let estimate = &mut self.estimates[context];
        let (rare, after_probable, after_rare, exchange) = STATES[usize::from(estimate.state)];
        self.a -= rare;
        if symbol == estimate.probable {
            if self.a & 0x8000 != 0 {
                self.c += rare;
                return;
            }
            if self.a < rare {
                self.a = rare;
            } else {
                self.c += rare;
            }
            estimate.state = after_probable;
        } else {
            if self.a < rare {
                self.c += rare;
            } else {
                self.a = rare;
            }
            estimate.probable ^= exchange;
            estimate.state = after_rare;
        }
        while self.a & 0x8000 == 0 {
            self.a <<= 1;
            self.c <<= 1;
            self.ct -= 1;
            if self.ct == 0 {
                self.byte_out();
            }
        }
    }

    /// BYTEOUT (figure C.8): after 0xff comes a byte of seven bits, so that a carry stops there.
    fn byte_out(&mut self) {
        let last = self.bytes.last_mut().expect("there is one from the beginning");
        if *last != 0xff && self.c & 0x800_0000 != 0 {
            *last += 1;
            self.c &= 0x7ff_ffff;
        }
        if *last == 0xff {
            self.bytes.push((self.c >> 20) as u8);
            self.c &= 0xf_ffff;
            self.ct = 7;
        } else {
            self.bytes.push((self.c >> 19) as u8);
            self.c &= 0x7_ffff;
            self.ct = 8;
        }
    }

    /// FLUSH (figure C.11): the bytes of all that was encoded.
    pub(super) fn finish(mut self) -> Zeroizing<Vec<u8>> {
        let end = self.c + self.a;
        self.c |= 0xffff;
        if self.c >= end {
            self.c -= 0x8000;
        }
        self.c <<= self.ct;
        self.byte_out();
        self.c <<= self.ct;
        self.byte_out();
        // Decoders read 0xff where the bytes end.
        if self.bytes.last() == Some(&0xff) {
            self.bytes.pop();
        }
        self.bytes.remove(0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test sequence of T.88, annex H.2, which has one context in state 0: 256 symbols, 30 bytes. The coders of the two
    /// standards are the same; that one ends with a marker, 0xff 0xac, of which nothing is left here.
    #[test]
    fn the_sequence_of_the_standard() {
        let symbols: [u8; 32] = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xc0, 0x03, 0x52, 0x87, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x82, 0xc0,
            0x20, 0x00, 0xfc, 0xd7, 0x9e, 0xf6, 0xbf, 0x7f, 0xed, 0x90, 0x4f, 0x46, 0xa3, 0xbf,
        ];
        let expected: [u8; 28] = [
            0x84, 0xc7, 0x3b, 0xfc, 0xe1, 0xa1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0d, 0xbb, 0x86, 0xf4, 0x31,
            0x7f, 0xff, 0x88, 0xff, 0x37, 0x47, 0x1a, 0xdb, 0x6a, 0xdf,
        ];
        let mut encoder = Encoder::new(64);
        for byte in symbols {
            for bit in (0..8).rev() {
                encoder.encode(1, byte >> bit & 1 == 1);
            }
        }
        assert_eq!(*encoder.finish(), expected);
    }
}
