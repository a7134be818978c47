import { PersonhoodError } from "./error.js"
import { isNode, setSource, sourceOf } from "./module.js"
import { documentText, hexBytes, keyBytes, requestBytes, signalBytes } from "./signal.js"

export { PersonhoodError }

/** The length of a secret file. */
const SECRET_BYTES = 69

/** Where the prover's WebAssembly is, where it cannot be found beside this file. */
export const setProverSource = (source) => setSource("prover", source)

/** Starts the worker ahead of its first use. */
export const loadProver = async () => void (await call({ kind: "load" }))

/** Ends the worker. The next call starts another. */
export function closeProver() {
    stop(new PersonhoodError("cancelled", "the prover was closed"))
}

/** An identity's secret, for this file alone. */
let secretOf

/** Somebody's secret. It is shown by nothing: not by `console.log`, `JSON.stringify` or an error. */
export class Identity {
    #secret
    #commitment

    /** Made by `newIdentity` and `restoreIdentity`. */
    constructor(secret, commitment) {
        this.#secret = secret
        this.#commitment = commitment
    }

    /** What the registry is told: 64 hexadecimal digits. */
    get commitment() {
        return this.#commitment
    }

    /** The 69 bytes of a secret file, as `personhood identity new` writes it. Whoever has them is this person: wipe them. */
    backUp() {
        return copyOf(secretOf(this))
    }

    /** Wipes the secret. The identity is of no use after that. */
    free() {
        this.#secret?.fill(0)
        this.#secret = undefined
    }

    toJSON() {
        return { commitment: this.#commitment }
    }

    static {
        secretOf = (identity) => {
            if (!(#secret in identity) || identity.#secret === undefined) {
                throw new PersonhoodError("identity_freed", "the identity was freed; restore it from its backup")
            }
            return identity.#secret
        }
    }
}

/** A new identity. Keep a backup: without it the person has to be enrolled again. */
export async function newIdentity() {
    const { secret, commitment } = await call({ kind: "new" })
    return new Identity(secret, commitment)
}

/** The identity of a secret file. The bytes are copied; the caller's are left alone. */
export async function restoreIdentity(file) {
    if (!(file instanceof Uint8Array) || file.length !== SECRET_BYTES) {
        const found = file instanceof Uint8Array ? `${file.length} bytes` : typeof file
        throw new PersonhoodError("secret_length", `a secret file is a Uint8Array of ${SECRET_BYTES} bytes, not ${found}`)
    }
    const secret = copyOf(file)
    try {
        const { commitment } = await call({ kind: "restore", secret: copyOf(secret) })
        return new Identity(secret, commitment)
    } catch (error) {
        secret.fill(0)
        throw error
    }
}

/**
 * Reads a request that a service signed, refuses one that is not from a known key or does not count now, and says what it asks for.
 * Show it to the holder before proving.
 */
export async function readRequest(request, { keys, signal, now = Date.now() / 1000 }) {
    const known = keys.map(keyBytes)
    const wanted = {
        kind: "read",
        request: requestBytes(request),
        keys: Uint8Array.from(known.flatMap((key) => [...key])),
        about: signal === undefined ? undefined : signalBytes(signal),
        now: Math.floor(now),
    }
    const asked = JSON.parse(await call(wanted))
    // Who hears of the message only its hash asks for a proof about these 32 bytes.
    return { ...asked, signal: hexBytes(asked.signalHash) }
}

/** Proves in the worker. */
export async function prove(options, { onProgress, signal: abort } = {}) {
    const { identity, membership, signal, ...wanted } = options
    if (!(identity instanceof Identity)) {
        throw new PersonhoodError("options_malformed", "identity must come from newIdentity or restoreIdentity")
    }
    const request = {
        kind: "prove",
        secret: copyOf(secretOf(identity)),
        wanted: JSON.stringify(wanted),
        signal: signalBytes(signal),
        membership: documentText(membership, "membership"),
    }
    return JSON.parse(await call(request, { onProgress, abort }))
}

const copyOf = (bytes) => Uint8Array.from(bytes)

// One worker, started when it is needed. What it is asked, it answers in order.
let worker
let next = 0
const waiting = new Map()

function call(request, { onProgress, abort } = {}) {
    return new Promise((resolve, reject) => {
        const cancelled = () => new PersonhoodError("cancelled", "the proof was cancelled before it was done")
        if (abort?.aborted) {
            request.secret?.fill(0)
            return reject(cancelled())
        }
        const number = next++
        // Shared memory, where there is any: the worker sees the wish to stop between two steps. Elsewhere it hears nothing
        // while it works, and is ended; what was asked besides is asked again of the next one.
        const flag = abort && canShare() ? new Int32Array(new SharedArrayBuffer(4)) : undefined
        const onAbort = () => {
            if (flag) return void Atomics.store(flag, 0, 1)
            const others = [...waiting.values()].filter((one) => one !== entry)
            settle(number, (one) => one.reject(cancelled()))
            restart(others)
        }
        const settled = () => abort?.removeEventListener("abort", onAbort)
        const entry = { number, request: { ...request, number, flag }, resolve, reject, onProgress, settled }
        waiting.set(number, entry)
        abort?.addEventListener("abort", onAbort)
        post(entry)
    })
}

const canShare = () => typeof SharedArrayBuffer === "function" && (isNode() || globalThis.crossOriginIsolated === true)

async function post(entry) {
    try {
        worker ??= start()
        const running = await worker
        if (!waiting.has(entry.number)) return
        hold(running)
        running.postMessage(entry.request)
    } catch (cause) {
        const error = new PersonhoodError("module_unavailable", `the prover's worker did not start: ${cause.message}`, { cause })
        settle(entry.number, (one) => one.reject(error))
    }
}

function settle(number, how) {
    const entry = waiting.get(number)
    if (entry === undefined) return
    waiting.delete(number)
    // The page's copy of the secret that travelled; the worker wipes its own.
    entry.request.secret?.fill(0)
    entry.settled()
    hold()
    how(entry)
}

function hear({ number, progress, result, error }) {
    const entry = waiting.get(number)
    if (progress) return entry?.onProgress?.(progress)
    settle(number, (one) => (error ? one.reject(new PersonhoodError(error.code, error.message)) : one.resolve(result)))
}

async function start() {
    const failed = (message) => stop(new PersonhoodError("module_unavailable", `the prover's worker failed: ${message}`))
    let started
    if (isNode()) {
        const { Worker } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:worker_threads")
        // Options of the process are not those of a worker: `node --eval` would make it one of a text.
        started = new Worker(new URL("./worker.js", import.meta.url), { execArgv: [] })
        started.on("message", hear)
        started.on("error", (error) => failed(error.message))
    } else {
        started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
        started.onmessage = ({ data }) => hear(data)
        started.onerror = (event) => failed(event.message ?? "it could not be loaded")
    }
    const source = sourceOf("prover")
    if (source !== undefined) started.postMessage({ kind: "source", source })
    return started
}

/** Node ends although the worker is there, but not while it works. */
async function hold(running) {
    running ??= await worker
    if (waiting.size > 0) running?.ref?.()
    else running?.unref?.()
}

function stop(error) {
    restart([])
    for (const number of [...waiting.keys()]) settle(number, (one) => one.reject(error))
}

function restart(entries) {
    worker?.then((running) => running.terminate(), () => {})
    worker = undefined
    entries.forEach(post)
}
