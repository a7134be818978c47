import { PersonhoodError } from "./error.js"

// Nothing is loaded before it is needed, and importing this file touches neither `window` nor WebAssembly.
const GLUE = {
    verifier: () => import("./wasm/personhood_verifier.js"),
    prover: () => import("./wasm/personhood_prover.js"),
}
const sources = new Map()
const loaded = new Map()

/**
 * Says where a module's WebAssembly is, for places that cannot find it beside this file: bytes, a compiled
 * `WebAssembly.Module`, a URL or a `Response`. Before the module's first use.
 */
export function setSource(kind, source) {
    if (loaded.has(kind)) {
        throw new PersonhoodError("usage", `the ${kind} is loaded already; say where it is before its first use`)
    }
    sources.set(kind, source)
}

/** The source that was set, for handing it to a worker. */
export const sourceOf = (kind) => sources.get(kind)

/** The module, loaded once. After a failure the next call tries again. */
export function load(kind) {
    if (!loaded.has(kind)) {
        const loading = start(kind)
        loading.catch(() => loaded.delete(kind))
        loaded.set(kind, loading)
    }
    return loaded.get(kind)
}

async function start(kind) {
    try {
        const glue = await GLUE[kind]()
        const source = sources.get(kind) ?? (await beside(kind))
        await glue.default({ module_or_path: source })
        return glue
    } catch (cause) {
        const message = `the module of the ${kind} was not loaded: ${cause.message}; give its place to setSource`
        throw new PersonhoodError("module_unavailable", message, { cause })
    }
}

/** The file beside this one. Node's `fetch` reads no files, so Node reads it itself. */
async function beside(kind) {
    // Written out twice, because bundlers look for exactly this form.
    const url =
        kind === "verifier"
            ? new URL("./wasm/personhood_verifier_bg.wasm", import.meta.url)
            : new URL("./wasm/personhood_prover_bg.wasm", import.meta.url)
    if (url.protocol !== "file:" || !isNode()) return url
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs/promises")
    return readFile(url)
}

export const isNode = () => typeof process === "object" && typeof process.versions?.node === "string"
