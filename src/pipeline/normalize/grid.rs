//! Radial positions of the rows of a non-linear unrolling.

use super::RadialLaw;

/// Positions of `rows` rows between pupil (0) and limbus (1), for a pupil of `percent` % of the iris' diameter.
#[must_use]
pub fn radial_grid(law: RadialLaw, percent: u8, rows: usize) -> Vec<f64> {
    match law {
        RadialLaw::Squares => squares(percent.min(100), rows),
        RadialLaw::Wyatt => wyatt(f64::from(percent.min(100)) / 100.0, rows),
    }
}

#[allow(clippy::cast_precision_loss)] // rows of a picture
fn fraction(k: usize, of: usize) -> f64 {
    k as f64 / of as f64
}

/// open-iris: the squares of 28, 29, … up to a limit that depends on the pupil, scaled to 0…1 and resampled to rows + 1
/// positions; rows lie in the middle between neighbours.
fn squares(percent: u8, rows: usize) -> Vec<f64> {
    let percent = i32::from(percent);
    let end = (74 - percent).max(percent - 14);
    let squares: Vec<f64> = (28..end).map(|i| f64::from(i * i)).collect();
    let (first, last) = (squares[0], squares[squares.len() - 1]);
    let knots: Vec<f64> = squares.iter().map(|square| (square - first) / (last - first)).collect();
    let at = |k: usize| {
        let position = fraction(k * (knots.len() - 1), rows);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to the number of knots
        let below = (position as usize).min(knots.len().saturating_sub(2));
        #[allow(clippy::cast_precision_loss)]
        let beyond = position - below as f64;
        knots[below] + beyond * (knots[below + 1] - knots[below])
    };
    (0..rows).map(|k| f64::midpoint(at(k), at(k + 1))).collect()
}

/// Wyatt's meshwork: the positive root δ of (1−P) δ² + (2P − (1−P²) c) δ − (1+P) P c = 0 in each row, where c is the
/// cosine that the reference state (pupil ratio 0.9, exponent 1.08) assigns to the row.
fn wyatt(pupil: f64, rows: usize) -> Vec<f64> {
    const REFERENCE: f64 = 0.9;
    const EXPONENT: f64 = 1.08;
    #[allow(clippy::cast_precision_loss)]
    let last = (rows as f64).powf(EXPONENT);
    (1..=rows)
        .map(|i| {
            #[allow(clippy::cast_precision_loss)]
            let i = (i as f64).powf(EXPONENT);
            let cosine = i * (2.0 * last * REFERENCE + i * (1.0 - REFERENCE))
                / (last * (1.0 + REFERENCE) * (last * REFERENCE + i * (1.0 - REFERENCE)));
            let a = 1.0 - pupil;
            let b = 2.0 * pupil - (1.0 - pupil * pupil) * cosine;
            let c = -(1.0 + pupil) * pupil * cosine;
            // a ≥ 0 ≥ c: one root is not negative. This form of it does not cancel, and holds for a = 0 too.
            let root = (b * b - 4.0 * a * c).sqrt();
            if b > 0.0 { -2.0 * c / (b + root) } else { (root - b) / (2.0 * a) }
        })
        .collect()
}
