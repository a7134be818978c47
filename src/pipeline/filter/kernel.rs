//! Complex wavelets on a small grid: Gabor and log-Gabor, as open-iris builds them.

use core::f64::consts::{PI, TAU};
use core::fmt;

use ndarray::Array2;

/// A Gabor wavelet: a plane wave under a Gaussian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gabor {
    /// Columns (around the eye, φ) and rows (along the radius, ρ) of the kernel; both odd, 5 to 97.
    pub size: [usize; 2],
    /// Deviation of the Gaussian along the wave, pixels; 1 to the number of columns.
    pub sigma_phi: f64,
    /// Deviation of the Gaussian across the wave, pixels; 1 to the number of rows.
    pub sigma_rho: f64,
    /// Direction of the wave, degrees; 90 is around the eye.
    pub theta_degrees: f64,
    /// Length of the wave, pixels; 2 to the number of columns.
    pub lambda_phi: f64,
}

/// A log-Gabor wavelet, built in the frequency domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogGabor {
    /// Columns (φ) and rows (ρ) of the kernel; both odd, 5 to 97.
    pub size: [usize; 2],
    /// Angular deviation, radians; above 0, at most π.
    pub sigma_phi: f64,
    /// Radial deviation, octaves; above 0.1, at most 1.
    pub sigma_rho: f64,
    /// Direction of the wave, degrees.
    pub theta_degrees: f64,
    /// Length of the wave, pixels; 2 to the number of rows.
    pub lambda_rho: f64,
}

/// A parameter of a wavelet is out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the wavelet's {parameter} is {value}, it must be {allowed}")]
pub struct KernelError {
    /// Which parameter.
    parameter: &'static str,
    /// Its value.
    value: f64,
    /// The range.
    allowed: &'static str,
}

fn require(parameter: &'static str, value: f64, allowed: &'static str, is_allowed: bool) -> Result<(), KernelError> {
    if is_allowed { Ok(()) } else { Err(KernelError { parameter, value, allowed }) }
}

#[allow(clippy::cast_precision_loss)] // at most 97
fn require_size([columns, rows]: [usize; 2]) -> Result<(), KernelError> {
    let allowed = "odd and between 5 and 97";
    let good = |size: usize| size % 2 == 1 && (5..=97).contains(&size);
    require("number of columns", columns as f64, allowed, good(columns))?;
    require("number of rows", rows as f64, allowed, good(rows))
}

/// The values of a wavelet, `[row][column]`, as `[real, imaginary]`; rows along the radius, columns around the eye.
#[derive(Clone, PartialEq)]
pub struct Kernel {
    values: Array2<[f64; 2]>,
    norm: [f64; 2],
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.values.dim();
        f.debug_struct("Kernel").field("rows", &rows).field("columns", &columns).field("norm", &self.norm).finish()
    }
}

impl Gabor {
    /// The coarse wavelet of open-iris.
    pub const OPEN_IRIS_COARSE: Self =
        Self { size: [41, 21], sigma_phi: 7.0, sigma_rho: 6.13, theta_degrees: 90.0, lambda_phi: 28.0 };
    /// The coarse wavelet of [`EncoderVersion::Personhood`](crate::iris::EncoderVersion::Personhood) 1: that of open-iris, but a
    /// little shorter along the radius, so that neighbouring rows have less in common.
    pub const COARSE: Self = Self { sigma_rho: 5.0, ..Self::OPEN_IRIS_COARSE };
    /// The fine wavelet of [`EncoderVersion::Personhood`](crate::iris::EncoderVersion::Personhood) 1, of the same bandwidth as
    /// the coarse one (σ = λ/4).
    ///
    /// The fine wave of open-iris is 8 of 512 columns long: 4 pixels in the middle of an iris of 55 pixels radius, which
    /// lenses at arm's length hardly carry. 12 columns are 6 pixels there. The optimum is flat: 10 and 14 are as good.
    pub const FINE: Self =
        Self { size: [19, 21], sigma_phi: 3.0, sigma_rho: 5.0, theta_degrees: 90.0, lambda_phi: 12.0 };
    /// The fine wavelet of open-iris.
    pub const OPEN_IRIS_FINE: Self =
        Self { size: [17, 21], sigma_phi: 2.0, sigma_rho: 5.86, theta_degrees: 90.0, lambda_phi: 8.0 };

    /// The kernel: exp(E + 2πi u/λ) / (2π σφ σρ) with E = −(u²/σφ² + v²/σρ²)/2, freed of its mean row by row, the real
    /// and the imaginary part each scaled to norm 1.
    ///
    /// What open-iris subtracts to free a row of its mean is a multiple of the exponent E (a parabola), not of the
    /// Gaussian; the bits depend on it, so it is kept.
    ///
    /// # Errors
    /// [`KernelError`] when a parameter is out of its range.
    pub fn kernel(&self) -> Result<Kernel, KernelError> {
        self.freed_of_means(|exponent, _| exponent)
    }

    /// [`Self::kernel`], but freed of its mean row by row with a multiple of the Gaussian: an even light gives nothing, and
    /// nothing is added far from the middle.
    ///
    /// # Errors
    /// [`KernelError`] when a parameter is out of its range.
    pub fn balanced_kernel(&self) -> Result<Kernel, KernelError> {
        self.freed_of_means(|_, envelope| envelope)
    }

    /// Subtracts a multiple of `shape`, a function of exponent and envelope, from each row.
    fn freed_of_means(&self, shape: impl Fn(f64, f64) -> f64) -> Result<Kernel, KernelError> {
        require_size(self.size)?;
        #[allow(clippy::cast_precision_loss)]
        let [columns, rows] = self.size.map(|size| size as f64);
        let within = |value: f64, least: f64, below: f64| value >= least && value < below;
        require("sigma_phi", self.sigma_phi, "at least 1 and below the columns", within(self.sigma_phi, 1.0, columns))?;
        require("sigma_rho", self.sigma_rho, "at least 1 and below the rows", within(self.sigma_rho, 1.0, rows))?;
        require(
            "lambda_phi",
            self.lambda_phi,
            "at least 2 and below the columns",
            within(self.lambda_phi, 2.0, columns),
        )?;
        require(
            "theta_degrees",
            self.theta_degrees,
            "at least 0 and below 360",
            within(self.theta_degrees, 0.0, 360.0),
        )?;

        let mut shapes = Array2::zeros((self.size[1], self.size[0]));
        let mut values = Array2::from_elem(shapes.dim(), [0.0; 2]);
        for ((row, column), value) in values.indexed_iter_mut() {
            let [u, v] = rotated(self.size, row, column, self.theta_degrees);
            let exponent =
                -(u * u / (self.sigma_phi * self.sigma_phi) + v * v / (self.sigma_rho * self.sigma_rho)) / 2.0;
            let (sin, cos) = (TAU / self.lambda_phi * u).sin_cos();
            let envelope = exponent.exp() / (TAU * self.sigma_phi * self.sigma_rho);
            shapes[[row, column]] = shape(exponent, envelope);
            *value = [envelope * cos, envelope * sin];
        }
        for (mut values, shapes) in values.rows_mut().into_iter().zip(shapes.rows()) {
            let mean: f64 = values.iter().map(|value| value[0]).sum::<f64>() / shapes.sum();
            for (value, shape) in values.iter_mut().zip(shapes) {
                value[0] -= mean * shape;
            }
        }
        Ok(Kernel::of_unit_norm(values))
    }
}

impl LogGabor {
    /// The kernel: exp(−log₂²(r λ/rows) / (2 σρ²)) · exp(−θ²/(2 σφ²)) in the frequency domain, transformed back, the
    /// real and the imaginary part each scaled to norm 1.
    ///
    /// # Errors
    /// [`KernelError`] when a parameter is out of its range.
    #[allow(clippy::cast_precision_loss)] // sizes are at most 97
    pub fn kernel(&self) -> Result<Kernel, KernelError> {
        require_size(self.size)?;
        let [columns, rows] = self.size;
        let (sigma_phi, sigma_rho, lambda) = (self.sigma_phi, self.sigma_rho, self.lambda_rho);
        require("sigma_phi", sigma_phi, "above 0 and at most pi", sigma_phi > 0.0 && sigma_phi <= PI)?;
        require("sigma_rho", sigma_rho, "above 0.1 and at most 1", sigma_rho > 0.1 && sigma_rho <= 1.0)?;
        require("lambda_rho", lambda, "above 2 and below the rows", lambda > 2.0 && lambda < rows as f64)?;
        let theta = self.theta_degrees;
        require("theta_degrees", theta, "at least 0 and below 360", (0.0..360.0).contains(&theta))?;

        let spectrum = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let [x, y] = rotated(self.size, row, column, 0.0);
            if x == 0.0 && y == 0.0 {
                return 0.0;
            }
            let octaves = (x.hypot(y) * lambda / rows as f64).log2();
            let [u, v] = rotated(self.size, row, column, theta);
            let angle = v.atan2(u);
            (-0.5 * octaves * octaves / (sigma_rho * sigma_rho)).exp()
                * (-0.5 * angle * angle / (sigma_phi * sigma_phi)).exp()
        });
        // The inverse Fourier transform, frequency 0 and position 0 in the middle of their grids.
        let middle = |index: usize, size: usize| index as f64 - (size / 2) as f64;
        let values = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let (y, x) = (middle(row, rows) / rows as f64, middle(column, columns) / columns as f64);
            let mut sum = [0.0; 2];
            for ((v, u), &amplitude) in spectrum.indexed_iter() {
                let (sin, cos) = (TAU * (y * middle(v, rows) + x * middle(u, columns))).sin_cos();
                sum = [sum[0] + amplitude * cos, sum[1] + amplitude * sin];
            }
            sum.map(|part| part / (rows * columns) as f64)
        });
        Ok(Kernel::of_unit_norm(values))
    }
}

/// Position in the kernel about its middle, turned by `degrees`: [along the wave, across it]; at 0° along the radius.
#[allow(clippy::cast_precision_loss)] // sizes are at most 97
fn rotated([columns, rows]: [usize; 2], row: usize, column: usize, degrees: f64) -> [f64; 2] {
    let (x, y) = (row as f64 - (rows / 2) as f64, column as f64 - (columns / 2) as f64);
    let (sin, cos) = (degrees * PI / 180.0).sin_cos();
    [x * cos + y * sin, -x * sin + y * cos]
}

impl Kernel {
    fn of_unit_norm(mut values: Array2<[f64; 2]>) -> Self {
        let norm = norms(&values);
        for value in &mut values {
            for part in 0..2 {
                if norm[part] > 0.0 {
                    value[part] /= norm[part];
                }
            }
        }
        Self { norm: norms(&values), values }
    }

    /// The kernel in 1/2¹⁵, rounded half to even: what open-iris uses, so that sums are exact.
    #[must_use]
    pub fn to_fixed_point(&self) -> Self {
        let values = self.values.mapv(|value| value.map(|part| (part * 32_768.0).round_ties_even()));
        Self { norm: norms(&values), values }
    }

    /// The values, `[row][column]`, as `[real, imaginary]`.
    #[must_use]
    pub fn values(&self) -> &Array2<[f64; 2]> {
        &self.values
    }

    /// Frobenius norms of the real and of the imaginary part.
    #[must_use]
    pub fn norm(&self) -> [f64; 2] {
        self.norm
    }
}

fn norms(values: &Array2<[f64; 2]>) -> [f64; 2] {
    let [real, imaginary] =
        values.iter().fold([0.0; 2], |sum, value| [sum[0] + value[0] * value[0], sum[1] + value[1] * value[1]]);
    [real.sqrt(), imaginary.sqrt()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_gabor_wavelet_have_no_mean() {
        for gabor in [Gabor::OPEN_IRIS_COARSE, Gabor::OPEN_IRIS_FINE, Gabor::COARSE, Gabor::FINE] {
            for kernel in [gabor.kernel().unwrap(), gabor.balanced_kernel().unwrap()] {
                for row in kernel.values().rows() {
                    assert!(row.iter().map(|value| value[0]).sum::<f64>().abs() < 1e-12);
                    assert!(row.iter().map(|value| value[1]).sum::<f64>().abs() < 1e-12);
                }
                assert!(kernel.norm().iter().all(|norm| (norm - 1.0).abs() < 1e-12));
            }
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let even = Gabor { size: [40, 21], ..Gabor::OPEN_IRIS_COARSE };
        let message = even.kernel().unwrap_err().to_string();
        assert_eq!(message, "the wavelet's number of columns is 40, it must be odd and between 5 and 97");
        assert!(Gabor { lambda_phi: 41.0, ..Gabor::OPEN_IRIS_COARSE }.kernel().is_err());
        assert!(Gabor { sigma_rho: f64::NAN, ..Gabor::OPEN_IRIS_COARSE }.kernel().is_err());
    }
}
