// What must hold of every page: names, contrast, width. These run in the page.

/** Controls without a name. */
export const nameless = () => [...document.querySelectorAll("button, input, textarea, progress, meter, video")]
    .filter((one) => !one.closest("dialog:not([open])") && !(one.textContent.trim() || one.labels?.length || one.ariaLabel || one.getAttribute("aria-labelledby"))).map(({ id }) => id)

/** Texts whose contrast with what is behind them is below 4.5 to 1 (WCAG 2.2, 1.4.3). */
export function contrast() {
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number)
    const luminance = ([red, green, blue]) => {
        const [r, g, b] = [red, green, blue].map((value) => value / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = numbers(getComputedStyle(one).backgroundColor)
            if (colour[3] !== 0) return colour
        }
        return [255, 255, 255]
    }
    return [...document.querySelectorAll("body *")]
        .filter((one) => one.checkVisibility() && !one.disabled && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((one) => {
            const [light, dark] = [luminance(numbers(getComputedStyle(one).color)), luminance(behind(one))].sort((a, b) => b - a)
            return { text: one.textContent.slice(0, 20), ratio: (light + 0.05) / (dark + 0.05) }
        })
        .filter(({ ratio }) => ratio < 4.5)
}
