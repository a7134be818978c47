const BRAND = Symbol.for("personhood.error")

/** A refusal or a failure: `code` is stable and for programs, `message` is for people. */
export class PersonhoodError extends Error {
    constructor(code, message, options) {
        super(message, options)
        this.code = code
    }

    get name() {
        return "PersonhoodError"
    }

    get [BRAND]() {
        return true
    }

    // The package can be loaded twice in one program (ESM and CommonJS): an error of either is one of both.
    static [Symbol.hasInstance](value) {
        return value?.[BRAND] === true
    }
}

/** What the module throws is the JSON of code and message. */
export function fromModule(thrown) {
    if (typeof thrown === "string") {
        const { code, message } = JSON.parse(thrown)
        return new PersonhoodError(code, message)
    }
    return new PersonhoodError("internal", "the module stopped; this is a bug", { cause: thrown })
}
