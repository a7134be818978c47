//! `personhood init`: an empty registry and its policy, which stays with it.

use std::fmt;
use std::path::PathBuf;

use personhood::iris::Layout;
use personhood::registry::RegistryPolicy;
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::Init;
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::report::PolicyReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    registry: PathBuf,
    policy: PolicyReport,
    root: MerkleRoot,
}

pub(crate) fn run(args: &Init, output: Output) -> Result<Exit, Failure> {
    let policy = RegistryPolicy {
        layout: Layout::from(args.layout),
        encoder: args.encoder.into(),
        matching: eye::match_policy(&args.policy, args.encoder.into(), args.eyes.into()),
        ..RegistryPolicy::default()
    };
    let folder = args.registry.registry.clone();
    let registry = place::create(&folder, policy)?;
    let report = Report { registry: folder, policy: PolicyReport::new(registry.policy()), root: registry.root() };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "new registry in {}\n{}", self.registry.display(), self.policy)
    }
}
