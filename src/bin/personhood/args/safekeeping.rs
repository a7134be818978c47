//! The arguments of `key`, `backup`, `receipt`, `subject`.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};

use super::RegistryFolder;
use crate::values::Hex32;

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
    /// Make a registry of a copy, where none is; whoever was erased since it was made is erased again
    #[command(group = ArgGroup::new("erasures").args(["erased", "nobody_erased"]))]
    Restore {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The copy
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The list of erasures of the registry that the copy is of [default: the one in the registry's folder]
        #[arg(long, value_name = "FILE")]
        erased: Option<PathBuf>,
        /// Nobody was erased since the copy was made
        #[arg(long)]
        nobody_erased: bool,
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
