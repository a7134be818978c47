//! The arguments of holders and verifiers: `identity`, `membership`, `prove`, `verify`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use personhood::identity::IdentityCommitment;
use personhood::tree::MerkleRoot;

use super::{RegistryFolder, place};
use crate::values::{Hex32, Moment};

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
