import assert from "node:assert/strict"
import { test } from "node:test"
import { MemoryNullifiers, PersonhoodError, check, verify } from "personhood"
import { proof, refusal, root, rules } from "./documents.mjs"

test("the proof of version 1 is accepted, once per person", async () => {
    const nullifiers = new MemoryNullifiers()
    const { statement } = JSON.parse(proof)
    const accepted = await verify({ ...rules, proof, nullifiers })
    assert.deepEqual(accepted, {
        root,
        externalNullifier: statement.external_nullifier,
        nullifier: statement.nullifier,
        useIndex: 0,
    })
    await assert.rejects(verify({ ...rules, proof, nullifiers }), refusal("nullifier_already_used"))
    assert.equal(nullifiers.size, 1)
    // Parsed, it is the same document.
    assert.deepEqual(await check({ ...rules, proof: JSON.parse(proof) }), accepted)
    // The bytes of the signal are the signal.
    assert.deepEqual(await check({ ...rules, proof, signal: new TextEncoder().encode("yes") }), accepted)
})

test("each rule is one that can refuse, and says which it was", async () => {
    const other = "01".repeat(31) + "00"
    for (const [changed, code] of [
        [{ scope: { ...rules.scope, app: "polls.example.org" } }, "scope_differs"],
        [{ scope: { ...rules.scope, action: "mayor" } }, "scope_differs"],
        [{ scope: { app: "polls.example", action: "budget" } }, "scope_differs"],
        [{ scope: { ...rules.scope, action: "budget " } }, "scope_invalid"],
        [{ signal: "no" }, "signal_differs"],
        [{ nonce: undefined }, "nonce_differs"],
        [{ nonce: "08".repeat(32) }, "nonce_differs"],
        [{ nonce: "AB".repeat(32) }, "hex_digit"],
        [{ issuedNoLaterThan: 1_750_000_001 }, "bounds_differ"],
        [{ issuedNoLaterThan: undefined }, "bounds_differ"],
        [{ issuedNoLaterThan: 1_750_000_000_000 }, "statement_time_out_of_range"],
        [{ expiresNoEarlierThan: 1 }, "bounds_differ"],
        [{ assuranceAtLeast: 1 }, "bounds_differ"],
        [{ roots: [] }, "root_unknown"],
        [{ roots: [other] }, "root_unknown"],
        [{ roots: [root.toUpperCase()] }, "hex_digit"],
        [{ roots: ["ff".repeat(32)] }, "scalar_not_canonical"],
        [{ roots: root }, "options_malformed"],
        [{ roots: undefined }, "options_malformed"],
        [{ root }, "options_malformed"],
        [{ usesPerPerson: 0 }, "options_malformed"],
        [{ now: -1 }, "options_malformed"],
        [{ signal: 1 }, "options_malformed"],
        [{ signal: "\ud800" }, "options_malformed"],
    ]) {
        await assert.rejects(check({ ...rules, proof, ...changed }), refusal(code), JSON.stringify(changed))
    }
})

test("roots age from the time at which they were replaced", async () => {
    const [older, current] = ["02", "01"].map((byte) => byte.repeat(31) + "00")
    const roots = (until, maxAge) => ({ current, since: until, earlier: [{ root, replaced_at: until }, { root: older, replaced_at: until - 5 }], maxAge })
    const at = (now, until, maxAge) => check({ ...rules, proof, now, roots: roots(until, maxAge) })
    await at(1_800_000_060, 1_800_000_000, 60)
    await assert.rejects(at(1_800_000_061, 1_800_000_000, 60), refusal("root_too_old"))
    // Replaced before the action opened: its holder may have a younger leaf.
    await assert.rejects(at(1_750_000_060, 1_750_000_000, 1e9), refusal("root_superseded"))
    await check({ ...rules, proof, roots: { current: root, maxAge: 0 } })
})

test("the document is read as the program reads it", async () => {
    const changed = (from, to) => {
        assert.ok(proof.includes(from))
        return proof.replace(from, to)
    }
    for (const [document, code] of [
        [changed('"use_index": 0', '"use_index": 0, "use_index": 0'), "proof_malformed"],
        [changed('"use_index": 0', '"use_index": 1'), "use_limit_exceeded"],
        [changed('"version": 1', '"version": 2'), "proof_file_version"],
        [changed('"proof": "01', '"proof": "02'), "proof_version_unsupported"],
        [changed('"proof": "01', '"proof": "'), "proof_version_unsupported"],
        [proof.slice(0, -10), "proof_malformed"],
        [" ".repeat(20_000), "proof_malformed"],
        [7, "options_malformed"],
        [null, "options_malformed"],
    ]) {
        await assert.rejects(check({ ...rules, proof: document }), refusal(code), code)
    }
    // With enough uses the index is allowed, and the proof is for another one.
    const second = changed('"use_index": 0', '"use_index": 1')
    await assert.rejects(check({ ...rules, usesPerPerson: 2, proof: second }), refusal("proof_rejected"))
})

test("no bit of a proof can be another", async () => {
    const document = JSON.parse(proof)
    const bytes = Buffer.from(document.proof, "hex")
    for (let bit = 8; bit < 8 * bytes.length; bit += 397) {
        bytes[bit >> 3] ^= 1 << (bit & 7)
        const forged = { ...document, proof: bytes.toString("hex") }
        await assert.rejects(check({ ...rules, proof: forged }), (error) =>
            ["proof_rejected", "proof_point_invalid", "proof_scalar_invalid"].includes(error.code))
        bytes[bit >> 3] ^= 1 << (bit & 7)
    }
})

test("a store that does not say yes accepts nobody", async () => {
    for (const record of [() => undefined, () => 1, () => "true", () => false, async () => false]) {
        await assert.rejects(verify({ ...rules, proof, nullifiers: { record } }), refusal("nullifier_already_used"))
    }
    const broken = { record: () => { throw new Error("disk full") } }
    await assert.rejects(verify({ ...rules, proof, nullifiers: broken }), refusal("nullifier_store_failed"))
    await assert.rejects(verify({ ...rules, proof }), refusal("options_malformed"))
    // What is refused is not recorded.
    const nullifiers = new MemoryNullifiers()
    await assert.rejects(verify({ ...rules, signal: "no", proof, nullifiers }), refusal("signal_differs"))
    assert.equal(nullifiers.size, 0)
})

test("of two at once one is accepted", async () => {
    const nullifiers = new MemoryNullifiers()
    const both = await Promise.allSettled([1, 2].map(() => verify({ ...rules, proof, nullifiers })))
    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"])
})

test("an error is one whichever way the package was loaded", async () => {
    const error = await check({ ...rules, proof, signal: "no" }).catch((error) => error)
    assert.ok(error instanceof PersonhoodError && error instanceof Error)
    assert.ok(!(new Error("other") instanceof PersonhoodError))
    assert.match(String(error), /^PersonhoodError: the proof was made for another message/)
})
