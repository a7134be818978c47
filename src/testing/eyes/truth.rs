//! What is true of a synthetic capture.

use super::numeric::{atan2, sin_cos};
use crate::pipeline::segment::Contours;

/// What a perfect segmentation would find, also where lids, lashes or reflections hide it.
///
/// Pixel centres have whole coordinates; x grows to the right, y downwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The pupil's outline as the ellipse of the same area and second moments.
    pub pupil: Ellipse,
    /// The limbus as the ellipse of the same area and second moments.
    pub iris: Ellipse,
    /// Both outlines exactly: 512 points each, as the pipeline's geometry stage leaves them.
    pub contours: Contours,
    /// Margin of the upper lid, left to right, 65 points `[x, y]` in pixels.
    pub upper_lid: Vec<[f64; 2]>,
    /// Margin of the lower lid, left to right, 65 points `[x, y]` in pixels.
    pub lower_lid: Vec<[f64; 2]>,
    /// Share of the iris (without the pupil) that neither lid, lash, reflection nor frame hides, 0 to 1.
    pub visible_iris: f64,
    /// Turn of the iris' tissue in the picture (head and eyeball), degrees clockwise.
    pub rotation: f64,
}

/// An ellipse in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    /// Centre `[x, y]`, pixels.
    pub centre: [f64; 2],
    /// Half the longer and half the shorter axis, pixels.
    pub semi_axes: [f64; 2],
    /// Direction of the longer axis, degrees clockwise from +x, −90 to 90.
    pub angle: f64,
}

impl Ellipse {
    /// Radius of the circle of the same area, pixels.
    #[must_use]
    pub fn radius(&self) -> f64 {
        (self.semi_axes[0] * self.semi_axes[1]).sqrt()
    }

    /// The circle about the same centre whose radius is `factor` times [`Self::radius`].
    pub(super) fn circle(&self, factor: f64) -> Self {
        Self { centre: self.centre, semi_axes: [factor * self.radius(); 2], angle: 0.0 }
    }

    /// 512 points at equal angles of a circle, as [`Contours`] orders them.
    pub(super) fn points(&self) -> Vec<[f64; 2]> {
        (0..512)
            .map(|i| {
                let (sine, cosine) = sin_cos(core::f64::consts::TAU * f64::from(i) / 512.0);
                [self.centre[0] + self.semi_axes[0] * cosine, self.centre[1] + self.semi_axes[0] * sine]
            })
            .collect()
    }

    /// The ellipse with the area, centre and second moments of a closed outline.
    pub(super) fn of_outline(points: &[[f64; 2]]) -> Self {
        // Green's theorem about the first point, which keeps the sums small.
        let [ox, oy] = points[0];
        let (mut area, mut mx, mut my, mut mxx, mut mxy, mut myy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (i, p) in points.iter().enumerate() {
            let q = points[(i + 1) % points.len()];
            let (x0, y0, x1, y1) = (p[0] - ox, p[1] - oy, q[0] - ox, q[1] - oy);
            let cross = x0 * y1 - x1 * y0;
            area += cross / 2.0;
            mx += cross * (x0 + x1) / 6.0;
            my += cross * (y0 + y1) / 6.0;
            mxx += cross * (x0 * x0 + x0 * x1 + x1 * x1) / 12.0;
            myy += cross * (y0 * y0 + y0 * y1 + y1 * y1) / 12.0;
            mxy += cross * (2.0 * x0 * y0 + x0 * y1 + x1 * y0 + 2.0 * x1 * y1) / 24.0;
        }
        let (cx, cy) = (mx / area, my / area);
        let (xx, yy, xy) = (mxx / area - cx * cx, myy / area - cy * cy, mxy / area - cx * cy);
        let half_difference = (xx - yy) / 2.0;
        let spread = (half_difference * half_difference + xy * xy).sqrt();
        let mean = (xx + yy) / 2.0;
        // The second moment of an ellipse about an axis is a quarter of the semi-axis squared.
        let semi_axes = [2.0 * (mean + spread).sqrt(), 2.0 * (mean - spread).max(0.0).sqrt()];
        Self { centre: [cx + ox, cy + oy], semi_axes, angle: atan2(xy, half_difference).to_degrees() / 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipse_is_recovered_from_its_outline() {
        let angle = 25.0_f64.to_radians();
        let outline: Vec<[f64; 2]> = (0..2000)
            .map(|i| {
                let t = core::f64::consts::TAU * f64::from(i) / 2000.0;
                let (x, y) = (60.0 * t.cos(), 40.0 * t.sin());
                [300.0 + x * angle.cos() - y * angle.sin(), 200.0 + x * angle.sin() + y * angle.cos()]
            })
            .collect();
        let e = Ellipse::of_outline(&outline);
        assert!((e.centre[0] - 300.0).abs() < 1e-6 && (e.centre[1] - 200.0).abs() < 1e-6);
        assert!((e.semi_axes[0] - 60.0).abs() < 1e-3 && (e.semi_axes[1] - 40.0).abs() < 1e-3);
        assert!((e.angle - 25.0).abs() < 1e-6 && (e.radius() - 2400.0_f64.sqrt()).abs() < 1e-3);
    }
}
