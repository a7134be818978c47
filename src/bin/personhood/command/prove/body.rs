//! Requests to a server of `personhood serve`, as a holder hands them to a relying party.

use personhood::bytes::to_hex;
use personhood::membership::{MembershipProof, Statement};
use personhood::nullifier::Scope;
use serde::Serialize;

use crate::args::{Body, Prove};
use crate::failure::Failure;

/// World ID's fields of `/api/v2/verify/{app_id}`; ours only where they are needed.
#[derive(Serialize)]
struct V2<'a> {
    action: &'a str,
    signal_hash: &'a str,
    proof: &'a str,
    nullifier_hash: &'a str,
    merkle_root: &'a str,
    verification_level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a str>,
}

/// World ID's fields of `/api/v4/verify/{id}`.
#[derive(Serialize)]
struct V4<'a> {
    protocol_version: &'static str,
    nonce: &'a str,
    action: &'a str,
    environment: &'static str,
    responses: [ResponseV4<'a>; 1],
}

#[derive(Serialize)]
struct ResponseV4<'a> {
    identifier: &'static str,
    signal_hash: &'a str,
    merkle_root: &'a str,
    nullifier: &'a str,
    proof: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a str>,
}

/// The body of a request with this proof.
pub(super) fn json(
    version: Body,
    args: &Prove,
    scope: &Scope,
    signal_hash: &[u8; 32],
    statement: &Statement,
    proof: &MembershipProof,
) -> Result<String, Failure> {
    let hex = |bytes: &[u8]| format!("0x{}", to_hex(bytes));
    let (signal_hash, proof, nonce) = (hex(signal_hash), hex(&proof.to_bytes()), hex(&statement.nonce));
    let (nullifier, root) = (format!("0x{}", statement.nullifier), format!("0x{}", statement.root));
    let (action, period) = (scope.action(), scope.period());
    let use_index = (args.use_index > 0).then_some(args.use_index);
    match version {
        Body::V2 => serde_json::to_string_pretty(&V2 {
            action,
            signal_hash: &signal_hash,
            proof: &proof,
            nullifier_hash: &nullifier,
            merkle_root: &root,
            verification_level: "orb",
            use_index,
            nonce: (statement.nonce != [0; 32]).then_some(nonce.as_str()),
            period,
        }),
        Body::V4 => serde_json::to_string_pretty(&V4 {
            protocol_version: "personhood-1",
            nonce: &nonce,
            action,
            environment: "production",
            responses: [ResponseV4 {
                identifier: "proof_of_human",
                signal_hash: &signal_hash,
                merkle_root: &root,
                nullifier: &nullifier,
                proof: &proof,
                use_index,
                period,
            }],
        }),
    }
    .map_err(|error| Failure::new("internal", format!("the request does not serialise: {error}")))
}
