//! What one process knows of its store: galleries and tree, kept up to date change by change.

use super::RegistryError;
use super::candidate::{Candidate, Pairing, judge, nearest_first};
use crate::identity::Leaf;
use crate::iris::{EyeSide, IrisTemplate};
use crate::matcher::{EntryId, EyePair, PeopleGallery, PeopleSearch, PersonHit};
use crate::registry::RegistryPolicy;
use crate::store::{Change, ChangeRecord, Inserted, LeafRecord, PersonId, PersonRecord, ReadStore, Sequence};
use crate::tree::{LeafIndex, MerkleRoot, Tree};

/// Changes read at a time: some 8 MiB of templates.
const BATCH: u32 = 1024;

/// The state of a registry after some change.
#[derive(Debug)]
pub(super) struct Known {
    sequence: Sequence,
    people: u64,
    gallery: PeopleGallery,
    tree: Tree,
    root_at: u64,
    /// Set when the store contradicted itself halfway through a batch; nothing is decided from then on.
    damage: Option<String>,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Who is the same person, nearest first.
    pub(super) same: Vec<Candidate>,
    /// Whose mirror image the presented eyes are, nearest first.
    pub(super) mirrored: Vec<Candidate>,
    /// People of whom no eye could be compared with the same presented eye.
    pub(super) incomparable: usize,
}

impl Known {
    pub(super) fn new(policy: &RegistryPolicy, created_at: u64) -> Self {
        Self {
            sequence: Sequence::START,
            people: 0,
            gallery: PeopleGallery::new(policy.layout, policy.encoder),
            tree: Tree::new(),
            root_at: created_at,
            damage: None,
        }
    }

    pub(super) const fn sequence(&self) -> Sequence {
        self.sequence
    }

    pub(super) const fn people(&self) -> u64 {
        self.people
    }

    pub(super) const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) const fn gallery(&self) -> &PeopleGallery {
        &self.gallery
    }

    /// Learns what others have added; returns who is new.
    pub(super) fn catch_up(&mut self, store: &impl ReadStore) -> Result<Vec<PersonId>, RegistryError> {
        if let Some(detail) = &self.damage {
            return Err(RegistryError::Damaged { detail: detail.clone() });
        }
        let head = store.head()?;
        if head < self.sequence {
            return Err(self.damaged(format!(
                "its newest change is {head}, and it had reached {} before: it was replaced by an older copy",
                self.sequence
            )));
        }
        let mut newcomers = Vec::new();
        while self.sequence < head {
            let batch = store.changes_since(self.sequence, BATCH)?;
            self.learn(&batch, &mut newcomers)?;
        }
        Ok(newcomers)
    }

    fn learn(&mut self, batch: &[ChangeRecord], newcomers: &mut Vec<PersonId>) -> Result<(), RegistryError> {
        let Some(last) = batch.last() else {
            return Err(self.damaged(format!("no change after {}, though there is a newer one", self.sequence)));
        };
        let mut leaves = Vec::with_capacity(batch.len());
        for record in batch {
            if record.sequence.as_u64() != self.sequence.as_u64() + 1 {
                return Err(self.damaged(format!("change {} follows {}", record.sequence, self.sequence)));
            }
            match &record.change {
                Change::Enrolled(person) => {
                    let next = u64::from(self.tree.len()) + leaves.len() as u64;
                    if u64::from(person.leaf.index.as_u32()) != next {
                        let index = person.leaf.index;
                        return Err(
                            self.damaged(format!("leaf {index} of person {} follows {next} leaves", person.person))
                        );
                    }
                    let [left, right] = self.open(person)?;
                    let eyes = EyePair { left: left.as_ref(), right: right.as_ref() };
                    self.add_eyes(person.person, eyes).map_err(|detail| self.damaged(detail))?;
                    leaves.push(person.leaf.leaf);
                    newcomers.push(person.person);
                }
            }
            self.sequence = record.sequence;
        }
        // One hash per eight leaves instead of ten per leaf; and the root is looked at once.
        if let Err(error) = self.tree.extend(&leaves) {
            return Err(self.damaged(format!("leaves up to change {}: {error}", last.sequence)));
        }
        if self.tree.root() != last.root.root {
            return Err(self.damaged(format!("the leaves up to change {} do not have its root", last.sequence)));
        }
        self.root_at = self.root_at.max(last.root.at);
        Ok(())
    }

    fn open(&mut self, person: &PersonRecord) -> Result<[Option<IrisTemplate>; 2], RegistryError> {
        let open = |eye| person.templates.of(eye).map(|record| record.open()).transpose();
        match (open(EyeSide::Left), open(EyeSide::Right)) {
            (Ok(left), Ok(right)) => Ok([left, right]),
            (Err(error), _) | (_, Err(error)) => {
                Err(self.damaged(format!("template of person {}: {error}", person.person)))
            }
        }
    }

    /// Learns what this process has committed itself.
    pub(super) fn enrolled(&mut self, inserted: Inserted, eyes: EyePair<'_>, leaf: &LeafRecord, root_at: u64) {
        let learned = self.add_eyes(inserted.person, eyes).and_then(|()| {
            self.tree.push(leaf.leaf).map_err(|error| format!("leaf of person {}: {error}", inserted.person))
        });
        match learned {
            Ok(_) => {
                self.sequence = inserted.sequence;
                self.root_at = root_at;
            }
            // It is committed, so it is not taken back; but nothing is decided on what we know any more.
            Err(detail) => drop(self.damaged(detail)),
        }
    }

    fn add_eyes(&mut self, person: PersonId, eyes: EyePair<'_>) -> Result<(), String> {
        self.gallery.insert(entry(person)?, eyes).map_err(|error| format!("eyes of person {person}: {error}"))?;
        self.people += 1;
        Ok(())
    }

    fn damaged(&mut self, detail: String) -> RegistryError {
        self.damage = Some(detail.clone());
        RegistryError::Damaged { detail }
    }

    /// Who is the same person, and (if `mirrored`) whose flipped picture this is; exact, over all rotations, on all threads.
    ///
    /// The probes have the gallery's layout and encoder (the caller has checked).
    pub(super) fn search(&self, probes: EyePair<'_>, mirrored: bool, policy: &RegistryPolicy) -> Suspects {
        let search = PeopleSearch { policy: policy.matching, swapped: policy.swapped_eyes, mirrored };
        #[cfg(feature = "rayon")]
        let found = self.gallery.par_search(probes, &search);
        #[cfg(not(feature = "rayon"))]
        let found = self.gallery.search(probes, &search);
        let found = found.expect("layout and encoder were checked before the search");
        let candidates = |hits: Vec<PersonHit>| hits.into_iter().map(candidate).collect();
        Suspects {
            same: candidates(found.hits),
            mirrored: candidates(found.mirrored),
            incomparable: found.incomparable.len(),
        }
    }

    /// Where the next leaf goes.
    pub(super) fn next_leaf(&self) -> Result<LeafIndex, RegistryError> {
        LeafIndex::new(self.tree.len()).map_err(|_| RegistryError::TreeFull)
    }

    /// The root that the tree will have with one more leaf at its end.
    pub(super) fn root_with(&self, leaf: &Leaf) -> Result<MerkleRoot, RegistryError> {
        // A hash is zero or the empty leaf as often as two hashes collide, so the tree is full.
        self.tree.root_with(leaf).map_err(|_| RegistryError::TreeFull)
    }

    /// When a root that comes into being at `at` became current: not before the one that it replaces, even if
    /// the clocks of two stations disagree.
    pub(super) fn root_at(&self, at: u64) -> u64 {
        self.root_at.max(at)
    }
}

impl Suspects {
    /// The same questions about one person who came in after the search; `mirrored` are the mirror images of the probes.
    pub(super) fn add(
        &mut self,
        person: PersonId,
        enrolled: EyePair<'_>,
        probes: EyePair<'_>,
        mirrored: EyePair<'_>,
        policy: &RegistryPolicy,
    ) {
        let straight = Pairing::new(probes, enrolled, false, &policy.matching);
        if straight.incomparable > 0 && straight.matching.is_empty() && straight.differing.is_empty() {
            self.incomparable += 1;
        }
        for (probes, candidates) in [(probes, &mut self.same), (mirrored, &mut self.mirrored)] {
            candidates.extend(judge(person, probes, enrolled, policy.swapped_eyes, &policy.matching));
            let nearer = nearest_first(&policy.matching);
            candidates.sort_by(|a, b| nearer(&a.nearest(), &b.nearest()));
        }
    }
}

fn candidate(hit: PersonHit) -> Candidate {
    let sightings = hit.sightings.into_iter().map(Into::into).collect();
    Candidate { person: PersonId::from(hit.entry.number()), sightings }
}

/// People are numbered from 1 in the gallery; the tree holds no more than 2^30.
fn entry(person: PersonId) -> Result<EntryId, String> {
    let number =
        u32::try_from(person.as_u64()).map_err(|_| format!("person {person} is beyond the tree's capacity"))?;
    Ok(EntryId::new(number))
}
