//! The command line as plain data. Nothing here opens a file, asks a clock or computes anything.

mod life;
mod log;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use personhood::identity::IdentityCommitment;
use personhood::tree::MerkleRoot;

pub(crate) use self::life::{Check, Decisions, Erase, Operator, PolicyCommand, Recover, Refresh, Renew, Review, Step};
pub(crate) use self::log::{
    Log, LogAnswers, LogAppend, LogBundle, LogCheck, LogCosign, LogFolder, LogInit, LogProve, LogRequest, LogWitness,
};
use crate::values::{Hex32, Moment, Ratio, Size};

/// Every environment variable that the program reads.
pub(crate) struct Environment {
    /// `NO_COLOR`: set to anything but the empty string, no colours are used (<https://no-color.org>).
    pub(crate) no_colour: bool,
}

impl Environment {
    /// Reads the environment, once.
    ///
    /// `PERSONHOOD_REGISTRY`, the folder for every `--registry` that is not given, is read by the argument parser; `PGPASSWORD` and
    /// `PERSONHOOD_POSTGRES_PASSWORD_FILE`, the password of a database, by `address`.
    pub(crate) fn read() -> Self {
        Self { no_colour: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) }
    }
}

/// Proof of personhood: enrol every human once, and let them prove it without saying who they are.
///
/// The exit code is the answer: 0 yes, 1 no (another person, a duplicate, a refused proof), 2 could not tell.
#[derive(Debug, Parser)]
#[command(version, name = "personhood", arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Start here:
  personhood demo                                the whole path on synthetic eyes, explained
  personhood compare a.png b.png                 are these two pictures of one eye?

Exit codes: 0 yes, 1 no, 2 could not tell.";

/// How to be told; valid with every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON document on standard output instead of text
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// No progress, notes or warnings on standard error
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// File of the master key [default: beside the registry's folder, with the ending .master-key]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PERSONHOOD_MASTER_KEY_FILE",
        hide_env_values = true,
        help_heading = "Keys"
    )]
    pub(crate) master_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole path on a folder of eyes: enrol, refuse a duplicate, prove, verify, refuse a replay
    Demo(Demo),
    /// Make templates from pictures of eyes (open-iris' JSON)
    Encode(Encode),
    /// Compare two eyes, each a template or a picture
    Compare(Compare),
    /// Create a registry
    Init(Init),
    /// Enrol one person, or every person of a folder
    Enroll(Enroll),
    /// Find whose eyes these are
    Identify(Identify),
    /// Find everybody who is in a registry or a folder of templates twice, or in two of them
    Dedup(Dedup),
    /// Check that these are the eyes of one enrolled person
    Authenticate(Authenticate),
    /// Replace a person's templates by those of newer captures
    Refresh(Refresh),
    /// Give a person who lost their secret a new leaf, after a delay
    #[command(subcommand)]
    Recover(Recover),
    /// Take a person's leaf out, for a time
    Suspend(Step),
    /// Put the leaf of a suspended person back
    Reinstate(Step),
    /// Take a person's leaf out, for good
    Revoke(Step),
    /// Give a person's credential another end
    Renew(Renew),
    /// Take away everything about a person but their number
    Erase(Erase),
    /// Decide about duplicates that people have to look at
    #[command(subcommand)]
    Review(Review),
    /// Say who may do what
    #[command(subcommand)]
    Operator(Operator),
    /// Show what was decided
    Decisions(Decisions),
    /// Show or change the rules of a registry
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Prove that everything that a registry says agrees
    Check(Check),
    /// Make or show a secret identity
    #[command(subcommand)]
    Identity(Identity),
    /// Write what a holder needs besides their secret to prove: credential and path
    Membership(Membership),
    /// Prove membership for one action, without saying who
    Prove(Prove),
    /// Check a proof, and remember that it was used
    Verify(Verify),
    /// Answer relying parties over HTTP, in the shapes of World ID
    Serve(Serve),
    /// Read and make iris image records (ISO/IEC 19794-6:2011)
    #[command(subcommand)]
    Record(Record),
    /// Show what a registry holds
    Status(Status),
    /// Keep, witness and check the transparency log of a registry's roots
    #[command(subcommand)]
    Log(Log),
    /// Keys under which a registry's templates are sealed: show, make, rotate
    #[command(subcommand)]
    Key(Key),
    /// Copy a registry that is in use, check a copy, restore one
    #[command(subcommand)]
    Backup(Backup),
    /// The registry's signature under an erasure: issue it, check it
    #[command(subcommand)]
    Receipt(Receipt),
    /// Everything that a registry keeps about one person, for that person
    #[command(subcommand)]
    Subject(Subject),
    /// Find the distance for a wanted rate of false alarms
    Threshold(ThresholdFor),
    /// Play a small world of people, duplicates, proofs and replays
    Simulate(Simulate),
    /// Measure error rates on labelled pictures: one folder is one eye
    Evaluate(Evaluate),
    /// Measure what this machine can do: pictures to templates, searches, proofs
    Bench(Bench),
    /// Draw synthetic eyes: pictures, true masks and true circles
    Eyes(Eyes),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page
    Man(Man),
}

impl Command {
    /// The name in JSON documents.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Dedup(_) => "dedup",
            Self::Demo(_) => "demo",
            Self::Simulate(_) => "simulate",
            Self::Encode(_) => "encode",
            Self::Compare(_) => "compare",
            Self::Init(_) => "init",
            Self::Enroll(_) => "enroll",
            Self::Identify(_) => "identify",
            Self::Authenticate(_) => "authenticate",
            Self::Refresh(_) => "refresh",
            Self::Recover(Recover::Request(_)) => "recover request",
            Self::Recover(Recover::Complete(_)) => "recover complete",
            Self::Recover(Recover::Cancel(_)) => "recover cancel",
            Self::Recover(Recover::List { .. }) => "recover list",
            Self::Suspend(_) => "suspend",
            Self::Reinstate(_) => "reinstate",
            Self::Revoke(_) => "revoke",
            Self::Renew(_) => "renew",
            Self::Erase(_) => "erase",
            Self::Review(Review::List { .. }) => "review list",
            Self::Review(Review::Show { .. }) => "review show",
            Self::Review(Review::Decide { .. }) => "review decide",
            Self::Review(Review::Appeal { .. }) => "review appeal",
            Self::Operator(Operator::Add { .. }) => "operator add",
            Self::Operator(Operator::Remove { .. }) => "operator remove",
            Self::Operator(Operator::List { .. }) => "operator list",
            Self::Decisions(_) => "decisions",
            Self::Policy(PolicyCommand::Show { .. }) => "policy show",
            Self::Policy(PolicyCommand::Set(_)) => "policy set",
            Self::Check(_) => "check",
            Self::Identity(Identity::New { .. }) => "identity new",
            Self::Identity(Identity::Show { .. }) => "identity show",
            Self::Log(log) => log.name(),
            Self::Membership(_) => "membership",
            Self::Prove(_) => "prove",
            Self::Record(Record::Info { .. }) => "record info",
            Self::Record(Record::Extract { .. }) => "record extract",
            Self::Record(Record::Create(_)) => "record create",
            Self::Verify(_) => "verify",
            Self::Serve(_) => "serve",
            Self::Status(_) => "status",
            Self::Key(Key::New { .. }) => "key new",
            Self::Key(Key::Status { .. }) => "key status",
            Self::Key(Key::Migrate { .. }) => "key migrate",
            Self::Key(Key::Rotate { .. }) => "key rotate",
            Self::Key(Key::Rekey { .. }) => "key rekey",
            Self::Backup(Backup::Create { .. }) => "backup create",
            Self::Backup(Backup::Verify { .. }) => "backup verify",
            Self::Backup(Backup::Restore { .. }) => "backup restore",
            Self::Receipt(Receipt::Issue { .. }) => "receipt issue",
            Self::Receipt(Receipt::Verify { .. }) => "receipt verify",
            Self::Subject(Subject::Export { .. }) => "subject export",
            Self::Threshold(_) => "threshold",
            Self::Evaluate(_) => "evaluate",
            Self::Bench(Bench { part: None }) => "bench",
            Self::Bench(Bench { part: Some(BenchPart::Pipeline(_)) }) => "bench pipeline",
            Self::Bench(Bench { part: Some(BenchPart::Proof(_)) }) => "bench proof",
            Self::Bench(Bench { part: Some(BenchPart::Matcher(_)) }) => "bench matcher",
            Self::Eyes(_) => "eyes",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// The sampling grid of a template, by its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Columns {
    /// 12,800 bits
    #[value(name = "200")]
    C200,
    /// 16,384 bits, as open-iris makes them
    #[value(name = "256")]
    C256,
}

/// What the bits of a template mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoder {
    /// Version 1 of our own, with the normalized distance
    #[value(name = "personhood-1")]
    Personhood1,
    /// open-iris 1.11.2, bit for bit, with the fractional distance
    OpenIris,
}

/// Which of two eyes must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EyesNeeded {
    /// One matching eye makes two people the same
    Either,
    /// Both eyes must match
    Both,
}

/// How synthetic pictures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conditions {
    /// At an enrolment desk: straight, open, sharp
    Ordinary,
    /// At a gate: any size, averted or drooping eyes, spectacles, poor focus
    WalkUp,
}

/// When two eyes count as one.
#[derive(Clone, Debug, Args)]
pub(crate) struct Policy {
    /// Distance below which two eyes match, as a decimal [default: 0.37 of the normalized distance, 0.345 of the fractional one for templates of open-iris]
    #[arg(long, value_name = "DECIMAL", help_heading = "Policy")]
    pub(crate) threshold: Option<Ratio>,
    /// Least bits that must be comparable, in permille of the template's bits
    #[arg(long, value_name = "PERMILLE", default_value_t = 125, help_heading = "Policy",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) minimum_compared: u16,
    /// Rotations tried to each side, in columns
    #[arg(long, value_name = "COLUMNS", default_value_t = 15, help_heading = "Policy",
          value_parser = clap::value_parser!(u8).range(0..=63))]
    pub(crate) maximum_rotation: u8,
}

/// A folder, a file, or the address of a database; what is shown of it has no password.
fn place() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(crate::address::shown)
}

/// Where a registry lives.
#[derive(Clone, Debug, Args)]
pub(crate) struct RegistryFolder {
    /// Folder of the registry, or postgres://USER@HOST/DATABASE (built with `postgres`)
    #[arg(long, value_name = "DIR", env = "PERSONHOOD_REGISTRY", hide_env_values = true, value_parser = place())]
    pub(crate) registry: PathBuf,
    /// Who asks: the name goes into every decision, and where operators are named, their role says what they may do
    #[arg(long, value_name = "NAME", env = "PERSONHOOD_OPERATOR", hide_env_values = true)]
    pub(crate) operator: Option<String>,
}

/// One person's eyes.
#[derive(Clone, Debug, Args)]
pub(crate) struct EyeFiles {
    /// Left eye: a picture or a template
    #[arg(long, value_name = "FILE")]
    pub(crate) left: Option<PathBuf>,
    /// Right eye: a picture or a template
    #[arg(long, value_name = "FILE")]
    pub(crate) right: Option<PathBuf>,
}

/// One person's eyes, one file or several of each.
#[derive(Clone, Debug, Args)]
pub(crate) struct FrameFiles {
    /// Left eye: pictures or templates; several become one template by majority vote
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) left: Vec<PathBuf>,
    /// Right eye: pictures or templates; several become one template by majority vote
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) right: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Encode {
    /// Pictures of one eye each (PNG, JPEG, JPEG 2000, BMP, TIFF, PGM), or iris records of one picture
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// File for the template, or folder for several [default: standard output]
    #[arg(long, short, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Columns of the template
    #[arg(long, value_name = "COLUMNS", value_enum, default_value = "256")]
    pub(crate) layout: Columns,
    /// What the bits of the template mean
    #[arg(long, value_enum, default_value = "personhood-1")]
    pub(crate) encoder: Encoder,
    /// Folder for pictures of what the program saw: overlay, unrolled iris, code
    #[arg(long, value_name = "DIR")]
    pub(crate) pictures: Option<PathBuf>,
    /// The pictures are frames of one eye: make one template of them by majority vote
    #[arg(long)]
    pub(crate) frames: bool,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

/// A network that segments instead of the classical method. Without the feature `onnx` there are no options for it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SegmentationModel {
    /// ONNX file of open-iris' segmentation network, to segment with instead of the classical method
    #[cfg(feature = "onnx")]
    #[arg(long, value_name = "FILE", requires = "segmentation_model_sha256", help_heading = "Segmentation")]
    pub(crate) segmentation_model: Option<PathBuf>,
    /// SHA-256 that the file must have, 64 hexadecimal digits
    #[cfg(feature = "onnx")]
    #[arg(long, value_name = "HEX", requires = "segmentation_model", help_heading = "Segmentation")]
    pub(crate) segmentation_model_sha256: Option<Hex32>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A template (JSON) or a picture
    pub(crate) a: PathBuf,
    /// Another template or picture
    pub(crate) b: PathBuf,
    /// Columns of templates made from pictures [default: those of the other file, or 256]
    #[arg(long, value_name = "COLUMNS", value_enum)]
    pub(crate) layout: Option<Columns>,
    /// Encoder of templates made from pictures [default: that of the other file, or personhood-1]
    #[arg(long, value_enum)]
    pub(crate) encoder: Option<Encoder>,
    /// PNG of the two codes at their best rotation, one above the other, and where they disagree
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: Policy,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a master key in a new file of mode 0600
    New {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show which keys a registry has
    Status {
        #[command(flatten)]
        registry: RegistryFolder,
    },
    /// Seal the templates of a registry that an earlier release left in clear
    Migrate {
        #[command(flatten)]
        registry: RegistryFolder,
    },
    /// Change the master key, and wrap every data key again; others may go on working
    Rotate {
        #[command(flatten)]
        registry: RegistryFolder,
        /// File of the new master key; made where it is missing
        #[arg(long, value_name = "FILE")]
        new_master_key: PathBuf,
    },
    /// Give the registry another keyed transform: copies of before cannot be compared with it
    Rekey {
        #[command(flatten)]
        registry: RegistryFolder,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Copy the registry into a new file, and check the copy
    Create {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Check a copy: every page, template, leaf, and the root
    Verify {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The copy
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a registry of a copy, where none is
    Restore {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The copy
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    /// Sign that a person was erased
    Issue {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Number of the person
        #[arg(value_name = "PERSON")]
        person: u64,
        /// File of the receipt
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a receipt
    Verify {
        /// File of the receipt
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The registry's key, 64 hexadecimal digits, from somebody else than whoever gave the receipt
        #[arg(long, value_name = "HEX")]
        key: Hex32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subject {
    /// Write all of it into a new file of mode 0600, templates included
    Export {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Number of the person
        #[arg(value_name = "PERSON")]
        person: u64,
        /// The new file (JSON)
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ThresholdFor {
    /// Folder of the registry: its policy, and how many people it has
    #[arg(long, value_name = "DIR", env = "PERSONHOOD_REGISTRY", hide_env_values = true, value_parser = place())]
    pub(crate) registry: Option<PathBuf>,
    /// People searched, if it is not the registry's present number
    #[arg(long, value_name = "N", required_unless_present = "registry")]
    pub(crate) people: Option<u64>,
    /// Wanted share of enrolments of newcomers that find somebody, for instance 0.001
    #[arg(long, value_name = "RATE")]
    pub(crate) fpir: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Columns of the templates that the registry compares
    #[arg(long, value_name = "COLUMNS", value_enum, default_value = "256")]
    pub(crate) layout: Columns,
    /// Encoder of the templates that the registry compares
    #[arg(long, value_enum, default_value = "personhood-1")]
    pub(crate) encoder: Encoder,
    /// Which eyes must match for two people to be the same
    #[arg(long, value_enum, default_value = "either", help_heading = "Policy")]
    pub(crate) eyes: EyesNeeded,
    #[command(flatten)]
    pub(crate) policy: Policy,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").args(["commitment", "identity"]))]
pub(crate) struct Enroll {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Folder with one folder per person, each with pictures left*.png and right*.png
    #[arg(value_name = "FOLDER", conflicts_with_all = ["left", "right", "commitment", "identity"])]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) eyes: FrameFiles,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
    /// Commitment of the person's identity, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(crate) commitment: Option<IdentityCommitment>,
    /// Secret file of the person's identity; only its commitment is used
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// With FOLDER: folder for one secret file per person, made where it is missing
    #[arg(long, value_name = "DIR", requires = "folder")]
    pub(crate) identities: Option<PathBuf>,
    /// Enrol with one eye only, as a class of its own
    #[arg(long)]
    pub(crate) one_eye: bool,
    /// Days until the credential expires
    #[arg(long, value_name = "DAYS", default_value_t = 3650,
          value_parser = clap::value_parser!(u64).range(1..=36500))]
    pub(crate) valid_days: u64,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").args(["folder", "registry"]).required(true).multiple(true))]
pub(crate) struct Dedup {
    /// Folder of templates (*.json), at any depth; each is one eye. Without it, the registry
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Folder of the registry
    #[arg(long, value_name = "DIR", env = "PERSONHOOD_REGISTRY", hide_env_values = true, value_parser = place())]
    pub(crate) registry: Option<PathBuf>,
    /// Another registry or folder of templates: who is in both?
    #[arg(long, value_name = "PATH", value_parser = place())]
    pub(crate) against: Option<PathBuf>,
    /// File that says how far the work is; a run that was stopped goes on from there
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Seconds between two states of the checkpoint
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "checkpoint")]
    pub(crate) checkpoint_seconds: u32,
    /// Distance below which two eyes match, as a decimal [default: the registry's, or that of `compare`]
    #[arg(long, value_name = "DECIMAL")]
    pub(crate) threshold: Option<Ratio>,
    /// Memory for the templates of one place; more of them are kept in a file [default: 60 % of what is free]
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<u64>,
    /// Folder for that file [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Identify {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    #[command(flatten)]
    pub(crate) eyes: EyeFiles,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

#[derive(Debug, Args)]
pub(crate) struct Authenticate {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person, as `enroll` printed it
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: u64,
    #[command(flatten)]
    pub(crate) eyes: EyeFiles,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Identity {
    /// Make a secret identity in a new file of mode 0600, and print its commitment
    New {
        /// The secret file; must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the commitment of a secret file; the secret itself is never printed
    Show {
        /// The secret file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Record {
    /// Show every field of a record
    Info {
        /// The record
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write every picture of a record into a file of its own
    Extract {
        /// The record
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Folder for the pictures
        #[arg(long, short, value_name = "DIR")]
        out: PathBuf,
    },
    /// Make a record of pictures
    Create(RecordCreate),
}

/// PNG and JPEG 2000 pictures in grey go into the record as they are; all others become PNG, or what --format says.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("pictures").args(["left", "right", "unknown"]).required(true).multiple(true))]
pub(crate) struct RecordCreate {
    /// The new record
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Pictures of the left eye
    #[arg(long, value_name = "IMAGE", num_args = 1..)]
    pub(crate) left: Vec<PathBuf>,
    /// Pictures of the right eye
    #[arg(long, value_name = "IMAGE", num_args = 1..)]
    pub(crate) right: Vec<PathBuf>,
    /// Pictures of an eye of which nobody knows the side
    #[arg(long, value_name = "IMAGE", num_args = 1..)]
    pub(crate) unknown: Vec<PathBuf>,
    /// Write every picture in this format, in 8 bits and without loss
    #[arg(long, value_enum)]
    pub(crate) format: Option<RecordFormat>,
    /// How the pictures were cut
    #[arg(long, value_enum, default_value = "uncropped")]
    pub(crate) kind: RecordKind,
    /// When the pictures were taken
    #[arg(long, value_name = "TIME")]
    pub(crate) captured: Option<Moment>,
}

/// The format of the pictures in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The most widely read
    Png,
    /// The smaller one
    Jpeg2000,
}

/// How a picture was cut around the iris.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordKind {
    /// As the camera took it
    Uncropped,
    /// 640x480 pixels
    Vga,
    /// Cut to the iris
    Cropped,
    /// Cut to the iris, lids and sclera painted over
    CroppedAndMasked,
}

/// What a proof is for.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScopeArgs {
    /// The application that asks
    #[arg(long, value_name = "TEXT")]
    pub(crate) app: String,
    /// The action that everybody may do once
    #[arg(long, value_name = "TEXT")]
    pub(crate) action: String,
    /// The period, for actions that come again (for instance 2026-11)
    #[arg(long, value_name = "TEXT")]
    pub(crate) period: Option<String>,
}

/// The message a proof is bound to.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SignalArgs {
    /// The message, as text
    #[arg(long, value_name = "TEXT")]
    pub(crate) signal: Option<String>,
    /// The message, as a file
    #[arg(long, value_name = "FILE")]
    pub(crate) signal_file: Option<PathBuf>,
}

/// What the credential must satisfy. Times are Unix seconds or dates (2026-01-31, midnight UTC).
#[derive(Clone, Debug, Args)]
pub(crate) struct BoundArgs {
    /// The person was enrolled no later than this
    #[arg(long, value_name = "TIME", help_heading = "Bounds")]
    pub(crate) issued_before: Option<Moment>,
    /// The credential expires no earlier than this
    #[arg(long, value_name = "TIME", help_heading = "Bounds")]
    pub(crate) expires_after: Option<Moment>,
    /// Least assurance: 1 one eye, 2 both eyes
    #[arg(long, value_name = "LEVEL", default_value_t = 0, help_heading = "Bounds")]
    pub(crate) assurance: u8,
}

#[derive(Debug, Args)]
pub(crate) struct Membership {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Commitment of the holder's identity, 64 hexadecimal digits
    #[arg(value_name = "COMMITMENT")]
    pub(crate) commitment: IdentityCommitment,
    /// File for the membership [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["registry", "membership"]).required(true).multiple(true))]
pub(crate) struct Prove {
    /// Folder of the registry
    #[arg(long, value_name = "DIR", env = "PERSONHOOD_REGISTRY", hide_env_values = true, value_parser = place())]
    pub(crate) registry: Option<PathBuf>,
    /// What `personhood membership` wrote, instead of the registry
    #[arg(long, value_name = "FILE")]
    pub(crate) membership: Option<PathBuf>,
    /// Secret file of the prover
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) signal: SignalArgs,
    #[command(flatten)]
    pub(crate) bounds: BoundArgs,
    /// Number the verifier gave for this one proof [default: none]
    #[arg(long, value_name = "HEX")]
    pub(crate) nonce: Option<Hex32>,
    /// Which of the uses that the action allows, counted from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) use_index: u32,
    /// Signed request of a relying party: bounds and nonce are taken from it. It is refused if app, action or signal are not
    /// those that you name
    #[arg(long, value_name = "FILE", requires_all = ["request_key", "body"],
          conflicts_with_all = ["nonce", "issued_before", "expires_after", "assurance"])]
    pub(crate) request: Option<PathBuf>,
    /// With --request: public key of the relying party, from its own pages
    #[arg(long, value_name = "HEX", requires = "request")]
    pub(crate) request_key: Option<Hex32>,
    /// Write the body of a request to a server (`personhood serve`) instead of a proof file. The signal is then hashed as
    /// World ID's libraries hash it
    #[arg(long, value_name = "VERSION")]
    pub(crate) body: Option<Body>,
    /// File for the proof [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Requests to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Body {
    /// For `/api/v2/verify/{app_id}`
    V2,
    /// For `/api/v4/verify/{id}`
    V4,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("roots").args(["root", "registry"]).required(true))]
pub(crate) struct Verify {
    /// The proof, as `prove` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: PathBuf,
    /// A root that is accepted; may be repeated
    #[arg(long, value_name = "HEX")]
    pub(crate) root: Vec<MerkleRoot>,
    /// Folder of a registry whose current root is accepted
    #[arg(long, value_name = "DIR", value_parser = place())]
    pub(crate) registry: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) signal: SignalArgs,
    #[command(flatten)]
    pub(crate) bounds: BoundArgs,
    /// With --registry: seconds for which a root is still accepted after people have been enrolled since
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) max_root_age: u64,
    /// The number that was given to the prover; a proof for another is refused [default: none]
    #[arg(long, value_name = "HEX")]
    pub(crate) nonce: Option<Hex32>,
    /// Database of used nullifiers; made if missing. Without it a second use is not noticed
    #[arg(long, value_name = "FILE", value_parser = place())]
    pub(crate) seen: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("members").args(["registry", "roots"]).required(true))]
#[command(group = ArgGroup::new("served").args(["apps", "app"]).required(true))]
pub(crate) struct Serve {
    /// Folder of the registry
    #[arg(long, value_name = "DIR", value_parser = place())]
    pub(crate) registry: Option<PathBuf>,
    /// Instead of a registry: a file with another server's answer to `GET /api/v1/roots`, read again every second
    #[arg(long, value_name = "FILE", requires = "seen")]
    pub(crate) roots: Option<PathBuf>,
    /// Address to listen on; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// List of apps and actions (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) apps: Option<PathBuf>,
    /// Instead of a list: one app
    #[arg(long, value_name = "TEXT", requires = "action")]
    pub(crate) app: Option<String>,
    /// With --app: its one action
    #[arg(long, value_name = "TEXT", requires = "app")]
    pub(crate) action: Option<String>,
    /// Database of used nullifiers; made if missing; servers may share one [default: nullifiers.sqlite3 in the registry]
    #[arg(long, value_name = "FILE", value_parser = place())]
    pub(crate) seen: Option<PathBuf>,
    /// List of keys for what is not public (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) api_keys: Option<PathBuf>,
    /// Secret key that requests are signed with, 32 bytes; made if missing
    #[arg(long, value_name = "FILE")]
    pub(crate) request_key: Option<PathBuf>,
    /// Certificates for TLS (PEM), the server's own first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Requests of one address in a second; 0 for no limit
    #[arg(long, value_name = "NUMBER", default_value_t = 100, help_heading = "Limits")]
    pub(crate) rate_limit: u32,
    /// Proofs that may wait for a verification
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, help_heading = "Limits",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) queue: u32,
    /// Connections at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, help_heading = "Limits",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// Threads that verify [default: one per core]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How much to tell on standard error, one JSON object per line
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Output")]
    pub(crate) log: LogLevel,
}

/// How much a service tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What needs somebody
    Error,
    /// And what is not as it should be
    Warn,
    /// And what happens to the service
    Info,
    /// And every request: route, status, code and time, never an address or a body
    Debug,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
}

#[derive(Debug, Args)]
pub(crate) struct Eyes {
    /// Folder for the eyes: one folder per person
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// People
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) people: u32,
    /// Pictures of each eye
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) captures: u32,
    /// Number of the first person; the others follow. The same number is the same person
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) first_identity: u64,
    /// Size of the pictures in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "640x480")]
    pub(crate) size: Size,
    /// How the pictures are taken
    #[arg(long, value_enum, default_value = "ordinary")]
    pub(crate) conditions: Conditions,
    /// Only the pictures: no masks, no circles
    #[arg(long)]
    pub(crate) pictures_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// People who enrol
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) people: u32,
    /// How often each kind of trick is tried on the registry
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) tricks: u32,
    /// People who prove; each also tries the tricks on the verifier
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) proofs: u32,
    /// Seed of the world: the same seed gives the same people
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder of eyes: one folder per person, each with left*.png and right*.png
    #[arg(long, value_name = "DIR", default_value = "testdata/eyes")]
    pub(crate) eyes: PathBuf,
    /// Folder for the pictures and the proof
    #[arg(long, short, value_name = "DIR", default_value = "demo-out")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Folder of labelled pictures: pictures in one folder, at any depth, are of one eye
    pub(crate) folder: PathBuf,
    /// Folders are people, as `enroll` takes them: left*.png and right*.png are two eyes, and people are resampled
    #[arg(long)]
    pub(crate) sides: bool,
    /// What the bits of the templates mean
    #[arg(long, value_enum, default_value = "personhood-1")]
    pub(crate) encoder: Encoder,
    /// File for the report as a page with plots [default: no page is written]
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) html: Option<PathBuf>,
    /// Put pictures of eyes into the page: the worst pairs, with what was found in them
    #[arg(long, requires = "html", conflicts_with = "no_pictures", help_heading = "Report")]
    pub(crate) with_pictures: bool,
    /// Keep pictures of eyes out of the page; this is the default
    #[arg(long, help_heading = "Report")]
    pub(crate) no_pictures: bool,
    /// File for every comparison: path_a,path_b,distance
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) pairs: Option<PathBuf>,
    /// How many of the worst genuine and of the worst impostor pairs are shown
    #[arg(long, value_name = "PAIRS", default_value_t = 8, help_heading = "Report",
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) worst: u16,
    /// How often people are drawn for the confidence intervals
    #[arg(long, value_name = "TIMES", default_value_t = 1000, help_heading = "Report",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) replicates: u32,
    /// Columns of the templates
    #[arg(long, value_name = "COLUMNS", value_enum, default_value = "256")]
    pub(crate) layout: Columns,
    /// Threads to use [default: all]
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) policy: Policy,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure [default: everything, with a summary]
    #[command(subcommand)]
    pub(crate) part: Option<BenchPart>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchPart {
    /// From picture to template, stage by stage, at three sizes
    Pipeline(BenchPipeline),
    /// Making and checking proofs of membership
    Proof(BenchProof),
    /// The exact search of a large gallery, beside simpler kernels and the speed of the memory
    Matcher(BenchMatcher),
}

#[derive(Debug, Args)]
pub(crate) struct BenchMatcher {
    /// Entries of the gallery [default: a million, or as many as fit in 60 % of the free memory]
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) gallery: Option<u32>,
    /// Columns of the templates
    #[arg(long, value_enum, default_value = "200")]
    pub(crate) columns: Columns,
    /// Windows of each kernel
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=60_000))]
    pub(crate) windows: u16,
    /// Also measure galleries of ten thousand to four million entries, as far as they fit
    #[arg(long)]
    pub(crate) growth: bool,
}

impl Default for BenchMatcher {
    fn default() -> Self {
        Self { gallery: None, columns: Columns::C200, windows: 1000, growth: false }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchPipeline {
    /// Seconds for each size
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) seconds: u16,
}

impl Default for BenchPipeline {
    fn default() -> Self {
        Self { seconds: 2 }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchProof {
    /// Seconds for each figure
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) seconds: u16,
}

impl Default for BenchProof {
    fn default() -> Self {
        Self { seconds: 2 }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder for one page per command [default: the main page, on standard output]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
