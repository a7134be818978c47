// The holder's page: identity, membership and request in, proof out. It speaks to no other host, and keeps nothing.
import { closeProver, newIdentity, prove, restoreIdentity } from "../prover.js"

const $ = (id) => document.getElementById(id)
let identity
let request
let stop

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
    ["message", ({ signal }) => signal],
    ["enrolled by", ({ issuedNoLaterThan }) => time(issuedNoLaterThan)],
    ["valid until", ({ expiresNoEarlierThan }) => time(expiresNoEarlierThan)],
    ["assurance", ({ assuranceAtLeast }) => assuranceAtLeast],
]
const time = (seconds) => (seconds === undefined ? undefined : new Date(seconds * 1000).toISOString())

/** Shows in words what would be proved, before it is. */
$("request").oninput = () => {
    request = undefined
    $("asked").replaceChildren()
    $("asked").hidden = $("result").hidden = true
    say("")
    const text = $("request").value.trim()
    if (text !== "") {
        try {
            const asked = JSON.parse(text)
            for (const [word, value] of WORDS) {
                const said = value(asked)
                if (said === undefined) continue
                const [term, detail] = [document.createElement("dt"), document.createElement("dd")]
                term.textContent = word
                detail.textContent = said
                $("asked").append(term, detail)
            }
            $("asked").hidden = false
            request = asked
        } catch {
            say("The request is not understood; copy all of it. [options_malformed]")
        }
    }
    ready()
}

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
$("save-proof").onclick = doing(async () => save("proof.json", $("proof").value, "application/json"))
addEventListener("beforeunload", (event) => { if (identity && !$("not-saved").hidden) event.preventDefault() })
addEventListener("pagehide", () => identity?.free())
ready()
