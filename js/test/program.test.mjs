// The package and the program: what one makes the other takes.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import { fileURLToPath } from "node:url"
import { check, newIdentity, prove, restoreIdentity } from "personhood"

const program = process.env.PERSONHOOD_PROGRAM ?? ""
const skip = existsSync(program) ? false : "PERSONHOOD_PROGRAM does not name the program"
const folder = mkdtempSync(join(tmpdir(), "personhood-js-"))
after(() => rmSync(folder, { recursive: true }))

const at = (name) => join(folder, name)
const eye = (name) => fileURLToPath(new URL(`../../testdata/eyes/person-01/${name}.png`, import.meta.url))
function run(values, expected = 0) {
    const { status, stdout, stderr } = spawnSync(program, [...values, "--json"], { encoding: "utf8" })
    assert.equal(status, expected, `${values.join(" ")}\n${stdout}${stderr}`)
    return JSON.parse(stdout)
}

test("an identity of the browser is enrolled at the desk, and both sides take the other's proofs", { skip }, async () => {
    const identity = await newIdentity()
    const registry = at("registry")
    run(["init", "--registry", registry])
    run(["enroll", "--registry", registry, "--left", eye("left-1"), "--right", eye("right-1"), "--commitment", identity.commitment])
    run(["membership", "--registry", registry, identity.commitment, "--out", at("membership.json")])
    const membership = readFileSync(at("membership.json"), "utf8")
    const { root } = JSON.parse(membership)
    const scope = { app: "shop.example", action: "coupon", period: "2026-12" }
    const bounds = { issuedNoLaterThan: 1_900_000_000, assuranceAtLeast: 2, nonce: "0a".repeat(32) }
    const words = ["--app", scope.app, "--action", scope.action, "--period", scope.period, "--signal", "grüße ✓", "--nonce", bounds.nonce,
        "--issued-before", "1900000000", "--assurance", "2"]

    // Made here, taken there; once.
    const made = await prove({ scope, signal: "grüße ✓", ...bounds, identity, membership })
    writeFileSync(at("made.json"), JSON.stringify(made))
    const verify = ["verify", "--proof", at("made.json"), "--registry", registry, "--seen", at("seen"), ...words]
    assert.equal(run(verify).accepted, true)
    assert.equal(run(verify, 1).reason, "nullifier_already_used")

    // Made there with the backup of here, taken here; the nullifier is the same.
    writeFileSync(at("holder.secret"), identity.backUp(), { mode: 0o600 })
    assert.equal(run(["identity", "show", at("holder.secret")]).commitment, identity.commitment)
    run(["prove", "--registry", registry, "--identity", at("holder.secret"), "--out", at("theirs.json"), ...words])
    const theirs = readFileSync(at("theirs.json"), "utf8")
    const accepted = await check({ proof: theirs, scope, signal: "grüße ✓", roots: [root], ...bounds })
    assert.equal(accepted.nullifier, made.statement.nullifier)

    // An identity of there is one here.
    const { commitment } = run(["identity", "new", at("other.secret")])
    assert.equal((await restoreIdentity(new Uint8Array(readFileSync(at("other.secret"))))).commitment, commitment)
})
