//! Geometry of one capture: from pixels to the face, the eye and the iris, and back.

use core::f64::consts::TAU;

use super::conditions::CaptureConditions;
use super::numeric::{atan2, floor, sin_cos, smoothstep};
use super::traits::{LidShape, Traits};
use super::truth::{Ellipse, Truth};
use crate::pipeline::segment::Contours;

/// Distance of the iris' plane before the eyeball's centre of rotation, in iris radii (10.3 mm).
const IRIS_DEPTH: f64 = 1.75;
/// Distance of the cornea's centre of curvature behind the iris' plane (4.9 mm): lamps are mirrored there.
const CORNEA_DEPTH: f64 = 0.82;
/// Samples of the radius tables.
const STEPS: usize = 1024;
/// Points of the true boundaries, as many as the pipeline's own.
const CONTOUR_POINTS: usize = 512;

/// The mapping between pixels and the three frames, all in radii of an average iris:
/// *face* (origin at the iris' centre, head upright), *socket* (origin at the centre of an iris that
/// looks straight, x towards the nose), and *plane* (the iris' own, radius about 1).
pub(super) struct Scene {
    /// The iris' centre in the picture, pixels.
    pub(super) centre: [f64; 2],
    /// Pixels per radius of an average iris.
    pub(super) scale: f64,
    roll: (f64, f64),
    nose: f64,
    /// Iris centre from its straight position, face frame.
    shift: [f64; 2],
    /// Where a coaxial lamp is mirrored, face frame.
    pub(super) mirror: [f64; 2],
    /// The plane's axes in space, times the iris' size.
    axes: [[f64; 3]; 2],
    camera: f64,
    torsion: f64,
    dilation: f64,
    pupil_centre: [f64; 2],
    pupil_radius: Vec<f64>,
    limbus_radius: Vec<f64>,
    pub(super) lids: Lids,
}

/// A place on the iris' plane in the iris' own terms.
pub(super) struct IrisPoint {
    /// Turn from +x of the tissue, 0…1 (may leave it by one turn).
    pub(super) turn: f64,
    /// 0 on the pupil's boundary, 1 on the limbus; below 0 inside the pupil, above 1 on the sclera.
    pub(super) fraction: f64,
    /// Distance outside the limbus, iris radii; negative inside.
    pub(super) beyond_limbus: f64,
    /// Distance outside the pupil's boundary, iris radii; negative inside.
    pub(super) beyond_pupil: f64,
}

impl Scene {
    pub(super) fn new(traits: &Traits, c: &CaptureConditions) -> Self {
        let roll = sin_cos(c.head_roll.to_radians());
        let (yaw, pitch) = (sin_cos(c.gaze[0].to_radians()), sin_cos(c.gaze[1].to_radians()));
        let size = traits.iris_size;
        let direction = [yaw.0 * pitch.1, -pitch.0];
        let pupil_radius = (0..STEPS)
            .map(|i| {
                let angle = TAU * i as f64 / STEPS as f64;
                let bumps: f64 = (2_u32..)
                    .zip(&traits.pupil_outline)
                    .map(|(k, (a, phase))| a * sin_cos(f64::from(k) * angle + phase).1)
                    .sum();
                c.dilation * (1.0 + bumps)
            })
            .collect();
        let limbus_radius = (0..STEPS)
            .map(|i| {
                let angle = TAU * i as f64 / STEPS as f64;
                let [(wide, tilt), (three, phase)] = traits.limbus_outline;
                1.0 + wide * sin_cos(2.0 * angle + tilt).1 + three * sin_cos(3.0 * angle + phase).1
            })
            .collect();
        // A constricting pupil moves towards the nose by about a twentieth of the change of its radius.
        let [toward_nose, down] = traits.pupil_offset;
        let toward_nose = toward_nose + 0.05 * (0.4 - c.dilation);
        Self {
            centre: [(c.width as f64 - 1.0) / 2.0 + c.offset[0], (c.height as f64 - 1.0) / 2.0 + c.offset[1]],
            scale: c.iris_radius,
            roll,
            nose: traits.nose,
            shift: direction.map(|d| IRIS_DEPTH * d),
            mirror: direction.map(|d| -CORNEA_DEPTH * d),
            axes: [
                [yaw.1 * size, 0.0, -yaw.0 * size],
                [yaw.0 * pitch.0 * size, pitch.1 * size, yaw.1 * pitch.0 * size],
            ],
            camera: c.camera_distance,
            torsion: c.torsion / 360.0,
            dilation: c.dilation,
            pupil_centre: [toward_nose * traits.nose, down],
            pupil_radius,
            limbus_radius,
            lids: Lids::new(&traits.lids, c.lid_opening, IRIS_DEPTH * direction[1]),
        }
    }

    pub(super) fn face_from_pixel(&self, x: f64, y: f64) -> [f64; 2] {
        let (dx, dy) = ((x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale);
        let (sine, cosine) = self.roll;
        [dx * cosine + dy * sine, dy * cosine - dx * sine]
    }

    pub(super) fn pixel_from_face(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (sine, cosine) = self.roll;
        [self.centre[0] + self.scale * (x * cosine - y * sine), self.centre[1] + self.scale * (x * sine + y * cosine)]
    }

    pub(super) fn socket_from_face(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x + self.shift[0]) * self.nose, y + self.shift[1]]
    }

    pub(super) fn pixel_from_socket(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.pixel_from_face([x * self.nose - self.shift[0], y - self.shift[1]])
    }

    /// The point of the iris' plane seen at a place of the face, in radii of this iris.
    pub(super) fn plane_from_face(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        // u·(D − aX − bY) = D·(e1x·X + e2x·Y) and the same for v: two linear equations.
        let d = self.camera;
        let [[e1x, e1y, a], [e2x, e2y, b]] = self.axes;
        let (m11, m12) = (d * e1x + u * a, d * e2x + u * b);
        let (m21, m22) = (d * e1y + v * a, d * e2y + v * b);
        let determinant = m11 * m22 - m12 * m21;
        [(u * d * m22 - m12 * v * d) / determinant, (m11 * v * d - m21 * u * d) / determinant]
    }

    fn pixel_from_plane(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [e1, e2] = self.axes;
        let at = |i: usize| x * e1[i] + y * e2[i];
        let factor = self.camera / (self.camera - at(2));
        self.pixel_from_face([at(0) * factor, at(1) * factor])
    }

    /// Describes a point of the plane; `None` where it is surely sclera.
    pub(super) fn iris_point(&self, [x, y]: [f64; 2]) -> Option<IrisPoint> {
        if x * x + y * y > 1.5 {
            return None;
        }
        // The sheet's circles move from the pupil's centre to the limbus': a fixed point, reached in
        // two steps from that of plain circles because the centres are less than a tenth of the radius apart.
        let mut fraction = (((x * x + y * y).sqrt() - self.dilation) / (1.0 - self.dilation)).clamp(-1.0, 1.5);
        let mut angle = 0.0;
        let (mut radius, mut pupil, mut limbus) = (0.0, 0.0, 1.0);
        for _ in 0..2 {
            let back = 1.0 - fraction;
            let (dx, dy) = (x - back * self.pupil_centre[0], y - back * self.pupil_centre[1]);
            radius = (dx * dx + dy * dy).sqrt();
            angle = atan2(dy, dx) / TAU;
            (pupil, limbus) = (lookup(&self.pupil_radius, angle), lookup(&self.limbus_radius, angle));
            fraction = (radius - pupil) / (limbus - pupil);
            fraction = fraction.clamp(-1.0, 1.5);
        }
        Some(IrisPoint {
            turn: angle - self.torsion,
            fraction,
            beyond_limbus: radius - limbus,
            beyond_pupil: radius - pupil,
        })
    }

    /// What is known without looking at the picture.
    pub(super) fn truth(&self) -> Truth {
        let pupil: Vec<[f64; 2]> = self.boundary(&self.pupil_radius, self.pupil_centre);
        let iris: Vec<[f64; 2]> = self.boundary(&self.limbus_radius, [0.0, 0.0]);
        let arc = |lid: fn(&Lids, f64) -> f64| {
            let [outer, inner] = self.lids.corners();
            (0..=64).map(move |i| {
                let x = outer + (inner - outer) * f64::from(i) / 64.0;
                self.pixel_from_socket([x, lid(&self.lids, x)])
            })
        };
        let mut upper_lid: Vec<[f64; 2]> = arc(Lids::upper).collect();
        let mut lower_lid: Vec<[f64; 2]> = arc(Lids::lower).collect();
        if self.nose < 0.0 {
            upper_lid.reverse();
            lower_lid.reverse();
        }
        let (pupil_ellipse, iris_ellipse) = (Ellipse::of_outline(&pupil), Ellipse::of_outline(&iris));
        Truth {
            contours: Contours {
                pupil: equal_angles(&pupil, pupil_ellipse.centre),
                iris: equal_angles(&iris, iris_ellipse.centre),
            },
            pupil: pupil_ellipse,
            iris: iris_ellipse,
            upper_lid,
            lower_lid,
            visible_iris: 0.0,
            rotation: self.torsion * 360.0 + atan2(self.roll.0, self.roll.1).to_degrees(),
        }
    }

    /// A boundary in pixels, densely sampled.
    fn boundary(&self, radii: &[f64], centre: [f64; 2]) -> Vec<[f64; 2]> {
        radii
            .iter()
            .enumerate()
            .map(|(i, radius)| {
                let (sine, cosine) = sin_cos(TAU * i as f64 / radii.len() as f64);
                self.pixel_from_plane([centre[0] + radius * cosine, centre[1] + radius * sine])
            })
            .collect()
    }
}

/// The outline's points at `CONTOUR_POINTS` equal angles about `centre`, the first towards +x.
fn equal_angles(outline: &[[f64; 2]], centre: [f64; 2]) -> Vec<[f64; 2]> {
    let mut polar: Vec<(f64, f64)> = outline
        .iter()
        .map(|[x, y]| {
            let (dx, dy) = (x - centre[0], y - centre[1]);
            let angle = atan2(dy, dx);
            (if angle < 0.0 { angle + TAU } else { angle }, (dx * dx + dy * dy).sqrt())
        })
        .collect();
    polar.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (polar[0], polar[polar.len() - 1]);
    polar.insert(0, (last.0 - TAU, last.1));
    polar.push((first.0 + TAU, first.1));
    let mut after = 1;
    (0..CONTOUR_POINTS)
        .map(|i| {
            let angle = TAU * i as f64 / CONTOUR_POINTS as f64;
            while polar[after].0 < angle {
                after += 1;
            }
            let ((a0, r0), (a1, r1)) = (polar[after - 1], polar[after]);
            let radius = if a1 > a0 { r0 + (r1 - r0) * (angle - a0) / (a1 - a0) } else { r1 };
            let (sine, cosine) = sin_cos(angle);
            [centre[0] + radius * cosine, centre[1] + radius * sine]
        })
        .collect()
}

/// A table over one turn, linearly interpolated.
fn lookup(table: &[f64], turn: f64) -> f64 {
    let place = (turn - f64::from(floor(turn))) * STEPS as f64;
    let low = (place as usize).min(STEPS - 1);
    let (a, b) = (table[low], table[(low + 1) % STEPS]);
    a + (b - a) * (place - low as f64)
}

/// The lids' margins as heights over the socket's x, tabulated.
pub(super) struct Lids {
    corners: [f64; 2],
    samples: Vec<LidSample>,
}

/// The lids at one x of the socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct LidSample {
    /// Height of the upper margin (y grows downwards).
    pub(super) upper: f64,
    /// Height of the lower margin.
    pub(super) lower: f64,
    /// Cosine of the upper margin's slope: turns a height into a distance.
    pub(super) upper_cosine: f64,
    /// Cosine of the lower margin's slope.
    pub(super) lower_cosine: f64,
    /// 1 along the opening, 0 from its corners on.
    pub(super) along: f64,
    /// −1 at the outer corner, 1 at the inner one.
    pub(super) place: f64,
}

/// The tables reach this far to both sides of the socket's origin, iris radii.
const LID_REACH: f64 = 4.0;

impl Lids {
    fn new(shape: &LidShape, opening: f64, gaze_down: f64) -> Self {
        let corners = [shape.middle - shape.half_width, shape.middle + shape.half_width];
        // The upper lid follows the gaze nearly, the lower lid somewhat.
        let (upper_follow, lower_follow) = (0.75 * gaze_down, 0.4 * gaze_down);
        let mut samples: Vec<LidSample> = (0..STEPS)
            .map(|i| {
                let x = LID_REACH * (2.0 * i as f64 / (STEPS - 1) as f64 - 1.0);
                let place = (x - shape.middle) / shape.half_width;
                let base = shape.base + shape.tilt * (x - shape.middle);
                // Closing lids meet below the middle: the lower one rises by a third.
                let raised = 0.75 + 0.25 * smoothstep(0.0, 0.8, opening);
                let lower_rise = shape.lower_height * raised + lower_follow;
                let lower = base + lower_rise * arc(place, shape.lower_form, shape.lower_skew);
                let open = base - (shape.upper_height - upper_follow) * arc(place, shape.upper_form, shape.upper_skew);
                let upper = lower + opening * (open - lower);
                LidSample {
                    upper: if upper < lower { upper } else { lower },
                    lower,
                    upper_cosine: 1.0,
                    lower_cosine: 1.0,
                    along: 1.0 - smoothstep(0.90, 1.0, place.abs()),
                    place,
                }
            })
            .collect();
        let step = 2.0 * LID_REACH / (STEPS - 1) as f64;
        let cosine = |rise: f64| 1.0 / (1.0 + (rise / (2.0 * step)) * (rise / (2.0 * step))).sqrt();
        for i in 1..STEPS - 1 {
            // Margins bend sharply at the corners; their distance fields may not.
            let blend = 1.0 - smoothstep(0.6, 1.0, samples[i].place.abs());
            let upper = cosine(samples[i + 1].upper - samples[i - 1].upper);
            let lower = cosine(samples[i + 1].lower - samples[i - 1].lower);
            samples[i].upper_cosine = 1.0 + blend * (upper - 1.0);
            samples[i].lower_cosine = 1.0 + blend * (lower - 1.0);
        }
        Self { corners, samples }
    }

    /// The lids at `x` of the socket.
    pub(super) fn at(&self, x: f64) -> LidSample {
        let place = ((x / LID_REACH + 1.0) / 2.0 * (STEPS - 1) as f64).clamp(0.0, (STEPS - 1) as f64 - 0.001);
        let low = place as usize;
        let t = place - low as f64;
        let (a, b) = (self.samples[low], self.samples[low + 1]);
        let mix = |p: f64, q: f64| p + (q - p) * t;
        LidSample {
            upper: mix(a.upper, b.upper),
            lower: mix(a.lower, b.lower),
            upper_cosine: mix(a.upper_cosine, b.upper_cosine),
            lower_cosine: mix(a.lower_cosine, b.lower_cosine),
            along: mix(a.along, b.along),
            place: mix(a.place, b.place),
        }
    }

    /// x of the outer and the inner corner.
    pub(super) fn corners(&self) -> [f64; 2] {
        self.corners
    }

    pub(super) fn upper(&self, x: f64) -> f64 {
        self.at(x).upper
    }

    pub(super) fn lower(&self, x: f64) -> f64 {
        self.at(x).lower
    }
}

/// An arc over −1…1 of height 1: parabola at `form` 0, flatter below, more peaked above.
fn arc(place: f64, form: f64, skew: f64) -> f64 {
    let inside = 1.0 - place * place;
    if inside <= 0.0 {
        return 0.0;
    }
    let moved = place - skew * inside;
    let parabola = (1.0 - moved * moved).max(0.0);
    // The inner corner is drawn out around the caruncle.
    let form = form + 0.55 * smoothstep(0.35, 1.0, place);
    parabola * (1.0 + form * parabola) / (1.0 + form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::EyeSide;

    fn scene(c: &CaptureConditions) -> Scene {
        Scene::new(&Traits::new(4, EyeSide::Right), c)
    }

    #[test]
    fn the_frames_are_inverses() {
        let s = scene(&CaptureConditions {
            gaze: [14.0, -9.0],
            head_roll: 8.0,
            torsion: 3.0,
            ..CaptureConditions::default()
        });
        for i in 0..200 {
            let p = [f64::from(i % 17) * 0.11 - 0.9, f64::from(i % 23) * 0.08 - 0.9];
            let pixel = s.pixel_from_plane(p);
            let back = s.plane_from_face(s.face_from_pixel(pixel[0], pixel[1]));
            assert!((back[0] - p[0]).abs() < 1e-9 && (back[1] - p[1]).abs() < 1e-9);
            let q = s.pixel_from_socket(s.socket_from_face(s.face_from_pixel(pixel[0], pixel[1])));
            assert!((q[0] - pixel[0]).abs() < 1e-9 && (q[1] - pixel[1]).abs() < 1e-9);
        }
    }

    #[test]
    fn boundaries_are_where_the_sheet_says() {
        let s = scene(&CaptureConditions { gaze: [-12.0, 6.0], dilation: 0.5, ..CaptureConditions::default() });
        for (outline, fraction) in
            [(s.boundary(&s.pupil_radius, s.pupil_centre), 0.0), (s.boundary(&s.limbus_radius, [0.0; 2]), 1.0)]
        {
            for [x, y] in outline {
                let point = s.iris_point(s.plane_from_face(s.face_from_pixel(x, y))).expect("on the iris");
                assert!((point.fraction - fraction).abs() < 2e-3, "{} instead of {fraction}", point.fraction);
            }
        }
    }

    #[test]
    fn shut_lids_leave_no_opening_and_open_ones_do() {
        let shut = scene(&CaptureConditions { lid_opening: 0.0, ..CaptureConditions::default() });
        let open = scene(&CaptureConditions::default());
        for i in -40..=40 {
            let x = f64::from(i) * 0.1;
            let (a, b) = (shut.lids.at(x), open.lids.at(x));
            assert!(a.upper >= a.lower - 1e-12);
            assert!(b.upper <= b.lower);
        }
        assert!(open.lids.lower(0.0) - open.lids.upper(0.0) > 1.4);
    }
}
