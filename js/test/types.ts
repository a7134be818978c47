// Compiled and not run: what the types let through, and what they must not.
import { MemoryNullifiers, PersonhoodError, check, newIdentity, prove, verify } from "personhood"
import type { Accepted, NullifierStore, ProofFile } from "personhood/verifier"
import type { Identity } from "personhood/prover"

const scope = { app: "shop.example", action: "coupon", period: "2026-12" }
const database: NullifierStore = { record: async (scope, nullifier) => scope !== nullifier }

export async function service(proof: unknown): Promise<Accepted | string> {
    try {
        const roots = { current: "00".repeat(32), maxAge: 3600 }
        return await verify({ proof: proof as ProofFile, scope, signal: "yes", roots, nullifiers: database })
    } catch (error) {
        if (error instanceof PersonhoodError) return error.code
        throw error
    }
}

export async function holder(membership: string, stop: AbortSignal): Promise<ProofFile> {
    const identity: Identity = await newIdentity()
    return prove({ identity, membership, scope, signal: new Uint8Array(3) }, { onProgress: ({ done, total }) => done / total, signal: stop })
}

// @ts-expect-error: without a store nobody notices a second use
void verify({ proof: "", scope, signal: "", roots: [] })
// @ts-expect-error: a scope has an action
void check({ proof: "", scope: { app: "a" }, signal: "", roots: [] })
// @ts-expect-error: the signal is the service's own
void check({ proof: "", scope, roots: [] })
// @ts-expect-error: the old name of another library
void check({ proof: "", scope, signal: "", root: "" })
// @ts-expect-error: it decides at once
const late: Promise<boolean> = new MemoryNullifiers().record("", "")
