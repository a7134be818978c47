//! The bytes of keyrings, records, protected templates, key files and receipts: reading never panics, and what was read has one
//! encoding; nothing that was not sealed opens.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::iris::EyeSide;
use personhood::vault::{
    ErasureReceipt, Keyring, MasterKey, ProtectedTemplate, RecordBinding, RecordKind, SealedFacts,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(keyring) = Keyring::from_bytes(bytes) {
        assert_eq!(keyring.to_bytes(), bytes);
    }
    if let Ok(template) = ProtectedTemplate::from_bytes(bytes) {
        assert_eq!(template.to_bytes().as_slice(), bytes);
    }
    if let Ok(master) = MasterKey::from_bytes(bytes) {
        assert_eq!(master.to_bytes().as_slice(), bytes);
    }
    if let Some(receipt) = std::str::from_utf8(bytes).ok().and_then(|text| ErasureReceipt::from_json(text).ok()) {
        assert_eq!(ErasureReceipt::from_json(&receipt.to_json()).as_ref(), Ok(&receipt));
    }
    let place = RecordBinding { kind: RecordKind::Enrolled, subject: 1, eye: EyeSide::Left, version: 1 };
    if SealedFacts::of(bytes).is_ok() {
        assert!(VAULT.with(|vault| vault.open(&place, bytes)).is_err());
    }
});

thread_local! {
    static VAULT: personhood::vault::Vault = personhood::vault::Vault::create(
        &MasterKey::generate(&mut rand_core::OsRng), &mut rand_core::OsRng,
    ).expect("a key in this process wraps");
}
