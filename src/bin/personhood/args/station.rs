//! The arguments of `personhood station`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{EyeFiles, RegistryFolder};
use crate::values::Hex32;

#[derive(Debug, Subcommand)]
pub(crate) enum Station {
    /// Take captures that this station signed
    Add {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// Its Ed25519 public key, 64 hexadecimal digits
        #[arg(long, value_name = "HEX")]
        key: Hex32,
    },
    /// Take no captures of a station any more; name and key stay taken
    Revoke {
        #[command(flatten)]
        registry: RegistryFolder,
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show the stations
    List {
        #[command(flatten)]
        registry: RegistryFolder,
    },
    /// Give out a challenge for one capture
    Challenge {
        #[command(flatten)]
        registry: RegistryFolder,
        /// Seconds for which it is good
        #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
    },
    /// Make a station's key in a new file of mode 0600, and print its public key
    Key {
        /// The key file; must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Sign files of eyes as a station does
    Sign(StationSign),
}

#[derive(Debug, Args)]
pub(crate) struct StationSign {
    /// The station's key file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The station's name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What the desk gave out, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(crate) challenge: Hex32,
    /// Larger than that of every capture before
    #[arg(long, value_name = "NUMBER")]
    pub(crate) counter: u64,
    /// Seconds for which the capture is good
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    #[command(flatten)]
    pub(crate) eyes: EyeFiles,
    /// The manifest
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
