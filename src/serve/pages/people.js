// How somebody stands, and what can be done about it.
import { $, ask, confirmed, doing, facts, make, say, time } from "./service.js"

let session

export function showPeople(who) {
    session = who
}

const STEPS = {
    suspend: { role: "operator", from: ["active"], word: "Suspend", text: "Their proofs are refused until they are reinstated." },
    reinstate: { role: "operator", from: ["suspended"], word: "Reinstate", text: "Their proofs are accepted again." },
    revoke: { role: "delete", from: ["active", "suspended"], word: "Revoke", danger: true, text: "They are out for good. Their eyes stay, so that they do not come in again." },
    erase: { role: "delete", from: ["active", "suspended", "revoked"], word: "Erase", danger: true, text: "Templates, commitment and leaf are taken away for good. Whether they come in again, nobody can tell." },
}
const COLOURS = { active: "good", suspended: "warn", revoked: "bad-box", erased: "plain" }

async function show(number) {
    draw((await ask(`people/${number}`)).body)
}

function draw(body) {
    const steps = Object.entries(STEPS).filter(([, { role, from }]) => session.roles.includes(role) && from.includes(body.status))
    $("person-found").replaceChildren(
        make("h2", { tabindex: "-1", id: "person-title" }, `Person ${body.person} `, make("span", { class: `pill ${COLOURS[body.status]}` }, body.status)),
        make("dl", {}, ...facts([
            ["place in the tree", body.leaf_index === null ? undefined : String(body.leaf_index)],
            ["enrolled", body.issued_at === null ? undefined : `${time(body.issued_at)} UTC`],
            ["valid until", body.expires_at === null ? undefined : `${time(body.expires_at)} UTC`],
            ["assurance", body.assurance === null ? undefined : { 1: "one eye", 2: "both eyes" }[body.assurance] ?? String(body.assurance)],
        ])),
        make("p", { class: "row" }, ...steps.map(([step, { word, danger }]) => make("button", {
            type: "button", id: `step-${step}`, class: danger ? "danger" : undefined, onclick: doing(() => take(body.person, step)),
        }, word))),
    )
    $("person-title").focus()
}

async function take(person, step) {
    const { word, text, danger } = STEPS[step]
    const reason = await confirmed({ title: `${word} person ${person}`, text, yes: word, danger })
    if (reason === undefined) return say("Nothing was changed.")
    const { body } = await ask(`people/${person}/${step}`, { reason })
    draw(body)
    say(`Person ${person} is ${body.status}.`)
}

$("person-form").onsubmit = doing(() => show(Number($("person").value)))
