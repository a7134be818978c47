//! Labelled pictures in folders.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use personhood::evaluation::Sample;

use crate::failure::Failure;

/// What a picture may be called; files of other names are not looked at.
const EXTENSIONS: [&str; 12] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "pnm", "pbm", "ppm", "jp2", "j2k"];

/// What the folder holds.
pub(super) struct Labelled {
    pub(super) pictures: Vec<Picture>,
    /// Eyes of which there are pictures.
    pub(super) classes: usize,
    pub(super) people: usize,
}

/// One picture, and whose it is said to be.
pub(super) struct Picture {
    pub(super) path: PathBuf,
    /// The path below the folder, with forward slashes.
    pub(super) name: String,
    pub(super) sample: Sample,
}

impl Labelled {
    /// Finds every picture below `folder`, by name. With `sides`, a folder is a person with two eyes.
    pub(super) fn find(folder: &Path, sides: bool) -> Result<Self, Failure> {
        let mut names = Vec::new();
        walk(folder, "", &mut Vec::new(), &mut names)?;
        // One order on every file system.
        names.sort();
        let (mut classes, mut people) = (Numbers::default(), Numbers::default());
        let pictures: Vec<Picture> = names
            .into_iter()
            .map(|(name, path)| {
                let (person, file) = name.rsplit_once('/').unwrap_or(("", &name));
                let side = if sides { side_of(file).ok_or_else(|| no_side(&path))? } else { "" };
                let person_number = people.of(person.to_owned());
                let sample = Sample { class: classes.of(format!("{person}/{side}")), person: person_number };
                Ok(Picture { path, name, sample })
            })
            .collect::<Result<_, Failure>>()?;
        if pictures.is_empty() {
            let message = format!("{} has no picture in it or in a folder below", folder.display());
            return Err(Failure::new("no_pictures", message).with_hint(format!(
                "put the pictures of each eye into a folder; pictures end in {}",
                EXTENSIONS.join(", ")
            )));
        }
        Ok(Self { pictures, classes: classes.0.len(), people: people.0.len() })
    }
}

/// Numbers things in the order of their first appearance.
#[derive(Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name).or_insert(next)
    }
}

fn side_of(file: &str) -> Option<&'static str> {
    ["left", "right"].into_iter().find(|side| file.starts_with(side))
}

fn no_side(path: &Path) -> Failure {
    Failure::new("no_eye", format!("{} does not say which eye it is of", path.display()))
        .with_hint("with --sides pictures are named left* and right*; without it one folder is one eye")
}

/// Collects pictures below `folder`. `above` are the folders on the way, so that a link to one of them ends there.
fn walk(
    folder: &Path,
    name: &str,
    above: &mut Vec<PathBuf>,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Failure> {
    let failed = |error| Failure::reading(folder, &error);
    let real = folder.canonicalize().map_err(failed)?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        let below = if name.is_empty() { file } else { format!("{name}/{file}") };
        if path.is_dir() {
            walk(&path, &below, above, found)?;
        } else if is_picture(&path) {
            found.push((below, path));
        }
    }
    above.pop();
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
