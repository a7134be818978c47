// A real browser and a server of this package's files on loopback, with the policy of strict pages.
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"

const TYPES = { ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".html": "text/html", ".json": "application/json", ".svg": "image/svg+xml" }
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'"

export const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", process.env.CHROMIUM]
    .find((path) => path && existsSync(path))

/** No other host is spoken to, nothing is updated, and the profile is a new one. */
export async function launch() {
    const { chromium: browsers } = await import("playwright-core")
    return browsers.launch({
        executablePath: chromium,
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"],
    })
}

/** Serves a folder; `isolated` pages have shared memory. */
export async function serve({ isolated, folder = new URL("..", import.meta.url) }) {
    const requests = []
    const server = createServer(async ({ url }, response) => {
        requests.push(url)
        const path = new URL(url, "http://localhost").pathname
        const headers = { "content-security-policy": POLICY, "content-type": TYPES[extname(path)] ?? "text/html" }
        if (isolated) Object.assign(headers, { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" })
        try {
            const body = path === "/" ? "<!doctype html><title>test</title><link rel=icon href=/holder/icon.svg>" : await readFile(fileURLToPath(new URL(`.${path}`, folder)))
            response.writeHead(200, headers).end(body)
        } catch {
            response.writeHead(404, headers).end()
        }
    })
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
    return { url: `http://127.0.0.1:${server.address().port}/`, requests, close: () => server.close() }
}
