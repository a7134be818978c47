// What a secret leaves behind in the module's memory: looked for, byte by byte.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import init, { Identity } from "../wasm/personhood_prover.js"
import { action, membership, secretFile } from "./documents.mjs"

const places = (memory, bytes) => {
    const haystack = Buffer.from(memory.buffer)
    let count = 0
    for (let at = haystack.indexOf(bytes); at >= 0; at = haystack.indexOf(bytes, at + 1)) count++
    return count
}

test("a freed identity is nowhere in the module's memory", async () => {
    const { memory } = await init({ module_or_path: readFileSync(new URL("../wasm/personhood_prover_bg.wasm", import.meta.url)) })
    const file = secretFile()
    // Halves of both scalars: a copy that was cut off counts too.
    const parts = [1, 17, 33, 49].map((at) => file.subarray(at, at + 15))
    const left = () => parts.map((part) => places(memory, part))
    const { signal, ...wanted } = action
    const identity = Identity.restore(file)
    const before = left()
    const proof = JSON.parse(identity.prove(JSON.stringify(wanted), new TextEncoder().encode(signal), membership, () => true))
    assert.equal(proof.version, 1)
    identity.backUp(new Uint8Array(69))
    identity.commitment()
    identity.free()
    console.log(`while held ${before}, after it was freed ${left()}`)
    assert.deepEqual(left(), [0, 0, 0, 0])

    const fresh = Identity.generate()
    const copy = new Uint8Array(69)
    fresh.backUp(copy)
    fresh.free()
    for (const at of [1, 17, 33, 49]) assert.equal(places(memory, copy.subarray(at, at + 15)), 0, `byte ${at} of a new secret`)
})
