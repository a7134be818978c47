// The holder's page: identity, membership and request in, proof out. It speaks to no other host, and keeps nothing.
import { closeProver, newIdentity, prove, readRequest, restoreIdentity } from "../prover.js"
import { canScan, scan } from "./scan.js"

const $ = (id) => document.getElementById(id)
let identity
let request
let stop
/** Whether this page comes from a server of the registry, which then has the memberships and the key of its own requests. */
const SERVED = location.pathname.endsWith("/holder/page/")

/** Says something to everybody, screen readers included. */
const say = (text) => { $("said").textContent = text }

/** Runs what a person asked for; a failure is said with its code. */
const doing = (work) => async (event) => {
    say("")
    try {
        await work(event)
    } catch (error) {
        say(error.code === "cancelled" ? "Stopped. Nothing was made." : `${error.message}${error.code ? ` [${error.code}]` : ""}`)
    }
    ready()
}

function ready() {
    $("prove").disabled = !(identity && request && $("membership").value.trim()) || stop !== undefined
    $("identity").hidden = identity === undefined
    $("fetch").disabled = identity === undefined
    $("stop").hidden = $("progress").hidden = stop === undefined
}

function take(found, saved) {
    identity?.free()
    identity = found
    $("commitment").textContent = found.commitment
    $("not-saved").hidden = saved
    $("result").hidden = true
}

function save(name, bytes, type) {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([bytes], { type }))
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

const copy = (id) => doing(async () => {
    await navigator.clipboard.writeText($(id).value ?? $(id).textContent)
    say("Copied.")
})

$("new").onclick = doing(async () => {
    if (identity && !$("not-saved").hidden && !confirm("The identity here has no backup and would be lost. Make another?")) return
    take(await newIdentity(), false)
    say("There is a new identity in this page. Save its backup before you leave.")
})

$("restore").onchange = doing(async ({ target }) => {
    const [file] = target.files
    if (file === undefined) return
    // A secret file has 69 bytes; what is much longer is not read.
    const bytes = new Uint8Array(await file.slice(0, 4096).arrayBuffer())
    target.value = ""
    try {
        take(await restoreIdentity(bytes), true)
    } finally {
        bytes.fill(0)
    }
    say("The identity is restored.")
})

$("back-up").onclick = doing(async () => {
    const bytes = identity.backUp()
    save("personhood.secret", bytes, "application/octet-stream")
    bytes.fill(0)
    $("not-saved").hidden = true
    say("The backup is saved. Keep it where nobody else can read it.")
})

$("forget").onclick = doing(async () => {
    if (!$("not-saved").hidden && !confirm("There is no backup. Forget the identity for ever?")) return
    identity.free()
    identity = undefined
    closeProver()
    say("The identity is forgotten.")
})

$("membership-file").onchange = doing(async ({ target }) => {
    const [file] = target.files
    if (file === undefined) return
    $("membership").value = await file.slice(0, 1 << 15).text()
    target.value = ""
})
$("membership").oninput = ready

const WORDS = [
    ["app", ({ scope }) => scope.app],
    ["action", ({ scope }) => scope.action],
    ["period", ({ scope }) => scope.period],
    ["message", ({ signal }) => signal || undefined],
    ["enrolled by", ({ issuedNoLaterThan }) => time(issuedNoLaterThan)],
    ["valid until", ({ expiresNoEarlierThan }) => time(expiresNoEarlierThan)],
    ["assurance", ({ assuranceAtLeast }) => (assuranceAtLeast ? ["one eye or both", "both eyes"][assuranceAtLeast - 1] ?? assuranceAtLeast : undefined)],
    ["answer until", ({ until }) => time(until)],
]
const time = (seconds) => (seconds === undefined ? undefined : `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`)

$("fetch").hidden = $("fetch-help").hidden = !SERVED
$("fetch").onclick = doing(async () => {
    const response = await fetch(`/v3/identities/0x${identity.commitment}/inclusion-proof/processed`, { cache: "no-store", credentials: "omit" })
    const answer = await response.json()
    if (!response.ok) throw Object.assign(new Error(answer.errorMessage), { code: answer.errorId })
    const { issuedAt: issued_at, expiresAt: expires_at, assurance } = answer.credential
    const file = { format: "personhood-membership", version: 1, root: answer.root.slice(2), credential: { issued_at, expires_at, assurance }, path: answer.path }
    $("membership").value = JSON.stringify(file, undefined, 2)
    say("The membership is here.")
})

/** The keys that the holder knows: that of this server, and the one that was typed in. */
async function knownKeys() {
    const typed = $("service-key").value.trim().replace(/^0x/, "")
    if (typed !== "" || !SERVED) return typed === "" ? [] : [typed]
    const { keys } = await (await fetch("/api/v1/jwks", { credentials: "omit" })).json()
    return keys.map(({ kid }) => kid)
}

const decoded = (text) => new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0)))

/** A signed request in a link or by itself, and the message where the link tells it; undefined for anything else. */
function signedIn(text) {
    if (/^(0x[0-9a-f]+|[A-Za-z0-9_-]{100,})$/.test(text)) return { signed: text }
    const behind = text.indexOf("#")
    if (behind < 0 || text.startsWith("{")) return undefined
    const values = new URLSearchParams(text.slice(behind + 1))
    if (!values.has("request")) return undefined
    return { signed: values.get("request"), message: values.has("signal") ? decoded(values.get("signal")) : undefined }
}

/** Shows in words what would be proved, before it is. */
function show(asked) {
    for (const [word, value] of WORDS) {
        const said = value(asked)
        if (said === undefined) continue
        const [term, detail] = [document.createElement("dt"), document.createElement("dd")]
        term.textContent = word
        detail.textContent = said
        $("asked").append(term, detail)
    }
    $("asked").hidden = false
}

function judged(text, good) {
    $("judged").textContent = text
    $("judged").className = `verdict ${good ? "good" : "bad"}`
    $("judged").hidden = false
}

// What is typed while an answer is awaited makes the answer one to an old question.
let turn = 0
async function understand() {
    const mine = ++turn
    request = undefined
    $("asked").replaceChildren()
    $("asked").hidden = $("result").hidden = $("judged").hidden = true
    say("")
    const text = $("request").value.trim()
    const signed = text === "" ? undefined : signedIn(text)
    $("signed").hidden = signed === undefined
    ready()
    if (text === "") return
    if (signed === undefined) {
        try {
            const asked = JSON.parse(text)
            show(asked)
            judged("Nobody has signed this. Prove it only if you typed it yourself.", false)
            request = asked
        } catch {
            $("asked").replaceChildren()
            say("The request is not understood; copy all of it. [options_malformed]")
        }
        return ready()
    }
    try {
        if (signed.message !== undefined && $("message").dataset.of !== text) $("message").value = signed.message
        $("message").dataset.of = text
        const keys = await knownKeys()
        const { key, scope, nonce, issuedNoLaterThan, expiresNoEarlierThan, assuranceAtLeast, expiresAt, signal: hash } = await readRequest(signed.signed, { keys })
        if (mine !== turn) return
        const signal = $("message").value
        const asked = { scope, nonce, issuedNoLaterThan, expiresNoEarlierThan, assuranceAtLeast, signal: hash }
        show({ ...asked, signal, until: expiresAt })
        await readRequest(signed.signed, { keys, signal })
        if (mine !== turn) return
        judged(`Signed by the service with the key ${key.slice(0, 8)}…, for this app and this message.`, true)
        request = asked
    } catch (error) {
        if (mine !== turn) return
        const other = error.code === "request_other_signal"
        judged(other ? "Type the message that you mean to send: the request is for another one. [request_other_signal]"
            : `${error.message}${error.code ? ` [${error.code}]` : ""}`, false)
    }
    ready()
}
for (const id of ["request", "message", "service-key"]) $(id).oninput = understand

/** A link to this page has its request behind the '#'. It is taken out of the address, so that it does not stay in the history. */
function fromAddress() {
    if (!location.hash.includes("request=")) return
    $("request").value = location.href
    history.replaceState(null, "", location.pathname)
    understand()
}
addEventListener("hashchange", fromAddress)
fromAddress()

canScan().then((can) => { $("scan").hidden = $("scan-help").hidden = !can })
$("scan").onclick = doing(async () => {
    $("viewfinder").hidden = false
    try {
        const found = await scan($("video"), (stopped) => { $("scan-stop").onclick = stopped })
        if (found !== undefined) {
            $("request").value = found
            await understand()
            $("request").focus()
        }
    } finally {
        $("viewfinder").hidden = true
    }
})

$("prove").onclick = doing(async () => {
    stop = new AbortController()
    $("progress").value = 0
    $("result").hidden = true
    ready()
    try {
        const onProgress = ({ done, total }) => { $("progress").value = done / total }
        const { scope, signal, ...bounds } = request
        const proof = await prove({ ...bounds, scope, signal, identity, membership: $("membership").value }, { onProgress, signal: stop.signal })
        $("proof").value = JSON.stringify(proof, undefined, 2)
        $("result").hidden = false
        $("result-title").focus()
        say("The proof is made.")
    } finally {
        stop = undefined
    }
})

$("stop").onclick = () => stop?.abort()
$("copy-commitment").onclick = copy("commitment")
$("copy-proof").onclick = copy("proof")
/** What `POST /api/v2/verify/{app_id}` reads; the service adds the hash of the message that it acts on. */
$("copy-body").onclick = doing(async () => {
    const { statement, proof } = JSON.parse($("proof").value)
    const { scope } = request
    const body = {
        action: scope.action, merkle_root: `0x${statement.root}`, nullifier_hash: `0x${statement.nullifier}`, proof: `0x${proof}`,
        verification_level: "orb", nonce: `0x${statement.nonce}`, use_index: statement.use_index, ...(scope.period && { period: scope.period }),
    }
    await navigator.clipboard.writeText(JSON.stringify(body))
    say("Copied.")
})
$("save-proof").onclick = doing(async () => save("proof.json", $("proof").value, "application/json"))
addEventListener("beforeunload", (event) => { if (identity && !$("not-saved").hidden) event.preventDefault() })
addEventListener("pagehide", () => identity?.free())
ready()
