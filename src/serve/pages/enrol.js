// Two pictures, what was found in them, and the answer: new, duplicate or review; then enrolment.
import { $, ask, doing, free, make, picture, say } from "./service.js"

/** No larger file is read; the server has a bound of its own. */
const LARGEST = 4 << 20
const eyes = {}

const ANSWERS = {
    new: ["good", "New", "None of the enrolled people matches."],
    duplicate: ["bad-box", "Duplicate", "Enrolment would be refused."],
    review: ["warn", "Review", "Enrolment would go into the queue, where two people decide."],
}

export function startEnrol() {
    ready()
}

/** Forgets the pictures. */
export function stopEnrol() {
    for (const card of document.querySelectorAll("#enrol .eye")) {
        delete eyes[card.dataset.eye]
        free(card)
        card.querySelector(".overlay").hidden = true
        card.querySelector(".drop-text").hidden = false
        card.querySelector(".drop").classList.remove("full")
        card.querySelector(".found").replaceChildren()
    }
    for (const id of ["answer", "enrolled"]) {
        $(id).hidden = true
        $(id).replaceChildren()
    }
    $("commitment").value = ""
    ready()
}

function ready() {
    const usable = (name) => eyes[name]?.usable === true
    const [left, right] = [usable("left"), usable("right")]
    const commitment = /^(0x)?[0-9a-f]{64}$/.test($("commitment").value.trim())
    $("search").disabled = !(left || right)
    $("enrol-button").disabled = !(commitment && ($("one-eye").checked ? left !== right : left && right))
}

async function base64(file) {
    if (file.size > LARGEST) throw Object.assign(new Error("The file is larger than 4 MiB."), { code: "image_too_large" })
    const bytes = new Uint8Array(await file.arrayBuffer())
    let letters = ""
    for (let at = 0; at < bytes.length; at += 0x8000) letters += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
    bytes.fill(0)
    return btoa(letters)
}

async function take(card, file) {
    const name = card.dataset.eye
    const found = card.querySelector(".found")
    free(card)
    found.replaceChildren(make("p", { class: "help" }, "Looking…"))
    for (const id of ["answer", "enrolled"]) $(id).hidden = true
    delete eyes[name]
    ready()
    let seen, text
    try {
        text = await base64(file)
        seen = (await ask("look", { picture: text })).body
    } catch (error) {
        found.replaceChildren(make("p", {}, make("span", { class: "pill bad-box" }, "not read")), make("p", {}, `${error.message} [${error.code}]`))
        card.querySelector(".overlay").hidden = true
        card.querySelector(".drop-text").hidden = false
        throw error
    }
    eyes[name] = { picture: text, usable: seen.usable }
    const overlay = card.querySelector(".overlay")
    if (seen.overlay) {
        overlay.src = picture(seen.overlay)
        overlay.alt = `The ${name} eye with the boundaries that were found`
    }
    overlay.hidden = !seen.overlay
    card.querySelector(".drop-text").hidden = Boolean(seen.overlay)
    card.querySelector(".drop").classList.toggle("full", Boolean(seen.overlay))
    found.replaceChildren(...describe(name, seen))
    say(`The ${name} eye: ${seen.usable ? "usable" : seen.detail}`)
    ready()
}

function describe(name, { usable, detail, quality, advice, unrolled, iris_code }) {
    const parts = [make("p", {}, make("span", { class: `pill ${usable ? "good" : "bad-box"}` }, usable ? "usable" : "take it again"), usable ? "" : ` ${detail}`)]
    if (quality.overall !== null) {
        const value = Math.round(quality.overall)
        parts.push(make("label", { class: "help" }, `Quality ${value} of 100`, make("meter", { min: 0, max: 100, low: 30, high: 60, optimum: 100, value })))
    }
    if (advice.length > 0) parts.push(make("ul", {}, ...advice.map(({ text }) => make("li", {}, text))))
    const strips = [["The iris unrolled", unrolled], ["Its code: white 1, black 0, red not usable", iris_code]].filter(([, png]) => png)
    if (strips.length > 0) {
        const more = strips.map(([text, png]) => make("figure", {}, make("figcaption", { class: "help" }, text), make("img", { class: "strip", src: picture(png), alt: text })))
        parts.push(make("details", {}, make("summary", {}, `More of the ${name} eye`), ...more))
    }
    return parts
}

for (const card of document.querySelectorAll("#enrol .eye")) {
    const drop = card.querySelector(".drop")
    const input = card.querySelector("input")
    const taking = doing(async (file) => take(card, file))
    input.onchange = async () => {
        const [file] = input.files
        if (file) await taking(file)
        input.value = ""
    }
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over") }
    drop.ondragleave = () => drop.classList.remove("over")
    drop.ondrop = (event) => {
        event.preventDefault()
        drop.classList.remove("over")
        const [file] = event.dataTransfer.files
        if (file) taking(file)
    }
}
// A picture dropped beside its place must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault())

const pictures = () => {
    const one = {}
    for (const [name, { picture: text, usable }] of Object.entries(eyes)) if (usable) one[name] = text
    return one
}

const near = ({ distance }) => distance && `distance ${distance.score.toFixed(4)}, ${distance.disagreeing} of ${distance.compared} bits differ`
const match = (one) => make("li", {}, `Person ${one.person}: ${one.eye} eye${one.eye === one.presented_as ? "" : `, presented as the ${one.presented_as} one`}`, near(one) ? `, ${near(one)}` : "")

const busy = (button, work) => async () => {
    const text = button.textContent
    button.disabled = true
    button.textContent = "Working…"
    try {
        await work()
    } finally {
        button.textContent = text
        ready()
    }
}

$("search").onclick = doing(busy($("search"), async () => {
    const { answer, people, candidates } = (await ask("search", pictures())).body
    const [kind, word, text] = ANSWERS[answer]
    $("answer").replaceChildren(make("div", { class: `verdict ${kind}` }, make("strong", {}, word), `${text} ${people.toLocaleString("en")} ${people === 1 ? "person" : "people"} searched.`,
        candidates.length > 0 ? make("ul", {}, ...candidates.map(match)) : undefined))
    $("answer").hidden = false
    $("answer").focus()
    say(`The answer: ${word}.`)
}))

$("enrol-form").onsubmit = doing(busy($("enrol-button"), async () => {
    const asked = { ...pictures(), commitment: $("commitment").value.trim(), valid_days: Number($("days").value), one_eye: $("one-eye").checked, consent: $("consent").value.trim() || undefined }
    const { status, body } = await ask("enrol", asked)
    const [kind, word, text] = status === 201
        ? ["good", `Enrolled as person ${body.person}`, `Valid until ${new Date(body.expires_at * 1000).toISOString().slice(0, 10)}. The holder can fetch their membership now.`]
        : ["warn", `Review ${body.review}`, "The eyes match somebody who is enrolled. Two adjudicators decide."]
    stopEnrol()
    $("enrolled").replaceChildren(make("div", { class: `verdict ${kind}` }, make("strong", {}, word), text))
    $("enrolled").hidden = false
    $("enrolled").focus()
    say(`${word}.`)
}))

$("clear").onclick = () => { stopEnrol(); say("The pictures are forgotten.") }
$("commitment").oninput = $("one-eye").onchange = ready
