//! People for the store's and the registry's tests: independent random eyes, and other captures of them.

// Each of the two uses its own half, and a panic is a failed test.
#![allow(dead_code, clippy::unwrap_used)]

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use personhood::identity::IdentityCommitment;
use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
use personhood::scalar::Scalar;

/// splitmix64 (Steele, Lea, Flood 2014): small, seeded, and good enough to be nobody's neighbour.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 .. end
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.word() % end
    }

    /// A word in which each bit is set with probability `eighths` / 8.
    fn biased(&mut self, eighths: u32) -> u64 {
        let (a, b, c) = (self.word(), self.word(), self.word());
        let digit = |bit: u32| if eighths & bit == 0 { 0 } else { u64::MAX };
        // Bitwise comparison of a random three-digit number with `eighths`.
        if eighths >= 8 {
            return u64::MAX;
        }
        let less = |random: u64, limit: u64, below: u64| (!random & limit) | (!(random ^ limit) & below);
        less(a, digit(4), less(b, digit(2), less(c, digit(1), 0)))
    }
}

pub(crate) fn template(layout: Layout, code: Vec<u64>, mask: Vec<u64>) -> IrisTemplate {
    let code = IrisCode::from_columns(layout, code).unwrap();
    let mask = Mask::from_columns(layout, mask).unwrap();
    IrisTemplate::new(code, mask, EncoderVersion::Personhood(1)).unwrap()
}

/// An eye that is nobody else's; three quarters of its bits are usable.
pub(crate) fn eye_in(layout: Layout, seed: u64) -> IrisTemplate {
    let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
    let code = (0..layout.columns()).map(|_| random.word()).collect();
    let mask = (0..layout.columns()).map(|_| random.biased(6)).collect();
    template(layout, code, mask)
}

pub(crate) fn eye(seed: u64) -> IrisTemplate {
    eye_in(Layout::Columns256, seed)
}

/// Another capture of an eye: turned, about `eighths`/8 of its bits changed, and another mask.
pub(crate) fn again(eye: &IrisTemplate, capture: u64, turn: i16, eighths: u32) -> IrisTemplate {
    let mut random = Random(capture);
    let turned = eye.rotated(Rotation::new(turn));
    let code = turned.code().columns().iter().map(|word| word ^ random.biased(eighths)).collect();
    let mask = (0..eye.layout().columns()).map(|_| random.biased(6)).collect();
    template(eye.layout(), code, mask)
}

/// A commitment that is nobody else's. Nobody knows its secret, and no store asks for it.
pub(crate) fn commitment(number: u64) -> IdentityCommitment {
    IdentityCommitment::from_bytes(&Scalar::from(number + 1).to_bytes()).unwrap()
}

/// This test binary once more, as another process that plays `role` on a file.
///
/// `test` is the full name of the test that looks at [`role`].
pub(crate) fn actor(test: &str, role: &str, file: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("PERSONHOOD_TEST_ROLE", role).env("PERSONHOOD_TEST_FILE", file);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The role that this process shall play, if it is an actor.
pub(crate) fn role() -> Option<(String, std::path::PathBuf)> {
    let role = env::var("PERSONHOOD_TEST_ROLE").ok()?;
    Some((role, env::var_os("PERSONHOOD_TEST_FILE")?.into()))
}
