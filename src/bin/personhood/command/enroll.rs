//! `personhood enroll`: one person from two files, or everybody in a folder.

mod folder;

pub(super) use folder::{files_of_eye, folders_of_people};

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::identity::IdentityCommitment;
use personhood::registry::{
    CaptureEvidence, EnrollError, EnrollRequest, Enrolled, EnrolmentClass, Evidence, RegistryPolicy, Sighting,
};
use personhood::store::PersonId;
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::{Enroll, EyeFiles, FrameFiles};
use crate::command::identity;
use crate::command::life::station::digests;
use crate::exit::Exit;
use crate::eye::{self, EyePair, EyeReports};
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;
use crate::report::MatchReport;

/// What came of one person.
#[derive(Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Outcome {
    Enrolled {
        person: PersonId,
        leaf_index: u32,
        commitment: IdentityCommitment,
        issued_at: u64,
        expires_at: u64,
        assurance: u8,
        root: MerkleRoot,
    },
    /// By an earlier run that this one goes on from; the eyes were not looked at.
    EnrolledBefore {
        person: PersonId,
        commitment: IdentityCommitment,
    },
    Duplicate {
        of: MatchReport,
    },
}

/// Fields of the JSON document for one.
#[derive(Serialize)]
struct One<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The files of each eye, with what was measured on the pictures among them.
    captures: EyeReports,
}

impl Outcome {
    const fn exit(&self) -> Exit {
        Exit::from_answer(matches!(self, Self::Enrolled { .. } | Self::EnrolledBefore { .. }))
    }
}

pub(crate) fn run(args: &Enroll, output: Output) -> Result<Exit, Failure> {
    match &args.folder {
        Some(people) => folder::run(args, people, output),
        None => one(args, output),
    }
}

fn one(args: &Enroll, output: Output) -> Result<Exit, Failure> {
    let commitment = match (&args.commitment, &args.identity) {
        (Some(commitment), _) => *commitment,
        (None, Some(file)) => identity::read(file, output)?.commitment(),
        (None, None) => {
            return Err(Failure::new("usage", "a person to enrol needs --commitment or --identity, or give a FOLDER")
                .with_hint("`personhood identity new FILE` makes an identity"));
        }
    };
    let mut registry = place::open_as(&args.registry)?;
    let (eyes, captures) = EyePair::read_frames(&args.eyes, &eye::pipeline_of(registry.policy(), &args.segmentation)?)?;
    let class = if args.one_eye { EnrolmentClass::OneEye } else { EnrolmentClass::BothEyes };
    let request = request(eyes, commitment, class, args.valid_days);
    let signed = match &args.capture {
        Some(file) => Some((files::read(file, files::DOCUMENT_LIMIT)?, digests(&single_files(&args.eyes)?)?)),
        None => None,
    };
    let capture = signed.as_ref().map(|(signed, [left, right])| CaptureEvidence { signed, left: *left, right: *right });
    let evidence = Evidence { consent: args.consent.as_deref(), capture, ..Evidence::default() };
    let outcome = outcome(registry.enroll_with(request, evidence), commitment, registry.policy())?;
    let report = One { outcome: &outcome, captures };
    output.answer(outcome.exit(), &report, &outcome)
}

/// A station signs one file of each eye.
fn single_files(frames: &FrameFiles) -> Result<EyeFiles, Failure> {
    let one = |files: &[PathBuf]| match files {
        [] => Ok(None),
        [file] => Ok(Some(file.clone())),
        _ => Err(Failure::new("usage", "a signed capture is one file of each eye")),
    };
    Ok(EyeFiles { left: one(&frames.left)?, right: one(&frames.right)? })
}

fn request(
    EyePair { left, right }: EyePair,
    commitment: IdentityCommitment,
    class: EnrolmentClass,
    valid_days: u64,
) -> EnrollRequest {
    let issued_at = place::now();
    EnrollRequest { left, right, commitment, class, issued_at, expires_at: issued_at + valid_days * 86_400 }
}

/// That somebody is enrolled already is an outcome, everything else that can happen a failure.
fn outcome(
    result: Result<Enrolled, EnrollError>,
    commitment: IdentityCommitment,
    policy: &RegistryPolicy,
) -> Result<Outcome, Failure> {
    match result {
        Ok(enrolled) => Ok(Outcome::enrolled(&enrolled, commitment)),
        Err(error) => duplicate(&error, policy).ok_or_else(|| error.into()),
    }
}

/// Whose duplicate it is, if that is why somebody was refused.
pub(super) fn duplicate_of(error: &EnrollError, policy: &RegistryPolicy) -> Option<MatchReport> {
    match error {
        EnrollError::Duplicate { person, eye, probe, alignment, .. } => {
            let sighting = Sighting { eye: *eye, probe: *probe, alignment: *alignment };
            Some(MatchReport::new(*person, sighting, policy))
        }
        _ => None,
    }
}

fn duplicate(error: &EnrollError, policy: &RegistryPolicy) -> Option<Outcome> {
    duplicate_of(error, policy).map(|of| Outcome::Duplicate { of })
}

impl Outcome {
    fn enrolled(enrolled: &Enrolled, commitment: IdentityCommitment) -> Self {
        Self::Enrolled {
            person: enrolled.person,
            leaf_index: enrolled.leaf_index.as_u32(),
            commitment,
            issued_at: enrolled.credential.issued_at(),
            expires_at: enrolled.credential.expires_at(),
            assurance: enrolled.credential.assurance().as_u8(),
            root: enrolled.root,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrolled { person, leaf_index, .. } => write!(f, "enrolled as person {person}, leaf {leaf_index}"),
            Self::EnrolledBefore { person, .. } => write!(f, "enrolled before as person {person}"),
            Self::Duplicate { of } => write!(f, "refused: enrolled already as {of}"),
        }
    }
}

/// The commitment in a text file: 64 hexadecimal digits, white space around them.
fn read_commitment(path: &Path) -> Result<IdentityCommitment, Failure> {
    let bytes = files::read(path, files::DOCUMENT_LIMIT)?;
    let text = String::from_utf8_lossy(&bytes);
    text.trim().parse::<IdentityCommitment>().map_err(|error| Failure::from(error).about(path))
}
