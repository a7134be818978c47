//! How well a part of the bits tells what the whole says: false rejects and pass rates of the approximate first stage.
//!
//! ```text
//! cargo bench --bench approximate --features testing [-- <captures> <seed>]     synthetic genuine pairs
//! cargo bench --bench approximate --features testing -- --pictures <file>      what `encode --json` wrote, eyes in folders
//! ```
//!
//! A synthetic capture makes three genuine pairs: as it was drawn; with a fine wavelet that is noisier than the coarse one; and
//! with an iris that is stretched along the circle by up to a column. Each is sampled on eight grids, by turning both
//! templates together; that changes no distance, and takes other columns. Pairs that the exact comparison does not accept do not
//! count. A pair counts as rejected when its estimate at its best rotation is too large, though another rotation might pass.

use personhood::iris::{EyeSide, IrisCode, IrisTemplate, Layout, Rotation, openiris};
use personhood::matcher::approximate::{Limits, Subset};
use personhood::matcher::{Alignment, Comparison, MatchPolicy, compare};
use personhood::testing::templates::SyntheticTemplates;

const MODELS: [&str; 3] = ["as drawn", "noisier fine wavelet", "stretched"];
const SUBSETS: [Subset; 2] = [Subset::Tenth, Subset::Fifth];
const STANDARD_ERRORS: [u8; 4] = [0, 1, 2, 3];

/// Counts of one model, subset and policy.
#[derive(Clone, Default)]
struct Tally {
    pairs: u64,
    rejects: [u64; STANDARD_ERRORS.len()],
    error: f64,
    squared_error: f64,
    /// The same for pairs within 0.03 of the threshold.
    near: u64,
    near_rejects: [u64; STANDARD_ERRORS.len()],
}

impl Tally {
    fn add(
        &mut self,
        limits: &[Limits],
        probe: &IrisTemplate,
        reference: &IrisTemplate,
        subset: Subset,
        found: Alignment,
        near: bool,
    ) {
        let estimate = subset.estimates(probe, reference, 0).expect("one layout, one encoder")[0];
        // In the unit of the margin: where 5/8 of the bits are compared.
        let share = f64::from(found.distance.compared()) / probe.layout().bits() as f64;
        let error = f64::from(estimate.disagreeing) / f64::from(estimate.compared.max(1)) - found.distance.ratio();
        let error = error * (share / 0.625).sqrt();
        self.pairs += 1;
        self.near += u64::from(near);
        self.error += error;
        self.squared_error += error * error;
        for (rejects, (near_rejects, limits)) in self.rejects.iter_mut().zip(self.near_rejects.iter_mut().zip(limits)) {
            let rejected = !limits.passes(&estimate);
            *rejects += u64::from(rejected);
            *near_rejects += u64::from(rejected && near);
        }
    }

    fn print(&self, what: &str) {
        let n = self.pairs.max(1) as f64;
        let mean = self.error / n;
        println!(
            "{what:<44} n {:>9}  bias {mean:8.5}  sd {:.5}  rejects at 0, 1, 2, 3 standard errors {:?}; of {} near the threshold {:?}",
            self.pairs,
            (self.squared_error / n - mean * mean).sqrt(),
            self.rejects,
            self.near,
            self.near_rejects
        );
    }
}

/// All limits of a policy, by subset and number of standard errors.
fn limits(layout: Layout, policy: &MatchPolicy) -> [Vec<Limits>; 2] {
    SUBSETS.map(|subset| STANDARD_ERRORS.map(|n| Limits::new(subset, layout, policy, subset.margin(n))).into())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--pictures") {
        return pictures(arguments.get(at + 1).expect("--pictures takes a file"));
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let (captures, seed): (u64, u64) = (numbers.next().unwrap_or(2_000), numbers.next().unwrap_or(1));
    let layout = Layout::Columns200;
    for (name, policy) in [("open-iris", MatchPolicy::OPEN_IRIS), ("default", MatchPolicy::default())] {
        let (limits, threshold) = (limits(layout, &policy), policy.threshold.ratio());
        let world = SyntheticTemplates::new(layout, seed).with_distances(0.15..=0.36);
        let mut tallies = vec![Tally::default(); MODELS.len() * SUBSETS.len()];
        let mut strangers = [[0_u64; STANDARD_ERRORS.len()]; 2];
        let mut last: Option<IrisTemplate> = None;
        let mut impostors = 0;
        for capture in 0..captures {
            // Ten captures of a person.
            let reference = world.enrolled(capture / 10, EyeSide::Left);
            let drawn = world.recaptured(capture / 10, EyeSide::Left, capture % 10 + 1).template;
            for (model, probe) in
                [drawn.clone(), noisier(&drawn, capture ^ seed << 32), stretched(&drawn, capture)].iter().enumerate()
            {
                let Comparison::Match(found) = compare(probe, &reference, &policy) else { continue };
                let near = found.distance.ratio() > threshold - 0.03;
                for grid in 0..8 {
                    let (probe, reference) = (
                        probe.rotated(Rotation::new(found.rotation.columns() + grid)),
                        reference.rotated(Rotation::new(grid)),
                    );
                    for (index, subset) in SUBSETS.into_iter().enumerate() {
                        let tally = &mut tallies[model * SUBSETS.len() + index];
                        tally.add(&limits[index], &probe, &reference, subset, found, near);
                    }
                }
            }
            if let Some(last) = last.replace(reference).filter(|_| capture % 10 == 0) {
                impostors += 1;
                for (index, subset) in SUBSETS.into_iter().enumerate() {
                    let estimates = subset.estimates(&drawn, &last, policy.maximum_rotation).expect("one layout");
                    for (passes, limits) in strangers[index].iter_mut().zip(&limits[index]) {
                        *passes += u64::from(estimates.iter().any(|estimate| limits.passes(estimate)));
                    }
                }
            }
        }
        for (tally, index) in tallies.iter().zip(0..) {
            tally.print(&format!("{name}, {}, {:?}", MODELS[index / SUBSETS.len()], SUBSETS[index % SUBSETS.len()]));
        }
        for (passes, subset) in strangers.iter().zip(SUBSETS) {
            println!("{name}, strangers, {subset:?}: {passes:?} of {impostors} pass at 0, 1, 2, 3 standard errors");
        }
    }
}

/// A stream of bits, each set with the probability of about one in `2^rarity`.
fn noise(state: &mut u64, rarity: u32) -> u64 {
    (0..rarity).fold(u64::MAX, |bits, _| {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits & (z ^ z >> 31)
    })
}

/// One in eight bits of the fine wavelet is wrong besides; with the distance of the coarse one at 0.2 that is 0.28.
fn noisier(template: &IrisTemplate, seed: u64) -> IrisTemplate {
    let mut state = seed;
    with_code(
        template,
        template.code().columns().iter().map(|word| word ^ noise(&mut state, 3) & 0xFFFF_0000_FFFF_0000),
    )
}

/// The iris turned by up to one column more or less, depending on the place: three runs that are stretched apart.
fn stretched(template: &IrisTemplate, capture: u64) -> IrisTemplate {
    let columns = template.code().columns();
    let n = columns.len();
    let third = |column: usize| (column + capture as usize * 7) % n / (n / 3 + 1);
    with_code(template, (0..n).map(|column| columns[(column + n + third(column) - 1) % n]))
}

fn with_code(template: &IrisTemplate, columns: impl Iterator<Item = u64>) -> IrisTemplate {
    let code = IrisCode::from_columns(template.layout(), columns.collect()).expect("one word per column");
    IrisTemplate::new(code, template.mask().clone(), template.encoder()).expect("one layout")
}

/// All pairs of a set of pictures; a picture's eye is the folder it lies in.
fn pictures(file: &str) {
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).expect("a readable file")).expect("what `encode --json` wrote");
    let eyes: Vec<(String, IrisTemplate)> = json["images"]
        .as_array()
        .expect("a list of images")
        .iter()
        .filter_map(|image| {
            let path = std::path::Path::new(image["image"].as_str()?);
            let template = openiris::from_json(image["template"].to_string().as_bytes()).ok()?;
            Some((path.parent()?.to_string_lossy().into_owned(), template))
        })
        .collect();
    let layout = eyes.first().expect("a picture that could be encoded").1.layout();
    let policy = MatchPolicy::for_encoder(eyes[0].1.encoder());
    let (limits, threshold) = (limits(layout, &policy), policy.threshold.ratio());
    let mut tallies = [Tally::default(), Tally::default()];
    let (mut impostors, mut passes) = (0, [[0_u64; STANDARD_ERRORS.len()]; 2]);
    for (index, (eye, probe)) in eyes.iter().enumerate() {
        for (other, reference) in &eyes[..index] {
            if eye != other {
                impostors += 1;
                for (index, subset) in SUBSETS.into_iter().enumerate() {
                    let estimates =
                        subset.estimates(probe, reference, policy.maximum_rotation).expect("one layout, one encoder");
                    for (passes, limits) in passes[index].iter_mut().zip(&limits[index]) {
                        *passes += u64::from(estimates.iter().any(|estimate| limits.passes(estimate)));
                    }
                }
                continue;
            }
            let Comparison::Match(found) = compare(probe, reference, &policy) else { continue };
            let near = found.distance.ratio() > threshold - 0.03;
            let probe = probe.rotated(found.rotation);
            for (index, subset) in SUBSETS.into_iter().enumerate() {
                tallies[index].add(&limits[index], &probe, reference, subset, found, near);
            }
        }
    }
    println!("{} templates of {layout}", eyes.len());
    for ((tally, subset), passes) in tallies.iter().zip(SUBSETS).zip(passes) {
        tally.print(&format!("matches, {subset:?}"));
        println!("{passes:?} of {impostors} strangers pass at 0, 1, 2, 3 standard errors");
    }
}
