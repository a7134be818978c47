// The whole package. Nothing is loaded before it is used: the verifier's module with the first check, the prover's (in its
// worker) with the first identity.
export { MemoryNullifiers, PersonhoodError, check, loadVerifier, setVerifierSource, verify } from "./verifier.js"
export { Identity, closeProver, loadProver, newIdentity, prove, readRequest, restoreIdentity, setProverSource } from "./prover.js"
