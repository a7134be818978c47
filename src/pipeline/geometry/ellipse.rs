//! Algebraic least-squares fit of an ellipse in two steps, with the result of OpenCV's `fitEllipse`.
//!
//! First the general conic A x² + B y² + C xy + D x + E y = 1 gives the centre; then A, B and C are fitted once more
//! about that centre, and give axes and angle. Coordinates are taken about the mean and scaled, which keeps the
//! systems well conditioned and the result free of the picture's size.

use super::Point;

/// An ellipse with OpenCV's conventions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ellipse {
    pub(crate) centre: [f64; 2],
    /// Lengths of the two axes (not half axes), the shorter first.
    pub(crate) axes: [f64; 2],
    /// Angle of the first axis against +x towards +y, degrees.
    pub(crate) angle: f64,
}

/// Below this a coefficient counts as zero.
const NEGLIGIBLE: f64 = 1e-8;

/// Fits an ellipse to at least six points; `None` when the points determine none (too few, or on a line).
#[allow(clippy::cast_possible_truncation)] // single precision where OpenCV stores single precision
pub(crate) fn fit_ellipse(points: &[Point]) -> Option<Ellipse> {
    if points.len() < 6 {
        return None;
    }
    // The mean is summed in single precision: the points are rounded when it is subtracted.
    let sum = points.iter().fold([0.0_f32; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
    #[allow(clippy::cast_precision_loss)] // contour points
    let mean = sum.map(|sum| sum / points.len() as f32);
    let centred = || points.iter().map(|p| [f64::from(p[0] - mean[0]), f64::from(p[1] - mean[1])]);
    let spread: f64 = centred().map(|[x, y]| x.abs() + y.abs()).sum();
    let scale = 100.0 / spread.max(f64::from(f32::EPSILON));
    let scaled: Vec<[f64; 2]> = centred().map(|p| p.map(|c| c * scale)).collect();

    let rows: Vec<[f64; 5]> = scaled.iter().map(|&[x, y]| [-x * x, -y * y, -x * y, x, y]).collect();
    let [a, b, c, d, e] = least_squares(rows, 10_000.0)?;
    // The gradient vanishes at the centre: 2A x + C y = D, C x + 2B y = E.
    let determinant = 4.0 * a * b - c * c;
    if determinant == 0.0 {
        return None;
    }
    let (x0, y0) = ((2.0 * b * d - c * e) / determinant, (2.0 * a * e - c * d) / determinant);

    let rows: Vec<[f64; 3]> =
        scaled.iter().map(|&[x, y]| (x - x0, y - y0)).map(|(x, y)| [x * x, y * y, x * y]).collect();
    let [a, b, c] = least_squares(rows, 1.0)?;
    let angle = -0.5 * c.atan2(b - a);
    let difference = if c.abs() > NEGLIGIBLE { c / (-2.0 * angle).sin() } else { b - a };
    let axis = |inverse: f64| if inverse > NEGLIGIBLE { (2.0 / inverse).sqrt() } else { inverse };
    let first = (axis((a + b - difference).abs()) * 2.0 / scale) as f32;
    let second = (axis((a + b + difference).abs()) * 2.0 / scale) as f32;

    let centre = [(x0 / scale) as f32 + mean[0], (y0 / scale) as f32 + mean[1]].map(f64::from);
    // OpenCV leaves the angle at zero where no exchange of the axes is needed.
    let (axes, degrees) =
        if first > second { ([second, first], (90.0 + angle.to_degrees()) as f32) } else { ([first, second], 0.0) };
    let fitted = Ellipse { centre, axes: axes.map(f64::from), angle: f64::from(degrees) };
    let finite = fitted.centre.iter().chain(&fitted.axes).all(|value| value.is_finite());
    finite.then_some(fitted)
}

/// Least squares of `rows · x = value` for all rows, by modified Gram-Schmidt with the right-hand side as last column
/// (as accurate as Householder's method, Björck 1967). `None` where the columns are dependent.
fn least_squares<const N: usize>(mut rows: Vec<[f64; N]>, value: f64) -> Option<[f64; N]> {
    let mut rest = vec![value; rows.len()];
    let mut triangle = [[0.0; N]; N];
    let mut target = [0.0; N];
    for k in 0..N {
        let before: f64 = rows.iter().map(|row| row[k] * row[k]).sum::<f64>();
        let scale: f64 = triangle.iter().take(k).map(|row| row[k] * row[k]).sum::<f64>() + before;
        // OpenCV shakes the points at random here; a fit that depends on chance is no fit.
        if before.is_nan() || before <= scale * f64::from(f32::EPSILON).powi(2) {
            return None;
        }
        triangle[k][k] = before.sqrt();
        for row in &mut rows {
            row[k] /= triangle[k][k];
        }
        for j in k + 1..N {
            let along: f64 = rows.iter().map(|row| row[k] * row[j]).sum();
            triangle[k][j] = along;
            for row in &mut rows {
                row[j] -= along * row[k];
            }
        }
        target[k] = rows.iter().zip(&rest).map(|(row, rest)| row[k] * rest).sum();
        for (row, rest) in rows.iter().zip(&mut rest) {
            *rest -= target[k] * row[k];
        }
    }
    for k in (0..N).rev() {
        let known: f64 = (k + 1..N).map(|j| triangle[k][j] * target[j]).sum();
        target[k] = (target[k] - known) / triangle[k][k];
    }
    Some(target)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn recovers_an_ellipse() {
        for degrees in [5.0_f64, 40.0, 85.0, 120.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let points: Vec<[f64; 2]> = (0..200)
                .map(|i| f64::from(i) * 0.03)
                .map(|t| (30.0 * t.cos(), 50.0 * t.sin()))
                .map(|(u, v)| [300.0 + u * cos - v * sin, 200.0 + u * sin + v * cos])
                .collect();
            let fitted = fit_ellipse(&super::super::store(&points)).unwrap();
            assert!((fitted.centre[0] - 300.0).abs() < 1e-3 && (fitted.centre[1] - 200.0).abs() < 1e-3);
            assert!((fitted.axes[0] - 60.0).abs() < 1e-2 && (fitted.axes[1] - 100.0).abs() < 1e-2, "{fitted:?}");
            let off = (fitted.angle - degrees).rem_euclid(180.0);
            assert!(off.min(180.0 - off) < 1e-2, "{degrees}: {fitted:?}");
        }
    }

    #[test]
    fn points_on_a_line_or_too_few_give_none() {
        let line: Vec<Point> = (0_u8..20).map(|i| [f32::from(i), 3.0 * f32::from(i)]).collect();
        assert_eq!(fit_ellipse(&line), None);
        assert_eq!(fit_ellipse(&line[..5]), None);
        assert_eq!(fit_ellipse(&[[7.0, 7.0]; 30]), None);
    }
}
