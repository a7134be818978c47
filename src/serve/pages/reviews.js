// The queue of duplicates, and one of them with what there is to decide by.
import { $, ask, confirmed, doing, facts, free, make, picture, say, time } from "./service.js"

let session

export async function showReviews(who) {
    session = who
    await list()
}

/** Forgets what was shown. */
export function stopReviews() {
    free($("case"))
    $("case").replaceChildren(make("p", { class: "help" }, "Choose a review."))
    $("queue").replaceChildren()
}

const adjudicates = () => session.roles.includes("adjudicator")

function state({ verdict, votes_in_round, voted }) {
    if (verdict === "same") return make("span", { class: "pill bad-box" }, "one person")
    if (verdict === "different") return make("span", { class: "pill good" }, "two people")
    if (voted && adjudicates()) return make("span", { class: "pill plain" }, "you decided")
    return make("span", { class: "pill warn" }, votes_in_round === 0 ? "open" : `${votes_in_round} of 2`)
}

async function list(current) {
    const { reviews } = (await ask("reviews")).body
    $("queue-empty").hidden = reviews.length > 0
    $("queue").replaceChildren(...reviews.map((one) => make("li", {}, make("button", {
        type: "button", "data-review": one.review, "aria-current": one.review === current ? "true" : undefined, onclick: doing(() => open(one.review)),
    }, make("span", {}, `Review ${one.review}`, make("br"), make("small", { class: "help" }, `${time(one.opened_at)} UTC`)), state(one)))))
}

function pair({ person, eye, presented_as, distance, aligned_codes }) {
    const text = `The candidate’s ${presented_as} eye on the ${eye} eye of person ${person}`
    return make("div", { class: "pair" }, make("h3", {}, text), make("dl", {}, ...facts([
        ["distance", distance.score.toFixed(4)],
        ["bits", `${distance.disagreeing.toLocaleString("en")} of ${distance.compared.toLocaleString("en")} differ`],
        ["turned by", `${distance.rotation} columns`],
    ])), aligned_codes
        ? make("figure", {}, make("figcaption", { class: "help" }, "The candidate’s code, the enrolled one, and where they disagree (orange)"), make("img", { class: "strip", src: picture(aligned_codes), alt: `${text}: both codes and their difference` }))
        : make("p", { class: "help" }, adjudicates() ? "The codes are not there any more." : "Codes are shown to adjudicators."))
}

async function open(number) {
    const { body } = await ask(`reviews/${number}`)
    free($("case"))
    const votes = body.votes.map((vote) => make("li", {}, make("strong", {}, vote.operator), `, round ${vote.round}: ${vote.verdict === "same" ? "one person" : "two people"}. ${vote.reason}`))
    const decides = adjudicates() && body.verdict === null && !body.voted
    $("case").replaceChildren(
        make("h2", { tabindex: "-1", id: "case-title" }, `Review ${body.review} `, state(body)),
        make("p", { class: "help" }, `Opened ${time(body.opened_at)} UTC, round ${body.round}.${body.person === null ? "" : ` Enrolled as person ${body.person}.`}`),
        ...body.matches.map(pair),
        make("h3", {}, "What was said"),
        votes.length > 0 ? make("ul", {}, ...votes) : make("p", { class: "help" }, body.votes_in_round > 0 ? "Others have decided; you see what they say after you have." : "Nothing yet."),
        decides ? make("p", { class: "row" },
            make("button", { type: "button", id: "same", onclick: doing(() => vote(number, "same")) }, "One person"),
            make("button", { type: "button", id: "different", onclick: doing(() => vote(number, "different")) }, "Two people")) : undefined,
    )
    for (const button of document.querySelectorAll("#queue button")) {
        if (Number(button.dataset.review) === number) button.setAttribute("aria-current", "true")
        else button.removeAttribute("aria-current")
    }
    $("case-title").focus()
}

async function vote(number, verdict) {
    const same = verdict === "same"
    const reason = await confirmed({
        title: same ? "They are one person" : "They are two people",
        text: same ? "If another adjudicator agrees, the candidate stays out." : "If another adjudicator agrees, the candidate is enrolled.",
        yes: "Decide",
    })
    if (reason === undefined) return say("Nothing was decided.")
    const { state: outcome, person } = (await ask(`reviews/${number}/votes`, { verdict, reason })).body
    await list(number)
    await open(number)
    say({ open: "Your decision counts; others have to decide too.", same: "Decided: one person. The candidate stays out.", different: `Decided: two people. Enrolled as person ${person}.` }[outcome])
}
