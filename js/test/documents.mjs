// The documents of testdata/envelope, which the Rust tests write, and the rules they were made for.
import { readFileSync } from "node:fs"

const read = (name) => readFileSync(new URL(`../../testdata/envelope/${name}`, import.meta.url))

export const secretFile = () => new Uint8Array(read("holder.secret"))
export const membership = read("membership.json").toString()
export const proof = read("proof.json").toString()
export const { root } = JSON.parse(membership)

/** What holder and service both know. */
export const action = {
    scope: { app: "polls.example", action: "budget", period: "2027" },
    signal: "yes",
    nonce: "07".repeat(32),
    issuedNoLaterThan: 1_750_000_000,
    assuranceAtLeast: 2,
}

export const rules = { ...action, roots: [root], now: 1_800_000_000 }

/** Rejects with this code, as a PersonhoodError. */
export const refusal = (code) => (error) => {
    if (error.name !== "PersonhoodError" || error.code !== code) throw new Error(`expected ${code}, not ${error.code}`, { cause: error })
    return true
}
