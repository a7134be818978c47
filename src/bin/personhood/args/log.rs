//! Arguments of `personhood log`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use personhood::log::{LogPublicKey, WitnessPublicKey};
use personhood::tree::MerkleRoot;

use crate::values::Hex32;

/// The transparency log: every root that the registry ever had, in a list that can only grow
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Begin the log of a registry, with a new key
    Init(LogInit),
    /// Bring the log up to date with its registry, and log a digest
    Append(LogAppend),
    /// Show what a log says
    Status(LogFolder),
    /// Compute a whole log again: signature, entries, tiles, hash
    Verify(LogFolder),
    /// Prove that a log only grew between two sizes
    Prove(LogProve),
    /// Make a bundle: that a root was logged, and who saw it, for use without a network
    Bundle(LogBundle),
    /// Check a bundle by a relying party's rules
    Check(LogCheck),
    /// Ask witnesses to cosign the log, and take over what they answer
    #[command(subcommand)]
    Cosign(LogCosign),
    /// Be a witness of logs
    #[command(subcommand)]
    Witness(LogWitness),
}

impl Log {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "log init",
            Self::Append(_) => "log append",
            Self::Status(_) => "log status",
            Self::Verify(_) => "log verify",
            Self::Prove(_) => "log prove",
            Self::Bundle(_) => "log bundle",
            Self::Check(_) => "log check",
            Self::Cosign(LogCosign::Request(_)) => "log cosign request",
            Self::Cosign(LogCosign::Add(_)) => "log cosign add",
            Self::Witness(LogWitness::Init { .. }) => "log witness init",
            Self::Witness(LogWitness::Add { .. }) => "log witness add",
            Self::Witness(LogWitness::Cosign { .. }) => "log witness cosign",
        }
    }
}

/// A log, or a copy of one, and the key by which it is recognised.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogFolder {
    /// Folder of the log, or of a copy
    #[arg(value_name = "DIR")]
    pub(crate) log: PathBuf,
    /// Public key of the log, as `log init` printed it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: LogPublicKey,
}

#[derive(Debug, Args)]
pub(crate) struct LogInit {
    #[command(flatten)]
    pub(crate) registry: super::RegistryFolder,
    /// Name of the log for ever: an address without a scheme, for instance registry.example/people
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: String,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("document").args(["key_digest", "software_digest"]))]
pub(crate) struct LogAppend {
    #[command(flatten)]
    pub(crate) registry: super::RegistryFolder,
    /// SHA-256 of a key that the registry uses from now on
    #[arg(long, value_name = "HEX")]
    pub(crate) key_digest: Option<Hex32>,
    /// SHA-256 of software that the registry runs from now on
    #[arg(long, value_name = "HEX")]
    pub(crate) software_digest: Option<Hex32>,
}

#[derive(Debug, Args)]
pub(crate) struct LogProve {
    #[command(flatten)]
    pub(crate) folder: LogFolder,
    /// The earlier size
    #[arg(long, value_name = "ENTRIES")]
    pub(crate) old: u64,
    /// The later size [default: the present one]
    #[arg(long, value_name = "ENTRIES")]
    pub(crate) new: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct LogBundle {
    #[command(flatten)]
    pub(crate) folder: LogFolder,
    /// The entry, from 0 [default: the last one, which names the present root]
    #[arg(long, value_name = "NUMBER", conflicts_with = "root")]
    pub(crate) index: Option<u64>,
    /// The root of the members whose latest entry is wanted
    #[arg(long, value_name = "HEX")]
    pub(crate) root: Option<MerkleRoot>,
    /// The new bundle [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogCheck {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Public key of the log
    #[arg(long, value_name = "KEY")]
    pub(crate) key: LogPublicKey,
    /// Public key of a witness; give all that are known
    #[arg(long, value_name = "KEY")]
    pub(crate) witness: Vec<WitnessPublicKey>,
    /// How many of the witnesses must have signed [default: more than half of them]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) quorum: Option<usize>,
    /// The root must have been the present one when that many witnesses looked, at most so many seconds ago
    #[arg(long, value_name = "SECONDS", requires = "witness")]
    pub(crate) present_within: Option<u64>,
    /// The root that was shown [default: the one in the bundle]
    #[arg(long, value_name = "HEX")]
    pub(crate) root: Option<MerkleRoot>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCosign {
    /// Write the request to a witness, the body of a POST to its add-checkpoint
    Request(LogRequest),
    /// Take over what witnesses answered
    Add(LogAnswers),
}

#[derive(Debug, Args)]
pub(crate) struct LogRequest {
    #[command(flatten)]
    pub(crate) folder: LogFolder,
    /// Entries that the witness has seen; a witness that has seen another number says so
    #[arg(long, value_name = "ENTRIES", default_value_t = 0)]
    pub(crate) old: u64,
    /// The request [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogAnswers {
    #[command(flatten)]
    pub(crate) folder: LogFolder,
    /// The request that was answered
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Public key of a witness; lines of others are left out
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) witness: Vec<WitnessPublicKey>,
    /// The bodies of the answers
    #[arg(value_name = "ANSWER", required = true)]
    pub(crate) answers: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogWitness {
    /// Make a witness: its secret key, and an empty memory
    Init {
        /// Folder of the witness; must not have a key
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Name of the witness for ever: an address without a scheme
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Look at a log from now on
    Add {
        /// Folder of the witness
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Public key of the log
        #[arg(value_name = "KEY")]
        log: LogPublicKey,
    },
    /// Answer one request
    Cosign {
        /// Folder of the witness
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The request
        #[arg(value_name = "FILE")]
        request: PathBuf,
        /// The answer's body [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}
