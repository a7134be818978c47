//! The report as one page of HTML: no script, nothing from elsewhere, light and dark.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use personhood::matcher::{MatchPolicy, compare};
use personhood::pipeline::Pipeline;
use personhood::pipeline::picture::{self, OverlayParts, PictureError};
use rayon::prelude::*;

use super::folder::Labelled;
use super::gallery::Gallery;
use super::glossary::GLOSSARY;
use super::plot::{Axis, Plot, escape};
use super::report::{AtTarget, ENOUGH, Report, WorstPair, percent, percents};
use crate::eye;
use crate::failure::Failure;

const STYLE: &str = include_str!("page.css");

/// Refused pictures that are listed by name; the JSON report has all of them.
const LISTED: usize = 50;

/// Pictures of the worst pairs, in the report's order.
pub(super) struct Pictures {
    genuine: Vec<PairPictures>,
    impostor: Vec<PairPictures>,
}

/// What was found in both pictures, and where the codes disagree; PNG as data addresses.
struct PairPictures {
    overlays: [String; 2],
    /// None where the two cannot be compared.
    codes: Option<String>,
    /// Turn of the second picture against the first, degrees.
    rotation: f64,
}

impl Pictures {
    /// Looks at the pictures of the worst pairs once more.
    pub(super) fn draw(
        report: &Report,
        labelled: &Labelled,
        gallery: &Gallery,
        pipeline: &Pipeline,
        policy: &MatchPolicy,
    ) -> Result<Self, Failure> {
        let draw = |pair: &WorstPair| {
            let [a, b] = pair.samples;
            let templates = [&gallery.templates[a], &gallery.templates[b]];
            let alignment = compare(templates[1], templates[0], policy).alignment();
            let codes = alignment.map(|alignment| picture::comparison(templates[1], templates[0], alignment.rotation));
            Ok(PairPictures {
                overlays: [overlay(labelled, gallery, pipeline, a)?, overlay(labelled, gallery, pipeline, b)?],
                codes: codes.transpose().map_err(not_drawn)?.map(|png| address(&png)),
                rotation: alignment.map_or(0.0, |alignment| alignment.rotation.degrees(templates[0].layout())),
            })
        };
        let all = |pairs: &[WorstPair]| pairs.par_iter().map(draw).collect::<Result<_, Failure>>();
        Ok(Self { genuine: all(&report.worst_genuine)?, impostor: all(&report.worst_impostor)? })
    }
}

fn overlay(labelled: &Labelled, gallery: &Gallery, pipeline: &Pipeline, sample: usize) -> Result<String, Failure> {
    let image = eye::read_picture(&labelled.pictures[gallery.pictures[sample]].path)?;
    let trace = pipeline.trace(&image);
    let parts =
        OverlayParts { masks: trace.masks.as_ref(), boundaries: trace.boundaries.as_ref(), centres: trace.centres };
    Ok(address(&picture::overlay(&image, &parts).map_err(not_drawn)?))
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` hands it
fn not_drawn(error: PictureError) -> Failure {
    Failure::new("picture_not_drawn", error.to_string())
}

fn address(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// The whole page.
pub(super) fn page(report: &Report, pictures: Option<&Pictures>) -> String {
    let folder = escape(&report.folder.display().to_string());
    let sections = [
        header(report, &folder, pictures.is_some()),
        distances(report),
        tables(report),
        curves(report),
        worst_pairs(report, pictures),
        refusals(report),
        times(report),
        glossary(),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>Iris recognition accuracy: {folder}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        sections.concat()
    )
}

fn header(report: &Report, folder: &str, has_pictures: bool) -> String {
    let Report { images, classes, people, .. } = report;
    let of_people = if people == classes { String::new() } else { format!(" of {people} people") };
    let mut html = format!(
        "<h1>Iris recognition accuracy</h1>\n<p class=\"quiet\">{images} pictures of {classes} eyes{of_people} in \
         <code>{folder}</code>, personhood {}</p>\n",
        env!("CARGO_PKG_VERSION")
    );
    html.push_str(if has_pictures {
        "<p class=\"warning\" role=\"note\"><strong>This page holds pictures of people's eyes.</strong> They are biometric \
         data: keep the page where the pictures may be kept, and show it to nobody who may not see them.</p>\n"
    } else {
        "<p class=\"quiet\">There are no pictures of eyes on this page, but there are names of files; check that these may \
         be shown. <code>--with-pictures</code> adds the worst pairs.</p>\n"
    });
    if report.eer.is_none() {
        html.push_str(
            "<p class=\"warning\" role=\"note\">There are no genuine or no impostor pairs, so no rate of error can be given. One \
             folder is one eye; at least two eyes, one of them with two good pictures, are needed.</p>\n",
        );
    }
    html.push_str("<dl class=\"figures\">\n");
    let mut figure = |name: &str, value: String, note: String| {
        let _ =
            writeln!(html, "<div class=\"figure\"><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>");
    };
    let interval = |interval: Option<[f64; 2]>| match interval {
        Some(_) => format!("95 %: {}", percents(interval)),
        None => "no interval: fewer than two people".to_owned(),
    };
    if let Some(eer) = report.eer {
        figure("Equal error rate", percent(eer), interval(report.eer_interval));
    }
    for AtTarget { name, fnmr, interval: range, .. } in report.at_targets().skip(1).take(1) {
        figure(&format!("False non-matches at FMR {name}"), percent(fnmr), interval(range));
    }
    let refused = report.failures.len();
    figure("Failure to enrol", percent(report.failure_to_enrol), format!("{refused} of {images} pictures"));
    if let Some(rank1) = report.rank1 {
        figure("Rank-1 identification", percent(rank1), format!("{} searches", report.rank1_attempts));
    }
    if let Some(d_prime) = report.d_prime {
        figure("d′", format!("{d_prime:.2}"), "deviations between the two kinds".to_owned());
    }
    if let Some(freedom) = report.degrees_of_freedom {
        figure("Degrees of freedom", format!("{freedom:.0}"), "of impostor distances".to_owned());
    }
    html.push_str("</dl>\n");
    html
}

fn distances(report: &Report) -> String {
    let counts = &report.histogram;
    let share = |counts: &[u64]| {
        let all = counts.iter().sum::<u64>().max(1) as f64;
        counts.iter().map(|&count| count as f64 / all).collect::<Vec<_>>()
    };
    let kinds = [
        ("genuine", "one eye", share(&counts.genuine), &report.genuine),
        ("impostor", "two eyes", share(&counts.impostor), &report.impostor),
    ];
    let highest = kinds.iter().flat_map(|(_, _, shares, _)| shares).copied().fold(0.0, f64::max).max(0.01);
    // A round step with at most six lines.
    let step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2].into_iter().find(|step| highest / step <= 6.0).unwrap_or(0.25);
    let top = (highest * 1.08 / step).ceil() * step;
    let to = counts.from + counts.width * counts.genuine.len() as f64;
    let mut plot = Plot::new(
        "Distances of genuine and impostor pairs",
        "two histograms, genuine pairs to the left, impostor pairs to the right",
        Axis::steps("distance", [counts.from, to], 0.1, |value| format!("{value:.1}")),
        Axis::steps("share of pairs of a kind", [0.0, top], step, |value| format!("{:.1} %", value * 100.0)),
    );
    for (class, name, shares, spread) in &kinds {
        let Some(spread) = spread else { continue };
        let steps = shares.iter().enumerate().flat_map(|(bin, &share)| {
            let left = counts.from + bin as f64 * counts.width;
            [[left, share], [left + counts.width, share]]
        });
        let used = shares.iter().position(|&share| share > 0.0).unwrap_or(0) * 2;
        let unused = shares.iter().rev().position(|&share| share > 0.0).unwrap_or(0) * 2;
        plot.line(class, steps.skip(used).take(shares.len() * 2 - used - unused), true);
        let height = shares.iter().copied().fold(0.0, f64::max);
        plot.words(class, [spread.mean, height], [0.0, -6.0], "middle", &format!("{class} pairs ({name})"));
    }
    plot.mark([report.policy_threshold, 0.0], [report.policy_threshold, top]);
    plot.words("tick", [report.policy_threshold, top], [5.0, 12.0], "start", "threshold");
    let mut html = format!(
        "<h2>Distances</h2>\n<figure>\n{}<figcaption>How often each distance occurs, in steps of {}. The less the two hills overlap, the \
         better. The dashed line is the threshold in use, {}.</figcaption>\n</figure>\n",
        plot.finish(),
        counts.width,
        report.policy_threshold
    );
    html.push_str(
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">pairs</th><th scope=\"col\">number</th>\
         <th scope=\"col\">not comparable</th><th scope=\"col\">mean</th><th scope=\"col\">deviation</th><th scope=\"col\">least</th>\
         <th scope=\"col\">greatest</th></tr></thead>\n<tbody>\n",
    );
    let rows = [
        ("genuine", report.genuine_pairs, report.incomparable_genuine_pairs, &report.genuine),
        ("impostor", report.impostor_pairs, report.incomparable_impostor_pairs, &report.impostor),
    ];
    for (kind, pairs, incomparable, spread) in rows {
        let _ = write!(html, "<tr><th scope=\"row\">{kind}</th><td>{pairs}</td><td>{incomparable}</td>");
        if let Some(spread) = spread {
            for value in [spread.mean, spread.deviation, spread.least, spread.greatest] {
                let _ = write!(html, "<td>{value:.4}</td>");
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

fn tables(report: &Report) -> String {
    if report.eer.is_none() {
        return String::new();
    }
    let mut html = "<h2>Rates of error</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">false match rate</th>\
                    <th scope=\"col\">false non-match rate</th><th scope=\"col\">95 % interval</th><th scope=\"col\">threshold</th>\
                    <th scope=\"col\">false matches expected</th></tr></thead>\n<tbody>\n"
        .to_owned();
    let threshold = |threshold: f64| if threshold.is_finite() { format!("{threshold:.4}") } else { "any".to_owned() };
    if let (Some(eer), Some(at)) = (report.eer, report.eer_threshold) {
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">equal (EER)</th><td>{}</td><td>{}</td><td>{}</td><td></td></tr>",
            percent(eer),
            percents(report.eer_interval),
            threshold(at)
        );
    }
    for at in report.at_targets() {
        let few = if at.expected < ENOUGH { " †" } else { "" };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}{few}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            at.name,
            percent(at.fnmr),
            percents(at.interval),
            threshold(at.threshold),
            if at.expected < 10.0 { format!("{:.1}", at.expected) } else { format!("{:.0}", at.expected) }
        );
    }
    if let (Some(fmr), Some(fnmr)) = (report.fmr_at_policy_threshold, report.fnmr_at_policy_threshold) {
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{} (threshold in use)</th><td>{}</td><td></td><td>{:.4}</td><td></td></tr>",
            percent(fmr),
            percent(fnmr),
            report.policy_threshold
        );
    }
    let _ = writeln!(
        html,
        "</tbody>\n</table></div>\n<p class=\"quiet\">Intervals come from {} drawings of {}. † fewer than {ENOUGH} false matches \
         are expected at this rate, so the figure is a hint and not a measurement; more eyes are needed.</p>",
        report.bootstrap_replicates,
        if report.people == report.classes {
            format!("{} eyes, each counted as a person", report.people)
        } else {
            format!("{} people", report.people)
        }
    );
    html
}

fn curves(report: &Report) -> String {
    let (Some(eer), false) = (report.eer, report.curve.is_empty()) else { return String::new() };
    let decades = |smallest: f64| (smallest.max(1e-8).log10().floor() as i32).clamp(-8, -1);
    let lowest_fmr = decades(1.0 / report.impostor_pairs as f64);
    let lowest_fnmr = decades(1.0 / report.genuine_pairs as f64);
    let targets: Vec<AtTarget> = report.at_targets().collect();
    let label = |at: &AtTarget| format!("FNMR {} at FMR {}, threshold {:.4}", percent(at.fnmr), at.name, at.threshold);
    let rate = |at: &AtTarget| at.name.parse::<f64>().unwrap_or(1.0);
    // A staircase: between two thresholds only one of the rates moves.
    let stairs = |value: fn(f64) -> f64| {
        let points = report.curve.windows(2).flat_map(move |two| {
            let ([_, fmr, fnmr], [_, next_fmr, _]) = (two[0], two[1]);
            [[fmr, value(fnmr)], [next_fmr, value(fnmr)]]
        });
        points.chain(report.curve.last().map(|&[_, fmr, fnmr]| [fmr, value(fnmr)]))
    };

    let mut det = Plot::new(
        "Detection error trade-off (DET)",
        "false non-match rate against false match rate, both logarithmic",
        Axis::decades("false match rate (FMR)", lowest_fmr, 0),
        Axis::decades("false non-match rate (FNMR)", lowest_fnmr, 0),
    );
    let corner = 10_f64.powi(lowest_fmr.max(lowest_fnmr));
    det.mark([corner, corner], [1.0, 1.0]);
    det.line("curve", stairs(|fnmr| fnmr), false);
    det.dot("curve", [eer, eer], &format!("EER {}", percent(eer)));
    det.words("curve", [eer, eer], [10.0, -8.0], "start", &format!("EER {}", percent(eer)));
    // A rate that is left of the scale was not observed, and has no place on it.
    let on_scale = |at: &&AtTarget| rate(at) >= 10_f64.powi(lowest_fmr);
    for at in targets.iter().filter(on_scale) {
        det.dot("impostor", [rate(at), at.fnmr], &label(at));
    }

    // The upper end of the scale is what matters, so it begins where the curve does.
    let lowest =
        report.curve.iter().map(|&[_, fmr, fnmr]| if fmr > 0.0 { 1.0 - fnmr } else { 1.0 }).fold(1.0, f64::min);
    let (from, step) = [(0.99, 0.002), (0.95, 0.01), (0.9, 0.02), (0.8, 0.05), (0.5, 0.1)]
        .into_iter()
        .find(|&(from, _)| lowest >= from)
        .unwrap_or((0.0, 0.2));
    let mut roc = Plot::new(
        "Receiver operating characteristic (ROC)",
        "true match rate against false match rate, the latter logarithmic",
        Axis::decades("false match rate (FMR)", lowest_fmr, 0),
        Axis::steps("true match rate (1 − FNMR)", [from, 1.0], step, |value| format!("{:.1} %", value * 100.0)),
    );
    roc.line("curve", stairs(|fnmr| 1.0 - fnmr), false);
    for at in targets.iter().filter(on_scale) {
        roc.dot("impostor", [rate(at), 1.0 - at.fnmr], &label(at));
    }
    let mut html = format!(
        "<h2>Trade-off between the two errors</h2>\n<figure>\n{}<figcaption>DET curve: each point is a threshold; stricter ones are to \
         the left. Lower is better. Where it meets the dashed line both errors are equally frequent. Dots mark the rates of the \
         table; a rate of 0 lies on the lower edge.</figcaption>\n</figure>\n<figure>\n{}<figcaption>ROC curve: the same, as the share \
         of genuine pairs that match. Higher is better.</figcaption>\n</figure>\n",
        det.finish(),
        roc.finish()
    );
    html.push_str(
        "<details><summary>Points of the curves as a table</summary>\n<div class=\"scroll\"><table>\n<thead><tr>\
         <th scope=\"col\">threshold</th><th scope=\"col\">FMR</th><th scope=\"col\">FNMR</th></tr></thead>\n<tbody>\n",
    );
    for [threshold, fmr, fnmr] in report.curve.iter().step_by(report.curve.len().div_ceil(40)) {
        let _ = writeln!(html, "<tr><td>{threshold:.4}</td><td>{}</td><td>{}</td></tr>", percent(*fmr), percent(*fnmr));
    }
    html.push_str("</tbody>\n</table></div></details>\n");
    html
}

fn worst_pairs(report: &Report, pictures: Option<&Pictures>) -> String {
    let kinds = [
        (
            "Furthest genuine pairs",
            "Pictures of one eye that look most different. Look for wrong boundaries, lids, blur and reflections, and for pictures in \
             the wrong folder.",
            &report.worst_genuine,
            pictures.map(|pictures| &pictures.genuine),
        ),
        (
            "Nearest impostor pairs",
            "Pictures of two eyes that look most alike. A very small distance usually means one eye in two folders.",
            &report.worst_impostor,
            pictures.map(|pictures| &pictures.impostor),
        ),
    ];
    let mut html = String::new();
    for (title, what, pairs, pictures) in kinds {
        if pairs.is_empty() {
            continue;
        }
        let _ = writeln!(html, "<h2>{title}</h2>\n<p>{what}</p>");
        let distance = |pair: &WorstPair| {
            pair.distance.map_or_else(|| "not comparable".to_owned(), |distance| format!("{distance:.4}"))
        };
        let Some(pictures) = pictures else {
            html.push_str(
                "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">distance</th><th scope=\"col\" class=\"path\">pictures</th></tr></thead>\n<tbody>\n",
            );
            for pair in pairs {
                let (a, b) = (escape(&pair.a), escape(&pair.b));
                let _ = writeln!(html, "<tr><td>{}</td><td class=\"path\">{a}<br>{b}</td></tr>", distance(pair));
            }
            html.push_str("</tbody>\n</table></div>\n");
            continue;
        };
        for (pair, drawn) in pairs.iter().zip(pictures) {
            let [a, b] = [&pair.a, &pair.b].map(|name| escape(name));
            let [left, right] = &drawn.overlays;
            let _ = writeln!(
                html,
                "<div class=\"pair\"><p><strong>{}</strong>, turned by {:+.1}°</p>\n<div class=\"pictures\">\
                 <figure><img src=\"{left}\" alt=\"{a} with the boundaries that were found\"><figcaption>{a}</figcaption></figure>\
                 <figure><img src=\"{right}\" alt=\"{b} with the boundaries that were found\"><figcaption>{b}</figcaption></figure></div>",
                distance(pair),
                drawn.rotation
            );
            if let Some(codes) = &drawn.codes {
                let _ = writeln!(
                    html,
                    "<details><summary>Codes, and where they disagree</summary><figure class=\"codes\"><img src=\"{codes}\" \
                     alt=\"codes of both pictures and their disagreeing bits\"><figcaption>From top to bottom: the second picture's code, turned; \
                     the first one's; disagreeing bits in orange. Red bits are not used.</figcaption></figure></details>"
                );
            }
            html.push_str("</div>\n");
        }
        html.push_str(
            "<p class=\"quiet\">Yellow: pupil; green: iris; blue: lids; pink: lashes and other things that are left out.</p>\n",
        );
    }
    html
}

fn refusals(report: &Report) -> String {
    let mut html = "<h2>Pictures that gave no template</h2>\n".to_owned();
    if report.failures.is_empty() {
        html.push_str("<p>None: every picture gave a template.</p>\n");
        return html;
    }
    html.push_str(
        "<table>\n<thead><tr><th scope=\"col\">reason</th><th scope=\"col\">pictures</th></tr></thead>\n<tbody>\n",
    );
    for (code, count) in &report.failures_by_code {
        let _ = writeln!(html, "<tr><td><code>{}</code></td><td>{count}</td></tr>", escape(code));
    }
    html.push_str(
        "</tbody>\n</table>\n<details><summary>Which ones</summary>\n<div class=\"scroll\"><table>\n<tbody>\n",
    );
    for refused in report.failures.iter().take(LISTED) {
        let _ = writeln!(
            html,
            "<tr><td class=\"path\">{}</td><td class=\"path\">{}</td></tr>",
            escape(&refused.image),
            escape(&refused.error.to_string())
        );
    }
    html.push_str("</tbody>\n</table></div>\n");
    if report.failures.len() > LISTED {
        let _ = writeln!(html, "<p class=\"quiet\">The first {LISTED}; <code>--json</code> lists all of them.</p>");
    }
    html.push_str("</details>\n");
    html
}

fn times(report: &Report) -> String {
    let mut html = format!(
        "<h2>Time</h2>\n<p>{:.1} milliseconds of processor time a picture, {:.0} comparisons a second and core. The whole evaluation \
         took {:.0} s on {} threads.</p>\n<table>\n<thead><tr><th scope=\"col\">stage</th><th scope=\"col\">ms a picture</th></tr></thead>\n<tbody>\n",
        report.ms_per_image, report.comparisons_per_core_per_s, report.seconds, report.threads
    );
    let mut stages: Vec<_> = report.ms_per_stage.iter().collect();
    stages.sort_by(|a, b| b.1.total_cmp(a.1));
    for (stage, ms) in stages {
        let _ = writeln!(html, "<tr><td>{stage}</td><td>{ms:.2}</td></tr>");
    }
    html.push_str("</tbody>\n</table>\n<p class=\"quiet\">Means over all pictures. A picture that was refused took part up to its refusal.</p>\n");
    html
}

fn glossary() -> String {
    let mut html = "<h2>What the words mean</h2>\n<dl class=\"terms\">\n".to_owned();
    for (term, meaning) in GLOSSARY {
        let _ = writeln!(html, "<dt>{term}</dt><dd>{meaning}</dd>");
    }
    html.push_str("</dl>\n");
    html
}
