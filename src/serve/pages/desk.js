// The desk's console: who is signed in, which section is shown, the registry and its log at a glance.
import { startEnrol, stopEnrol } from "./enrol.js"
import { showPeople } from "./people.js"
import { showReviews, stopReviews } from "./reviews.js"
import { $, ask, doing, facts, make, say, setKey, time } from "./service.js"

const SECTIONS = ["enrol", "reviews", "people", "decisions", "status"]
let session

const may = (roles) => session?.roles.some((role) => roles.includes(role))
const links = () => [...document.querySelectorAll("#nav a")]
const allowed = (name) => links().some((link) => link.hash === `#${name}` && !link.hidden)

const shows = {
    enrol: startEnrol,
    reviews: () => showReviews(session),
    people: () => showPeople(session),
    decisions: showDecisions,
    status: showStatus,
}

/** Shows the section of the address, or the first that the key allows. */
async function show() {
    if (session === undefined) return
    const wanted = location.hash.slice(1)
    const name = SECTIONS.includes(wanted) && allowed(wanted) ? wanted : SECTIONS.find(allowed)
    for (const section of SECTIONS) $(section).hidden = section !== name
    for (const link of links()) {
        if (link.hash === `#${name}`) link.setAttribute("aria-current", "page")
        else link.removeAttribute("aria-current")
    }
    document.title = `personhood: ${$(`${name}-title`).textContent}`
    $(`${name}-title`).focus({ preventScroll: true })
    await doing(shows[name])()
}

$("sign-in-form").onsubmit = doing(async () => {
    setKey($("key").value.trim())
    try {
        session = (await ask("session")).body
    } finally {
        $("key").value = ""
    }
    $("sign-in").hidden = true
    for (const link of links()) link.hidden = !may(link.dataset.roles.split(" "))
    $("nav").hidden = $("who").hidden = false
    $("who-name").textContent = `${session.name} (${session.roles.join(", ")})`
    await show()
})

function signOut() {
    setKey(undefined)
    session = undefined
    stopEnrol()
    stopReviews()
    for (const section of SECTIONS) $(section).hidden = true
    $("person-found").replaceChildren()
    for (const id of ["decision-rows", "tiles", "registry", "log"]) $(id).replaceChildren()
    $("nav").hidden = $("who").hidden = true
    $("sign-in").hidden = false
    $("key").focus()
    say("Signed out.")
}
$("sign-out").onclick = signOut
addEventListener("hashchange", show)
addEventListener("pagehide", () => { stopEnrol(); stopReviews() })

async function showStatus() {
    const { body } = await ask("status")
    const tile = (count, word) => make("div", { class: "tile" }, make("b", {}, count.toLocaleString("en")), make("span", {}, word))
    $("tiles").replaceChildren(
        tile(body.active, "active"), tile(body.suspended, "suspended"), tile(body.revoked, "revoked"), tile(body.erased, "erased"),
        ...(body.open_reviews === null ? [] : [tile(body.open_reviews, "reviews open")]),
    )
    const code = (text) => make("code", {}, text)
    $("registry").replaceChildren(...facts([
        ["root", code(body.root)],
        ["newest change", body.sequence.toLocaleString("en")],
        ["places given out", `${body.leaves.toLocaleString("en")} of ${body.capacity.toLocaleString("en")}`],
        ["eyes", `${body.left_eyes.toLocaleString("en")} left, ${body.right_eyes.toLocaleString("en")} right`],
        ["one eye below", body.rules.threshold.toFixed(4)],
        ["duplicates", body.rules.adjudicate_duplicates ? "people decide" : "are refused"],
        ["began", `${time(body.created_at)} UTC`],
        ["on disk", body.disk_bytes === null ? undefined : `${Math.ceil(body.disk_bytes / 1024).toLocaleString("en")} KiB`],
    ]))
    $("no-log").hidden = body.log !== null
    $("log").replaceChildren(...(body.log === null ? [] : facts([
        ["name", body.log.origin],
        ["entries", body.log.size.toLocaleString("en")],
        ["hash", code(body.log.root)],
        ["signatures", String(body.log.signatures)],
        ["checkpoint", make("a", { href: "/log/checkpoint" }, "/log/checkpoint")],
    ])))
}
$("again").onclick = doing(async () => { await showStatus(); say("As it stands now.") })

async function showDecisions() {
    // Read to the end, a hundred at a time; the latest are kept.
    let latest = []
    for (let after = 0; ;) {
        const { decisions } = (await ask(`decisions?after=${after}`)).body
        if (decisions.length === 0) break
        latest = [...latest, ...decisions].slice(-200)
        after = decisions.at(-1).decision
    }
    const row = (one) => make("tr", {}, ...[one.decision, time(one.at), one.operator, [one.action, one.subject].filter(Boolean).join(", "),
        one.outcome, one.person ?? "", one.nearest?.toFixed(3) ?? "", one.reason].map((value) => make("td", {}, String(value))))
    $("decision-rows").replaceChildren(...latest.reverse().map(row))
}

$("key").focus()
