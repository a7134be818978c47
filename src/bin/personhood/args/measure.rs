//! The arguments of what measures and shows: `eyes`, `simulate`, `demo`, `evaluate`, `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Columns, Conditions, Encoder, Policy, SegmentationModel};
use crate::values::Size;

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
