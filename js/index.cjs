// For `require`: the same functions, each of which loads the ES module with its first call. Classes come from the promise
// `ready`, and so does everything else for those who prefer it.
"use strict"

const ready = import("./index.js")
ready.catch(() => {})

const later =
    (name) =>
    async (...values) =>
        (await ready)[name](...values)

module.exports = { ready }
for (const name of [
    "check",
    "verify",
    "loadVerifier",
    "newIdentity",
    "restoreIdentity",
    "prove",
    "readRequest",
    "loadProver",
]) {
    module.exports[name] = later(name)
}
