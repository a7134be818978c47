//! The Mersenne twister MT19937 (Matsumoto and Nishimura 1998), as far as numpy's legacy `RandomState` needs it.
//!
//! open-iris draws the pairs of contour points for its bisectors from `RandomState(142857).choice`; the same template
//! needs the same pairs. It is no source of secrets.

const N: usize = 624;
const M: usize = 397;

/// The generator after `init_genrand(seed)`.
pub(crate) struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [0; N];
        let mut previous = seed;
        state[0] = seed;
        for (i, word) in (1_u32..).zip(&mut state[1..]) {
            previous = (previous ^ (previous >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i);
            *word = previous;
        }
        Self { state, next: N }
    }

    /// The next 32 bits.
    pub(crate) fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// An index below `count`: numpy masks to the next power of two and draws again while the value is too large.
    ///
    /// For `count` of 1 no bits are drawn, as in numpy.
    pub(crate) fn index(&mut self, count: u32) -> u32 {
        debug_assert!(count > 0);
        let most = count - 1;
        if most == 0 {
            return 0;
        }
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let value = self.next_u32() & mask;
            if value <= most {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        // First outputs for the reference implementation's default seed 5489, and its 10,000th (also C++ [rand.predef]).
        let mut twister = Mt19937::new(5489);
        assert_eq!([twister.next_u32(), twister.next_u32()], [3_499_211_612, 581_869_302]);
        let mut twister = Mt19937::new(5489);
        let last = (0..10_000).map(|_| twister.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn the_indices_that_numpy_draws() {
        // numpy.random.RandomState(142857).choice(n, size=(100, 2)), the first eight of each.
        let drawn = [
            (259, [249, 178, 91, 32, 12, 220, 160, 153]),
            (327, [249, 178, 91, 32, 12, 220, 285, 160]),
            (512, [459, 249, 327, 445, 178, 91, 32, 12]),
        ];
        for (count, expected) in drawn {
            let mut twister = Mt19937::new(142_857);
            assert_eq!([(); 8].map(|()| twister.index(count)), expected, "below {count}");
        }
    }

    #[test]
    fn indices_stay_below_the_count() {
        let mut twister = Mt19937::new(142_857);
        for count in [1, 2, 3, 255, 256, 257, u32::MAX] {
            for _ in 0..200 {
                assert!(twister.index(count) < count);
            }
        }
    }
}
