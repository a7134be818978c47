//! `personhood receipt`: the registry's signature under an erasure, for the person who was erased.

use std::fmt;
use std::path::PathBuf;

use personhood::bytes::to_hex;
use personhood::registry::erasure_receipt;
use personhood::store::PersonId;
use personhood::vault::ErasureReceipt;
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
            let store = place::store_read_only(&registry.registry)?;
            let receipt = erasure_receipt(&store, PersonId::new(*person)?)?;
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
