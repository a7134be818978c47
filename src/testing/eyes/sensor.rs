//! From light to grey levels: focus, motion, exposure, noise, eight bits.

use super::conditions::CaptureConditions;
use super::numeric::{Stream, exp, floor, scramble, sin_cos};

/// Turns light into the picture's grey levels.
pub(super) fn expose(mut light: Vec<f32>, c: &CaptureConditions) -> Vec<u8> {
    illuminate(&mut light, c);
    gaussian(&mut light, c.width, c.height, c.defocus);
    if c.motion > 0.25 {
        light = moved(&light, c);
    }
    let noise = Stream::new(c.seed, "sensor").bits();
    light.iter().enumerate().map(|(i, &value)| grey(value, c.noise as f32, scramble(noise ^ i as u64))).collect()
}

/// Exposure, gradient and vignetting.
fn illuminate(light: &mut [f32], c: &CaptureConditions) {
    let half = [(c.width as f64 - 1.0) / 2.0, (c.height as f64 - 1.0) / 2.0];
    let diagonal = half[0] * half[0] + half[1] * half[1];
    for (row, line) in light.chunks_exact_mut(c.width).enumerate() {
        let dy = row as f64 - half[1];
        for (column, value) in line.iter_mut().enumerate() {
            let dx = column as f64 - half[0];
            let slope = 1.0 + 0.5 * (c.light_gradient[0] * dx / half[0] + c.light_gradient[1] * dy / half[1]);
            let corner = 1.0 - c.vignetting * (dx * dx + dy * dy) / diagonal;
            *value *= (c.gain * slope.max(0.1) * corner) as f32;
        }
    }
}

/// Separable Gaussian, the border continued by its last pixel.
fn gaussian(light: &mut [f32], width: usize, height: usize, deviation: f64) {
    let reach = (3.0 * deviation).ceil() as usize;
    let mut weights: Vec<f64> =
        (0..=reach).map(|i| exp(-0.5 * (i as f64 / deviation) * (i as f64 / deviation))).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    weights.iter_mut().for_each(|w| *w /= sum);
    let weights: Vec<f32> = weights.into_iter().map(|w| w as f32).collect();

    let mut padded = vec![0.0_f32; width + 2 * reach];
    let mut across = vec![0.0_f32; width * height];
    for (line, out) in light.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[reach..reach + width].copy_from_slice(line);
        padded[..reach].fill(line[0]);
        padded[reach + width..].fill(line[width - 1]);
        for (o, &p) in out.iter_mut().zip(&padded[reach..]) {
            *o = p * weights[0];
        }
        for (k, &w) in weights.iter().enumerate().skip(1) {
            for ((o, &a), &b) in out.iter_mut().zip(&padded[reach - k..]).zip(&padded[reach + k..]) {
                *o += w * (a + b);
            }
        }
    }
    for (row, out) in light.chunks_exact_mut(width).enumerate() {
        let line = |r: usize| &across[r * width..(r + 1) * width];
        for (o, &p) in out.iter_mut().zip(line(row)) {
            *o = p * weights[0];
        }
        for (k, &w) in weights.iter().enumerate().skip(1) {
            let (above, below) = (line(row.saturating_sub(k)), line((row + k).min(height - 1)));
            for ((o, &a), &b) in out.iter_mut().zip(above).zip(below) {
                *o += w * (a + b);
            }
        }
    }
}

/// Mean along a straight path, bilinear.
fn moved(light: &[f32], c: &CaptureConditions) -> Vec<f32> {
    let (sine, cosine) = sin_cos(c.motion_angle.to_radians());
    let steps = (c.motion.ceil() as usize).max(2);
    let (last_column, last_row) = (c.width - 1, c.height - 1);
    let mut sum = vec![0.0_f32; light.len()];
    for step in 0..steps {
        let along = c.motion * ((step as f64 + 0.5) / steps as f64 - 0.5);
        let (dx, dy) = (along * cosine, along * sine);
        let (across, down) = (floor(dx), floor(dy));
        let (fx, fy) = ((dx - f64::from(across)) as f32, (dy - f64::from(down)) as f32);
        // Signed steps of at most 33 pixels; the border continues with its last pixel.
        let (across, down) = (across as isize, down as isize);
        for (row, out) in sum.chunks_exact_mut(c.width).enumerate() {
            let line = |offset: isize| {
                let start = row.saturating_add_signed(offset).min(last_row) * c.width;
                &light[start..start + c.width]
            };
            let (upper, lower) = (line(down), line(down + 1));
            for (column, o) in out.iter_mut().enumerate() {
                let left = column.saturating_add_signed(across).min(last_column);
                let right = column.saturating_add_signed(across + 1).min(last_column);
                let top = upper[left] + (upper[right] - upper[left]) * fx;
                let bottom = lower[left] + (lower[right] - lower[left]) * fx;
                *o += top + (bottom - top) * fy;
            }
        }
    }
    let share = 1.0 / steps as f32;
    sum.iter_mut().for_each(|v| *v *= share);
    sum
}

/// One grey level, with noise from 64 random bits: three parts of it grow with the light (shot noise),
/// one does not (reading).
fn grey(value: f32, noise: f32, bits: u64) -> u8 {
    // The sum of four 16-bit numbers is nearly normal; each has the variance 1/12 of its range.
    let sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
    let normal = (sum as f32 * (1.0 / 65_535.0) - 2.0) * 1.732_050_8;
    let value = value.clamp(0.0, 4.0);
    let deviation = noise * (0.25 + 1.5 * value.min(1.0)).sqrt();
    (value * 255.0 + normal * deviation).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_the_mean_and_widens_a_point() {
        let (width, height) = (41, 31);
        let mut light = vec![0.0; width * height];
        light[15 * width + 20] = 1.0;
        gaussian(&mut light, width, height, 2.0);
        assert!((light.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let expected = 1.0 / (core::f32::consts::TAU * 4.0);
        assert!((light[15 * width + 20] - expected).abs() < 0.002);
        assert_eq!(light[15 * width + 24], light[15 * width + 16]);
    }

    #[test]
    fn motion_blurs_along_its_direction_only() {
        let c = CaptureConditions { width: 64, height: 48, motion: 9.0, ..CaptureConditions::default() };
        let mut light = vec![0.0; 64 * 48];
        light[24 * 64 + 32] = 1.0;
        let out = moved(&light, &c);
        assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(out[24 * 64 + 29] > 0.05 && out[27 * 64 + 32] == 0.0);
    }

    #[test]
    fn noise_has_the_stated_deviation() {
        let levels: Vec<f64> = (0..40_000_u64).map(|i| f64::from(grey(0.5, 6.0, scramble(i)))).collect();
        let mean = levels.iter().sum::<f64>() / 40_000.0;
        let variance = levels.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / 40_000.0;
        assert!((mean - 127.5).abs() < 0.2 && (variance.sqrt() - 6.0).abs() < 0.15, "{mean} {variance}");
    }
}
