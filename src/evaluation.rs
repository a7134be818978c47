//! How often a system of templates and distances errs: error rates, their uncertainty, and what they rest on.
//!
//! It begins with every comparison among pictures whose eyes are known ([`Comparisons`]), sorts them into genuine pairs
//! (two pictures of one eye) and impostor pairs (of two eyes) ([`Scores`]), and knows nothing of irises beyond that.
//!
//! | quantity | definition here |
//! |---|---|
//! | match at threshold t | distance < t, as [`MatchPolicy`](crate::matcher::MatchPolicy) has it |
//! | FMR(t), false match rate | impostor pairs below t, over all impostor pairs |
//! | FNMR(t), false non-match rate | genuine pairs not below t, over all genuine pairs |
//! | FNMR at FMR f | FNMR at the largest threshold whose observed FMR is at most f |
//! | EER, equal error rate | where the line through the observed operating points (FMR, FNMR) meets FMR = FNMR |
//! | d′ | (mean impostor − mean genuine) / √((variance genuine + variance impostor) / 2) |
//! | degrees of freedom | p (1 − p) / σ², of the impostor distances' mean p and variance σ² |
//! | rank-1 rate | pictures whose nearest other picture is of the same eye, among those that have such a picture |
//!
//! Terms and rates are those of ISO/IEC 19795-1; d′ and the degrees of freedom are those of J. Daugman, *How Iris
//! Recognition Works* (IEEE Trans. CSVT 14(1), 2004, sections III and V).
//!
//! A pair that cannot be compared has no distance. It is never a match: a false non-match if it is genuine, rightly told
//! apart if not. Means and variances are of those pairs that have a distance.
//!
//! # Examples
//! ```
//! use personhood::evaluation::{Bootstrap, Comparisons, Sample, Scores};
//!
//! // Two eyes, of two people, three pictures each; the second eye's last picture is a bad one.
//! let samples = [0, 0, 0, 1, 1, 1].map(|eye| Sample { class: eye, person: eye }).to_vec();
//! let distance = |a: usize, b: usize| Some(if a / 3 != b / 3 { 0.45 } else if b == 5 { 0.46 } else { 0.2 });
//! let scores = Scores::new(Comparisons::new(samples, distance)?);
//!
//! let rates = scores.rates().ok_or("no pairs")?;
//! assert_eq!((scores.genuine().len(), scores.impostor().len()), (6, 9));
//! assert_eq!(rates.fnmr_at_fmr[0], 2.0 / 6.0);
//! let again = scores.intervals(&Bootstrap::default()).ok_or("one person only")?;
//! assert!(again.eer.low <= rates.eer && rates.eer <= again.eer.high);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bootstrap;
mod comparisons;
mod rates;
mod scores;
mod strangers;

pub use bootstrap::{Bootstrap, Interval, Intervals};
pub use comparisons::{Comparisons, EvaluationError, Sample};
pub use rates::{FMR_TARGETS, OperatingPoint, Rates};
pub use scores::{Histogram, Identification, Moments, Pair, Scores};
pub use strangers::{Estimate, Search, StrangerEvidence, StrangerModel};
