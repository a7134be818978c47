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

/** The bytes of a signed request: bytes, "0x" and hexadecimal digits, or base64url as links have it. */
export function requestBytes(request) {
    if (request instanceof Uint8Array) return request
    const text = typeof request === "string" ? request.trim() : ""
    if (/^0x([0-9a-f]{2})+$/.test(text)) return hexBytes(text.slice(2))
    if (/^[A-Za-z0-9_-]+$/.test(text) && text.length % 4 !== 1) {
        return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0))
    }
    throw new PersonhoodError("request_malformed", "a request is \"0x\" and hexadecimal digits, or base64url; copy all of it")
}

/** The bytes of a public key, 64 hexadecimal digits. */
export function keyBytes(key) {
    if (typeof key === "string" && /^[0-9a-f]{64}$/.test(key)) return hexBytes(key)
    throw new PersonhoodError("options_malformed", "a key is a text of 64 lower-case hexadecimal digits")
}

/** The bytes that hexadecimal digits spell. */
export const hexBytes = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16))
