// Reads a QR code with the camera, where the browser can do it by itself. The picture stays in the page.

/** Whether this browser has a reader of QR codes, and a camera. */
export async function canScan() {
    try {
        if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices?.getUserMedia) return false
        return (await BarcodeDetector.getSupportedFormats()).includes("qr_code")
    } catch {
        return false
    }
}

/** The text of the first code that the camera sees; undefined if it was stopped. `onStart` hears how to stop it. */
export async function scan(video, onStart) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] })
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false })
    let stopped = false
    onStart(() => { stopped = true })
    try {
        video.srcObject = stream
        await video.play()
        while (!stopped) {
            const [code] = await detector.detect(video)
            if (code) return code.rawValue
            await new Promise((resolve) => setTimeout(resolve, 100))
        }
        return undefined
    } finally {
        for (const track of stream.getTracks()) track.stop()
        video.srcObject = null
    }
}
