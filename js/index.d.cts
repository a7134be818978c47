import type * as personhood from "./index.js" with { "resolution-mode": "import" }

/** Everything of the package, classes included. */
export declare const ready: Promise<typeof personhood>
export declare const check: typeof personhood.check
export declare const verify: typeof personhood.verify
export declare const loadVerifier: typeof personhood.loadVerifier
export declare const newIdentity: typeof personhood.newIdentity
export declare const restoreIdentity: typeof personhood.restoreIdentity
export declare const readRequest: typeof personhood.readRequest
export declare const prove: typeof personhood.prove
export declare const loadProver: typeof personhood.loadProver
