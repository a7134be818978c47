import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { chromium, launch, serve } from "./browser.mjs"
import { action, membership, proof, rules, secretFile } from "./documents.mjs"

const skip = chromium ? false : "chromium is not installed"
let browser
before(async () => { if (!skip) browser = await launch() })
after(() => browser?.close())

const values = { action, membership, proof, rules, secret: [...secretFile()] }

/** Runs `work` in a page of the package's files. */
async function inPage(isolated, work) {
    const server = await serve({ isolated })
    const page = await browser.newPage()
    try {
        const complaints = []
        page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
        page.on("pageerror", (error) => complaints.push(String(error)))
        await page.goto(server.url)
        const result = await page.evaluate(work, values)
        assert.deepEqual(complaints, [])
        return { ...result, requests: server.requests }
    } finally {
        await page.close()
        server.close()
    }
}

test("a page verifies, and loads nothing of the prover", { skip }, async () => {
    const { accepted, refused, milliseconds, requests } = await inPage(false, async ({ proof, rules }) => {
        const { check, loadVerifier } = await import("/index.js")
        await loadVerifier()
        const milliseconds = []
        let accepted
        for (let run = 0; run < 40; run++) {
            const start = performance.now()
            accepted = await check({ ...rules, proof })
            milliseconds.push(performance.now() - start)
        }
        const refused = await check({ ...rules, proof, signal: "no" }).catch(({ code }) => code)
        return { accepted, refused, milliseconds }
    })
    assert.equal(accepted.nullifier, JSON.parse(proof).statement.nullifier)
    assert.equal(refused, "signal_differs")
    milliseconds.sort((a, b) => a - b)
    const [best, median] = [milliseconds[0], milliseconds[20]].map((time) => Number(time.toFixed(1)))
    console.log(`verify in the page: best ${best} ms, median ${median} ms`)
    // The goals are 25 ms here and 600 ms below; benches/RECORD.md has what was measured. A busy machine is no defect.
    assert.ok(best <= 250, `${best} ms`)
    assert.ok(!requests.some((url) => url.includes("personhood_prover") || url.includes("worker")), requests.join())
})

for (const isolated of [false, true]) {
    test(`a page ${isolated ? "with" : "without"} shared memory proves and goes on drawing`, { skip }, async () => {
        const { runs, made, cancelled, steps, isolated: has, requests } = await inPage(isolated, async ({ action, membership, secret }) => {
            const { loadProver, newIdentity, prove, restoreIdentity } = await import("/prover.js")
            await loadProver()
            const identity = await restoreIdentity(Uint8Array.from(secret))
            const options = { ...action, identity, membership }
            const runs = []
            let made
            for (let run = 0; run < 8; run++) {
                let [last, gap, frames, on] = [performance.now(), 0, 0, true]
                const frame = (now) => {
                    gap = Math.max(gap, now - last)
                    last = now
                    frames++
                    if (on) requestAnimationFrame(frame)
                }
                requestAnimationFrame(frame)
                const start = performance.now()
                made = await prove(options)
                runs.push({ milliseconds: performance.now() - start, gap, frames })
                on = false
            }
            const stop = new AbortController()
            let steps = 0
            const onProgress = () => { if (++steps === 3) stop.abort() }
            const cancelled = await prove(options, { onProgress, signal: stop.signal }).catch(({ code }) => code)
            // After that everything still works.
            await prove({ ...options, identity: await restoreIdentity((await newIdentity()).backUp()) }).catch(({ code }) => code)
            made = await prove(options)
            return { runs, made, cancelled, steps, isolated: crossOriginIsolated }
        })
        const { check } = await import("personhood")
        assert.equal((await check({ ...rules, proof: made })).nullifier, JSON.parse(proof).statement.nullifier)
        assert.equal(cancelled, "cancelled")
        assert.equal(has, isolated)
        assert.ok(steps < 15, `${steps} steps although it was stopped after 3`)
        runs.sort((a, b) => a.milliseconds - b.milliseconds)
        const best = runs[0]
        const gaps = runs.map(({ gap }) => gap).sort((a, b) => a - b)
        console.log(`prove in a worker${isolated ? ", isolated" : ""}: best ${best.milliseconds.toFixed(0)} ms, median ` +
            `${runs[4].milliseconds.toFixed(0)} ms; longest gap between frames ${gaps[0].toFixed(0)} ms at best, ` +
            `${gaps[4].toFixed(0)} ms median, ${gaps[7].toFixed(0)} ms at worst; ${best.frames} frames in the best run`)
        assert.ok(best.milliseconds <= 6000, `${best.milliseconds} ms`)
        // A page that waited for the proof would draw no frame in it.
        assert.ok(best.frames >= 4 && best.gap < best.milliseconds / 2, `${best.frames} frames, ${best.gap} ms without one`)
        assert.ok(!requests.some((url) => url.includes("personhood_verifier")), requests.join())
    })
}
