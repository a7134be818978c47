import type { ModuleSource, ProofFile, Scope } from "./verifier.js"

export { PersonhoodError } from "./verifier.js"

/** Somebody's secret. Nothing shows it: not `console.log`, not `JSON.stringify`, no error. */
export declare class Identity {
    private constructor()
    /** What the registry is told: 64 hexadecimal digits. */
    readonly commitment: string
    /** The 69 bytes of a secret file, as the program writes it. Whoever has them is this person; wipe them after use. */
    backUp(): Uint8Array<ArrayBuffer>
    /** Wipes the secret. */
    free(): void
    toJSON(): { commitment: string }
}

/** The document that a registry gives a holder (`personhood membership COMMITMENT`). */
export interface MembershipFile {
    format: "personhood-membership"
    version: 1
    root: string
    credential: { issued_at: number; expires_at: number; assurance: number }
    path: string
}

/** What a service asks for. */
export interface ProveOptions {
    identity: Identity
    /** The membership file, as text or parsed. */
    membership: string | MembershipFile
    scope: Scope
    signal: string | Uint8Array
    nonce?: string
    /** Which use this is, from 0. */
    useIndex?: number
    issuedNoLaterThan?: number
    expiresNoEarlierThan?: number
    assuranceAtLeast?: number
}

export interface ProveControls {
    /** Hears each step; they take about the same time each. */
    onProgress?: (progress: { done: number; total: number }) => void
    /** Stops the proof; it then rejects with the code `cancelled`. */
    signal?: AbortSignal
}

/** A new identity. Keep a backup: without it the person has to be enrolled again. */
export declare function newIdentity(): Promise<Identity>

/** The identity of a secret file. The bytes are copied; wipe yours. */
export declare function restoreIdentity(file: Uint8Array): Promise<Identity>

/** What a signed request asks for; the fields from `scope` on are those of {@link ProveOptions}. */
export interface ReadRequest {
    /** The key it is signed with, one of the known ones. */
    key: string
    scope: Scope
    nonce: string
    /** World ID's hash of the signal. */
    signalHash: string
    /** The same as bytes: what to give {@link prove} as its signal, since the service knows the message by its hash. */
    signal: Uint8Array
    /** In seconds since 1970. */
    issuedAt: number
    expiresAt: number
    issuedNoLaterThan?: number
    expiresNoEarlierThan?: number
    assuranceAtLeast: number
}

/**
 * Reads a request that a service signed (`POST /api/v1/requests/{app_id}`): bytes, "0x…" or base64url. Rejects with a
 * {@link PersonhoodError} if it is not from one of `keys` (`GET /api/v1/jwks`: the `kid`), does not count at `now` (seconds since 1970),
 * or is about another signal. Show it to the holder before you prove.
 */
export declare function readRequest(
    request: string | Uint8Array,
    rules: { keys: string[]; signal?: string | Uint8Array; now?: number },
): Promise<ReadRequest>

/** Proves in a worker. Rejects with a {@link PersonhoodError}. */
export declare function prove(options: ProveOptions, controls?: ProveControls): Promise<ProofFile>

export declare function setProverSource(source: ModuleSource): void

/** Starts the worker ahead of its first use. */
export declare function loadProver(): Promise<void>

/** Ends the worker; the next call starts another. */
export declare function closeProver(): void
