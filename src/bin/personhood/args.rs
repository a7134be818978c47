//! The command line as plain data. Nothing here opens a file, asks a clock or computes anything.

mod life;
mod log;
mod measure;
mod proof;
mod record;
mod safekeeping;
mod station;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use personhood::identity::IdentityCommitment;

pub(crate) use self::life::{
    Check, Decisions, Erase, Operator, PolicyCommand, Recover, Refresh, Renew, Retention, Review, Step,
};
pub(crate) use self::log::{
    Log, LogAnswers, LogAppend, LogBundle, LogCheck, LogCosign, LogFolder, LogInit, LogProve, LogRequest, LogWitness,
};
pub(crate) use self::measure::{
    Bench, BenchMatcher, BenchPart, BenchPipeline, BenchProof, Demo, Evaluate, Eyes, Simulate,
};
pub(crate) use self::proof::{Body, BoundArgs, Identity, Membership, Prove, ScopeArgs, SignalArgs, Verify};
pub(crate) use self::record::{Record, RecordCreate, RecordFormat, RecordKind};
pub(crate) use self::safekeeping::{Backup, Key, Receipt, Subject};
pub(crate) use self::station::{Station, StationSign};
#[cfg(feature = "onnx")]
use crate::values::Hex32;
use crate::values::Ratio;

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
    /// Erase those whose time has come, or say who they are
    #[command(subcommand)]
    Retention(Retention),
    /// Decide about duplicates that people have to look at
    #[command(subcommand)]
    Review(Review),
    /// Say who may do what
    #[command(subcommand)]
    Operator(Operator),
    /// Know the stations that capture eyes, and make what they sign
    #[command(subcommand)]
    Station(Station),
    /// Show what was decided, or decide it again
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
            Self::Retention(Retention::Run { .. }) => "retention run",
            Self::Retention(Retention::List { .. }) => "retention list",
            Self::Review(Review::List { .. }) => "review list",
            Self::Review(Review::Show { .. }) => "review show",
            Self::Review(Review::Decide { .. }) => "review decide",
            Self::Review(Review::Appeal { .. }) => "review appeal",
            Self::Operator(Operator::Add { .. }) => "operator add",
            Self::Operator(Operator::Remove { .. }) => "operator remove",
            Self::Operator(Operator::List { .. }) => "operator list",
            Self::Station(Station::Add { .. }) => "station add",
            Self::Station(Station::Revoke { .. }) => "station revoke",
            Self::Station(Station::List { .. }) => "station list",
            Self::Station(Station::Challenge { .. }) => "station challenge",
            Self::Station(Station::Key { .. }) => "station key",
            Self::Station(Station::Sign(_)) => "station sign",
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
    /// What the station signed that captured the files, one of each eye
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    pub(crate) capture: Option<PathBuf>,
    /// Number of the record of the person's consent; with FOLDER it is in a file `consent` of each person
    #[arg(long, value_name = "NUMBER", conflicts_with = "folder")]
    pub(crate) consent: Option<String>,
    /// With FOLDER: go on after a pause; whoever's commitment is enrolled is skipped
    #[arg(long, requires = "folder")]
    pub(crate) resume: bool,
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
    /// Serve the desk's console at /desk/, for keys with the roles operator, adjudicator, auditor, delete; it changes the registry
    #[arg(long, requires = "registry", requires = "api_keys")]
    pub(crate) desk: bool,
    /// Serve the holder's page at /holder/: the folder of the npm package, built by `node js/build.mjs`
    #[arg(long, value_name = "DIR")]
    pub(crate) pages: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
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
