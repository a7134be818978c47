//! The picture of an iris record that an option means.

use personhood::interchange::iso19794_6::{IrisRecord, Representation};
use personhood::iris::EyeSide;
use personhood::pipeline::image::{EyeImage, Limits};

use crate::failure::Failure;

/// The picture of `eye`, or the only one there is.
pub(crate) fn picture(bytes: &[u8], eye: Option<EyeSide>) -> Result<EyeImage, Failure> {
    let limits = Limits::default();
    let record = IrisRecord::from_bytes(bytes, &limits)?;
    Ok(chosen(&record, eye)?.picture(&limits)?)
}

/// A picture that the record calls the other eye is never taken for the wanted one; one without a label may be.
fn chosen(record: &IrisRecord, eye: Option<EyeSide>) -> Result<&Representation, Failure> {
    let all = record.representations();
    let labelled: Vec<_> = all.iter().filter(|one| eye.is_none() || one.eye == eye).collect();
    let unlabelled = || all.iter().filter(|one| one.eye.is_none()).collect();
    let found: Vec<&Representation> = if labelled.is_empty() { unlabelled() } else { labelled };
    let wanted = eye.map_or_else(String::new, |eye| format!(" of the {eye} eye"));
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let message = format!("the iris record holds no picture{wanted}, only of the other eye");
            Err(Failure::new("record_eye_differs", message).with_hint("were --left and --right exchanged?"))
        }
        several => {
            let message = format!("the iris record holds {} pictures{wanted}, one is needed", several.len());
            Err(Failure::new("record_several_pictures", message)
                .with_hint("`personhood record extract` writes each into a file of its own"))
        }
    }
}
