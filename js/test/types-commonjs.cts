import personhood = require("personhood")

export const asked: Promise<{ nullifier: string }> = personhood.check({
    proof: "",
    scope: { app: "a", action: "b" },
    signal: "",
    roots: [],
})
