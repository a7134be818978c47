// What a proof costs in WebAssembly, one thread, by the clock:
//
//     cargo build --release --target wasm32-unknown-unknown
//     node measure.mjs                      in Node
//     node measure.mjs --html >page.html && chromium --headless --no-sandbox --dump-dom "file://$PWD/page.html"
//
// The page holds the module and the same code as this file, and writes the same line.
import { readFileSync } from "node:fs"

function measure(bytes) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {})
    const time = (runs, per, work) => {
        work(0)
        const times = []
        for (let run = 1; run <= runs; run++) {
            const start = performance.now()
            work(run)
            times.push((performance.now() - start) / per)
        }
        times.sort((a, b) => a - b)
        return { best: times[0], median: times[runs >> 1] }
    }
    const good = (accepted) => {
        if (accepted !== 1) throw new Error("the proof was not accepted")
    }
    const setup_ms = time(3, 1, () => exports.setup(1))
    const prove_ms = time(15, 1, (run) => exports.prove(run))
    const verify_ms = time(30, 1, () => good(exports.verify(1)))
    const batch64_ms_per_proof = time(5, 64, () => good(exports.verify(64)))
    return JSON.stringify({ module_bytes: bytes.length, setup_ms, prove_ms, verify_ms, batch64_ms_per_proof })
}

const file = new URL("target/wasm32-unknown-unknown/release/bench_wasm.wasm", import.meta.url)
const bytes = readFileSync(process.env.BENCH_WASM ?? file)
if (process.argv[2] === "--html") {
    console.log(`<pre id="out">the module did not run</pre><script>
const bytes = Uint8Array.from(atob("${bytes.toString("base64")}"), (c) => c.charCodeAt(0))
${measure}
document.getElementById("out").textContent = navigator.userAgent + " " + measure(bytes)
</script>`)
} else {
    console.log(`Node ${process.version} ${measure(bytes)}`)
}
