// The holder's page as a person uses it: with the keyboard, in light and in dark.
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { check } from "personhood"
import { chromium, launch, serve } from "./browser.mjs"
import { contrast, nameless } from "./look.mjs"
import { action, membership, rules, secretFile } from "./documents.mjs"

const skip = chromium ? false : "chromium is not installed"
const path = (name) => fileURLToPath(new URL(`../../testdata/envelope/${name}`, import.meta.url))

test("a person makes, backs up, forgets and restores an identity, and proves", { skip }, async () => {
    const server = await serve({ isolated: false })
    const browser = await launch()
    try {
        const page = await browser.newPage({ acceptDownloads: true, viewport: { width: 420, height: 1250 } })
        const complaints = []
        page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
        page.on("pageerror", (error) => complaints.push(String(error)))
        page.on("dialog", (dialog) => dialog.accept())
        await page.goto(`${server.url}holder/index.html`)
        const said = (text) => page.waitForFunction((text) => document.getElementById("said").textContent.includes(text), text)
        assert.equal(await page.isDisabled("#prove"), true)

        // With the keyboard alone: the first stop is the first button.
        await page.keyboard.press("Tab")
        assert.equal(await page.evaluate(() => document.activeElement.id), "new")
        await page.keyboard.press("Enter")
        await said("new identity")
        const commitment = await page.textContent("#commitment")
        assert.match(commitment, /^[0-9a-f]{64}$/)
        const [download] = await Promise.all([page.waitForEvent("download"), page.click("#back-up")])
        const backup = await readFile(await download.path())
        assert.equal(backup.length, 69)
        await page.click("#forget")
        await said("forgotten")
        await page.setInputFiles("#restore", { name: "backup", mimeType: "", buffer: backup })
        await said("restored")
        assert.equal(await page.textContent("#commitment"), commitment)

        // Somebody else's membership is no use, and it says why.
        await page.setInputFiles("#membership-file", path("membership.json"))
        await page.fill("#request", JSON.stringify(action))
        await page.click("#prove")
        await said("[not_a_member]")
        await page.setInputFiles("#restore", { name: "wrong", mimeType: "", buffer: backup.subarray(1) })
        await said("[secret_length]")

        await page.setInputFiles("#restore", { name: "holder.secret", mimeType: "", buffer: Buffer.from(secretFile()) })
        await said("restored")
        await page.fill("#request", "{")
        await said("[options_malformed]")
        assert.equal(await page.isDisabled("#prove"), true)
        await page.fill("#request", JSON.stringify(action))
        assert.match(await page.textContent("#asked"), /polls\.example.*budget.*2027.*yes/)
        await page.click("#prove")
        await said("The proof is made")
        const proof = await page.inputValue("#proof")
        await check({ ...rules, proof })
        assert.equal(await page.evaluate(() => document.activeElement.id), "result-title")

        // What is asked for is shown as text, whatever it is.
        await page.fill("#request", JSON.stringify({ ...action, scope: { ...action.scope, app: "<img src=x onerror=alert(1)>" } }))
        assert.equal(await page.locator("#asked img").count(), 0)
        assert.equal(await page.isHidden("#result"), true, "a proof for another request is not shown with this one")

        // Every control has a name; every text enough contrast, in light and dark; nothing is wider than a telephone.
        assert.deepEqual(await page.evaluate(nameless), [])
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme })
            const low = await page.evaluate(contrast)
            assert.deepEqual(low, [], colorScheme)
            if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/holder-${colorScheme}.png`, fullPage: true })
        }
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
        assert.deepEqual(complaints.filter((text) => !text.includes("favicon")), [])
        assert.ok(server.requests.every((url) => url.startsWith("/")))
    } finally {
        await browser.close()
        server.close()
    }
})
