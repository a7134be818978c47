//! How far a comparison is, in a file that is whole or not there.

use std::io::Write as _;
use std::path::Path;

use personhood::iris::Rotation;
use personhood::matcher::{Alignment, EntryId, FractionalHammingDistance, MatchPolicy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Pair;
use super::population::Population;
use crate::failure::Failure;
use crate::files;

const FORMAT: &str = "personhood-dedup";
const VERSION: u32 = 1;
/// A million pairs take some 100 bytes each.
const LIMIT: u64 = 256 << 20;

/// Where the work goes on, and what was found before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The number of the join, and the first place in it that was not a probe yet.
    pub(super) join: usize,
    pub(super) place: usize,
    pub(super) comparisons: u64,
    pub(super) incomparable: u64,
    pub(super) pairs: Vec<Pair>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    format: String,
    version: u32,
    /// The digest of everything that the result depends on.
    inputs: String,
    join: usize,
    place: usize,
    comparisons: u64,
    incomparable: u64,
    /// Shelves, entries, disagreeing and compared bits, rotation.
    pairs: Vec<(usize, usize, u32, u32, u32, u32, i16)>,
}

impl Checkpoint {
    /// What a file says, if there is one; refused if it is of other eyes or another policy.
    ///
    /// `has` says whether there are such entries on such shelves.
    pub(super) fn read(
        file: &Path,
        inputs: &str,
        has: impl Fn([usize; 2], [EntryId; 2]) -> bool,
    ) -> Result<Option<Progress>, Failure> {
        if !file.exists() {
            return Ok(None);
        }
        let bytes = files::read(file, LIMIT)?;
        let malformed = |what: String| {
            Failure::new("checkpoint_malformed", format!("{} is no checkpoint: {what}", file.display()))
                .with_hint("remove it to begin anew, or name another file")
        };
        let checkpoint: Self = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if checkpoint.format != FORMAT || checkpoint.version != VERSION {
            return Err(malformed(format!("format {:?} of version {}", checkpoint.format, checkpoint.version)));
        }
        if checkpoint.inputs != inputs {
            let message = format!("{} is of other eyes or of another policy", file.display());
            return Err(Failure::new("checkpoint_other_input", message).with_hint(
                "eyes were added, removed or changed since: remove the file to begin anew, or name another one",
            ));
        }
        let pairs = checkpoint.pairs.into_iter().map(|(a, b, first, second, disagreeing, compared, columns)| {
            let distance = FractionalHammingDistance::new(disagreeing, compared)?;
            let alignment = Alignment { distance, rotation: Rotation::new(columns) };
            let (shelves, entries) = ([a, b], [first, second].map(EntryId::new));
            has(shelves, entries).then_some(Pair { shelves, entries, alignment })
        });
        let pairs = pairs.collect::<Option<Vec<Pair>>>();
        let pairs = pairs.ok_or_else(|| malformed("a pair of what is not there".to_owned()))?;
        Ok(Some(Progress {
            join: checkpoint.join,
            place: checkpoint.place,
            comparisons: checkpoint.comparisons,
            incomparable: checkpoint.incomparable,
            pairs,
        }))
    }

    /// Puts the progress in the place of what was there.
    pub(super) fn write(file: &Path, inputs: &str, progress: &Progress) -> Result<(), Failure> {
        let pairs = progress.pairs.iter().map(|pair| {
            let Pair { shelves: [a, b], entries, alignment: Alignment { distance, rotation } } = *pair;
            let [first, second] = entries.map(EntryId::number);
            (a, b, first, second, distance.disagreeing(), distance.compared(), rotation.columns())
        });
        let checkpoint = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            inputs: inputs.to_owned(),
            join: progress.join,
            place: progress.place,
            comparisons: progress.comparisons,
            incomparable: progress.incomparable,
            pairs: pairs.collect(),
        };
        let text = serde_json::to_vec(&checkpoint)
            .map_err(|error| Failure::new("internal", format!("the checkpoint does not serialise: {error}")))?;
        files::write_with(file, |file| file.write_all(&text))
    }
}

/// SHA-256 over every name and template of both places, and over the policy.
pub(super) fn digest(here: &Population, there: Option<&Population>, policy: &MatchPolicy) -> String {
    let mut digest = Sha256::new();
    digest.update(b"personhood dedup 1");
    digest.update(serde_json::to_vec(policy).expect("plain numbers and words"));
    for place in [Some(here), there] {
        let Some(place) = place else {
            digest.update([0]);
            continue;
        };
        digest.update([1, u8::from(place.swapped)]);
        digest.update((place.files().len() as u64).to_le_bytes());
        for file in place.files() {
            let name = file.as_os_str().as_encoded_bytes();
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name);
        }
        for side in &place.shelves {
            digest.update([side.side.map_or(0, |side| side as u8 + 1)]);
            digest.update((side.shelf.len() as u64).to_le_bytes());
            digest.update(side.digest);
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
