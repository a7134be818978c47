// Server-side rendering and the like: importing the package loads nothing and touches nothing.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { test } from "node:test"

const cwd = fileURLToPath(new URL(".", import.meta.url))
const node = (kind, code) => execFileSync(process.execPath, [`--input-type=${kind}`, "--eval", code], { cwd, encoding: "utf8" }).trim()

test("importing needs neither WebAssembly nor a page", () => {
    const hidden = `for (const name of ["WebAssembly", "Worker", "window", "document", "self", "fetch", "crypto"])
        Object.defineProperty(globalThis, name, { get() { throw new Error(name + " was touched") }, configurable: true });`
    assert.equal(node("module", `${hidden} const { verify, prove } = await import("personhood"); console.log(typeof verify, typeof prove)`), "function function")
})

test("require gives the same functions", () => {
    const code = `const { check, ready } = require("personhood")
        check({ proof: "{}", scope: { app: "a", action: "b" }, signal: "", roots: [] }).catch(async (error) => {
            const { PersonhoodError } = await ready
            console.log(error.code, error instanceof PersonhoodError)
        })`
    assert.equal(node("commonjs", code), "proof_malformed true")
})

test("a process that has proved ends by itself", () => {
    assert.match(node("module", `import { newIdentity } from "personhood"; console.log((await newIdentity()).commitment)`), /^[0-9a-f]{64}$/)
})

test("the modules can come from elsewhere", () => {
    const code = `import { readFileSync } from "node:fs"
        import { check, setVerifierSource } from "personhood/verifier"
        import { newIdentity, setProverSource } from "personhood/prover"
        const bytes = (kind) => readFileSync(new URL(import.meta.resolve("personhood/wasm/personhood_" + kind + "_bg.wasm")))
        setVerifierSource(new WebAssembly.Module(bytes("verifier")))
        setProverSource(bytes("prover"))
        const said = await check({ proof: "{}", scope: { app: "a", action: "b" }, signal: "", roots: [] }).catch(({ code }) => code)
        const late = (() => { try { setVerifierSource(bytes("verifier")) } catch ({ code }) { return code } })()
        console.log(said, late, (await newIdentity()).commitment.length)`
    assert.equal(node("module", code), "proof_malformed usage 64")
})

test("a module that is not there is called so, and the next call tries again", () => {
    const code = `import { check, setVerifierSource } from "personhood/verifier"
        setVerifierSource(new Uint8Array([1, 2, 3]))
        const options = { proof: "{}", scope: { app: "a", action: "b" }, signal: "", roots: [] }
        const once = () => check(options).catch(({ code }) => code)
        console.log(await once(), await once())`
    assert.equal(node("module", code), "module_unavailable module_unavailable")
})
