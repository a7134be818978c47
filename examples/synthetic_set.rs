//! Draws the pictures of `testdata/eyes` (or of a larger set) into a folder.
//!
//! ```text
//! cargo run --release --features testing --example synthetic_set -- FOLDER [PEOPLE [CAPTURES]]
//! ```
//!
//! Beside the pictures it writes `truth.csv` (the true circles) and `SHA256SUMS` (for `sha256sum -c`).

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use personhood::testing::eyes::{PictureSet, TRUTH_COLUMNS};
use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name the folder to write to")?);
    let mut set = PictureSet::default();
    if let Some(people) = arguments.next() {
        set.people = people.parse()?;
    }
    if let Some(captures) = arguments.next() {
        set.captures = captures.parse()?;
    }

    let (mut truth, mut sums) = (format!("{TRUTH_COLUMNS}\n"), String::new());
    for picture in set.pictures() {
        let (path, capture) = (picture.path(), picture.render());
        let png = capture.png();
        let file = folder.join(&path);
        fs::create_dir_all(file.parent().unwrap_or(&folder))?;
        fs::write(file, &png)?;
        writeln!(truth, "{}", picture.truth_row(&capture))?;
        for byte in Sha256::digest(&png) {
            write!(sums, "{byte:02x}")?;
        }
        writeln!(sums, "  {path}")?;
    }
    fs::write(folder.join("truth.csv"), truth)?;
    fs::write(folder.join("SHA256SUMS"), sums)?;
    Ok(())
}
