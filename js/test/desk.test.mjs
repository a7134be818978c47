// The desk and the holder's page as `personhood serve` serves them, from the first picture to the erasure.
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { chromium, launch } from "./browser.mjs"
import { contrast, nameless } from "./look.mjs"

const program = process.env.PERSONHOOD_PROGRAM ?? ""
const skip = !existsSync(program) ? "PERSONHOOD_PROGRAM does not name the program" : chromium ? false : "chromium is not installed"
const package_ = fileURLToPath(new URL("..", import.meta.url))
const eye = (person, name) => fileURLToPath(new URL(`../../testdata/eyes/person-0${person}/${name}.png`, import.meta.url))
const STAFF = { olga: "operator", ada: "adjudicator", bob: "adjudicator", aude: "auditor", dora: "delete", shop: "request" }
const keyOf = (name) => `the key of ${name}`

/** A server with a desk, pages, a log and a key for requests. */
async function open(folder) {
    const at = (name) => join(folder, name)
    const run = (...values) => {
        const { status, stdout, stderr } = spawnSync(program, values, { encoding: "utf8" })
        assert.equal(status, 0, `${values.join(" ")}\n${stdout}${stderr}`)
    }
    run("init", "--registry", at("registry"))
    run("log", "init", "--registry", at("registry"), "--origin", "registry.example/people")
    writeFileSync(at("apps.toml"), "[[app]]\nid = 'polls.example'\n[[app.action]]\naction = 'budget'\nrequests = true\n")
    const keys = Object.entries(STAFF).map(([name, role]) =>
        `[[key]]\nname = '${name}'\nsha256 = '${createHash("sha256").update(keyOf(name)).digest("hex")}'\nroles = ['${role}']\n`)
    writeFileSync(at("keys.toml"), keys.join(""))
    const child = spawn(program, ["serve", "--registry", at("registry"), "--listen", "127.0.0.1:0", "--apps", at("apps.toml"),
        "--api-keys", at("keys.toml"), "--desk", "--pages", package_, "--request-key", at("request.key"), "--rate-limit", "0", "--json"])
    let said = ""
    child.stderr.on("data", (data) => (said += data))
    const told = await new Promise((resolve, reject) => {
        let text = ""
        child.stdout.on("data", (data) => {
            text += data
            try { resolve(JSON.parse(text)) } catch { /* not all of it yet */ }
        })
        child.on("exit", () => reject(new Error(`it ended: ${said}`)))
    })
    return { ...told, run, registry: at("registry"), close: () => child.kill() }
}

test("enrol, prove, verify, refuse, adjudicate, erase", { skip, timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "personhood-desk-"))
    const server = await open(folder)
    const browser = await launch()
    const complaints = []
    const elsewhere = []
    // A refusal is a status from 400 on, which Chromium reports as an error of the page; those are asked for here.
    const page_ = async (viewport, path) => {
        const page = await browser.newPage({ viewport })
        page.setDefaultTimeout(60_000)
        page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && complaints.push(message.text()))
        page.on("pageerror", (error) => complaints.push(String(error)))
        page.on("dialog", (dialog) => dialog.accept())
        page.on("request", (request) => request.url().startsWith(server.url) || request.url().startsWith("blob:") || elsewhere.push(request.url()))
        await page.goto(server.url + path)
        return page
    }
    try {
        const holder = await page_({ width: 1100, height: 900 }, "/holder/")
        const desk = await page_({ width: 1280, height: 900 }, "/desk/")
        const said = (page, text) => page.waitForFunction((text) => document.getElementById("said").textContent.includes(text), text)
        let shot = 0
        /** In light and dark, wide and narrow: names, contrast, nothing wider than the screen; and a picture to look at. */
        const look = async (page, name) => {
            const wide = page.viewportSize()
            assert.deepEqual(await page.evaluate(nameless), [], name)
            shot++
            for (const colorScheme of ["light", "dark"]) {
                for (const width of [wide.width, 360]) {
                    await page.setViewportSize({ width, height: wide.height })
                    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
                    assert.deepEqual(await page.evaluate(contrast), [], `${name}, ${colorScheme}`)
                    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`)
                    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${shot}-${name}-${colorScheme}-${width}.png`, fullPage: true })
                }
            }
            await page.setViewportSize(wide)
            await page.emulateMedia({ colorScheme: "light" })
        }
        const signIn = async (name) => {
            if (await desk.isVisible("#sign-out")) await desk.click("#sign-out")
            await desk.fill("#key", keyOf(name))
            await desk.keyboard.press("Enter")
            await desk.waitForSelector("#nav:not([hidden])")
        }
        const show = async (person, capture) => {
            for (const side of ["left", "right"]) {
                await desk.setInputFiles(`#${side}`, eye(person, `${side}-${capture}`))
                await desk.waitForSelector(`[data-eye=${side}] .pill`)
                assert.match(await desk.textContent(`[data-eye=${side}] .found`), /usable/)
            }
        }

        // A wrong key opens nothing, and the key is nowhere but in memory.
        await look(desk, "sign-in")
        await desk.fill("#key", "not a key")
        await desk.keyboard.press("Enter")
        await said(desk, "[unauthenticated]")
        assert.equal(await desk.isVisible("#nav"), false)

        // The holder makes an identity; the desk enrols it.
        await holder.click("#new")
        await said(holder, "new identity")
        const commitment = await holder.textContent("#commitment")
        await signIn("olga")
        assert.deepEqual(await desk.$$eval("#nav a:not([hidden])", (links) => links.map((link) => link.textContent)), ["Enrol", "People", "Status"])
        assert.equal(await desk.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0)
        await desk.setInputFiles("#left", { name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") })
        await said(desk, "[image_unknown_format]")
        await show(1, 1)
        await desk.click("#search")
        await said(desk, "The answer: New")
        await desk.fill("#commitment", commitment)
        await look(desk, "enrol")
        await desk.press("#commitment", "Enter")
        await said(desk, "Enrolled as person 1")

        // The service asks, the holder reads by whom and for what, and proves.
        const asked = await (await fetch(`${server.url}/api/v1/requests/polls.example`, {
            method: "POST", headers: { authorization: `Bearer ${keyOf("shop")}`, "content-type": "application/json" },
            body: JSON.stringify({ action: "budget", signal: "grüße ✓", page: server.holder }),
        })).json()
        assert.match(asked.qr, /<svg/)
        await holder.click("#fetch")
        await said(holder, "The membership is here")
        await holder.fill("#request", asked.link)
        await holder.waitForSelector("#judged.good")
        assert.match(await holder.textContent("#asked"), /polls\.example.*budget.*grüße ✓/)
        // For another message, or signed by somebody else, it is not answered.
        await holder.fill("#message", "something else")
        await holder.waitForSelector("#judged.bad")
        assert.equal(await holder.isDisabled("#prove"), true)
        await holder.fill("#message", "grüße ✓")
        await holder.fill("#service-key", "01".repeat(32))
        await holder.waitForFunction(() => document.getElementById("judged").textContent.includes("[request_other_key]"))
        await holder.fill("#service-key", "")
        await holder.waitForSelector("#judged.good")
        await holder.click("#prove")
        await said(holder, "The proof is made")
        await look(holder, "holder")
        const { statement, proof } = JSON.parse(await holder.inputValue("#proof"))
        const body = { action: "budget", signal_hash: undefined, merkle_root: `0x${statement.root}`, nullifier_hash: `0x${statement.nullifier}`, proof: `0x${proof}`, nonce: asked.nonce }
        // World's hash of the signal, as the service computes it of what it acts on; here from the request that it signed.
        const signed = Buffer.from(asked.request.slice(2), "hex")
        body.signal_hash = `0x${signed.subarray(100, 132).toString("hex")}`
        // As a page of another host would ask: the answer may be read there.
        const verify = () => fetch(`${server.url}/api/v2/verify/polls.example`, { method: "POST", headers: { "content-type": "application/json", origin: "https://polls.example" }, body: JSON.stringify(body) })
        const first = await verify()
        assert.equal(first.status, 200, await first.clone().text())
        assert.equal(first.headers.get("access-control-allow-origin"), "*")
        assert.equal((await verify()).status, 400)

        // A link opens the page with the request, and does not stay in the address.
        const opened = await page_({ width: 700, height: 900 }, `/holder/#${asked.link.split("#")[1]}`)
        await opened.waitForSelector("#judged.good")
        assert.equal(await opened.evaluate(() => location.hash), "")
        await opened.close()

        // The same eyes again: refused as long as the rules say so.
        await show(1, 2)
        await desk.click("#search")
        await said(desk, "The answer: Duplicate")
        assert.doesNotMatch(await desk.textContent("#answer"), /distance/, "the operator sees no distance")
        await desk.fill("#commitment", "02".repeat(31) + "00")
        await desk.click("#enrol-button")
        await said(desk, "[duplicate]")

        // Then people decide.
        server.run("policy", "set", "--registry", server.registry, "--adjudicate", "true")
        await desk.click("#search")
        await said(desk, "The answer: Review")
        await look(desk, "duplicate")
        await desk.click("#enrol-button")
        await said(desk, "Review 1")
        const decide = async (name, text) => {
            await signIn(name)
            await desk.click("#queue button")
            await desk.click("#different")
            await desk.fill("#why", `${name} knows both`)
            await desk.click("#confirm-yes")
            await said(desk, text)
        }
        await decide("ada", "others have to decide too")
        await signIn("bob")
        await desk.click("#queue button")
        await desk.waitForSelector("#case img")
        assert.doesNotMatch(await desk.textContent("#case"), /ada knows both/)
        await look(desk, "review")
        await decide("bob", "Enrolled as person 2")
        await signIn("aude")
        await desk.click("#queue button")
        await desk.waitForFunction(() => /ada knows both/.test(document.getElementById("case").textContent))
        await desk.click("a[href='#decisions']")
        await desk.waitForSelector("#decision-rows tr")
        assert.match(await desk.textContent("#decision-rows"), /review 1/)
        await look(desk, "decisions")

        // Whoever asks for it is erased, and proves no more.
        await signIn("dora")
        await desk.fill("#person", "1")
        await desk.keyboard.press("Enter")
        await desk.click("#step-erase")
        await look(desk, "erase")
        await desk.fill("#why", "they asked for it")
        await desk.click("#confirm-yes")
        await said(desk, "Person 1 is erased")
        await holder.click("#fetch")
        await said(holder, "[identity_not_found]")
        await desk.click("a[href='#status']")
        await desk.waitForSelector("#log dd")
        await look(desk, "status")
        const entries = Number((await (await fetch(`${server.url}/log/checkpoint`)).text()).split("\n")[1])
        assert.ok(entries >= 5, `the log has ${entries} entries`)
        const tile = await fetch(`${server.url}/log/tile/entries/000.p/${entries}`)
        assert.equal(tile.headers.get("content-type"), "application/octet-stream")

        // Signed out, nothing of it is left in the page.
        await desk.click("#sign-out")
        assert.equal(await desk.locator("img[src^='blob:']").count(), 0)
        assert.deepEqual([complaints, elsewhere], [[], []])
    } finally {
        await browser.close()
        server.close()
        rmSync(folder, { recursive: true })
    }
})
