// The prover's worker: secrets come in with a request, are wiped after it, and are in no answer but the one to "new".
import { PersonhoodError, fromModule } from "./error.js"
import { isNode, load, setSource } from "./module.js"

/** Who asked. */
let port

const answers = {
    async load() {
        await load("prover")
    },

    async new() {
        const { Identity } = await load("prover")
        return using(Identity.generate(), (identity) => {
            const secret = new Uint8Array(69)
            identity.backUp(secret)
            return { secret, commitment: identity.commitment() }
        })
    },

    async restore({ secret }) {
        const { Identity } = await load("prover")
        return using(Identity.restore(secret), (identity) => ({ commitment: identity.commitment() }))
    },

    async read({ request, keys, about, now }) {
        const { readRequest } = await load("prover")
        return readRequest(request, keys, about, now)
    },

    async prove({ number, secret, wanted, signal, membership, flag }) {
        const { Identity } = await load("prover")
        const observe = (done, total) => {
            port.postMessage({ number, progress: { done, total } })
            return flag === undefined || Atomics.load(flag, 0) === 0
        }
        return using(Identity.restore(secret), (identity) => identity.prove(wanted, signal, membership, observe))
    },
}

function using(identity, work) {
    try {
        return work(identity)
    } finally {
        identity.free()
    }
}

async function answer(request) {
    if (request.kind === "source") return setSource("prover", request.source)
    const { number } = request
    let message
    try {
        message = { number, result: await answers[request.kind](request) }
    } catch (thrown) {
        const { code, message: text } = thrown instanceof PersonhoodError ? thrown : fromModule(thrown)
        message = { number, error: { code, message: text } }
    } finally {
        request.secret?.fill(0)
    }
    port.postMessage(message)
    // The page has its own copy now.
    message.result?.secret?.fill(0)
}

// In order, although loading takes its time.
let queue = Promise.resolve()
const hear = (request) => (queue = queue.then(() => answer(request)))

// A page's first message can come before anything that is awaited here: the handler is set at once.
if (isNode()) {
    const { parentPort } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:worker_threads")
    port = parentPort
    port.on("message", hear)
} else {
    port = self
    port.onmessage = ({ data }) => hear(data)
}
