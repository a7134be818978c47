//! Plots as SVG, drawn for the page alone: its style sheet gives the colours.

use std::fmt::Write as _;

/// Size of a plot and of the margins around its frame, in units of the drawing.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 50.0;

/// One direction of a plot.
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    /// By powers of ten; both ends are above 0 then.
    pub(super) logarithmic: bool,
    /// Where lines are drawn, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From one power of ten to another, as percentages.
    pub(super) fn decades(label: &'static str, from: i32, to: i32) -> Self {
        let ticks = (from..=to).map(|exponent| {
            let text = match exponent {
                0 => "100 %".to_owned(),
                -1 => "10 %".to_owned(),
                -2 => "1 %".to_owned(),
                _ => format!("{:.*} %", usize::try_from(-2 - exponent).unwrap_or(0), 10_f64.powi(exponent + 2)),
            };
            (10_f64.powi(exponent), text)
        });
        Self { label, from: 10_f64.powi(from), to: 10_f64.powi(to), logarithmic: true, ticks: ticks.collect() }
    }

    /// Even steps from `from` to `to`; `text` writes a value.
    pub(super) fn steps(label: &'static str, [from, to]: [f64; 2], step: f64, text: impl Fn(f64) -> String) -> Self {
        let count = ((to - from) / step + 1e-9).floor() as usize;
        let ticks = (0..=count).map(|number| from + number as f64 * step).map(|value| (value, text(value)));
        Self { label, from, to, logarithmic: false, ticks: ticks.collect() }
    }

    /// How far along the axis a value lies, 0 to 1; values beyond lie at the ends.
    fn share(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }
}

/// A plot that is being drawn.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    svg: String,
}

impl Plot {
    /// Frame, lines and labels; `description` is what somebody who cannot see it is told.
    pub(super) fn new(title: &str, description: &str, x: Axis, y: Axis) -> Self {
        let mut plot = Self { x, y, svg: String::new() };
        let (title, description) = (escape(title), escape(description));
        plot.add(format_args!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}: {description}\">\n<title>{title}</title>\n"
        ));
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for (value, text) in std::mem::take(&mut plot.x.ticks) {
            let x = plot.x_of(value);
            plot.add(format_args!(
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>\n",
                bottom + 16.0
            ));
        }
        for (value, text) in std::mem::take(&mut plot.y.ticks) {
            let y = plot.y_of(value);
            plot.add(format_args!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>\n",
                LEFT - 6.0,
                y + 4.0
            ));
        }
        let (x_label, y_label) = (plot.x.label, plot.y.label);
        plot.add(format_args!(
            "<path class=\"frame\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>\
             <text text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{x_label}</text>\
             <text text-anchor=\"middle\" transform=\"translate(13 {:.1}) rotate(-90)\">{y_label}</text>\n",
            LEFT.midpoint(right),
            HEIGHT - 12.0,
            TOP.midpoint(bottom)
        ));
        plot
    }

    /// A line through points; with `area`, everything below it is tinted.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = [f64; 2]>, area: bool) {
        let points: Vec<_> = points.into_iter().map(|[x, y]| [self.x_of(x), self.y_of(y)]).collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = String::new();
        let bottom = HEIGHT - BOTTOM;
        if area {
            let _ = write!(path, "M{:.1} {bottom}", first[0]);
        }
        for (number, [x, y]) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 && !area { 'M' } else { 'L' });
        }
        if area {
            let _ = write!(path, "L{:.1} {bottom}Z", last[0]);
        }
        let shape = if area { "area" } else { "open" };
        self.add(format_args!("<path class=\"{class} {shape}\" d=\"{path}\"/>\n"));
    }

    /// A dashed line from one point to another.
    pub(super) fn mark(&mut self, from: [f64; 2], to: [f64; 2]) {
        let [[x1, y1], [x2, y2]] = [from, to].map(|[x, y]| [self.x_of(x), self.y_of(y)]);
        self.add(format_args!("<path class=\"mark\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>\n"));
    }

    /// A dot, and what browsers say when it is pointed at.
    pub(super) fn dot(&mut self, class: &str, [x, y]: [f64; 2], text: &str) {
        let (x, y, text) = (self.x_of(x), self.y_of(y), escape(text));
        self.add(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"><title>{text}</title></circle>\n"
        ));
    }

    /// Words at a point, moved by `[dx, dy]` units of the drawing; `anchor` is `start`, `middle` or `end`.
    pub(super) fn words(&mut self, class: &str, [x, y]: [f64; 2], [dx, dy]: [f64; 2], anchor: &str, text: &str) {
        let (x, y, text) = (self.x_of(x) + dx, (self.y_of(y) + dy).max(TOP + 10.0), escape(text));
        self.add(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"
        ));
    }

    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y_of(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.svg.write_fmt(text).expect("a string takes everything");
    }
}

/// Text as HTML and SVG take it, in elements and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_their_axis_says() {
        let axis = Axis::decades("rate", -4, 0);
        for (value, share) in [(1e-4, 0.0), (1e-2, 0.5), (1.0, 1.0), (0.0, 0.0), (2.0, 1.0)] {
            assert!((axis.share(value) - share).abs() < 1e-12, "{value}");
        }
        let texts: Vec<_> = axis.ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"]);
        let axis = Axis::steps("distance", [0.0, 0.3], 0.1, |value| format!("{value:.1}"));
        assert_eq!(axis.ticks.len(), 4);
        assert!((axis.share(0.15) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("<b>\"&'"), "&lt;b&gt;&quot;&amp;&#39;");
    }
}
