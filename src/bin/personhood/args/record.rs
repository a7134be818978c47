//! The arguments of `record`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::values::Moment;

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
