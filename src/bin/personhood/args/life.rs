//! Arguments of the commands for what comes after enrolment.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use personhood::identity::IdentityCommitment;
use personhood::store::{ReviewVerdict, Role};

use super::{EyeFiles, RegistryFolder, SegmentationModel};
use crate::values::Ratio;

#[derive(Debug, Args)]
pub(crate) struct Refresh {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: u64,
    #[command(flatten)]
    pub(crate) eyes: EyeFiles,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Recover {
    /// Ask for a new leaf: the eyes must match, and the policy's delay begins
    Request(RecoverRequest),
    /// Give a person the leaf that they asked for, once the delay has passed; their earlier one dies
    Complete(RecoverNumber),
    /// Stop a recovery that waits; the earlier leaf holds
    Cancel(RecoverCancel),
    /// Show the recoveries that wait
    List {
        #[command(flatten)]
        registry: RegistryFolder,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").args(["commitment", "identity"]).required(true))]
pub(crate) struct RecoverRequest {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: u64,
    #[command(flatten)]
    pub(crate) eyes: EyeFiles,
    #[command(flatten)]
    pub(crate) segmentation: SegmentationModel,
    /// Commitment of the person's new identity, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(crate) commitment: Option<IdentityCommitment>,
    /// Secret file of the person's new identity; only its commitment is used
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Days until the new credential expires
    #[arg(long, value_name = "DAYS", default_value_t = 3650,
          value_parser = clap::value_parser!(u64).range(1..=36500))]
    pub(crate) valid_days: u64,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverNumber {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the recovery
    #[arg(value_name = "RECOVERY")]
    pub(crate) recovery: u64,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverCancel {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the recovery
    #[arg(value_name = "RECOVERY")]
    pub(crate) recovery: u64,
    /// Why; it goes into the decision
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// A person, and why.
#[derive(Debug, Args)]
pub(crate) struct Step {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: u64,
    /// Why; it goes into the decision
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: u64,
    /// Days from now until the credential expires
    #[arg(long, value_name = "DAYS", default_value_t = 3650,
          value_parser = clap::value_parser!(u64).range(1..=36500))]
    pub(crate) valid_days: u64,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").args(["person", "overdue"]).required(true))]
pub(crate) struct Erase {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Number of the person
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person: Option<u64>,
    /// Everybody whose credential ended longer ago than the policy keeps them
    #[arg(long)]
    pub(crate) overdue: bool,
    /// Why; it goes into the decision
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// File for the signed receipt
    #[arg(long, value_name = "FILE", requires = "person")]
    pub(crate) receipt: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Retention {
    /// Erase everybody whose credential ended longer ago than the policy keeps them
    Run {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Only say who that is
        #[arg(long)]
        dry_run: bool,
        /// Why; it goes into each decision
        #[arg(long, value_name = "TEXT", default_value = "kept as long as the policy says")]
        reason: String,
    },
    /// Say who will be erased
    List {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Days from now within which their time ends
        #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=36500))]
        within: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Review {
    /// Show the duplicates that wait for a decision
    List {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The decided ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one, with its matches and what was said
    Show {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Number of the review
        #[arg(value_name = "REVIEW")]
        review: u64,
    },
    /// Decide, in the name of --operator; two who agree are needed
    Decide {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Number of the review
        #[arg(value_name = "REVIEW")]
        review: u64,
        /// Is the candidate the enrolled person?
        #[arg(value_enum)]
        verdict: Verdict,
        /// Why; it stays with the review
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Open a review again for somebody who was refused, once
    Appeal {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Number of the review
        #[arg(value_name = "REVIEW")]
        review: u64,
        /// Why; it goes into the decision
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What somebody who looked at a duplicate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verdict {
    /// The candidate is the enrolled person
    Same,
    /// They are two people
    Different,
}

impl From<Verdict> for ReviewVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Same => Self::Same,
            Verdict::Different => Self::Different,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Let somebody of this name work with the registry; from the first one on, every command asks for --operator
    Add {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: RoleName,
    },
    /// Take somebody's role away
    Remove {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show who may do what
    List {
        #[command(flatten)]
        registry: RegistryFolder,
    },
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Names operators and adopts policies; everything but deciding reviews
    Administrator,
    /// Works with people
    Operator,
    /// Decides reviews
    Adjudicator,
    /// Reads decisions and checks the registry
    Auditor,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Administrator => Self::Administrator,
            RoleName::Operator => Self::Operator,
            RoleName::Adjudicator => Self::Adjudicator,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Decisions {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Only those after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) after: u64,
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Take each of them again, from the templates, the people and the policy of its time
    #[arg(long)]
    pub(crate) replay: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show the policy in force
    Show {
        #[command(flatten)]
        registry: RegistryFolder,
    },
    /// Adopt another one: the one in force with these changes
    Set(Box<PolicySet>),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct PolicySet {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
    /// Distance below which two eyes match, as a decimal
    #[arg(long, value_name = "DECIMAL", group = "change")]
    pub(crate) threshold: Option<Ratio>,
    /// People whom a probe may match before it is refused as one that matches everybody
    #[arg(long, value_name = "PEOPLE", group = "change")]
    pub(crate) maximum_matches: Option<u32>,
    /// People with whom a probe need not be comparable
    #[arg(long, value_name = "PEOPLE", group = "change")]
    pub(crate) maximum_incomparable: Option<u32>,
    /// Seconds that a recovery waits
    #[arg(long, value_name = "SECONDS", group = "change")]
    pub(crate) recovery_delay: Option<u64>,
    /// Whether people decide about duplicates
    #[arg(long, value_name = "BOOL", group = "change")]
    pub(crate) adjudicate: Option<bool>,
    /// Seconds within which somebody refused by a review may appeal
    #[arg(long, value_name = "SECONDS", group = "change")]
    pub(crate) appeal: Option<u64>,
    /// Failed attempts to be one person before nobody may try any more; 0 for no limit
    #[arg(long, value_name = "ATTEMPTS", group = "change")]
    pub(crate) maximum_attempts: Option<u32>,
    /// Seconds for which an attempt counts
    #[arg(long, value_name = "SECONDS", group = "change")]
    pub(crate) attempt_window: Option<u64>,
    /// Whether nobody is enrolled without the number of a record of consent
    #[arg(long, value_name = "BOOL", group = "change")]
    pub(crate) consent_required: Option<bool>,
    /// Whether only captures that a known station signed are taken for enrolment
    #[arg(long, value_name = "BOOL", group = "change")]
    pub(crate) signed_captures: Option<bool>,
    /// Seconds for which a person is kept after their credential ended; 0 for no limit
    #[arg(long, value_name = "SECONDS", group = "change")]
    pub(crate) retention: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) registry: RegistryFolder,
}
