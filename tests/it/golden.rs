//! Where the golden vectors are, if they are here at all.
//!
//! They were made with open-iris 1.11.2 and iris-mpc and lie beside the checkout, not in it. Without them the tests that
//! need them say so and pass.

// Without the features that read the vectors nobody asks for them.
#![allow(dead_code)]

use std::path::PathBuf;

/// The folder `sub` of the golden vectors, or none, after saying which test was skipped.
///
/// It is looked for under the environment variable `PERSONHOOD_GOLDEN`, and then in `../shared/golden`.
pub(crate) fn golden(test: &str, sub: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden");
    let folder = std::env::var_os("PERSONHOOD_GOLDEN").map_or_else(beside, PathBuf::from).join(sub);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {test}: no golden vectors");
    None
}
