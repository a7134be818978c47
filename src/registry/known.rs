//! What one process knows of its store: galleries and tree, kept up to date change by change.

use std::collections::BTreeSet;

use super::RegistryError;
use super::candidate::{Candidate, Pairing, judge, nearest_first};
use crate::identity::Leaf;
use crate::iris::EyeSide;
use crate::matcher::{EntryId, EyePair, PeopleFound, PeopleGallery, PeopleSearch, PersonHit};
use crate::registry::RegistryPolicy;
use crate::store::{Change, ChangeRecord, PersonId, PersonRecord, PersonStatus, ReadStore, Sequence, StoreError};
use crate::tree::{LeafIndex, MerkleRoot, Tree, TreePage, TreePagesError};

/// Changes read at a time, some 200 bytes each.
const CHANGES: u32 = 16_384;
/// The tree is saved when so many of its leaves changed since: reopening then hashes ten nodes for each of them at most.
const SAVE_AFTER: u32 = 1_024;
/// People read at a time: some 8 MiB of templates.
const PEOPLE: u32 = 1024;

/// The state of a registry after some change.
#[derive(Debug)]
pub(super) struct Known {
    sequence: Sequence,
    gallery: PeopleGallery,
    tree: Tree,
    created_at: u64,
    root_at: u64,
    /// Whose templates changed after they were last read: the gallery does not have them yet.
    unread: BTreeSet<PersonId>,
    /// Places that changed after the tree was saved; everything if it was not loaded.
    unsaved: Unsaved,
    /// Whether another policy came into force than the registry has read.
    policy_adopted: bool,
    /// Set when the store contradicted itself halfway through a batch; nothing is decided from then on.
    damage: Option<String>,
}

/// What of the tree is not in the store yet.
#[derive(Debug)]
enum Unsaved {
    Everything,
    Places(BTreeSet<LeafIndex>),
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Who is the same person, nearest first.
    pub(super) same: Vec<Candidate>,
    /// Whose mirror image the presented eyes are, nearest first.
    pub(super) mirrored: Vec<Candidate>,
    /// People of whom no eye could be compared with the same presented eye.
    pub(super) incomparable: Vec<PersonId>,
}

impl Known {
    pub(super) fn new(policy: &RegistryPolicy, created_at: u64) -> Self {
        Self::empty(&PeopleGallery::new(policy.layout, policy.encoder), created_at)
    }

    /// Before the first change; the gallery is of this one's kind.
    fn empty(kind: &PeopleGallery, created_at: u64) -> Self {
        Self {
            sequence: Sequence::START,
            gallery: PeopleGallery::new(kind.layout(), kind.encoder()),
            tree: Tree::new(),
            created_at,
            root_at: created_at,
            unread: BTreeSet::new(),
            unsaved: Unsaved::Everything,
            policy_adopted: false,
            damage: None,
        }
    }

    pub(super) const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// People whose eyes are here, whether their leaf is in the tree or not.
    pub(super) fn people(&self) -> u64 {
        self.gallery.len() as u64
    }

    pub(super) const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) const fn gallery(&self) -> &PeopleGallery {
        &self.gallery
    }

    /// Whether another policy has to be read.
    pub(super) const fn policy_adopted(&self) -> bool {
        self.policy_adopted
    }

    /// It was read.
    pub(super) const fn policy_read(&mut self) {
        self.policy_adopted = false;
    }

    /// Learns what was committed since; says whose templates are others than before, or gone.
    ///
    /// The tree follows the changes one by one. The gallery takes the templates as they are when it reads them, which
    /// may be later than the changes that were read; under the writer's lock it is the same moment.
    pub(super) fn catch_up(&mut self, store: &impl ReadStore) -> Result<BTreeSet<PersonId>, RegistryError> {
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
        let everybody = self.sequence == Sequence::START;
        if everybody && self.load_tree(store)? {
            match self.follow_to(head, true, store) {
                // The tree that was saved is the suspect: without it, is the registry whole?
                Err(RegistryError::Damaged { .. }) => *self = Self::empty(&self.gallery, self.created_at),
                done => return done,
            }
        }
        self.follow_to(head, everybody, store)
    }

    fn follow_to(
        &mut self,
        head: Sequence,
        everybody: bool,
        store: &impl ReadStore,
    ) -> Result<BTreeSet<PersonId>, RegistryError> {
        while self.sequence < head {
            let batch = store.changes_since(self.sequence, CHANGES)?;
            self.follow(&batch)?;
        }
        if everybody { self.read_everybody(store) } else { self.read_some(store) }
    }

    /// Takes the tree that was saved, if it is the one of its change: what is derived and does not fit is derived again.
    fn load_tree(&mut self, store: &impl ReadStore) -> Result<bool, RegistryError> {
        let Some(saved) = store.saved_tree()? else { return Ok(false) };
        let Some(before) = saved.as_u64().checked_sub(1) else { return Ok(false) };
        let Some(record) = store.changes_since(Sequence::new(before)?, 1)?.pop() else { return Ok(false) };
        let Ok(leaves) = u32::try_from(record.root.leaves) else { return Ok(false) };
        let tree = match Tree::from_pages(leaves, |page| store.tree_page(page).map_err(PageFault::Store)) {
            Ok(tree) => tree,
            Err(PageFault::Store(error)) => return Err(error.into()),
            Err(PageFault::Pages) => return Ok(false),
        };
        // Saved anew while the pages were read, they are of two trees.
        let fits = record.sequence == saved && tree.root() == record.root.root && store.saved_tree()? == Some(saved);
        if fits {
            self.tree = tree;
            self.sequence = saved;
            self.root_at = self.root_at.max(record.root.at);
            self.unsaved = Unsaved::Places(BTreeSet::new());
            // A policy may have been adopted among the changes that need not be played.
            self.policy_adopted = true;
        }
        Ok(fits)
    }

    /// Whether so much changed that the tree is worth saving.
    pub(super) fn is_save_due(&self) -> bool {
        match &self.unsaved {
            Unsaved::Everything => self.tree.len() >= SAVE_AFTER,
            Unsaved::Places(places) => places.len() >= SAVE_AFTER as usize,
        }
    }

    /// The pages to save, if so much changed that it is worth it.
    pub(super) fn pages_due(&self) -> Option<Vec<(TreePage, Vec<u8>)>> {
        if !self.is_save_due() {
            return None;
        }
        let pages = match &self.unsaved {
            Unsaved::Everything => self.tree.pages(None),
            Unsaved::Places(places) => self.tree.pages(Some(&places.iter().copied().collect::<Vec<_>>())),
        };
        Some(pages.into_iter().filter_map(|page| Some((page, self.tree.page(page)?))).collect())
    }

    /// They are saved.
    pub(super) fn saved(&mut self) {
        self.unsaved = Unsaved::Places(BTreeSet::new());
    }

    /// Does to the tree what was done.
    fn follow(&mut self, batch: &[ChangeRecord]) -> Result<(), RegistryError> {
        let Some(last) = batch.last() else {
            return Err(self.damaged(format!("no change after {}, though there is a newer one", self.sequence)));
        };
        let mut appended = Vec::with_capacity(batch.len());
        for (record, expected) in batch.iter().zip(self.sequence.as_u64() + 1..) {
            if record.sequence.as_u64() != expected {
                return Err(self.damaged(format!("change {} follows {}", record.sequence, expected - 1)));
            }
            if let Err(detail) = self.place(&record.change, &mut appended) {
                return Err(self.damaged(format!("change {}: {detail}", record.sequence)));
            }
            let given = u64::from(self.tree.len()) + appended.len() as u64;
            if record.root.leaves != given {
                let found = record.root.leaves;
                return Err(self.damaged(format!("change {} counts {found} leaves of {given}", record.sequence)));
            }
        }
        // One hash per eight leaves instead of ten per leaf; and the root is looked at once.
        if let Err(error) = self.tree.extend(&appended) {
            return Err(self.damaged(format!("leaves up to change {}: {error}", last.sequence)));
        }
        if self.tree.root() != last.root.root {
            return Err(self.damaged(format!("the leaves up to change {} do not have its root", last.sequence)));
        }
        self.root_at = self.root_at.max(last.root.at);
        self.sequence = last.sequence;
        if let Unsaved::Places(unsaved) = &mut self.unsaved {
            for record in batch {
                unsaved.extend(record.change.removed());
                unsaved.extend(record.change.placed().map(|(index, _)| index));
            }
        }
        self.policy_adopted |= batch.iter().any(|record| matches!(record.change, Change::PolicyAdopted { .. }));
        let touched = batch.iter().filter(|record| record.change.changes_templates());
        self.unread.extend(touched.filter_map(|record| record.change.person()));
        Ok(())
    }

    /// Does to the tree what one change did; leaves at its end wait in `appended`.
    fn place(&mut self, change: &Change, appended: &mut Vec<Leaf>) -> Result<(), String> {
        let next = self.tree.len() as usize + appended.len();
        let places = change.placed().map(|(index, _)| index).into_iter().chain(change.removed());
        if places.clone().any(|index| index.as_u32() >= self.tree.len() && (index.as_u32() as usize) < next) {
            self.tree.extend(appended).map_err(|error| error.to_string())?;
            appended.clear();
        }
        if let Some(index) = change.removed() {
            self.tree.remove(index).map_err(|error| error.to_string())?;
        }
        if let Some((index, leaf)) = change.placed() {
            let appends = matches!(change, Change::Enrolled { .. } | Change::Recovered { .. });
            match (appends, index.as_u32() as usize == next) {
                (true, true) => appended.push(leaf),
                (true, false) => return Err(format!("leaf {index} follows {next} leaves")),
                (false, _) => self.tree.replace(index, leaf).map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    /// Takes everybody's templates: one question for many people.
    fn read_everybody(&mut self, store: &impl ReadStore) -> Result<BTreeSet<PersonId>, RegistryError> {
        let mut everybody = BTreeSet::new();
        let mut after = 0;
        loop {
            let people = store.people_since(after, PEOPLE)?;
            let Some(last) = people.last() else { break };
            after = last.person.as_u64();
            for person in people {
                self.read(&person)?;
                self.check_leaf(store, &person)?;
                self.unread.remove(&person.person);
                everybody.insert(person.person);
            }
        }
        if let Some(person) = self.unread.first() {
            return Err(self.damaged(format!("a change speaks of person {person}, who is not there")));
        }
        // A registry that was empty a moment ago was searched in vain: whoever asks under the lock has to look at all of them.
        Ok(everybody)
    }

    /// Takes the templates that changed.
    fn read_some(&mut self, store: &impl ReadStore) -> Result<BTreeSet<PersonId>, RegistryError> {
        let touched = self.unread.clone();
        for &person in &touched {
            let Some(record) = store.person(person)? else {
                return Err(self.damaged(format!("a change speaks of person {person}, who is not there")));
            };
            self.read(&record)?;
            self.check_leaf(store, &record)?;
            self.unread.remove(&person);
        }
        Ok(touched)
    }

    /// Puts a person's eyes, as they are now, in the place of those that were known.
    fn read(&mut self, person: &PersonRecord) -> Result<(), RegistryError> {
        let open = |eye| person.templates.of(eye).map(|record| record.open()).transpose();
        let taken = match (open(EyeSide::Left), open(EyeSide::Right), entry(person.person)) {
            (Ok(left), Ok(right), Ok(entry)) => {
                self.gallery.remove(entry);
                let eyes = EyePair { left: left.as_ref(), right: right.as_ref() };
                self.gallery.insert(entry, eyes).map_err(|error| error.to_string())
            }
            (Err(error), ..) | (_, Err(error), _) => Err(error.to_string()),
            (.., Err(detail)) => Err(detail),
        };
        taken.map_err(|detail| self.damaged(format!("eyes of person {}: {detail}", person.person)))
    }

    /// Is a person's leaf where it should be? Changes and people are two records of that.
    fn check_leaf(&mut self, store: &impl ReadStore, person: &PersonRecord) -> Result<(), RegistryError> {
        let Some(leaf) = &person.leaf else { return Ok(()) };
        let expected = if person.status == PersonStatus::Active { leaf.leaf } else { Leaf::empty() };
        // The person may have been read later than the changes; if nothing came in since, it was the same moment.
        if self.tree.leaf(leaf.index) != Ok(expected) && store.head()? == self.sequence {
            return Err(
                self.damaged(format!("leaf {} of person {} is not the one in the tree", leaf.index, person.person))
            );
        }
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
        suspects(found)
    }

    /// [`Self::search`] for many in one pass, mirror images included; one answer for each.
    pub(super) fn search_batch(&self, probes: &[EyePair<'_>], policy: &RegistryPolicy) -> Vec<Suspects> {
        if let [probe] = probes {
            return vec![self.search(*probe, true, policy)];
        }
        let search = PeopleSearch { policy: policy.matching, swapped: policy.swapped_eyes, mirrored: true };
        #[cfg(feature = "rayon")]
        let found = self.gallery.par_search_batch(probes, &search);
        #[cfg(not(feature = "rayon"))]
        let found = self.gallery.search_batch(probes, &search);
        let found = found.expect("layout and encoder were checked before the search");
        found.into_iter().map(suspects).collect()
    }

    /// Where the next leaf goes.
    pub(super) fn next_leaf(&self) -> Result<LeafIndex, RegistryError> {
        LeafIndex::new(self.tree.len()).map_err(|_| RegistryError::TreeFull)
    }

    /// The root that the tree will have with other leaves in some places.
    pub(super) fn root_after(&self, changes: &[(LeafIndex, Option<Leaf>)]) -> Result<MerkleRoot, RegistryError> {
        // A hash is zero or the empty leaf as often as two hashes collide, and the places are those of the store.
        self.tree.root_after(changes).map_err(|error| RegistryError::Damaged { detail: error.to_string() })
    }

    /// When a root that comes into being at `at` became current: not before the one that it replaces, even if
    /// the clocks of two stations disagree.
    pub(super) fn root_at(&self, at: u64) -> u64 {
        self.root_at.max(at)
    }
}

impl Suspects {
    /// Forgets what was found about a person whose templates changed after the search.
    pub(super) fn forget(&mut self, person: PersonId) {
        for candidates in [&mut self.same, &mut self.mirrored] {
            candidates.retain(|candidate| candidate.person != person);
        }
        self.incomparable.retain(|other| *other != person);
    }

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
            self.incomparable.push(person);
        }
        for (probes, candidates) in [(probes, &mut self.same), (mirrored, &mut self.mirrored)] {
            candidates.extend(judge(person, probes, enrolled, policy.swapped_eyes, &policy.matching));
            let nearer = nearest_first(&policy.matching);
            candidates.sort_by(|a, b| nearer(&a.nearest(), &b.nearest()));
        }
    }
}

fn suspects(found: PeopleFound) -> Suspects {
    let candidates = |hits: Vec<PersonHit>| hits.into_iter().map(candidate).collect();
    Suspects {
        same: candidates(found.hits),
        mirrored: candidates(found.mirrored),
        incomparable: found.incomparable.into_iter().map(|entry| PersonId::from(entry.number())).collect(),
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

/// Why the saved tree was not taken.
enum PageFault {
    Store(StoreError),
    Pages,
}

impl From<TreePagesError> for PageFault {
    fn from(_: TreePagesError) -> Self {
        Self::Pages
    }
}
