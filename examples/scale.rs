//! A registry of a million people, made without pictures: how long it takes to open, how much memory it takes, and what one
//! enrolment costs in it.
//!
//! ```sh
//! cargo run --release --all-features --example scale -- build DIR 1000000 100   # as often as it says "go on"
//! cargo run --release --all-features --example scale -- open DIR
//! cargo run --release --all-features --example scale -- enroll DIR 5
//! ```
//!
//! The last number of `build` is how many seconds it works before it stops at the end of a transaction, so that a shared machine
//! is not taken for long. Templates are those of `testing::templates`, sealed as in any registry. All changes of one transaction
//! have the root of its last one: the tree is hashed once for each transaction and not for each person.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use personhood::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use personhood::iris::{EncoderVersion, EyeSide, Layout};
use personhood::matcher::{EyePair, PeopleGallery, PeopleSearch};
use personhood::registry::{EnrollRequest, EnrolmentClass, Registry, RegistryPolicy};
use personhood::scalar::Scalar;
use personhood::store::{
    LeafRecord, NewDecision, NewPerson, PolicyId, ReadStore as _, SealedStore, Sequence, SharedKeyService, SqliteStore,
    Store as _, TemplatePair, TemplateRecord, WriteTransaction as _,
};
use personhood::testing::templates::SyntheticTemplates;
use personhood::tree::{LeafIndex, Tree};
use personhood::vault::MasterKey;
use rand_core::OsRng;
use rayon::prelude::*;

const NOW: u64 = 1_700_000_000;
const LATER: u64 = 2_000_000_000;
/// People of one transaction: as many changes as a registry reads at a time, so that it meets each root that is right.
const TRANSACTION: u32 = 16_384;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["build", folder, people, seconds] => build(Path::new(folder), people.parse()?, seconds.parse()?),
        ["open", folder] => open(Path::new(folder)).map(drop),
        ["enroll", folder, times] => enroll(Path::new(folder), times.parse()?),
        _ => Err("usage: scale build DIR PEOPLE SECONDS | open DIR | enroll DIR TIMES".into()),
    }
}

fn world() -> SyntheticTemplates {
    SyntheticTemplates::new(Layout::Columns256, 2_026).with_encoder(EncoderVersion::Personhood(1))
}

fn commitment(number: u64) -> Outcome<IdentityCommitment> {
    Ok(IdentityCommitment::from_bytes(&Scalar::from(number + 1).to_bytes())?)
}

fn store(folder: &Path) -> Outcome<SealedStore<SqliteStore>> {
    let key: SharedKeyService = Arc::new(MasterKey::read(folder.join("master-key"))?);
    Ok(SealedStore::open(SqliteStore::open(folder.join("registry.sqlite3"))?, vec![key])?)
}

fn create(folder: &Path) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    let key = Arc::new(MasterKey::generate(&mut OsRng));
    key.write_new(folder.join("master-key"))?;
    let store = SealedStore::create(SqliteStore::create(folder.join("registry.sqlite3"))?, vec![key])?;
    drop(Registry::create(store, RegistryPolicy::default(), NOW)?);
    Ok(())
}

fn build(folder: &Path, people: u32, seconds: u64) -> Outcome<()> {
    let begin = Instant::now();
    if !folder.join("registry.sqlite3").exists() {
        create(folder)?;
    }
    let mut store = store(folder)?;
    let mut tree = tree_of(&store)?;
    let (world, mut hashing) = (world(), Duration::ZERO);
    while tree.len() < people && begin.elapsed().as_secs() < seconds {
        let first = tree.len();
        let batch: Vec<u32> = (first..people.min(first + TRANSACTION)).collect();
        let credential = Credential::new(NOW, LATER, Assurance::BOTH_EYES)?;
        let commitments = batch.iter().map(|number| commitment((*number).into())).collect::<Outcome<Vec<_>>>()?;
        let leaves: Vec<Leaf> = commitments.par_iter().map(|commitment| Leaf::new(commitment, &credential)).collect();
        let before = Instant::now();
        tree.extend(&leaves)?;
        hashing += before.elapsed();
        let mut transaction = store.begin()?;
        for part in batch.chunks(1_024) {
            let pairs: Vec<TemplatePair> = part
                .par_iter()
                .map(|number| {
                    let record = |eye| Some(TemplateRecord::clear(&world.enrolled((*number).into(), eye)));
                    TemplatePair { left: record(EyeSide::Left), right: record(EyeSide::Right) }
                })
                .collect();
            for (number, templates) in part.iter().zip(pairs) {
                let at = (number - first) as usize;
                transaction.insert_person(NewPerson {
                    at: NOW,
                    templates,
                    leaf: LeafRecord {
                        index: LeafIndex::new(*number)?,
                        commitment: commitments[at],
                        credential,
                        leaf: leaves[at],
                    },
                    root: tree.root(),
                    root_at: NOW,
                    decision: NewDecision {
                        at: NOW,
                        operator: "scale",
                        action: "enrol",
                        outcome: "accepted",
                        person: None,
                        policy: PolicyId::new(1)?,
                        software: "personhood scale",
                        details: "{\"version\":1,\"people\":0,\"incomparable\":0,\"distances\":[]}",
                    },
                })?;
            }
        }
        transaction.commit()?;
        println!("{} people after {:.0} s", tree.len(), begin.elapsed().as_secs_f64());
    }
    println!("tree: {:.2} s of hashing for what was added", hashing.as_secs_f64());
    let begin = Instant::now();
    let sequence = store.head()?;
    let pages: Vec<_> = tree.pages(None).into_iter().filter_map(|page| Some((page, tree.page(page)?))).collect();
    let mut transaction = store.begin()?;
    transaction.save_tree(sequence, &pages)?;
    transaction.commit()?;
    store.scrub()?;
    println!("tree: {} pages saved in {:.2} s", pages.len(), begin.elapsed().as_secs_f64());
    println!("{}", if tree.len() < people { "go on" } else { "done" });
    Ok(())
}

/// The tree of the people who are there: as it was saved, since `build` saves it whenever it stops.
fn tree_of(store: &SealedStore<SqliteStore>) -> Outcome<Tree> {
    let head = store.head()?;
    if head == Sequence::START {
        return Ok(Tree::new());
    }
    let saved = store.saved_tree()? == Some(head);
    let leaves = u32::try_from(head.as_u64())?;
    if !saved {
        return Err("it was killed in work: begin again".into());
    }
    Tree::from_pages(leaves, |page| -> Outcome<_> { Ok(store.tree_page(page)?) })
}

/// Kibibytes of this process from /proc/self/status.
fn memory(field: &str) -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    Ok(line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?)
}

fn open(folder: &Path) -> Outcome<Registry<SealedStore<SqliteStore>>> {
    let store = store(folder)?;
    let head = store.head()?;
    let begin = Instant::now();
    let leaves = u32::try_from(head.as_u64())?;
    if store.saved_tree()? == Some(head) {
        let tree = Tree::from_pages(leaves, |page| -> Outcome<_> { Ok(store.tree_page(page)?) })?;
        println!("tree alone, from its pages: {:.2} s, root {}", begin.elapsed().as_secs_f64(), tree.root());
    }
    let begin = Instant::now();
    let mut registry = Registry::open(store)?;
    let elapsed = begin.elapsed();
    let status = registry.status()?;
    let bits = (status.left_eyes + status.right_eyes) * 2 * 16_384 / 8;
    let (now, most) = (memory("VmRSS")? * 1024, memory("VmHWM")? * 1024);
    println!(
        "open: {:.1} s, {} people, {} MiB of bits, resident {} MiB ({:.3} of the bits), at most {} MiB ({:.3})",
        elapsed.as_secs_f64(),
        status.people,
        bits >> 20,
        now >> 20,
        now as f64 / bits as f64,
        most >> 20,
        most as f64 / bits as f64
    );
    Ok(registry)
}

fn enroll(folder: &Path, times: u64) -> Outcome<()> {
    let mut registry = open(folder)?;
    let (people, world) = (registry.status()?.people, world());
    let eyes = |number| (world.enrolled(number, EyeSide::Left), world.enrolled(number, EyeSide::Right));
    for time in 0..times {
        // Nobody's eyes, and nobody's commitment: beyond all that `build` makes.
        let number = 1_000_000_000 + people + time;
        let (left, right) = eyes(number);
        let request = EnrollRequest {
            left: Some(left.clone()),
            right: Some(right.clone()),
            commitment: commitment(number)?,
            class: EnrolmentClass::BothEyes,
            issued_at: NOW,
            expires_at: LATER,
        };
        let begin = Instant::now();
        // The search of an enrolment but for the mirror images, whose time is told by the difference.
        let found = registry.identify(Some(&left), Some(&right))?;
        let plain = begin.elapsed();
        let begin = Instant::now();
        let enrolled = registry.enroll(request)?;
        let all = begin.elapsed();
        println!(
            "person {}: search without mirror images {:.3} s ({} found), enrolment {:.3} s",
            enrolled.person,
            plain.as_secs_f64(),
            found.len(),
            all.as_secs_f64()
        );
    }
    // The same transaction where there is nobody to search.
    let mut small = PeopleGallery::new(Layout::Columns256, EncoderVersion::Personhood(1));
    let (left, right) = eyes(0);
    small.insert(personhood::matcher::EntryId::new(1), EyePair { left: Some(&left), right: Some(&right) })?;
    let search = PeopleSearch { policy: registry.policy().matching, swapped: true, mirrored: true };
    let begin = Instant::now();
    let _found = small.search(EyePair { left: Some(&left), right: Some(&right) }, &search)?;
    println!("preparing a probe: {:.4} s", begin.elapsed().as_secs_f64());
    Ok(())
}
