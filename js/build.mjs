// Makes `wasm/` beside this file: two modules of the crate, each from one of its features.
//
//     node js/build.mjs
//
// Needs cargo with the target wasm32-unknown-unknown and the `wasm-bindgen` program of the version in Cargo.lock
// (`cargo install wasm-bindgen-cli --version …`, or its path in WASM_BINDGEN). The package `binaryen`, if `npm install` put it
// here, makes the modules smaller; Debian's is too old and breaks them.
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"

const js = fileURLToPath(new URL(".", import.meta.url))
const repository = fileURLToPath(new URL("..", import.meta.url))
const target = `${repository}target/wasm-modules`
const run = (program, values, options = {}) => execFileSync(program, values, { cwd: repository, stdio: "inherit", ...options })

const wanted = /name = "wasm-bindgen"\nversion = "(.*)"/.exec(readFileSync(`${repository}Cargo.lock`, "utf8"))[1]
const bindgen = process.env.WASM_BINDGEN ?? "wasm-bindgen"
const found = spawnSync(bindgen, ["--version"], { encoding: "utf8" }).stdout?.trim()
if (found !== `wasm-bindgen ${wanted}`) {
    console.error(`error: wasm-bindgen ${wanted} is needed and ${found ?? "none"} is there: cargo install wasm-bindgen-cli --version ${wanted}`)
    process.exit(1)
}
const optimiser = `${js}node_modules/.bin/wasm-opt`
const optimised = existsSync(optimiser)
// What rustc and wasm-bindgen use, and every browser of the last years has.
const FEATURES = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"]
    .map((feature) => `--enable-${feature}`)

rmSync(`${js}wasm`, { recursive: true, force: true })
mkdirSync(`${js}wasm`)
for (const kind of ["verifier", "prover"]) {
    const name = `personhood_${kind}`
    // A cdylib by command: `crate-type` in Cargo.toml would make one for every dependent. Paths of the machine are left out, so
    // that every machine makes the same bytes.
    const remap = [`--remap-path-prefix=${repository}=`, `--remap-path-prefix=${process.env.CARGO_HOME ?? `${process.env.HOME}/.cargo`}=cargo`]
    run("cargo", [
        "rustc", "--locked", "--lib", "--crate-type", "cdylib", "--profile", "wasm", "--target", "wasm32-unknown-unknown",
        "--no-default-features", "--features", `wasm-${kind}`,
    ], { env: { ...process.env, CARGO_TARGET_DIR: target, RUSTFLAGS: remap.join(" ") } })
    const module = `${target}/wasm32-unknown-unknown/wasm/personhood.wasm`
    run(bindgen, ["--target", "web", "--no-typescript", "--out-dir", `${js}wasm`, "--out-name", name, module])
    const wasm = `${js}wasm/${name}_bg.wasm`
    if (optimised) run(optimiser, [...FEATURES, "-O3", "--strip-debug", "--strip-producers", "-o", wasm, wasm])
    const glue = `${js}wasm/${name}.js`
    const sizes = [wasm, glue].map((file) => ({ raw: statSync(file).size, gzip: gzipSync(readFileSync(file), { level: 9 }).length }))
    const sum = (of) => sizes.reduce((total, size) => total + size[of], 0)
    console.log(`${kind}: ${sum("raw")} bytes, ${sum("gzip")} gzipped, glue included${optimised ? "" : " (not optimised: npm install)"}`)
}
