//! `personhood simulate`: a small world of synthetic people, everybody who tries a trick in it, and what came of it.
//!
//! Everything is real but the eyes: the registry (in memory), the search, the proofs, the verifier.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use personhood::identity::{IdentityCommitment, IdentitySecret};
use personhood::iris::{EyeSide, IrisTemplate, Mask};
use personhood::membership::{Statement, Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::registry::{EnrollRequest, EnrolmentClass, Registry, RegistryPolicy};
use personhood::store::MemoryStore;
use personhood::testing::templates::SyntheticTemplates;
use personhood::tree::MerkleRoot;
use personhood::verify::{AcceptedRoots, MemoryNullifiers, Presentation, Request, Verifier};
use rand_core::OsRng;
use serde::Serialize;

use crate::args::Simulate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// The world's clock stands still: the day it was made.
const NOW: u64 = 1_800_000_000;
/// Until when everybody's credential holds.
const EXPIRY: u64 = NOW + 10 * 365 * 86_400;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    people: u32,
    seed: u64,
    enrolled: u32,
    proofs_accepted: u32,
    tricks: Vec<Trick>,
    root: MerkleRoot,
    enrolment_seconds: f64,
    proving_seconds: f64,
    as_it_should: bool,
}

/// One kind of attempt that must not succeed.
#[derive(Serialize)]
struct Trick {
    what: &'static str,
    tried: u32,
    refused: u32,
    /// How often for which reason.
    reasons: BTreeMap<String, u32>,
}

struct World {
    templates: SyntheticTemplates,
    registry: Registry<MemoryStore>,
    secrets: Vec<IdentitySecret>,
}

pub(crate) fn run(args: &Simulate, output: Output) -> Result<Exit, Failure> {
    let policy = RegistryPolicy::default();
    let mut world = World {
        templates: SyntheticTemplates::new(policy.layout, args.seed).with_encoder(policy.encoder),
        registry: Registry::create(MemoryStore::new(), policy, NOW)?,
        secrets: Vec::new(),
    };
    let started = Instant::now();
    let enrolled = world.populate(args, output)?;
    let enrolment_seconds = started.elapsed().as_secs_f64();
    let mut tricks = world.trick_the_desk(args, output);
    let started = Instant::now();
    let (proofs_accepted, refused) = world.trick_the_verifier(args, output)?;
    tricks.extend(refused);
    let all_refused = tricks.iter().all(|trick| trick.tried == trick.refused);
    let report = Report {
        people: args.people,
        seed: args.seed,
        enrolled,
        proofs_accepted,
        root: world.registry.root(),
        enrolment_seconds,
        proving_seconds: started.elapsed().as_secs_f64(),
        as_it_should: all_refused && enrolled == args.people && proofs_accepted == args.proofs.min(args.people),
        tricks,
    };
    output.answer(Exit::from_answer(report.as_it_should), &report, &report)
}

impl World {
    /// Everybody comes once; how many were let in.
    fn populate(&mut self, args: &Simulate, output: Output) -> Result<u32, Failure> {
        let bar = output.progress(args.people as usize, "enrolling");
        let mut enrolled = 0;
        for person in 0..args.people {
            let secret = IdentitySecret::generate(&mut OsRng);
            let [left, right] = EyeSide::BOTH.map(|eye| self.templates.enrolled(person.into(), eye));
            match self.enroll(left, right, secret.commitment()) {
                Ok(()) => enrolled += 1,
                // A stranger who is taken for somebody else: counted, not hidden.
                Err(failure) if failure.exit() == Exit::No => {
                    output.warning(format_args!("person {person}: {failure}"))
                }
                Err(failure) => return Err(failure),
            }
            self.secrets.push(secret);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(enrolled)
    }

    fn enroll(
        &mut self,
        left: IrisTemplate,
        right: IrisTemplate,
        commitment: IdentityCommitment,
    ) -> Result<(), Failure> {
        let request = EnrollRequest {
            left: Some(left),
            right: Some(right),
            commitment,
            class: EnrolmentClass::BothEyes,
            issued_at: NOW,
            expires_at: EXPIRY,
        };
        self.registry.enroll(request).map(drop).map_err(Failure::from)
    }

    /// Attempts to be enrolled where one should not be.
    fn trick_the_desk(&mut self, args: &Simulate, output: Output) -> Vec<Trick> {
        let kinds: [(&'static str, Attempt); 4] = [
            ("enrol a second time, with new pictures", |world, person, _| {
                let [left, right] = EyeSide::BOTH.map(|eye| world.again(person, eye, 1));
                world.enroll(left, right, stranger())
            }),
            ("enrol a second time, left and right exchanged", |world, person, _| {
                let [left, right] = EyeSide::BOTH.map(|eye| world.again(person, eye, 2));
                world.enroll(right, left, stranger())
            }),
            ("enrol new eyes with somebody's commitment", |world, person, newcomer| {
                let [left, right] = EyeSide::BOTH.map(|eye| world.templates.enrolled(newcomer, eye));
                let commitment = world.secrets[person as usize].commitment();
                world.enroll(left, right, commitment)
            }),
            ("enrol with everything masked", |world, _, newcomer| {
                let [left, right] = EyeSide::BOTH.map(|eye| masked(&world.templates.enrolled(newcomer, eye)));
                world.enroll(left, right, stranger())
            }),
        ];
        let bar = output.progress(kinds.len() * args.tricks as usize, "tricking");
        let tricks = kinds.into_iter().map(|(what, attempt)| {
            let mut trick = Trick::new(what);
            for number in 0..args.tricks {
                // Newcomers are nobody of this world, and each trick has its own.
                let newcomer = u64::from(args.people) + u64::from(number);
                trick.note(attempt(self, number % args.people, newcomer).map_err(|failure| failure.code().to_owned()));
                bar.inc(1);
            }
            trick
        });
        let tricks = tricks.collect();
        bar.finish_and_clear();
        tricks
    }

    fn again(&self, person: u32, eye: EyeSide, capture: u64) -> IrisTemplate {
        self.templates.recaptured(person.into(), eye, capture).template
    }

    /// Proofs that must be accepted, how many were, and what must be refused about each of them.
    fn trick_the_verifier(&mut self, args: &Simulate, output: Output) -> Result<(u32, Vec<Trick>), Failure> {
        let scope = Scope::new("polls.example", "budget")?;
        let other_scope = Scope::new("polls.example", "mayor")?;
        let roots = AcceptedRoots::recent(self.registry.root_history()?, 0);
        let poll = Verifier::new(&scope, roots.clone());
        let other_poll = Verifier::new(&other_scope, roots);
        let old_poll = poll.clone().issued_no_later_than(NOW - 1);
        let (yes, no) = (Request::new(b"yes"), Request::new(b"no"));
        let (mut used, mut used_elsewhere) = (MemoryNullifiers::new(), MemoryNullifiers::new());
        let mut replay = Trick::new("show a proof a second time");
        let mut second = Trick::new("make a second proof for the same action");
        let mut signal = Trick::new("show a proof with another message");
        let mut elsewhere = Trick::new("show a proof for another action");
        let mut outsider = Trick::new("prove without being enrolled");
        let mut too_young = Trick::new("prove for an action that opened before one was enrolled");

        let provers = args.proofs.min(args.people);
        let bar = output.progress(provers as usize, "proving");
        let mut accepted = 0;
        for person in 0..provers {
            let secret = &self.secrets[person as usize];
            let membership = self.registry.path(secret.commitment())?;
            let nullifier = Nullifier::new(secret, &scope.external_nullifier(), 0);
            let statement = poll.statement(membership.root, nullifier, 0, &yes);
            let witness = Witness { secret, credential: &membership.credential, path: &membership.path };
            let proof = prove(&statement, &witness, &mut OsRng)?;
            let shown = Presentation { root: membership.root, nullifier, use_index: 0, proof: &proof };
            let refused =
                |verdict: Result<(), personhood::verify::VerifyError>, request: &Request, verifier: &Verifier| {
                    verdict.map_err(|error| match verifier.mismatch(&statement, request) {
                        Some(mismatch) => mismatch.code().to_owned(),
                        None => error.code().to_owned(),
                    })
                };
            // Tried before the honest use, so that it is the proof that refuses and not the memory of it.
            signal.note(refused(poll.verify(&shown, &no, NOW, &mut used), &no, &poll));
            elsewhere.note(refused(other_poll.verify(&shown, &yes, NOW, &mut used_elsewhere), &yes, &other_poll));
            accepted += u32::from(poll.verify(&shown, &yes, NOW, &mut used).is_ok());
            replay.note(refused(poll.verify(&shown, &yes, NOW, &mut used), &yes, &poll));

            let proof = prove(&statement, &witness, &mut OsRng)?;
            let shown = Presentation { proof: &proof, ..shown };
            second.note(refused(poll.verify(&shown, &yes, NOW, &mut used), &yes, &poll));

            let stranger = IdentitySecret::generate(&mut OsRng);
            let nullifier = Nullifier::new(&stranger, &scope.external_nullifier(), 0);
            let statement = Statement { nullifier, ..statement.clone() };
            let borrowed = Witness { secret: &stranger, ..witness };
            outsider.note(attempt_to_prove(&statement, &borrowed));
            let statement = old_poll.statement(shown.root, shown.nullifier, 0, &yes);
            too_young.note(attempt_to_prove(&statement, &witness));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok((accepted, vec![replay, second, signal, elsewhere, outsider, too_young]))
    }
}

/// One attempt by (or on) a person, with a newcomer's eyes at hand.
type Attempt = fn(&mut World, u32, u64) -> Result<(), Failure>;

fn attempt_to_prove(statement: &Statement, witness: &Witness<'_>) -> Result<(), String> {
    prove(statement, witness, &mut OsRng).map(drop).map_err(|error| error.code().to_owned())
}

/// The commitment of somebody who has never been here.
fn stranger() -> IdentityCommitment {
    IdentitySecret::generate(&mut OsRng).commitment()
}

fn masked(template: &IrisTemplate) -> IrisTemplate {
    let nothing = Mask::empty(template.layout());
    IrisTemplate::new(template.code().clone(), nothing, template.encoder()).expect("both have one layout")
}

impl Trick {
    const fn new(what: &'static str) -> Self {
        Self { what, tried: 0, refused: 0, reasons: BTreeMap::new() }
    }

    fn note(&mut self, outcome: Result<(), String>) {
        self.tried += 1;
        if let Err(reason) = outcome {
            self.refused += 1;
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { people, seed, enrolled, proofs_accepted, .. } = self;
        writeln!(f, "a world of {people} people (seed {seed}); the eyes are synthetic, everything else is real")?;
        writeln!(f, "  {enrolled} of {people} enrolled, {:.1} s", self.enrolment_seconds)?;
        writeln!(f, "  {proofs_accepted} proofs accepted, {:.1} s with everything below", self.proving_seconds)?;
        let width = self.tricks.iter().map(|trick| trick.what.len()).max().unwrap_or_default();
        writeln!(f, "\n{:width$}  tried  refused  why", "trick")?;
        for Trick { what, tried, refused, reasons } in &self.tricks {
            let reasons: Vec<_> = reasons.iter().map(|(reason, times)| format!("{reason} ({times})")).collect();
            writeln!(f, "{what:width$}  {tried:5}  {refused:7}  {}", reasons.join(", "))?;
        }
        let verdict =
            if self.as_it_should { "everything went as it should" } else { "something went wrong: see above" };
        write!(f, "\n{verdict}")
    }
}
