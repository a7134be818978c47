// The matcher in WebAssembly, with and without simd128, against counting column by column:
//
//     cargo build --release --target wasm32-unknown-unknown
//     node kernels.mjs target/wasm32-unknown-unknown/release/bench_wasm.wasm
//     RUSTFLAGS="-C target-feature=+simd128" cargo build --release --target wasm32-unknown-unknown --target-dir target/simd128
//     node kernels.mjs target/simd128/wasm32-unknown-unknown/release/bench_wasm.wasm
//
// Writes how many comparisons a search makes per second.
import { readFileSync } from "node:fs"

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2])), {})
if (exports.check_kernels(1) !== 1) {
    console.error("a kernel counted wrongly")
    process.exit(1)
}
exports.search()
const rates = Array.from({ length: 25 }, () => {
    const start = performance.now()
    const comparisons = exports.search()
    return (comparisons / (performance.now() - start)) * 1000
})
const comparisons_per_s = Math.round(rates.sort((a, b) => a - b)[12])
console.log(`Node ${process.version} ${JSON.stringify({ comparisons_per_s })}`)
