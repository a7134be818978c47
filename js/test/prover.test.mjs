import assert from "node:assert/strict"
import { test } from "node:test"
import { inspect } from "node:util"
import { Identity, check, closeProver, newIdentity, prove, restoreIdentity } from "personhood"
import { action, membership, proof, refusal, rules, secretFile } from "./documents.mjs"

const shown = (value) => `${inspect(value, { depth: 9, showHidden: true })}${JSON.stringify(value)}${value}${value?.stack ?? ""}`

test("a proof made here is accepted, and its nullifier is the one of the program", async () => {
    const identity = await restoreIdentity(secretFile())
    const steps = []
    const made = await prove({ ...action, identity, membership }, { onProgress: ({ done, total }) => steps.push([done, total]) })
    const accepted = await check({ ...rules, proof: made })
    assert.equal(accepted.nullifier, JSON.parse(proof).statement.nullifier)
    assert.deepEqual(made.statement, JSON.parse(proof).statement)
    assert.notEqual(made.proof, JSON.parse(proof).proof)
    assert.deepEqual(steps.at(-1), [29, 29])
    assert.ok(steps.length > 10 && steps.every(([done], at) => at === 0 || done > steps[at - 1][0]))
    // Documents may come parsed.
    await check({ ...rules, proof: await prove({ ...action, identity, membership: JSON.parse(membership) }) })
})

test("identities are new each time, and come back from their backup", async () => {
    const [a, b] = [await newIdentity(), await newIdentity()]
    assert.match(a.commitment, /^[0-9a-f]{64}$/)
    assert.notEqual(a.commitment, b.commitment)
    const file = a.backUp()
    assert.equal(file.length, 69)
    assert.equal((await restoreIdentity(file)).commitment, a.commitment)
    // A backup is a copy: wiping it wipes nothing else.
    file.fill(0)
    assert.notDeepEqual(a.backUp(), file)
    const damaged = a.backUp()
    damaged[40] ^= 1
    await assert.rejects(restoreIdentity(damaged), refusal("secret_checksum"))
    damaged[0] = 9
    await assert.rejects(restoreIdentity(damaged), refusal("secret_version"))
    await assert.rejects(restoreIdentity(damaged.subarray(1)), refusal("secret_length"))
    await assert.rejects(restoreIdentity("secret"), refusal("secret_length"))
})

test("nothing shows a secret, and a freed one is gone", async () => {
    const identity = await restoreIdentity(secretFile())
    const stranger = await newIdentity()
    const errors = await Promise.all([
        prove({ ...action, identity: stranger, membership }).catch((error) => error),
        prove({ ...action, identity, membership: "{}" }).catch((error) => error),
        prove({ ...action, identity, membership, more: 1 }).catch((error) => error),
        prove({ ...action, identity, membership, issuedNoLaterThan: 1 }).catch((error) => error),
        prove({ ...action, identity, membership, assuranceAtLeast: 3 }).catch((error) => error),
        prove({ ...action, identity, membership, expiresNoEarlierThan: 1_900_000_001 }).catch((error) => error),
        prove({ ...action, identity: {}, membership }).catch((error) => error),
    ])
    const codes = errors.map(({ code }) => code)
    assert.deepEqual(codes, ["not_a_member", "membership_malformed", "options_malformed", "issued_too_late", "assurance_too_low",
        "expires_too_early", "options_malformed"])
    for (const [holder, file] of [[identity, secretFile()], [stranger, stranger.backUp()]]) {
        const said = [holder, structuredClone({ holder: { ...holder } }), ...errors].map(shown).join().toLowerCase()
        for (const part of [file.subarray(1, 33), file.subarray(33, 65)]) {
            for (const order of [part, part.toReversed()]) {
                assert.ok(!said.includes(Buffer.from(order).toString("hex").slice(0, 12)))
                assert.ok(!said.includes([...order.subarray(0, 6)].join(", ")))
            }
        }
    }
    assert.equal(JSON.stringify(identity), JSON.stringify({ commitment: identity.commitment }))
    identity.free()
    identity.free()
    assert.throws(() => identity.backUp(), refusal("identity_freed"))
    await assert.rejects(prove({ ...action, identity, membership }), refusal("identity_freed"))
    assert.ok(identity instanceof Identity)
})

test("a proof can be stopped, and the next one is made", async () => {
    const identity = await restoreIdentity(secretFile())
    const stop = new AbortController()
    let heard = 0
    const onProgress = () => { if (++heard === 3) stop.abort() }
    await assert.rejects(prove({ ...action, identity, membership }, { onProgress, signal: stop.signal }), refusal("cancelled"))
    assert.ok(heard < 15, `${heard} steps after it was stopped`)
    await assert.rejects(prove({ ...action, identity, membership }, { signal: stop.signal }), refusal("cancelled"))
    await check({ ...rules, proof: await prove({ ...action, identity, membership }, { signal: new AbortController().signal }) })
    // Closed in the middle, it says so, and starts again.
    const closed = prove({ ...action, identity, membership }, { onProgress: closeProver })
    await assert.rejects(closed, refusal("cancelled"))
    await check({ ...rules, proof: await prove({ ...action, identity, membership }) })
})

test("proofs that are asked for at once are all made", async () => {
    const identity = await restoreIdentity(secretFile())
    const asked = ["2027", "2028", "2029"].map((period) => prove({ ...action, scope: { ...action.scope, period }, identity, membership }))
    const nullifiers = (await Promise.all(asked)).map(({ statement }) => statement.nullifier)
    assert.equal(new Set(nullifiers).size, 3)
})
