//! `personhood status`: a registry at a glance.

use std::fmt;
use std::path::PathBuf;

use personhood::evaluation::Estimate;
use personhood::store::Census;
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::Status;
use crate::command::threshold::{self, Range};
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
    /// Whether the templates are sealed.
    sealed: bool,
    /// Expected rate of false alarms at the present size; null where there is no model of strangers.
    fpir: Option<Estimate>,
}

pub(crate) fn run(args: &Status, output: Output) -> Result<Exit, Failure> {
    let folder = args.registry.registry.clone();
    let mut registry = place::read_as(&args.registry)?;
    let sealed = registry.store().vault().is_some();
    let status = registry.status()?;
    let search =
        threshold::search(&status.policy, status.census.active + status.census.suspended + status.census.revoked);
    let fpir = threshold::evidence(&status.policy)
        .map(|evidence| search.fpir(&evidence, status.policy.matching.threshold.ratio()));
    if let Some(high) = fpir.map(|fpir| fpir.high).filter(|high| *high > threshold::WARNING) {
        output.warning(format_args!(
            "up to {:.1} % of newcomers may be taken for somebody enrolled; `personhood threshold --registry DIR --fpir RATE` \
             says which distance would do",
            100.0 * high
        ));
    }
    if !sealed {
        output.warning("templates are in clear; `personhood key migrate --registry DIR` seals them");
    }
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
        sealed,
        fpir,
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
        writeln!(f, "templates   {}", if self.sealed { "sealed, each under a key of its own" } else { "in clear" })?;
        if let Some(fpir) = &self.fpir {
            writeln!(f, "false alarm {} of the newcomers", Range(fpir))?;
        }
        self.policy.fmt(f)
    }
}
