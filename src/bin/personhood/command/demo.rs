//! `personhood demo`: the whole path, told to a newcomer.
//!
//! Nothing in it is prepared: it works on whatever folder of eyes it is given, with the same registry, proofs and
//! verifier as every other command, in a temporary folder. What it expects to happen is checked; if something else
//! happens, it says so and fails.

mod temporary;

use std::path::{Path, PathBuf};
use std::time::Instant;

use personhood::identity::IdentitySecret;
use personhood::iris::{EyeSide, IrisTemplate, Layout};
use personhood::matcher::{EyeRule, MatchPolicy, compare};
use personhood::membership::{MembershipProof, Statement, Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::pipeline::Pipeline;
use personhood::registry::{EnrollRequest, EnrolmentClass, RegistryPolicy};
use personhood::store::SqliteNullifiers;
use personhood::tree::MerkleRoot;
use personhood::verify::{AcceptedRoots, Presentation, Request, Verifier};
use rand_core::OsRng;
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{Demo, SegmentationModel};
use crate::command::enroll::{duplicate_of, files_of_eye, folders_of_people};
use crate::command::verify;
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::pictures;
use crate::place::{self, DiskRegistry};
use crate::proof_file::ProofFile;
use crate::report::MatchReport;
use temporary::TemporaryFolder;

/// Ten years, in seconds.
const VALIDITY: u64 = 3650 * 86_400;
const APP: &str = "polls.example";
const ACTION: &str = "budget 2027";
const OTHER_ACTION: &str = "mayor 2027";
const MESSAGE: &str = "yes";
const OTHER_MESSAGE: &str = "no";

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    enrolled: Vec<EnrolledReport>,
    /// Pictures that were not good enough.
    refused_pictures: Vec<Failure>,
    /// The nearest that eyes of two different people came to each other.
    nearest_strangers: f64,
    threshold: f64,
    duplicate: DuplicateReport,
    root: MerkleRoot,
    proof_bytes: usize,
    proving_milliseconds: f64,
    /// What the verifier was shown, in order, and what it said.
    verdicts: Vec<Verdict>,
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct EnrolledReport {
    name: String,
    person: u64,
    leaf_index: u32,
}

#[derive(Serialize)]
struct DuplicateReport {
    name: String,
    picture: PathBuf,
    of: MatchReport,
}

#[derive(Serialize)]
struct Verdict {
    shown: &'static str,
    /// `accepted`, or the reason of the refusal.
    verdict: &'static str,
    milliseconds: f64,
}

/// Somebody with a folder of pictures.
struct Visitor {
    name: String,
    eyes: [Vec<Capture>; 2],
    refused: Vec<Failure>,
}

/// One picture that is good enough.
struct Capture {
    file: PathBuf,
    template: IrisTemplate,
}

/// A visitor who was enrolled, and their secret.
struct Member {
    visitor: Visitor,
    secret: IdentitySecret,
    report: EnrolledReport,
}

/// What every step of the story needs.
struct Story {
    output: Output,
    pipeline: Pipeline,
    layout: Layout,
    matching: MatchPolicy,
    out: PathBuf,
}

pub(crate) fn run(args: &Demo, output: Output) -> Result<Exit, Failure> {
    let policy = RegistryPolicy::default();
    let (layout, matching) = (policy.layout, policy.matching);
    let story = Story {
        output,
        pipeline: eye::pipeline_of(&policy, &SegmentationModel::default())?,
        layout,
        matching,
        out: args.out.clone(),
    };
    let temporary = TemporaryFolder::new()?;
    files::make_folder(&args.out)?;
    let mut registry = place::create(&temporary.path().join("registry"), policy)?;

    let visitors = story.look_at_everybody(&args.eyes)?;
    let refused_pictures = visitors.iter().flat_map(|visitor| visitor.refused.iter().cloned()).collect();
    output.tell("personhood: enrol every human once, and let them prove it without saying who they are.")?;
    let members = story.enrol_everybody(visitors, &mut registry)?;
    let nearest_strangers = story.compare_strangers(&members)?;
    let duplicate = story.somebody_comes_back(&members, &mut registry)?;
    let mut files = story.draw(&duplicate)?;

    let proven = story.somebody_proves(&members, &mut registry)?;
    files.push(proven.file.clone());
    let verdicts = story.everything_is_shown(&members, &proven, &mut registry, &temporary)?;
    story.how_to_go_on(&files)?;
    let report = Report {
        nearest_strangers,
        threshold: matching.threshold.ratio(),
        duplicate,
        root: proven.content.statement.root,
        proof_bytes: MembershipProof::BYTES,
        proving_milliseconds: proven.milliseconds,
        verdicts,
        files,
        refused_pictures,
        enrolled: members.into_iter().map(|member| member.report).collect(),
    };
    output.told(Exit::Yes, &report)
}

impl Story {
    /// Encodes every picture of every person.
    fn look_at_everybody(&self, eyes: &Path) -> Result<Vec<Visitor>, Failure> {
        let folders = folders_of_people(eyes).map_err(|failure| {
            failure.with_hint(
                "run it in the repository, or make eyes with `personhood eyes --out DIR` and give --eyes DIR",
            )
        })?;
        let bar = self.output.progress(folders.len(), "looking");
        let visitors = folders.par_iter().map(|folder| {
            let visitor = self.look_at(folder);
            bar.inc(1);
            visitor
        });
        let visitors: Result<Vec<_>, _> = visitors.collect();
        bar.finish_and_clear();
        visitors
    }

    fn look_at(&self, folder: &Path) -> Result<Visitor, Failure> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut visitor = Visitor { name, eyes: [Vec::new(), Vec::new()], refused: Vec::new() };
        for (side, captures) in EyeSide::BOTH.into_iter().zip(&mut visitor.eyes) {
            for file in files_of_eye(folder, side)? {
                match eye::template(&file, &self.pipeline) {
                    Ok(template) => captures.push(Capture { file, template }),
                    Err(refusal) => visitor.refused.push(refusal),
                }
            }
        }
        Ok(visitor)
    }

    fn enrol_everybody(&self, visitors: Vec<Visitor>, registry: &mut DiskRegistry) -> Result<Vec<Member>, Failure> {
        self.step(
            "1. People enrol",
            "Each shows both eyes. They are compared with everybody before, at every rotation.",
        )?;
        let mut members = Vec::new();
        for visitor in visitors {
            let secret = IdentitySecret::generate(&mut OsRng);
            let [Some(left), Some(right)] = [0, 1].map(|side: usize| visitor.eyes[side].first()) else {
                self.output.tell(format_args!("   {}: not enrolled, one eye has no good picture", visitor.name))?;
                continue;
            };
            let request = request(&left.template, &right.template, &secret);
            let enrolled = registry
                .enroll(request)
                .map_err(|error| surprise(format!("{} is somebody new, but was refused: {error}", visitor.name)))?;
            let (person, leaf_index) = (enrolled.person.as_u64(), enrolled.leaf_index.as_u32());
            let commitment = secret.commitment().to_string();
            self.output.tell(format_args!(
                "   {}: person {person}, leaf {leaf_index}, commitment {}…",
                visitor.name,
                &commitment[..16],
            ))?;
            let report = EnrolledReport { name: visitor.name.clone(), person, leaf_index };
            members.push(Member { visitor, secret, report });
        }
        if members.len() < 2 {
            return Err(surprise(format!("only {} people could be enrolled, the story needs two", members.len())));
        }
        self.output.tell(format_args!(
            "   {} people enrolled. The root of their tree: {}",
            members.len(),
            registry.root()
        ))?;
        Ok(members)
    }

    /// The smallest distance between eyes of two different people.
    fn compare_strangers(&self, members: &[Member]) -> Result<f64, Failure> {
        let eyes: Vec<(usize, &IrisTemplate)> = members
            .iter()
            .enumerate()
            .flat_map(|(index, member)| member.visitor.eyes.iter().map(move |eye| (index, &eye[0].template)))
            .collect();
        let nearest = eyes
            .iter()
            .flat_map(|(a, probe)| {
                eyes.iter().filter(move |(b, _)| a < b).map(move |(_, reference)| (probe, reference))
            })
            .filter_map(|(probe, reference)| compare(probe, reference, &self.matching).alignment())
            .map(|alignment| alignment.distance)
            .min_by(|a, b| self.matching.score.order(*a, *b))
            .ok_or_else(|| surprise("no two eyes of different people could be compared".to_owned()))?;
        self.output.tell(format_args!(
            "   The nearest that two different people's eyes come to each other is distance {:.4}; below {} they would be one.",
            self.matching.score.distance(nearest, self.layout),
            self.matching.threshold,
        ))?;
        Ok(self.matching.score.distance(nearest, self.layout))
    }

    fn somebody_comes_back(&self, members: &[Member], registry: &mut DiskRegistry) -> Result<DuplicateReport, Failure> {
        self.step("2. Somebody comes back", "One of them tries again, with new pictures and under a new identity.")?;
        // Not the first: somebody in the middle of the crowd is the better example.
        let order = (0..members.len()).map(|index| (index + members.len() / 3) % members.len());
        let (member, [left, right]) = order
            .map(|index| &members[index])
            .find_map(|member| {
                let [left, right] = &member.visitor.eyes;
                Some((member, [left.get(1)?, right.get(1)?]))
            })
            .ok_or_else(|| surprise("nobody has a second good picture of both eyes".to_owned()))?;
        let newcomer = IdentitySecret::generate(&mut OsRng);
        let error = match registry.enroll(request(&left.template, &right.template, &newcomer)) {
            Ok(enrolled) => {
                return Err(surprise(format!(
                    "{} was enrolled twice, now as person {}",
                    member.visitor.name, enrolled.person
                )));
            }
            Err(error) => error,
        };
        let of = duplicate_of(&error, registry.policy())
            .ok_or_else(|| surprise(format!("{} was refused for another reason: {error}", member.visitor.name)))?;
        if of.person.as_u64() != member.report.person {
            return Err(surprise(format!("{} was taken for person {}", member.visitor.name, of.person)));
        }
        let picture = if of.presented_as == EyeSide::Left.as_str() { left } else { right };
        self.output.tell(format_args!("   {} shows {}", member.visitor.name, picture.file.display()))?;
        self.output.tell(format_args!("   refused as a duplicate of {of}"))?;
        if self.matching.eye_rule == EyeRule::Either {
            self.output
                .tell("   (One matching eye is enough to refuse; the rule is part of the registry's policy.)")?;
        }
        Ok(DuplicateReport { name: member.visitor.name.clone(), picture: picture.file.clone(), of })
    }

    /// Draws what was seen in the refused picture.
    fn draw(&self, duplicate: &DuplicateReport) -> Result<Vec<PathBuf>, Failure> {
        self.step("3. What the program saw", "Pictures of the eye that gave the duplicate away.")?;
        let image = eye::read_picture(&duplicate.picture)?;
        let stem =
            format!("{}-{}", duplicate.name, duplicate.picture.file_stem().unwrap_or_default().to_string_lossy());
        let drawn = pictures::write(&image, &self.pipeline.trace(&image), &self.out.join(stem), self.output)?;
        for (file, what) in &drawn {
            self.output.tell(format_args!("   {}  {what}", file.display()))?;
        }
        Ok(drawn.into_iter().map(|(file, _)| file).collect())
    }

    fn somebody_proves(&self, members: &[Member], registry: &mut DiskRegistry) -> Result<Proven, Failure> {
        let people = members.len();
        let what =
            format!("{APP} asks about \"{ACTION}\". One of the {people} answers \"{MESSAGE}\", and does not say who.");
        self.step("4. Somebody proves", &what)?;
        let started = Instant::now();
        let content = prove_for(&members[0].secret, ACTION, registry)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let file = self.out.join("proof.json");
        files::write(&file, content.to_json()?.as_bytes(), self.output)?;
        let bytes = MembershipProof::BYTES;
        self.output.tell(format_args!(
            "   {}: {bytes} bytes of proof, made in {milliseconds:.0} ms. It shows one thing of its maker,\n   \
             the nullifier {}:\n   the same for every proof of this person for this action, and different for every other.",
            file.display(),
            content.statement.nullifier,
        ))?;
        Ok(Proven { content, file, milliseconds })
    }

    /// The verifier accepts what it should and refuses the rest.
    fn everything_is_shown(
        &self,
        members: &[Member],
        proven: &Proven,
        registry: &mut DiskRegistry,
        temporary: &TemporaryFolder,
    ) -> Result<Vec<Verdict>, Failure> {
        self.step(
            "5. The other side verifies",
            "It knows the root, the action and the message; no eye, no name, no registry.",
        )?;
        let roots = AcceptedRoots::only(proven.content.statement.root);
        let poll = Verifier::new(&Scope::new(APP, ACTION)?, roots.clone());
        let other_poll = Verifier::new(&Scope::new(APP, OTHER_ACTION)?, roots);
        let prover = &members[0].secret;
        let second = prove_for(prover, ACTION, registry)?;
        let elsewhere = prove_for(prover, OTHER_ACTION, registry)?;
        if elsewhere.statement.nullifier == proven.content.statement.nullifier {
            return Err(surprise("two actions have one nullifier, so they could be linked".to_owned()));
        }
        let mut counter =
            Counter { seen: SqliteNullifiers::create(temporary.path().join("seen.sqlite3"))?, story: self };
        let first = &proven.content;
        Ok(vec![
            counter.show("the proof", &poll, first, MESSAGE, None)?,
            counter.show("the same proof a second time", &poll, first, MESSAGE, Some("nullifier_already_used"))?,
            counter.show(
                "the same proof with the message \"no\"",
                &poll,
                first,
                OTHER_MESSAGE,
                Some("signal_differs"),
            )?,
            counter.show(
                "a second proof of the same person",
                &poll,
                &second,
                MESSAGE,
                Some("nullifier_already_used"),
            )?,
            counter.show("their proof for another action", &other_poll, &elsewhere, MESSAGE, None)?,
        ])
    }

    fn how_to_go_on(&self, files: &[PathBuf]) -> Result<(), Failure> {
        self.output.tell(format_args!(
            "\nEverything happened as it should. {} files are in {}. The registry was temporary and is gone.\n\
             Go on with: personhood compare, personhood init, personhood simulate, personhood help",
            files.len(),
            self.out.display(),
        ))
    }

    fn step(&self, title: &str, what: &str) -> Result<(), Failure> {
        self.output.tell(format_args!("\n{title}. {what}"))
    }
}

/// The proof that the story is about.
struct Proven {
    content: ProofFile,
    file: PathBuf,
    milliseconds: f64,
}

/// Where proofs are shown: a verifier with a memory.
struct Counter<'a> {
    seen: SqliteNullifiers,
    story: &'a Story,
}

impl Counter<'_> {
    /// Shows a proof, and fails unless it is refused for the expected reason, or accepted if none is expected.
    fn show(
        &mut self,
        shown: &'static str,
        verifier: &Verifier,
        file: &ProofFile,
        message: &str,
        expected: Option<&str>,
    ) -> Result<Verdict, Failure> {
        let request = Request::new(message.as_bytes());
        let ProofFile { statement, proof } = file;
        let Statement { root, nullifier, use_index, .. } = *statement;
        let presentation = Presentation { root, nullifier, use_index, proof };
        let started = Instant::now();
        let verdict = verifier.verify(&presentation, &request, place::now(), &mut self.seen);
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let refusal = verdict.err().map(|error| verify::explain(&error, verifier.mismatch(statement, &request)));
        if refusal.as_ref().map(|(reason, _)| *reason) != expected {
            return Err(surprise(format!("{shown}: expected {expected:?}, and the verifier said {refusal:?}")));
        }
        let said = match &refusal {
            None => "accepted".to_owned(),
            Some((reason, detail)) => format!("refused: {detail} [{reason}]"),
        };
        self.story.output.tell(format_args!("   {shown}: {said}, {milliseconds:.1} ms"))?;
        Ok(Verdict { shown, verdict: refusal.map_or("accepted", |(reason, _)| reason), milliseconds })
    }
}

/// A proof of somebody for an action of the app.
fn prove_for(secret: &IdentitySecret, action: &str, registry: &mut DiskRegistry) -> Result<ProofFile, Failure> {
    let membership = registry.path(secret.commitment())?;
    let scope = Scope::new(APP, action)?;
    let nullifier = Nullifier::new(secret, &scope.external_nullifier(), 0);
    let verifier = Verifier::new(&scope, AcceptedRoots::only(membership.root));
    let statement = verifier.statement(membership.root, nullifier, 0, &Request::new(MESSAGE.as_bytes()));
    let witness = Witness { secret, credential: &membership.credential, path: &membership.path };
    let proof = prove(&statement, &witness, &mut OsRng)?;
    Ok(ProofFile { statement, proof })
}

fn request(left: &IrisTemplate, right: &IrisTemplate, secret: &IdentitySecret) -> EnrollRequest {
    let now = place::now();
    EnrollRequest {
        left: Some(left.clone()),
        right: Some(right.clone()),
        commitment: secret.commitment(),
        class: EnrolmentClass::BothEyes,
        issued_at: now,
        expires_at: now + VALIDITY,
    }
}

/// Something that should have happened did not.
fn surprise(message: String) -> Failure {
    Failure::new("demo_surprise", message)
        .with_hint("if these are the eyes of the repository, this is a bug: please report it")
}
