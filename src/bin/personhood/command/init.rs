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
use crate::keys;
use crate::output::Output;
use crate::place;
use crate::report::PolicyReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    registry: PathBuf,
    policy: PolicyReport,
    root: MerkleRoot,
    /// Identifier of the master key.
    master_key: String,
    /// Its file, if it lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key_file: Option<PathBuf>,
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
    let (key, file) = keys::for_new(&folder)?;
    let report = Report {
        registry: folder,
        policy: PolicyReport::new(registry.policy()),
        root: registry.root(),
        master_key: key.id().to_string(),
        master_key_file: file,
    };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "new registry in {}\n{}", self.registry.display(), self.policy)?;
        match &self.master_key_file {
            Some(file) => write!(
                f,
                "master key  {}: without it nobody opens the registry; keep a copy elsewhere, and not with the backups",
                file.display()
            ),
            None => write!(f, "master key  {} of the environment", self.master_key),
        }
    }
}
