//! Exit codes: what a script asks the program.

use std::process::ExitCode;

use serde::Serialize;

/// The answer of one run. Ordered: of several answers, the greatest is the exit code of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// 0: yes. The eyes match, the person was enrolled, the proof holds.
    Yes,
    /// 1: no. The eyes differ, the person is enrolled already, the proof was refused.
    No,
    /// 2: could not tell. A file was not readable, too few bits were usable, the arguments made no sense.
    CouldNotTell,
}

impl Exit {
    /// [`Exit::Yes`] or [`Exit::No`].
    pub(crate) const fn from_answer(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_of_several_answers_wins() {
        assert_eq!([Exit::Yes, Exit::CouldNotTell, Exit::No].into_iter().max(), Some(Exit::CouldNotTell));
        assert_eq!([Exit::Yes, Exit::No].into_iter().max(), Some(Exit::No));
        assert_eq!([Exit::Yes as u8, Exit::No as u8, Exit::CouldNotTell as u8], [0, 1, 2]);
    }
}
