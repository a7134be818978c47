// What the console knows of the server: one key in memory, and questions with it. Nothing is kept by the browser.
let key

export const setKey = (text) => { key = text }

/** A refusal of the server, with its code. */
export class Refused extends Error {
    constructor({ code, detail, attribute }, status) {
        super(detail)
        this.code = code
        this.attribute = attribute
        this.status = status
    }
}

/** Asks; the answer is `{status, body}`, and a refusal is thrown. */
export async function ask(path, body) {
    const headers = { authorization: `Bearer ${key}` }
    if (body !== undefined) headers["content-type"] = "application/json"
    const options = { method: body === undefined ? "GET" : "POST", headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit" }
    let response
    try {
        response = await fetch(`/api/desk/${path}`, options)
    } catch {
        throw new Refused({ code: "unreachable", detail: "The server does not answer." }, 0)
    }
    const text = await response.text()
    let answer
    try {
        answer = JSON.parse(text)
    } catch {
        throw new Refused({ code: "unreadable", detail: "The server’s answer is not understood." }, response.status)
    }
    if (!response.ok) throw new Refused(answer, response.status)
    return { status: response.status, body: answer }
}

export const $ = (id) => document.getElementById(id)

/** An element with attributes and what is in it; texts are texts, whatever they say. */
export function make(name, attributes = {}, ...inside) {
    const element = document.createElement(name)
    for (const [attribute, value] of Object.entries(attributes)) {
        if (value === undefined || value === false) continue
        if (attribute.startsWith("on")) element[attribute] = value
        else element.setAttribute(attribute, value === true ? "" : value)
    }
    element.append(...inside.filter((one) => one !== undefined && one !== null))
    return element
}

/** Pairs of a word and a value. */
export const facts = (pairs) => pairs.filter(([, value]) => value !== undefined && value !== null)
    .flatMap(([word, value]) => [make("dt", {}, word), make("dd", {}, value)])

/** Says something to everybody, screen readers included. */
export function say(text, bad = false) {
    $("said").textContent = text
    $("said").classList.toggle("bad", bad)
}

/** Runs what a person asked for; a failure is said with its code. */
export const doing = (work) => async (event) => {
    event?.preventDefault?.()
    say("")
    try {
        await work(event)
    } catch (error) {
        say(`${error.message}${error.code ? ` [${error.code}]` : ""}`, true)
    }
}

/** The address of a PNG in base64, within this page; `free` it. */
export function picture(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }))
    bytes.fill(0)
    return url
}

/** Forgets the pictures below an element. */
export function free(element) {
    for (const image of element.querySelectorAll("img")) {
        if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src)
        image.removeAttribute("src")
    }
}

export const time = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 16)

/** Asks for a reason; undefined if it is not to be done. */
export function confirmed({ title, text, yes, danger }) {
    const dialog = $("confirm")
    $("confirm-title").textContent = title
    $("confirm-text").textContent = text
    $("confirm-yes").textContent = yes
    $("confirm-yes").classList.toggle("danger", danger === true)
    $("confirm-yes").classList.toggle("act", danger !== true)
    $("why").value = ""
    dialog.returnValue = "no"
    dialog.showModal()
    $("why").focus()
    return new Promise((resolve) => {
        dialog.onclose = () => {
            const reason = $("why").value.trim()
            resolve(dialog.returnValue === "yes" && reason !== "" ? reason : undefined)
        }
    })
}
