/** A refusal or a failure. `code` is stable; docs/program.md of the project lists all of them. */
export declare class PersonhoodError extends Error {
    constructor(code: string, message: string, options?: ErrorOptions)
    readonly code: string
}

/** What people do at most once (or `usesPerPerson` times): app, action and, for actions that recur, a period. */
export interface Scope {
    app: string
    action: string
    period?: string
}

/** What a holder proves, as it stands in a proof file. */
export interface Statement {
    root: string
    external_nullifier: string
    use_index: number
    nullifier: string
    signal: string
    nonce: string
    issued_no_later_than: number | null
    expires_no_earlier_than: number | null
    assurance_at_least: number
}

/** The document that a holder hands to a service; the program reads and writes the same. */
export interface ProofFile {
    format: "personhood-proof"
    version: 1
    statement: Statement
    proof: string
}

/**
 * Roots that are accepted: a list, or a registry's roots through time (what `GET /api/v1/roots` of a server answers), with the
 * seconds for which one that was replaced is still accepted.
 */
export type Roots =
    | readonly string[]
    | { current: string; since?: number; earlier?: readonly { root: string; replaced_at: number }[]; maxAge: number }

/** The rules of an action and what this request is about. All times are seconds since 1970. */
export interface CheckOptions {
    /** The proof file, as text or parsed. A text is checked for repeated fields too. */
    proof: string | ProofFile
    scope: Scope
    /** The message that is acted on, from the service's own knowledge and never from the holder. */
    signal: string | Uint8Array
    roots: Roots
    /** The 64 hexadecimal digits that this service chose for this request. */
    nonce?: string
    /** How often one person may act in the scope; 1 if not given. */
    usesPerPerson?: number
    /** The time at which the action opened: whoever was enrolled again since then cannot act twice. */
    issuedNoLaterThan?: number
    expiresNoEarlierThan?: number
    /** 1 one eye, 2 both eyes. */
    assuranceAtLeast?: number
    /** The time; the clock's if not given. It is used for the age of a root alone. */
    now?: number
}

/** What is known once a proof was accepted. */
export interface Accepted {
    root: string
    externalNullifier: string
    nullifier: string
    useIndex: number
}

/**
 * Where a service remembers who has acted. `record` must be one atomic step (a unique index of a database): `true` if
 * the pair was new and is now there, `false` if it was there.
 */
export interface NullifierStore {
    record(externalNullifier: string, nullifier: string): boolean | Promise<boolean>
}

export interface VerifyOptions extends CheckOptions {
    nullifiers: NullifierStore
}

/** Checks a proof and records its nullifier. Rejects with a {@link PersonhoodError}; act only when it resolves. */
export declare function verify(options: VerifyOptions): Promise<Accepted>

/** Everything but whether this person acts for the first time: on its own this accepts one person any number of times. */
export declare function check(options: CheckOptions): Promise<Accepted>

/** Nullifiers in memory, forgotten with the process. */
export declare class MemoryNullifiers implements NullifierStore {
    record(externalNullifier: string, nullifier: string): boolean
    readonly size: number
}

/** Where WebAssembly is, where it cannot be found beside this package's files. */
export type ModuleSource = URL | string | Uint8Array<ArrayBuffer> | ArrayBuffer | WebAssembly.Module | Response

export declare function setVerifierSource(source: ModuleSource): void

/** Loads the verifier ahead of its first use. */
export declare function loadVerifier(): Promise<void>
