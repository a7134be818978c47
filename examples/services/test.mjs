// Every example against a server on loopback: node examples/services/test.mjs
// PERSONHOOD_PROGRAM names the program. A service whose language or packages are not there is skipped by name.
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
const program = process.env.PERSONHOOD_PROGRAM ?? join(here, "../../target/debug/personhood")
const folder = mkdtempSync(join(tmpdir(), "personhood-services-"))
const children = []
const at = (name) => join(folder, name)

function run(values, expected = 0) {
    const { status, stdout, stderr } = spawnSync(program, [...values, "--json"], { encoding: "utf8" })
    assert.equal(status, expected, `${values.join(" ")}\n${stdout}${stderr}`)
    return JSON.parse(stdout)
}

async function freePort() {
    const server = createServer()
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address()
    await new Promise((resolve) => server.close(resolve))
    return port
}

/** Starts a program and waits until something answers at its port. */
async function start(command, values, { port, ...options }) {
    const child = spawn(command, values, { stdio: ["ignore", "pipe", "pipe"], ...options })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data))
    children.push(child)
    for (let tries = 0; tries < 300; tries++) {
        assert.equal(child.exitCode, null, `${command} ended: ${said}`)
        if (await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)) return
        await sleep(100)
    }
    assert.fail(`${command} does not listen: ${said}`)
}

const works = (command, values, options) => spawnSync(command, values, { stdio: "ignore", ...options }).status === 0

/** Each service: what it needs, and how it starts. */
const services = {
    "node-express": {
        ready: (cwd) => works("npm", ["install", "--no-audit", "--no-fund", "--silent"], { cwd }) || "npm does not install its packages",
        command: ["node", "server.mjs"],
    },
    "node-express offline": {
        folder: "node-express",
        offline: true,
        ready: (cwd) =>
            !existsSync(join(here, "../../js/wasm")) ? "js/wasm is not built (node js/build.mjs)"
            : works("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--silent", join(here, "../../js")], { cwd }) || "npm does not install its packages",
        command: ["node", "offline.mjs"],
    },
    "python-fastapi": {
        ready: (cwd) => works("python3", ["-c", "import fastapi, httpx, uvicorn, Crypto"], { cwd }) || "its packages are not installed (pip install -r requirements.txt)",
        command: ["python3", "-m", "uvicorn", "server:app", "--host", "127.0.0.1", "--port", "PORT"],
    },
    "go-nethttp": {
        // From the module proxy, or with Debian's golang-golang-x-crypto-dev.
        ready: (cwd) =>
            [{ GOFLAGS: "-mod=mod" }, { GO111MODULE: "off", GOPATH: "/usr/share/gocode" }]
                .some((more) => works("go", ["build", "-o", at("poll-go"), "."], { cwd, env: { ...process.env, ...more } })) || "go does not build it",
        command: [at("poll-go")],
    },
}

async function vote(port, body) {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const response = await fetch(`http://127.0.0.1:${port}/vote`, { method: "POST", headers: { "content-type": "application/json" }, body: text })
    return [response.status, await response.json()]
}

async function tryService(port, proofs) {
    const { yes, no } = proofs
    assert.deepEqual((await vote(port, { choice: "no", proof: yes }))[0], 400, "a proof for yes is not one for no")
    assert.deepEqual((await vote(port, { choice: "maybe", proof: yes }))[0], 400)
    assert.deepEqual((await vote(port, { choice: "yes" }))[0], 400)
    assert.deepEqual((await vote(port, "{"))[0], 400)
    assert.deepEqual(await vote(port, { choice: "yes", proof: yes }), [200, { counted: "yes" }], "nothing of the above used the vote up")
    assert.deepEqual((await vote(port, { choice: "yes", proof: yes }))[0], 409)
    assert.deepEqual((await vote(port, { choice: "no", proof: no }))[0], 409, "another choice is no second vote")
}

try {
    const eye = (name) => join(here, `../../testdata/eyes/person-01/${name}.png`)
    run(["init", "--registry", at("registry")])
    run(["identity", "new", at("holder.secret")])
    run(["enroll", "--registry", at("registry"), "--left", eye("left-1"), "--right", eye("right-1"), "--identity", at("holder.secret")])
    const prove = (choice, file, ...more) => {
        run(["prove", "--registry", at("registry"), "--identity", at("holder.secret"), "--app", "app_polls", "--action", "mayor-2026",
            "--signal", choice, "--out", at(file), ...more])
        return JSON.parse(readFileSync(at(file), "utf8"))
    }
    const asked = { yes: prove("yes", "yes.json", "--body", "v4"), no: prove("no", "no.json", "--body", "v4") }
    const held = { yes: prove("yes", "yes-file.json"), no: prove("no", "no-file.json") }

    /** A server of its own for each service, so that each sees a first vote. */
    const serve = async (name) => {
        const port = await freePort()
        const values = ["serve", "--registry", at("registry"), "--app", "app_polls", "--action", "mayor-2026", "--seen", at(`${name}.seen`),
            "--listen", `127.0.0.1:${port}`, "--log", "error"]
        await start(program, values, { port })
        return `http://127.0.0.1:${port}`
    }
    for (const [name, { folder: place = name, offline, ready, command }] of Object.entries(services)) {
        const cwd = join(here, place)
        const reason = ready(cwd)
        if (reason !== true) {
            console.log(`skipped: ${name}: ${reason}`)
            continue
        }
        const [url, port] = [await serve(name.replace(" ", "-")), await freePort()]
        writeFileSync(at("roots.json"), await (await fetch(`${url}/api/v1/roots`)).text())
        const env = { ...process.env, PORT: String(port), PERSONHOOD_URL: url, ROOTS: at("roots.json") }
        await start(command[0], command.slice(1).map((word) => (word === "PORT" ? String(port) : word)), { port, cwd, env })
        await tryService(port, offline ? held : asked)
        if (!offline) {
            // Nobody to ask: nobody is counted.
            const server = children.at(-2)
            server.kill("SIGKILL")
            await new Promise((resolve) => server.on("exit", resolve))
            assert.equal((await vote(port, { choice: "yes", proof: asked.yes }))[0], 503)
        }
        console.log(`ok: ${name}`)
    }
    if (works("curl", ["--version"])) {
        const env = { ...process.env, PERSONHOOD_URL: await serve("curl") }
        const ask = (file) => spawnSync(join(here, "curl/verify.sh"), [at(file)], { env, stdio: "ignore" }).status
        assert.equal(ask("yes.json"), 0)
        assert.equal(ask("yes.json"), 1, "the same human again")
        assert.equal(ask("yes-file.json"), 1, "a file that is no request")
        env.PERSONHOOD_URL = "http://127.0.0.1:9"
        assert.equal(ask("yes.json"), 2)
        console.log("ok: curl")
    } else {
        console.log("skipped: curl: it is not installed")
    }
} finally {
    for (const child of children) child.kill("SIGKILL")
    rmSync(folder, { recursive: true })
}
