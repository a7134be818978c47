//! `personhood receipt`: the registry's signature under an erasure, for the person who was erased.

use std::fmt;
use std::path::PathBuf;

use personhood::bytes::to_hex;
use personhood::store::{Change, PersonId, ReadStore as _};
use personhood::vault::{Erasure, ErasureReceipt};
use serde::Serialize;

use crate::args::Receipt;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// No receipt is longer.
const MAXIMUM_BYTES: u64 = 4096;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    registry_id: String,
    person: u64,
    erased_at: u64,
    change: u64,
    root: String,
    key: String,
    #[serde(skip)]
    verified: bool,
}

pub(crate) fn run(args: &Receipt, output: Output) -> Result<Exit, Failure> {
    let (file, receipt, verified) = match args {
        Receipt::Issue { registry, person, out } => {
            let receipt = issue(&registry.registry, *person)?;
            files::write(out, receipt.to_json().as_bytes(), output)?;
            (out, receipt, false)
        }
        Receipt::Verify { file, key } => {
            let bytes = files::read(file, MAXIMUM_BYTES)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::new("receipt_malformed", "not a receipt: it is no text"))?;
            let receipt = ErasureReceipt::from_json(&text)?;
            receipt.verify(&key.0).map_err(|error| Failure::from(error).answering_no())?;
            (file, receipt, true)
        }
    };
    let erasure = receipt.erasure();
    let report = Report {
        file: file.clone(),
        registry_id: erasure.registry.to_string(),
        person: erasure.person,
        erased_at: erasure.at,
        change: erasure.change,
        root: to_hex(&erasure.root),
        key: to_hex(&receipt.key()),
        verified,
    };
    output.answer(Exit::Yes, &report, &report)
}

fn issue(folder: &std::path::Path, person: u64) -> Result<ErasureReceipt, Failure> {
    let store = place::store_read_only(folder)?;
    let vault = store.vault().ok_or_else(|| {
        Failure::new("vault_not_sealed", "the registry has no key to sign with")
            .with_hint("`personhood key migrate --registry DIR` gives it one")
    })?;
    let changes = store.changes_of(PersonId::new(person)?)?;
    let erased = changes.iter().find(|record| matches!(record.change, Change::Erased { .. }));
    let Some(erased) = erased else {
        return Err(Failure::new("receipt_not_erased", format!("person {person} was not erased")).answering_no());
    };
    let decision = store
        .decision(erased.decision)?
        .ok_or_else(|| Failure::new("store_damaged", format!("the decision to erase person {person} is not there")))?;
    let erasure = Erasure {
        registry: vault.registry(),
        person,
        at: decision.at,
        change: erased.sequence.as_u64(),
        decision: erased.decision.as_u64(),
        root: erased.root.root.to_bytes(),
    };
    Ok(erasure.sign(vault.signing_seed()))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.verified { "the signature holds" } else { "receipt written" };
        write!(
            f,
            "{what}: {}\nperson {} of registry {} was erased at {}, change {}\nroot {}\nkey  {}",
            self.file.display(),
            self.person,
            self.registry_id,
            self.erased_at,
            self.change,
            self.root,
            self.key,
        )
    }
}
