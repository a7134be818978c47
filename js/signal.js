import { PersonhoodError } from "./error.js"

/** The bytes of a signal: of a text its UTF-8. */
export function signalBytes(signal) {
    if (signal instanceof Uint8Array) return signal
    if (typeof signal !== "string") {
        throw new PersonhoodError("options_malformed", "signal must be a string or a Uint8Array")
    }
    // A lone surrogate would become U+FFFD, and two messages would have one signal.
    if (!wellFormed(signal)) {
        throw new PersonhoodError("options_malformed", "signal is not well-formed Unicode; give its bytes instead")
    }
    return new TextEncoder().encode(signal)
}

const wellFormed = (text) => {
    try {
        encodeURIComponent(text)
        return true
    } catch {
        return false
    }
}

/** A document as text; who holds it parsed hands it back in the same spelling. */
export function documentText(document, name) {
    if (typeof document === "string") return document
    if (document !== null && typeof document === "object") return JSON.stringify(document)
    throw new PersonhoodError("options_malformed", `${name} must be a document, as text or parsed`)
}
