//! How a picture is taken: camera, light, and what the eye does at that moment.

use super::numeric::Stream;

/// One capture: everything that is not the person's own.
///
/// Lengths are pixels or, where said, radii of the iris. Angles are degrees. Values outside the stated
/// ranges are brought to their nearest end, and a NaN to the lower one; nothing here can make
/// rendering fail.
///
/// # Examples
/// ```
/// use personhood::testing::eyes::CaptureConditions;
/// let dark_room = CaptureConditions { dilation: 0.55, noise: 4.0, ..CaptureConditions::default() };
/// assert_eq!((dark_room.width, dark_room.height), (640, 480));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureConditions {
    /// Columns of the picture, 64…4096.
    pub width: usize,
    /// Rows of the picture, 48…4096.
    pub height: usize,
    /// Radius that an iris of average size (5.9 mm) has in the picture, 12…1024 px.
    ///
    /// People differ by a few per cent; [`Truth::iris`](super::Truth::iris) has this eye's.
    pub iris_radius: f64,
    /// Where the iris' centre lies, right of and below the middle of the picture, −4096…4096 px.
    pub offset: [f64; 2],
    /// Radius of the pupil over radius of the iris, 0.15…0.75.
    pub dilation: f64,
    /// Turn of the whole head, clockwise on the screen, −45…45 degrees.
    pub head_roll: f64,
    /// Turn of the eyeball about its axis beside that of the head, clockwise, −20…20 degrees.
    pub torsion: f64,
    /// Where the eye looks: `[to the right of the screen, up]`, −45…45 degrees; zero is into the camera.
    pub gaze: [f64; 2],
    /// Distance from camera to iris, 8…1000 iris radii (6 mm each): perspective of a turned eye.
    pub camera_distance: f64,
    /// Opening of the lids: 0 shut, 1 as this person keeps them at rest, up to 1.3.
    pub lid_opening: f64,
    /// How far the upper lashes hang over the iris: 0 curled up and away, 1 straight down.
    pub lash_droop: f64,
    /// The lamps whose images shine on the cornea.
    pub lamps: Lamps,
    /// Where the lamps' image lies from the middle of the iris, `[right, down]`, −2…2 iris radii.
    pub lamp_offset: [f64; 2],
    /// Window or sky mirrored by the cornea as a broad pale veil: 0 none, 1 strong.
    pub glare: f64,
    /// Spectacles before the eye.
    pub glasses: Option<Glasses>,
    /// Gaussian blur of lens and focus, standard deviation 0.3…20 px.
    pub defocus: f64,
    /// Length of the motion blur, 0…64 px.
    pub motion: f64,
    /// Direction of the motion, degrees clockwise from rightwards.
    pub motion_angle: f64,
    /// Change of the light across the picture, `[left to right, top to bottom]`, −1…1 of the mean.
    pub light_gradient: [f64; 2],
    /// Loss of light in the corners, 0…0.9.
    pub vignetting: f64,
    /// Exposure: 1 gives bright skin about 200 of 255; 0.2…2.
    pub gain: f64,
    /// Noise of the sensor, standard deviation in grey levels at middle grey, 0…40.
    pub noise: f64,
    /// How much of the difference between sclera and iris shows, 0.05…1: some sensors and skins leave little.
    pub limbus_contrast: f64,
    /// Radius of a uniform disc painted over the pupil when the picture was ready, over the pupil's own mean radius: 0
    /// none, else 0.8…1.4. The publisher of CASIA-IrisV1 hid the lamps' images so. [`Truth`](super::Truth) then has the disc
    /// for the pupil.
    pub pupil_disc: f64,
    /// Decides what is accidental in one capture: noise, stray highlights, single lashes.
    pub seed: u64,
}

/// Arrangement of the infrared lamps, as their image on the cornea shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lamps {
    /// No direct image of a lamp.
    None,
    /// One lamp.
    Single,
    /// Two side by side.
    Pair,
    /// Four in a square.
    Square,
    /// A ring of eight around the lens.
    Ring,
    /// One long bar.
    Bar,
}

/// Spectacles, as far as they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Glasses {
    /// Whether the rim is in view.
    pub frame: bool,
    /// Lamps mirrored by the lens as saturated patches, 0…6.
    pub reflections: u32,
    /// Where the patches gather, from the middle of the iris, `[right, down]`, −4…4 iris radii.
    pub offset: [f64; 2],
    /// Veil of scattered light on the whole lens, 0…0.5 of full scale.
    pub haze: f64,
}

impl Default for CaptureConditions {
    /// A cooperative person in front of a good 640×480 camera, without anything accidental.
    fn default() -> Self {
        Self {
            width: 640,
            height: 480,
            iris_radius: 110.0,
            offset: [0.0, 0.0],
            dilation: 0.38,
            head_roll: 0.0,
            torsion: 0.0,
            gaze: [0.0, 0.0],
            camera_distance: 60.0,
            lid_opening: 1.0,
            lash_droop: 0.3,
            lamps: Lamps::Pair,
            lamp_offset: [0.02, 0.08],
            glare: 0.0,
            glasses: None,
            defocus: 0.9,
            motion: 0.0,
            motion_angle: 0.0,
            light_gradient: [0.0, 0.0],
            vignetting: 0.1,
            gain: 1.0,
            noise: 2.5,
            limbus_contrast: 1.0,
            pupil_disc: 0.0,
            seed: 0,
        }
    }
}

impl CaptureConditions {
    /// What an enrolment desk sees: 640×480, eye open and nearly straight, sharp, little noise.
    ///
    /// Two seeds give two captures that a good system always matches.
    #[must_use]
    pub fn ordinary(seed: u64) -> Self {
        let s = &mut Stream::new(seed, "ordinary capture");
        let lamps = Self::camera_lamps(s);
        Self {
            iris_radius: s.about(108.0, 9.0, 88.0, 130.0),
            offset: [s.about(0.0, 22.0, -60.0, 60.0), s.about(0.0, 14.0, -40.0, 40.0)],
            dilation: s.about(0.39, 0.055, 0.27, 0.54),
            head_roll: s.about(0.0, 2.2, -7.0, 7.0),
            torsion: s.about(0.0, 1.0, -3.0, 3.0),
            gaze: [s.about(0.0, 3.0, -8.0, 8.0), s.about(0.0, 2.5, -7.0, 7.0)],
            lid_opening: s.about(0.97, 0.06, 0.8, 1.12),
            lash_droop: s.between(0.15, 0.7),
            lamps,
            lamp_offset: [s.about(0.0, 0.08, -0.2, 0.2), s.about(0.06, 0.08, -0.15, 0.25)],
            glare: if s.chance(0.15) { s.between(0.1, 0.35) } else { 0.0 },
            defocus: s.between(0.75, 1.5),
            motion: if s.chance(0.3) { s.between(0.5, 2.0) } else { 0.0 },
            motion_angle: s.between(0.0, 180.0),
            light_gradient: [s.about(0.0, 0.12, -0.3, 0.3), s.about(0.0, 0.1, -0.25, 0.25)],
            vignetting: s.between(0.0, 0.25),
            gain: s.about(0.92, 0.1, 0.68, 1.12),
            noise: s.between(1.8, 4.5),
            seed,
            ..Self::default()
        }
    }

    /// What a camera at a gate sees: any size and resolution, averted or drooping eyes, spectacles,
    /// glints, poor focus; a part of them should be refused by a careful pipeline.
    #[must_use]
    pub fn walk_up(seed: u64) -> Self {
        let s = &mut Stream::new(seed, "walk-up capture");
        let (width, height) = match s.count(0, 5) {
            0 | 1 => (640, 480),
            2 => (320, 240),
            3 => (320, 280),
            4 => (800, 600),
            _ => (1440, 1080),
        };
        let size = f64::from(height);
        let radius = (size * s.between(0.13, 0.27)).clamp(46.0, 300.0);
        let lamps = Self::camera_lamps(s);
        let glasses = s.chance(0.3).then(|| Glasses {
            frame: s.chance(0.7),
            reflections: s.count(0, 3),
            offset: [s.about(0.0, 0.9, -2.2, 2.2), s.about(0.2, 0.6, -1.5, 1.5)],
            haze: s.between(0.0, 0.06),
        });
        Self {
            width: width as usize,
            height: height as usize,
            iris_radius: radius,
            offset: [s.about(0.0, 0.1, -0.2, 0.2) * size, s.about(0.0, 0.07, -0.15, 0.15) * size],
            dilation: s.about(0.4, 0.09, 0.22, 0.62),
            head_roll: s.about(0.0, 4.5, -14.0, 14.0),
            torsion: s.about(0.0, 1.5, -4.0, 4.0),
            gaze: [s.about(0.0, 8.0, -24.0, 24.0), s.about(-1.0, 6.0, -18.0, 16.0)],
            camera_distance: s.between(25.0, 150.0),
            lid_opening: s.about(0.92, 0.13, 0.5, 1.2),
            lash_droop: s.between(0.2, 1.0),
            lamps,
            lamp_offset: [s.about(0.0, 0.3, -0.8, 0.8), s.about(0.0, 0.25, -0.6, 0.6)],
            glare: if s.chance(0.35) { s.between(0.1, 0.8) } else { 0.0 },
            glasses,
            defocus: (radius * s.between(0.006, 0.026)).clamp(0.5, 6.0),
            motion: if s.chance(0.4) { radius * s.between(0.01, 0.06) } else { 0.0 },
            motion_angle: s.between(0.0, 180.0),
            light_gradient: [s.about(0.0, 0.3, -0.7, 0.7), s.about(0.0, 0.2, -0.5, 0.5)],
            vignetting: s.between(0.0, 0.5),
            gain: s.about(0.85, 0.22, 0.4, 1.35),
            noise: s.between(2.0, 8.0),
            limbus_contrast: 1.0,
            pupil_disc: 0.0,
            seed,
        }
    }

    /// A close-up as in CASIA-IrisV1: 320×280, an iris some 200 px wide with little around it, often cut by lids and
    /// sometimes by the frame, little contrast to the sclera, the pupil painted over by a uniform disc.
    #[must_use]
    pub fn painted_close_up(seed: u64) -> Self {
        let s = &mut Stream::new(seed, "painted close-up");
        Self {
            width: 320,
            height: 280,
            iris_radius: s.about(100.0, 8.0, 82.0, 118.0),
            offset: [s.about(0.0, 16.0, -50.0, 50.0), s.about(0.0, 14.0, -45.0, 45.0)],
            dilation: s.about(0.42, 0.08, 0.26, 0.62),
            head_roll: s.about(0.0, 4.0, -12.0, 12.0),
            torsion: s.about(0.0, 1.5, -4.0, 4.0),
            gaze: [s.about(0.0, 4.0, -12.0, 12.0), s.about(0.0, 4.0, -12.0, 12.0)],
            lid_opening: s.about(0.85, 0.13, 0.55, 1.15),
            lash_droop: s.between(0.3, 1.0),
            lamps: Self::camera_lamps(s),
            lamp_offset: [s.about(0.0, 0.03, -0.08, 0.08), s.about(0.0, 0.03, -0.08, 0.08)],
            defocus: s.between(0.8, 2.0),
            motion: if s.chance(0.3) { s.between(0.5, 2.5) } else { 0.0 },
            motion_angle: s.between(0.0, 180.0),
            light_gradient: [s.about(0.0, 0.15, -0.4, 0.4), s.about(0.0, 0.12, -0.3, 0.3)],
            vignetting: s.between(0.0, 0.3),
            gain: s.about(0.85, 0.12, 0.6, 1.1),
            noise: s.between(1.0, 3.5),
            limbus_contrast: s.between(0.3, 1.0),
            pupil_disc: s.between(1.0, 1.12),
            seed,
            ..Self::default()
        }
    }

    /// A walk-up picture as in MMU2: 320×240, an iris some 110 px wide, hanging lids and lashes, every third person
    /// behind spectacles, lamps mirrored anywhere, also on the pupil's border.
    #[must_use]
    pub fn small_walk_up(seed: u64) -> Self {
        let s = &mut Stream::new(seed, "small walk-up");
        let glasses = s.chance(0.33).then(|| Glasses {
            frame: s.chance(0.7),
            reflections: s.count(0, 3),
            offset: [s.about(0.0, 0.8, -2.0, 2.0), s.about(0.1, 0.6, -1.4, 1.4)],
            haze: s.between(0.0, 0.06),
        });
        Self {
            width: 320,
            height: 240,
            iris_radius: s.about(55.0, 4.5, 46.0, 68.0),
            offset: [s.about(0.0, 25.0, -80.0, 80.0), s.about(0.0, 18.0, -60.0, 60.0)],
            dilation: s.about(0.38, 0.08, 0.22, 0.6),
            head_roll: s.about(0.0, 6.0, -18.0, 18.0),
            torsion: s.about(0.0, 1.5, -4.0, 4.0),
            gaze: [s.about(0.0, 7.0, -20.0, 20.0), s.about(0.0, 5.0, -14.0, 14.0)],
            camera_distance: s.between(25.0, 100.0),
            lid_opening: s.about(0.82, 0.13, 0.5, 1.15),
            lash_droop: s.between(0.3, 1.0),
            lamps: Self::camera_lamps(s),
            lamp_offset: [s.about(0.0, 0.3, -0.7, 0.7), s.about(0.0, 0.25, -0.6, 0.6)],
            glare: if s.chance(0.3) { s.between(0.1, 0.7) } else { 0.0 },
            glasses,
            defocus: s.between(0.6, 1.4),
            motion: if s.chance(0.3) { s.between(0.5, 2.0) } else { 0.0 },
            motion_angle: s.between(0.0, 180.0),
            light_gradient: [s.about(0.0, 0.2, -0.5, 0.5), s.about(0.0, 0.15, -0.4, 0.4)],
            vignetting: s.between(0.0, 0.4),
            gain: s.about(0.88, 0.18, 0.5, 1.25),
            noise: s.between(1.5, 5.0),
            limbus_contrast: s.between(0.4, 1.0),
            seed,
            ..Self::default()
        }
    }

    /// The same scene on a sensor of another resolution: every length in pixels is scaled alike.
    ///
    /// The scale is that of the shorter fit, so that nothing in view is lost.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let across = width as f64 / self.width.max(1) as f64;
        let down = height as f64 / self.height.max(1) as f64;
        let scale = if across < down { across } else { down };
        Self {
            width,
            height,
            iris_radius: self.iris_radius * scale,
            offset: self.offset.map(|o| o * scale),
            defocus: self.defocus * scale,
            motion: self.motion * scale,
            ..self.clone()
        }
    }

    /// The same capture with every value inside its stated range.
    pub(super) fn bounded(&self) -> Self {
        let glasses = self.glasses.as_ref().map(|g| Glasses {
            frame: g.frame,
            reflections: g.reflections.min(6),
            offset: g.offset.map(|o| within(o, -4.0, 4.0)),
            haze: within(g.haze, 0.0, 0.5),
        });
        Self {
            width: self.width.clamp(64, 4096),
            height: self.height.clamp(48, 4096),
            iris_radius: within(self.iris_radius, 12.0, 1024.0),
            offset: self.offset.map(|o| within(o, -4096.0, 4096.0)),
            dilation: within(self.dilation, 0.15, 0.75),
            head_roll: within(self.head_roll, -45.0, 45.0),
            torsion: within(self.torsion, -20.0, 20.0),
            gaze: self.gaze.map(|g| within(g, -45.0, 45.0)),
            camera_distance: within(self.camera_distance, 8.0, 1000.0),
            lid_opening: within(self.lid_opening, 0.0, 1.3),
            lash_droop: within(self.lash_droop, 0.0, 1.0),
            lamps: self.lamps,
            lamp_offset: self.lamp_offset.map(|o| within(o, -2.0, 2.0)),
            glare: within(self.glare, 0.0, 1.0),
            glasses,
            defocus: within(self.defocus, 0.3, 20.0),
            motion: within(self.motion, 0.0, 64.0),
            motion_angle: within(self.motion_angle, -360.0, 360.0),
            light_gradient: self.light_gradient.map(|g| within(g, -1.0, 1.0)),
            vignetting: within(self.vignetting, 0.0, 0.9),
            gain: within(self.gain, 0.2, 2.0),
            noise: within(self.noise, 0.0, 40.0),
            limbus_contrast: within(self.limbus_contrast, 0.05, 1.0),
            pupil_disc: if self.pupil_disc > 0.0 { within(self.pupil_disc, 0.8, 1.4) } else { 0.0 },
            seed: self.seed,
        }
    }

    fn camera_lamps(s: &mut Stream) -> Lamps {
        match s.count(0, 9) {
            0..=3 => Lamps::Pair,
            4 | 5 => Lamps::Single,
            6 | 7 => Lamps::Square,
            8 => Lamps::Ring,
            _ => Lamps::Bar,
        }
    }
}

/// `x` inside low…high; NaN, which `clamp` would pass on, becomes `low`.
fn within(x: f64, low: f64, high: f64) -> f64 {
    if x.is_nan() { low } else { x.clamp(low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_made_conditions_are_inside_their_own_ranges() {
        for seed in 0..2000 {
            let ready_made = [
                CaptureConditions::ordinary,
                CaptureConditions::walk_up,
                CaptureConditions::painted_close_up,
                CaptureConditions::small_walk_up,
            ];
            for conditions in ready_made.map(|make| make(seed)) {
                assert_eq!(conditions, conditions.bounded());
            }
        }
    }

    #[test]
    fn nothing_outside_a_range_survives() {
        let wild = CaptureConditions {
            width: 0,
            height: usize::MAX,
            iris_radius: f64::NAN,
            gaze: [f64::INFINITY, f64::NEG_INFINITY],
            noise: -1.0,
            ..CaptureConditions::default()
        };
        let tame = wild.bounded();
        assert_eq!((tame.width, tame.height, tame.iris_radius, tame.noise), (64, 4096, 12.0, 0.0));
        assert_eq!(tame.gaze, [45.0, -45.0]);
    }

    #[test]
    fn resizing_keeps_the_scene() {
        let half = CaptureConditions { offset: [20.0, -8.0], ..CaptureConditions::default() }.resized(320, 240);
        assert_eq!((half.iris_radius, half.offset, half.defocus), (55.0, [10.0, -4.0], 0.45));
        assert_eq!(half.dilation, CaptureConditions::default().dilation);
    }
}
