// What a Semaphore v4 proof costs in Node, tree of depth 30: `npm install && node measure.mjs [RUNS]`.
//
// CPU time of the whole process, because snarkjs works in several threads; the artefacts come from the package on disk, and
// reading them is part of the time, as it is for everybody. Prints one line of JSON.
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

import { generateProof, Group, Identity, verifyProof } from "@semaphore-protocol/core"

const DEPTH = 30
const runs = Number(process.argv[2] ?? 5)
const artefacts = dirname(createRequire(import.meta.url).resolve("@zk-kit/semaphore-artifacts/package.json"))
const files = { wasm: join(artefacts, `semaphore-${DEPTH}.wasm`), zkey: join(artefacts, `semaphore-${DEPTH}.zkey`) }

async function measure(work) {
    const times = []
    for (let run = 0; run <= runs; run++) {
        const before = process.cpuUsage()
        await work()
        const { user, system } = process.cpuUsage(before)
        if (run > 0) times.push((user + system) / 1000) // the first one warms the machine up
    }
    times.sort((a, b) => a - b)
    return { best: times[0], median: times[times.length >> 1], runs: times }
}

const identity = new Identity("the secret of a bench")
const group = new Group(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)))
group.addMember(identity.commitment)

let proof
const prove = await measure(async () => {
    proof = await generateProof(identity, group, "yes", "budget 2027", DEPTH, files)
})
const verify = await measure(async () => {
    if (!(await verifyProof(proof))) throw new Error("the proof was not accepted")
})
console.log(JSON.stringify({ system: "Semaphore 4.14.2, Node " + process.version, depth: DEPTH, prove_cpu_ms: prove, verify_cpu_ms: verify }))
process.exit(0)
