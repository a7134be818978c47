//! Pictures of eyes: what was found in them, how good they are, and their templates.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{Refused, Visit, answered_wiped, sentence};
use crate::iris::IrisTemplate;
use crate::pipeline::image::{EyeImage, Limits, decode};
use crate::pipeline::picture::{self, OverlayParts, PictureError};
use crate::pipeline::quality::{Quality, advice};
use crate::pipeline::{Pipeline, Trace};
use crate::serve::State as Service;
use crate::serve::body;
use crate::serve::keys::Role;
use crate::serve::refusal::Refusal;

/// The most pixels of a picture: a small file can unfold to a large one.
const PIXELS: u64 = 1 << 23;
/// What a body may have besides its pictures.
const BESIDE: usize = 4 << 10;

/// How long a body with this many pictures may be: four digits in base64 for three bytes.
pub(super) fn body_limit(service: &Service, pictures: usize) -> usize {
    service.limits.picture_bytes.div_ceil(3).saturating_mul(4).saturating_mul(pictures).saturating_add(BESIDE)
}

/// The picture in a text of base64.
pub(super) fn read(text: &str, attribute: &'static str, service: &Service) -> Result<EyeImage, Refusal> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = STANDARD.decode_slice(text, &mut bytes).map_err(|_| {
        let detail = "A picture is the bytes of its file in base64, with padding and without line breaks.";
        Refusal::bad("invalid_format", detail).about(attribute)
    })?;
    let limits = Limits { max_bytes: service.limits.picture_bytes, max_pixels: PIXELS, ..Limits::default() };
    decode(&bytes[..length], &limits).map_err(|error| {
        let status =
            if error.code() == "image_too_large" { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Refusal::new(status, error.code(), sentence(&error)).about(attribute)
    })
}

/// The template of a picture, or what is wrong with it.
pub(super) fn encode(image: &EyeImage, attribute: &'static str, pipeline: &Pipeline) -> Result<IrisTemplate, Refusal> {
    pipeline.run(image).map(|capture| capture.template).map_err(|error| {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), sentence(&error)).about(attribute)
    })
}

/// A picture to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Look<'a> {
    /// The file of one eye in base64: PNG, JPEG, BMP, TIFF or PNM.
    #[serde(borrow)]
    #[schema(required, content_encoding = "base64")]
    picture: Option<&'a str>,
}

/// What was seen in a picture.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Seen {
    /// Whether it gives a template.
    usable: bool,
    /// Why not, as a word for programs.
    code: Option<&'static str>,
    /// Why not, as a sentence.
    detail: Option<String>,
    quality: Measures,
    /// What would make a better picture, most important first.
    advice: Vec<Advised>,
    /// The eye with what was found in it, PNG in base64.
    #[schema(content_encoding = "base64")]
    overlay: Option<Png>,
    /// The iris unrolled, unusable pixels tinted, PNG in base64.
    #[schema(content_encoding = "base64")]
    unrolled: Option<Png>,
    /// The code: white 1, black 0, red not usable, PNG in base64.
    #[schema(content_encoding = "base64")]
    iris_code: Option<Png>,
}

/// The measures of a picture; null where it was not reached.
#[derive(Serialize, ToSchema)]
struct Measures {
    /// From 0 to 100, by the measures of ISO/IEC 29794-6.
    overall: Option<f64>,
    /// Pixels.
    iris_diameter: Option<f64>,
    pupil_to_iris_diameter: Option<f64>,
    /// The visible part of the iris, 0 to 1.
    visible: Option<f64>,
    off_gaze: Option<f64>,
    sharpness: Option<f64>,
    usable_bits: Option<u32>,
}

impl From<&Quality> for Measures {
    fn from(quality: &Quality) -> Self {
        Self {
            overall: quality.overall(),
            iris_diameter: quality.iris_diameter,
            pupil_to_iris_diameter: quality.pupil_to_iris_diameter,
            visible: quality.visible,
            off_gaze: quality.off_gaze,
            sharpness: quality.sharpness,
            usable_bits: quality.usable_bits,
        }
    }
}

/// One piece of advice.
#[derive(Serialize, ToSchema)]
struct Advised {
    /// A stable word.
    code: &'static str,
    /// For people.
    text: String,
}

/// A picture in base64, overwritten when it is dropped.
#[derive(ToSchema)]
#[schema(value_type = String)]
pub(super) struct Png(Zeroizing<String>);

impl Serialize for Png {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Png {
    pub(super) fn new(png: Result<Vec<u8>, PictureError>) -> Option<Self> {
        let png = Zeroizing::new(png.ok()?);
        let mut digits = Zeroizing::new(vec![0; png.len().div_ceil(3) * 4]);
        STANDARD.encode_slice(png.as_slice(), &mut digits).ok()?;
        String::from_utf8(std::mem::take(&mut *digits)).ok().map(|text| Self(Zeroizing::new(text)))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Looks at one picture: what was found, how good it is, what would make it better. Nothing is kept.
#[utoipa::path(
    post, path = "/api/desk/look", tag = "desk",
    request_body = Look<'_>,
    responses((status = 200, description = "What was seen, usable or not", body = Seen), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn look(State(state): State<Arc<Service>>, request: Request) -> Response {
    answered_wiped(looked(&state, request).await)
}

async fn looked(state: &Arc<Service>, request: Request) -> Result<(Seen, usize), Refusal> {
    let visit = Visit::new(state, &request, &[Role::Operator])?;
    let _place = state.desk_places.acquire().await;
    let bytes = body::secret(request, body_limit(state, 1)).await?;
    visit
        .aside(move |service, desk| {
            let body: Look<'_> = body::parse(&bytes)?;
            let image = read(body::needed(body.picture, "picture")?, "picture", service)?;
            let seen = see(&image, &desk.pipeline);
            let pictures = [&seen.overlay, &seen.unrolled, &seen.iris_code];
            let room = pictures.into_iter().flatten().map(Png::len).sum();
            Ok((seen, room))
        })
        .await
}

fn see(image: &EyeImage, pipeline: &Pipeline) -> Seen {
    let trace: Trace = pipeline.trace(image);
    let refusal = trace.outcome.as_ref().err();
    let parts =
        OverlayParts { masks: trace.masks.as_ref(), boundaries: trace.boundaries.as_ref(), centres: trace.centres };
    let advised = advice(&trace.quality, pipeline.limits(), refusal);
    Seen {
        usable: refusal.is_none(),
        code: refusal.map(crate::pipeline::PipelineError::code),
        detail: refusal.map(sentence),
        quality: Measures::from(&trace.quality),
        advice: advised.iter().map(|one| Advised { code: one.code(), text: sentence(one) }).collect(),
        overlay: Png::new(picture::overlay(image, &parts)),
        unrolled: trace.normalized.as_ref().and_then(|iris| Png::new(picture::unrolled(iris))),
        iris_code: trace.template.as_ref().and_then(|template| Png::new(picture::code(template))),
    }
}
