// The same poll without a server to ask: the package checks proofs in this process. node offline.mjs
// ROOTS is a file with what `personhood serve` answers to GET /api/v1/roots; a real service fetches it every minute.
import { readFileSync } from "node:fs"
import express from "express"
import { MemoryNullifiers, PersonhoodError, verify } from "personhood"

const { PORT = "3001", ROOTS = "roots.json" } = process.env
const CHOICES = ["yes", "no"]
// A real poll keeps them in a table with a unique index over both columns.
const nullifiers = new MemoryNullifiers()

const app = express()
app.use(express.json({ limit: "32kb" }))

app.post("/vote", async (request, response) => {
    const { choice, proof } = request.body
    if (!CHOICES.includes(choice)) return response.status(400).json({ code: "invalid_request" })
    try {
        const roots = { ...JSON.parse(readFileSync(ROOTS, "utf8")), maxAge: 7200 }
        await verify({ proof, scope: { app: "app_polls", action: "mayor-2026" }, signal: choice, roots, nullifiers })
        response.json({ counted: choice })
    } catch (error) {
        if (!(error instanceof PersonhoodError)) throw error
        response.status(error.code === "nullifier_already_used" ? 409 : 400).json({ code: error.code })
    }
})

app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ code: "invalid_request" }))
app.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${PORT}`))
