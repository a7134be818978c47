import { PersonhoodError, fromModule } from "./error.js"
import { load, setSource } from "./module.js"
import { documentText, signalBytes } from "./signal.js"

export { PersonhoodError }

/** Where the verifier's WebAssembly is, where it cannot be found beside this file. */
export const setVerifierSource = (source) => setSource("verifier", source)

/** Loads the verifier ahead of its first use. */
export const loadVerifier = async () => void (await load("verifier"))

/**
 * Everything but whether this person acts for the first time: on its own this accepts one person any number of times.
 */
export async function check(options) {
    const { proof, signal, now, nullifiers, ...rules } = options
    const module = await load("verifier")
    const text = JSON.stringify({ ...rules, now: now ?? Math.floor(Date.now() / 1000) })
    const bytes = signalBytes(signal)
    const document = documentText(proof, "proof")
    let accepted
    try {
        accepted = module.check(text, bytes, document)
    } catch (thrown) {
        throw fromModule(thrown)
    }
    return JSON.parse(accepted)
}

/** Checks, and records the nullifier if the answer is yes. */
export async function verify(options) {
    const { nullifiers } = options
    if (typeof nullifiers?.record !== "function") {
        const message = "nullifiers is needed, a store with record(externalNullifier, nullifier); without one, use check()"
        throw new PersonhoodError("options_malformed", message)
    }
    const accepted = await check(options)
    let isNew
    try {
        isNew = await nullifiers.record(accepted.externalNullifier, accepted.nullifier)
    } catch (cause) {
        const message = "the nullifier was not recorded, so nothing may be accepted"
        throw new PersonhoodError("nullifier_store_failed", message, { cause })
    }
    // Only `true` is yes: a store that returns nothing must not accept anybody.
    if (isNew !== true) {
        const message = `nullifier ${accepted.nullifier} was used before in this scope; every person acts once`
        throw new PersonhoodError("nullifier_already_used", message)
    }
    return accepted
}

/** Nullifiers in memory, forgotten with the process: for tests and for short actions. */
export class MemoryNullifiers {
    #used = new Set()

    record(externalNullifier, nullifier) {
        const key = `${externalNullifier}/${nullifier}`
        if (this.#used.has(key)) return false
        this.#used.add(key)
        return true
    }

    get size() {
        return this.#used.size
    }
}
