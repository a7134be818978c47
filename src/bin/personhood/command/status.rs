//! `personhood status`: a registry at a glance.

use std::fmt;
use std::path::PathBuf;

use personhood::store::Census;
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::Status;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::report::PolicyReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    registry: PathBuf,
    created_at: u64,
    people: u64,
    census: Census,
    left_eyes: u64,
    right_eyes: u64,
    root: MerkleRoot,
    leaves: u32,
    capacity: u32,
    disk_bytes: Option<u64>,
    policy: PolicyReport,
}

pub(crate) fn run(args: &Status, output: Output) -> Result<Exit, Failure> {
    let folder = args.registry.registry.clone();
    let status = place::open_read_only(&args.registry)?.status()?;
    let report = Report {
        registry: folder,
        created_at: status.created_at,
        people: status.people,
        census: status.census,
        left_eyes: status.left_eyes,
        right_eyes: status.right_eyes,
        root: status.root,
        leaves: status.leaves,
        capacity: status.capacity,
        disk_bytes: status.disk_bytes,
        policy: PolicyReport::new(&status.policy),
    };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "registry    {}", self.registry.display())?;
        writeln!(f, "people      {} ({} left eyes, {} right eyes)", self.people, self.left_eyes, self.right_eyes)?;
        let Census { active, suspended, revoked, erased } = self.census;
        writeln!(f, "status      {active} active, {suspended} suspended, {revoked} revoked, {erased} erased")?;
        writeln!(f, "leaves      {} of {}", self.leaves, self.capacity)?;
        writeln!(f, "root        {}", self.root)?;
        if let Some(bytes) = self.disk_bytes {
            writeln!(f, "on disk     {} KiB", bytes.div_ceil(1024))?;
        }
        self.policy.fmt(f)
    }
}
