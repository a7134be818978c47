export * from "./verifier.js"
export * from "./prover.js"
