// A poll in which every human votes once: node server.mjs
import { keccak_256 } from "@noble/hashes/sha3"
import { bytesToHex } from "@noble/hashes/utils"
import express from "express"

const { PORT = "3000", PERSONHOOD_URL = "http://127.0.0.1:8080" } = process.env
const APP = "app_polls"
const ACTION = "mayor-2026"
const CHOICES = ["yes", "no"]

/** World ID's hash of a signal: Keccak-256, shifted right by eight bits. */
const signalHash = (signal) => `0x00${bytesToHex(keccak_256(signal)).slice(0, 62)}`

const app = express()
app.use(express.json({ limit: "32kb" }))

app.post("/vote", async (request, response) => {
    const { choice, proof } = request.body
    if (!CHOICES.includes(choice) || !Array.isArray(proof?.responses)) return response.status(400).json({ code: "invalid_request" })
    // What is counted is what was proved: the action and the hash are ours, whatever the holder wrote.
    const body = { ...proof, action: ACTION, responses: proof.responses.slice(0, 1).map((one) => ({ ...one, signal_hash: signalHash(choice) })) }
    let answer, said
    try {
        answer = await fetch(`${PERSONHOOD_URL}/api/v4/verify/${APP}?on_reuse=reject`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
            signal: AbortSignal.timeout(10_000),
        })
        said = await answer.json()
    } catch {
        return response.status(503).json({ code: "verifier_unreachable" })
    }
    if (answer.status === 200) return response.json({ counted: choice })
    const code = said.results?.[0]?.code ?? said.code
    response.status(code === "nullifier_replayed" ? 409 : answer.status >= 500 || answer.status === 429 ? 503 : 400).json({ code })
})

app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ code: "invalid_request" }))
app.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${PORT}`))
