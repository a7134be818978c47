//! `personhood membership`: what a holder needs besides their secret, for proofs made elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::envelope::MembershipFile;
use personhood::identity::{Credential, IdentityCommitment};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::Membership;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document, when the membership went into a file.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    root: MerkleRoot,
    #[serde(flatten)]
    credential: Credential,
}

pub(crate) fn run(args: &Membership, output: Output) -> Result<Exit, Failure> {
    let membership = of(&args.registry.registry, &args.commitment)?;
    let Some(file) = &args.out else {
        output.data(membership.to_json().as_bytes())?;
        output.data(b"\n")?;
        return Ok(Exit::Yes);
    };
    files::write(file, membership.to_json().as_bytes(), output)?;
    let MembershipFile { root, credential, .. } = membership;
    let report = Report { file: file.clone(), root, credential };
    output.answer(Exit::Yes, &report, &report)
}

/// The membership of a holder in the registry of a folder, as it is now.
pub(crate) fn of(folder: &Path, commitment: &IdentityCommitment) -> Result<MembershipFile, Failure> {
    let membership = place::open_read_only(folder)?.path(*commitment)?;
    Ok(MembershipFile { root: membership.root, credential: membership.credential, path: membership.path })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "membership in {}\nroot       {}", self.file.display(), self.root)
    }
}
