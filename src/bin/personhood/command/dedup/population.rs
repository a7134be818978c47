//! The eyes of a registry or of a folder, in memory or in a file that has no name any more.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use personhood::iris::{EncoderVersion, EyeSide, IrisTemplate, Layout, openiris};
use personhood::matcher::{
    EntryId, EyeRule, Gallery, GalleryFile, GallerySnapshot, GalleryWriter, Incomparable, MatchPolicy,
};
use personhood::registry::{RegistryError, RegistryPolicy};
use personhood::store::ReadStore as _;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Found;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// People of a registry that are read at a time.
const PEOPLE: u32 = 1024;
/// Files that are read at a time.
const FILES: usize = 256;
/// Without `--memory`, the share of the free memory that a gallery may take.
const SHARE_OF_MEMORY: f64 = 0.6;

/// Who an eye belongs to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Name {
    Person { person: u32, eye: &'static str },
    File { file: PathBuf },
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { person, eye } => write!(f, "person {person} ({eye} eye)"),
            Self::File { file } => file.display().fmt(f),
        }
    }
}

/// Eyes of one kind.
pub(super) struct Population {
    /// The left and the right eyes of a registry; all of a folder.
    pub(super) shelves: Vec<Side>,
    /// Are eyes of one side compared with those of the other?
    pub(super) swapped: bool,
    /// Files that are left out.
    pub(super) failed: Vec<Failure>,
    /// The files of a folder, by the numbers of their entries.
    files: Vec<PathBuf>,
    kind: Option<(Layout, EncoderVersion)>,
    policy: Option<MatchPolicy>,
}

pub(super) struct Side {
    pub(super) side: Option<EyeSide>,
    pub(super) shelf: Shelf,
    /// SHA-256 of names and templates.
    pub(super) digest: [u8; 32],
}

/// Where the templates are.
pub(super) enum Shelf {
    Memory(GallerySnapshot),
    Disk(GalleryFile),
}

impl Population {
    /// Everybody in a registry, or in a folder of templates; of `kind`, if that is given.
    pub(super) fn open(
        place: &Path,
        memory: Option<u64>,
        scratch: Option<&Path>,
        kind: Option<(Layout, EncoderVersion)>,
        output: Output,
    ) -> Result<Self, Failure> {
        let memory =
            memory.or_else(|| Some((place::free_memory()? as f64 * SHARE_OF_MEMORY) as u64)).unwrap_or(u64::MAX);
        let shelves = Plan { memory, scratch: scratch.map_or_else(std::env::temp_dir, Path::to_path_buf) };
        if place::is_registry(place) {
            Self::registry(place, &shelves, kind, output)
        } else {
            Self::folder(place, &shelves, kind, output)
        }
    }

    fn registry(
        folder: &Path,
        plan: &Plan,
        expected: Option<(Layout, EncoderVersion)>,
        output: Output,
    ) -> Result<Self, Failure> {
        let store = place::store_read_only(folder)?;
        let policy = store.policy()?.ok_or(personhood::store::StoreError::NotInitialised)?;
        let policy = RegistryPolicy::from_json(&policy.document).map_err(RegistryError::from)?;
        let kind = (policy.layout, policy.encoder);
        check(kind, expected).map_err(|reason| Failure::from(reason).about(folder))?;
        let census = store.census()?;
        let people = usize::try_from(census.active + census.suspended + census.revoked).unwrap_or(usize::MAX);
        let mut sides = EyeSide::BOTH.map(|side| (side, plan.shelf(kind, 2 * people)));
        let bar = output.progress(people, "reading");
        let mut after = 0;
        loop {
            let batch = store.people_since(after, PEOPLE)?;
            let Some(last) = batch.last() else { break };
            after = last.person.as_u64();
            for person in batch {
                let damaged = |detail: String| RegistryError::Damaged { detail };
                let number = u32::try_from(person.person.as_u64())
                    .map_err(|_| damaged(format!("person {} is beyond the tree's capacity", person.person)))?;
                for (side, shelf) in &mut sides {
                    let Some(template) = person.templates.of(*side) else { continue };
                    let template = template
                        .open()
                        .map_err(|error| damaged(format!("{side} template of person {number}: {error}")))?;
                    shelf.as_mut().map_err(|error| error.clone())?.add(EntryId::new(number), &template)?;
                }
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        let mut shelves = Vec::with_capacity(2);
        for (side, shelf) in sides {
            shelves.push(shelf?.finish(Some(side))?);
        }
        Ok(Self {
            shelves,
            swapped: policy.swapped_eyes,
            failed: Vec::new(),
            files: Vec::new(),
            kind: Some(kind),
            policy: Some(policy.matching),
        })
    }

    fn folder(
        folder: &Path,
        plan: &Plan,
        expected: Option<(Layout, EncoderVersion)>,
        output: Output,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        templates_below(folder, &mut files)?;
        files.sort();
        let (mut failed, mut kind, mut shelf) = (Vec::new(), expected, None);
        let bar = output.progress(files.len(), "reading");
        for (batch, paths) in files.chunks(FILES).enumerate() {
            let templates: Vec<_> = paths.par_iter().map(|path| read(path)).collect();
            for (index, (path, template)) in paths.iter().zip(templates).enumerate() {
                bar.inc(1);
                let taken = template.and_then(|template| {
                    let own = (template.layout(), template.encoder());
                    check(own, kind).map_err(|reason| Failure::from(reason).about(path))?;
                    kind = kind.or(Some(own));
                    Ok(template)
                });
                match taken {
                    Ok(template) => {
                        let shelf = match &mut shelf {
                            Some(shelf) => shelf,
                            none => {
                                let kind = (template.layout(), template.encoder());
                                none.insert(plan.shelf(kind, files.len())?)
                            }
                        };
                        let number = u32::try_from(batch * FILES + index).map_err(|_| {
                            Failure::new("dedup_too_many", "a folder of more than 2^32 files is not taken")
                        })?;
                        shelf.add(EntryId::new(number), &template)?;
                    }
                    Err(failure) => {
                        bar.suspend(|| output.item_failed(&failure));
                        failed.push(failure);
                    }
                }
            }
        }
        bar.finish_and_clear();
        if files.is_empty() {
            let message = format!("{} has no templates in it", folder.display());
            return Err(Failure::new("no_templates", message)
                .with_hint("`personhood encode --out FOLDER` makes templates (*.json) of pictures"));
        }
        let shelves = shelf.map(|shelf| shelf.finish(None)).transpose()?.into_iter().collect();
        Ok(Self { shelves, swapped: false, failed, files, kind, policy: None })
    }

    /// The policy of the registry, or the one that fits the templates.
    pub(super) fn policy(&self) -> MatchPolicy {
        let fitting = || self.kind.map_or_else(MatchPolicy::default, |(_, encoder)| MatchPolicy::for_encoder(encoder));
        MatchPolicy { eye_rule: EyeRule::Either, ..self.policy.unwrap_or_else(fitting) }
    }

    /// Of which layout and encoder; none if there is not a single eye.
    pub(super) fn kind(&self) -> Option<(Layout, EncoderVersion)> {
        self.kind
    }

    pub(super) fn eyes(&self) -> usize {
        self.shelves.iter().map(|side| side.shelf.len()).sum()
    }

    /// Whose eye an entry is; none if there is no such entry.
    pub(super) fn name(&self, shelf: usize, entry: EntryId) -> Option<Name> {
        match self.shelves.get(shelf)?.side {
            Some(side) => Some(Name::Person { person: entry.number(), eye: side.as_str() }),
            None => self.files.get(entry.number() as usize).map(|file| Name::File { file: file.clone() }),
        }
    }

    /// Can there be such an entry?
    pub(super) fn has(&self, shelf: usize, entry: EntryId) -> bool {
        self.name(shelf, entry).is_some()
    }

    /// The names behind the entries of a folder.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

fn check(own: (Layout, EncoderVersion), expected: Option<(Layout, EncoderVersion)>) -> Result<(), Incomparable> {
    let Some((layout, encoder)) = expected else { return Ok(()) };
    if own.0 != layout {
        return Err(Incomparable::Layout { probe: own.0, reference: layout });
    }
    if !own.1.is_comparable_with(encoder) {
        return Err(Incomparable::Encoder { probe: own.1, reference: encoder });
    }
    Ok(())
}

fn templates_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::reading(folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            templates_below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<IrisTemplate, Failure> {
    let bytes = zeroize::Zeroizing::new(files::read(path, files::DOCUMENT_LIMIT)?);
    openiris::from_json(&bytes).map_err(|error| Failure::from(error).about(path))
}

/// Where galleries go.
struct Plan {
    /// Bytes that the galleries of a place may take in memory.
    memory: u64,
    scratch: PathBuf,
}

impl Plan {
    /// For the templates of a place that has `eyes` at most.
    fn shelf(&self, (layout, encoder): (Layout, EncoderVersion), eyes: usize) -> Result<Filling, Failure> {
        let bytes = eyes as u64 * IrisTemplate::encoded_len(layout) as u64;
        let templates = if bytes <= self.memory {
            Templates::Memory(Gallery::new(layout, encoder))
        } else {
            // Nobody needs the name, and a program that is killed leaves no templates behind.
            let name = format!(
                "personhood-dedup-{}-{:016x}",
                std::process::id(),
                rand_core::RngCore::next_u64(&mut rand_core::OsRng)
            );
            let path = self.scratch.join(name);
            let writer = GalleryWriter::create(&path, layout, encoder)?;
            #[cfg(unix)]
            fs::remove_file(&path).map_err(|error| Failure::writing(&path, &error))?;
            Templates::Disk(writer)
        };
        Ok(Filling { templates, digest: Sha256::new() })
    }
}

/// A shelf that is being filled.
struct Filling {
    templates: Templates,
    digest: Sha256,
}

enum Templates {
    Memory(Gallery),
    Disk(GalleryWriter),
}

impl Filling {
    fn add(&mut self, entry: EntryId, template: &IrisTemplate) -> Result<(), Failure> {
        self.digest.update(entry.number().to_le_bytes());
        self.digest.update(&*template.to_bytes());
        match &mut self.templates {
            Templates::Memory(gallery) => gallery.insert(entry, template)?,
            Templates::Disk(writer) => writer.push(entry, template)?,
        }
        Ok(())
    }

    fn finish(self, side: Option<EyeSide>) -> Result<Side, Failure> {
        let shelf = match self.templates {
            Templates::Memory(gallery) => Shelf::Memory(gallery.snapshot()),
            Templates::Disk(writer) => Shelf::Disk(GalleryFile::new(writer.finish()?)?),
        };
        Ok(Side { side, shelf, digest: self.digest.finalize().into() })
    }
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(gallery) => gallery.len(),
            Self::Disk(file) => file.len(),
        }
    }

    pub(super) fn templates(&self, places: Range<usize>) -> Result<Vec<(EntryId, IrisTemplate)>, Failure> {
        Ok(match self {
            Self::Memory(gallery) => gallery.templates(places).collect(),
            Self::Disk(file) => file.templates(places)?,
        })
    }

    /// The entries at these places against all behind them.
    pub(super) fn duplicates(&self, places: Range<usize>, policy: &MatchPolicy) -> Result<Found, Failure> {
        let found = match self {
            Self::Memory(gallery) => gallery.par_duplicates(places, policy),
            Self::Disk(file) => file.duplicates(places, policy, threads())?,
        };
        let pairs = found.pairs.into_iter().map(|pair| ([pair.first, pair.second], pair.alignment));
        Ok(Found { pairs: pairs.collect(), incomparable: found.incomparable })
    }

    /// Others against everybody here; with `skips_own`, a probe is not held against the entry of its own name.
    pub(super) fn matches(
        &self,
        probes: Vec<(EntryId, IrisTemplate)>,
        skips_own: bool,
        policy: &MatchPolicy,
    ) -> Result<Found, Failure> {
        let (names, probes): (Vec<EntryId>, Vec<IrisTemplate>) = probes.into_iter().unzip();
        let results = match self {
            Self::Memory(gallery) => gallery.par_search_batch(&probes, policy)?,
            Self::Disk(file) => file.search_batch(&probes, policy, threads())?,
        };
        let mut all = Found::default();
        for (name, mut found) in names.into_iter().zip(results) {
            let other = |entry: EntryId| !skips_own || entry != name;
            all.incomparable += found.incomparable.into_iter().filter(|&entry| other(entry)).count() as u64;
            found.hits.retain(|hit| other(hit.entry));
            found.hits.sort_by_key(|hit| hit.entry);
            all.pairs.extend(found.hits.into_iter().map(|hit| ([name, hit.entry], hit.alignment)));
        }
        Ok(all)
    }
}

fn threads() -> NonZeroUsize {
    NonZeroUsize::new(rayon::current_num_threads()).unwrap_or(NonZeroUsize::MIN)
}
