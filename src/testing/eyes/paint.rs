//! The scene before the lens: tones of every pixel, and the masks that belong to them.

use ndarray::Array2;

use super::conditions::CaptureConditions;
use super::highlights;
use super::numeric::{Lattice, Stream, Tile, bell, smoothstep};
use super::scene::{LidSample, Scene};
use super::skin::Skin;
use super::strokes::{self, Layer};
use super::texture::Polar;
use super::traits::Traits;
use super::truth::Ellipse;
use crate::pipeline::segment::SegmentationMasks;

/// Light that reaches the lens, 1 = white, and what each pixel belongs to.
pub(super) struct Painting {
    pub(super) light: Vec<f32>,
    pub(super) masks: SegmentationMasks,
    /// Pixels of iris that nothing hides.
    pub(super) clear_iris: usize,
}

/// A lash or a reflection that covers at least this much of a pixel is in the mask.
const MASKED_FROM: f32 = 0.3;

/// Paints eyeball, lids, skin, vessels, lamps, lashes and spectacles, in this order.
pub(super) fn paint(traits: &Traits, scene: &Scene, c: &CaptureConditions) -> Painting {
    let (width, height) = (c.width, c.height);
    let mut light = vec![0.0_f32; width * height];
    let blank = || Array2::from_elem((height, width), false);
    let mut masks = SegmentationMasks { eyeball: blank(), iris: blank(), pupil: blank(), eyelashes: blank() };

    // The main lamp sits above the lens, a little to one side that differs between captures.
    let lamp = Stream::new(c.seed, "lamp").between(-2.2, -0.9);
    let eye = Eye::new(traits, scene, c, lamp);
    let skin = Skin::new(traits, scene, width, height);
    let mut vessels = Layer::new(width, height);
    strokes::vessels(&mut vessels, traits, scene);

    // Half the width of an edge's transition: a pixel, so that nothing is jagged.
    let edge = 0.6 / scene.scale;
    for row in 0..height {
        for column in 0..width {
            let index = row * width + column;
            let face = scene.face_from_pixel(column as f64, row as f64);
            let socket = scene.socket_from_face(face);
            let lid = scene.lids.at(socket[0]);
            let under_upper = (socket[1] - lid.upper) * lid.upper_cosine;
            let over_lower = (lid.lower - socket[1]) * lid.lower_cosine;
            let opening = if under_upper < over_lower { under_upper } else { over_lower };
            // Nothing shows through a closed slit, nor beyond the corners.
            let cover = smoothstep(-edge, edge, opening) * smoothstep(0.0, 2.0 * edge, lid.lower - lid.upper);
            let open = opening > 0.0;
            let part = if cover > 0.0 { eye.part(face) } else { Part::Sclera };
            let mut tone = 0.0;
            if cover < 1.0 {
                tone += (1.0 - cover) * skin.tone([column, row], socket, &lid, -under_upper, -over_lower);
            }
            if cover > 0.0 {
                let ball = eye.tone(&part, socket, f64::from(vessels.cover()[index]));
                tone += cover * ball * eye.lid_shade(&lid, under_upper, over_lower);
            }
            light[index] = tone as f32;
            let place = (row, column);
            masks.eyeball[place] = open;
            match part {
                Part::Pupil => masks.pupil[place] = open,
                Part::Iris { beyond_pupil, .. } if beyond_pupil < 0.0 => masks.pupil[place] = open,
                Part::Iris { inside: true, .. } => masks.iris[place] = open,
                _ => {}
            }
        }
    }

    let noise = masks.eyelashes.as_slice_mut().expect("a fresh array is contiguous");
    highlights::cornea(&mut light, noise, scene, c);
    let mut hairs = Layer::new(width, height);
    strokes::lashes(&mut hairs, traits, scene, c);
    let lashes = traits.lashes.tone as f32;
    for ((tone, &cover), noisy) in light.iter_mut().zip(hairs.cover()).zip(noise.iter_mut()) {
        *tone += (lashes - *tone) * 0.9 * cover;
        *noisy |= cover > MASKED_FROM;
    }
    let mut hairs = Layer::new(width, height);
    strokes::brow(&mut hairs, traits, scene);
    for (tone, &cover) in light.iter_mut().zip(hairs.cover()) {
        *tone += (lashes + 0.05 - *tone) * 0.85 * cover;
    }
    highlights::spectacles(&mut light, noise, scene, c);

    let clear = |(iris, noise): (&bool, &bool)| *iris && !*noise;
    let clear_iris = masks.iris.iter().zip(&masks.eyelashes).filter(|&pair| clear(pair)).count();
    Painting { light, masks, clear_iris }
}

/// Paints a uniform disc over a finished picture: whatever is in it is pupil from then on. Returns how many pixels of
/// clear iris it covers.
pub(super) fn disc(levels: &mut [u8], masks: &mut SegmentationMasks, circle: &Ellipse, tone: f64) -> usize {
    let mut covered = 0;
    let (radius, level) = (circle.radius(), (255.0 * tone) as u8);
    let width = masks.pupil.ncols();
    for (index, grey) in levels.iter_mut().enumerate() {
        let place = (index / width, index % width);
        let (dx, dy) = (place.1 as f64 - circle.centre[0], place.0 as f64 - circle.centre[1]);
        if dx * dx + dy * dy <= radius * radius {
            covered += usize::from(masks.iris[place] && !masks.eyelashes[place]);
            *grey = level;
            masks.pupil[place] = true;
            masks.eyeball[place] = true;
            masks.iris[place] = false;
            masks.eyelashes[place] = false;
        }
    }
    covered
}

/// What of the eyeball lies at a pixel.
enum Part {
    Pupil,
    Iris { turn: f64, fraction: f64, beyond_limbus: f64, beyond_pupil: f64, inside: bool },
    Sclera,
}

struct Eye<'a> {
    traits: &'a Traits,
    scene: &'a Scene,
    texture: Polar,
    flesh: Lattice,
    clouds: Tile,
    folds: Lattice,
    /// How far the tissue's nonlinear stretch moves the middle of the iris, in breadths.
    stretch: f64,
    /// How far it pulls neighbouring fibres apart or together, in turns.
    twist: f64,
    pupil_edge: f64,
    /// Tone of the sclera before it is turned, veined and clouded.
    white: f64,
}

impl<'a> Eye<'a> {
    fn new(traits: &'a Traits, scene: &'a Scene, c: &CaptureConditions, lamp: f64) -> Self {
        let radius = c.iris_radius * traits.iris_size;
        Self {
            traits,
            scene,
            texture: Polar::draw(traits, radius, lamp),
            folds: Lattice::new(&mut Stream::new(traits.seed, "folds"), 12, 8),
            clouds: Tile::new(&mut Stream::new(traits.seed, "sclera"), 8.0, &[(16, 0.05), (72, 0.03)]),
            flesh: Lattice::new(&mut Stream::new(traits.seed, "flesh"), 32, 32),
            // A wide pupil packs the tissue near itself more densely than the rubber sheet says.
            stretch: 0.60 * (c.dilation - 0.38),
            twist: 0.10 * (c.dilation - 0.38),
            pupil_edge: (0.5 / c.iris_radius).max(0.010),
            white: if c.limbus_contrast < 1.0 {
                traits.iris_tone + c.limbus_contrast * (traits.sclera_tone - traits.iris_tone)
            } else {
                traits.sclera_tone
            },
        }
    }

    fn part(&self, face: [f64; 2]) -> Part {
        let Some(p) = self.scene.iris_point(self.scene.plane_from_face(face)) else { return Part::Sclera };
        if p.beyond_pupil < -self.pupil_edge {
            return Part::Pupil;
        }
        if p.beyond_limbus > self.traits.limbus_width {
            return Part::Sclera;
        }
        if p.beyond_pupil < 0.0 {
            // The soft inner edge is pupil to the masks; `tone` blends it from the distance.
            return Part::Iris {
                turn: p.turn,
                fraction: 0.0,
                beyond_limbus: p.beyond_limbus,
                beyond_pupil: p.beyond_pupil,
                inside: false,
            };
        }
        Part::Iris {
            turn: p.turn,
            fraction: p.fraction,
            beyond_limbus: p.beyond_limbus,
            beyond_pupil: p.beyond_pupil,
            inside: p.beyond_limbus <= 0.0,
        }
    }

    fn tone(&self, part: &Part, socket: [f64; 2], vessel: f64) -> f64 {
        let t = self.traits;
        match *part {
            Part::Pupil => t.pupil_tone,
            Part::Sclera => self.sclera(socket, vessel),
            Part::Iris { turn, fraction, beyond_limbus, beyond_pupil, .. } => {
                let fraction = fraction.clamp(0.0, 1.0);
                let moved = fraction + 4.0 * self.stretch * fraction * (1.0 - fraction);
                let pulled = self.twist * f64::from(self.folds.at(turn * 12.0, fraction * 2.0));
                let mut tone = t.iris_tone * f64::from(self.texture.at(turn + pulled, moved));
                if beyond_limbus > -t.limbus_width {
                    let white = smoothstep(-t.limbus_width, t.limbus_width, beyond_limbus);
                    tone += (self.sclera(socket, vessel) - tone) * white;
                }
                let dark = 1.0 - smoothstep(-self.pupil_edge, self.pupil_edge, beyond_pupil);
                tone + (t.pupil_tone - tone) * dark
            }
        }
    }

    fn sclera(&self, [x, y]: [f64; 2], vessel: f64) -> f64 {
        // A ball of 2.03 radii (12 mm) seen from the front: darker where it turns away.
        let turned = (x * x + y * y) / (2.03 * 2.03);
        let cloudy = 1.0 + f64::from(self.clouds.at(x, y));
        let white = self.white * (1.05 - 0.22 * turned.min(1.4)) * (1.0 - 0.16 * vessel) * cloudy;
        // Caruncle: the fleshy knob in the inner corner, and the fold beside it.
        let [_, inner] = self.scene.lids.corners();
        let corner = inner - x;
        if corner > 0.85 {
            return white;
        }
        let lumps = f64::from(self.flesh.at(x * 7.0 + 9.0, y * 7.0));
        let knob = smoothstep(0.52, 0.30, corner + 0.10 * lumps);
        let flesh = self.traits.skin_tone * (0.62 + 0.20 * lumps);
        let fold = 0.12 * bell((corner - 0.56 - 0.05 * lumps) / 0.05);
        white * (1.0 - fold) + (flesh - white) * knob
    }

    /// Shadows and the wet line that the lids put on the eyeball.
    fn lid_shade(&self, lid: &LidSample, under_upper: f64, over_lower: f64) -> f64 {
        let upper = 1.0 - 0.34 * bell(under_upper / 0.17);
        let lower = 1.0 - 0.14 * bell(over_lower / 0.07) + 0.20 * bell((over_lower - 0.02) / 0.018);
        // The corners lie in the shade of both.
        let corner = 1.0 - 0.22 * smoothstep(0.72, 1.0, lid.place.abs());
        upper * lower * corner
    }
}
