//! One error for programs that call many operations.
//!
//! Every operation of the library has a narrow error that says what can go wrong in it and nothing else. All of them
//! convert into [`Error`], so that a program can use `?` throughout and still has one stable word for each kind of
//! failure: [`Error::code`]. The text is the narrow error's own.
//!
//! ```
//! use personhood::iris::{IrisTemplate, TemplateFormatError};
//!
//! fn read(bytes: &[u8]) -> Result<IrisTemplate, personhood::Error> {
//!     Ok(IrisTemplate::from_bytes(bytes)?)
//! }
//!
//! let error = read(b"PHIT").unwrap_err();
//! assert_eq!(error.code(), "template_too_short");
//! assert!(matches!(error, personhood::Error::TemplateFormat(TemplateFormatError::TooShort { found: 4 })));
//! ```

use crate::bytes::HexError;
use crate::identity::{CredentialError, IdentitySecretError};
use crate::iris::{Degenerate, TemplateError, TemplateFormatError};
use crate::matcher::{GalleryError, Incomparable, ThresholdError};
use crate::membership::{BatchError, ProofDecodeError, ProveError, StatementError};
use crate::nullifier::{NullifierError, ScopeError};
use crate::scalar::{ParseError, ScalarError};
use crate::tree::{MerklePathError, RootError, RootHistoryError, TreeError};

/// Any failure of any operation of this crate.
///
/// The variants are in the order of the house, from the vocabulary up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // Floor 0: bytes from outside.
    /// A text is not 64 lower-case hexadecimal digits.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// Bytes are not a number below the order of the group.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    /// A text is not the one spelling of a public value.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Code and mask do not make a template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Bytes are not a template.
    #[error(transparent)]
    TemplateFormat(#[from] TemplateFormatError),
    /// A template is not the trace of an iris.
    #[error(transparent)]
    Degenerate(#[from] Degenerate),
    /// A text is not a template of open-iris, or a template cannot be written as one.
    #[cfg(feature = "serde")]
    #[error(transparent)]
    OpenIris(#[from] crate::iris::openiris::OpenIrisError),

    // Floor 1: nouns.
    /// Bytes are not a secret file.
    #[error(transparent)]
    IdentitySecret(#[from] IdentitySecretError),
    /// A credential with impossible dates.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A scope with an unclear name.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A nullifier was not recorded.
    #[error(transparent)]
    Nullifier(#[from] NullifierError),
    /// The tree refused a leaf or a place.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Pages are not a tree.
    #[error(transparent)]
    TreePages(#[from] crate::tree::TreePagesError),
    /// Bytes are not a path.
    #[error(transparent)]
    MerklePath(#[from] MerklePathError),
    /// A root is not accepted.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A history of roots cannot go on like this.
    #[error(transparent)]
    RootHistory(#[from] RootHistoryError),

    // Floor 2: engines.
    /// Two templates have no distance.
    #[error(transparent)]
    Incomparable(#[from] Incomparable),
    /// A template was not taken into a gallery.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// A gallery file was not written or is not searched.
    #[cfg(feature = "std")]
    #[error(transparent)]
    GalleryFile(#[from] crate::matcher::GalleryFileError),
    /// A threshold is not a fraction.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A statement cannot be proven or verified at all.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A holder cannot prove a statement.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// Bytes are not a proof.
    #[error(transparent)]
    ProofDecode(#[from] ProofDecodeError),
    /// A proof was refused.
    #[error(transparent)]
    Proof(#[from] crate::membership::VerifyError),
    /// A proof of a batch was refused.
    #[error(transparent)]
    Batch(#[from] BatchError),

    /// A master key was not read or written.
    #[cfg(feature = "store")]
    #[error(transparent)]
    MasterKey(#[from] crate::vault::MasterKeyError),
    /// A sealed record and its keys do not come together.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
    /// A receipt of an erasure is not believed.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Receipt(#[from] crate::vault::ReceiptError),
    /// Two protected templates have no distance.
    #[cfg(feature = "store")]
    #[error(transparent)]
    IncomparableProtected(#[from] crate::vault::Incomparable),

    // Floor 3: worlds.
    /// A document is not the one that was asked for.
    #[cfg(feature = "serde")]
    #[error(transparent)]
    Envelope(#[from] crate::envelope::EnvelopeError),
    /// Pictures cannot be evaluated.
    #[cfg(feature = "std")]
    #[error(transparent)]
    Evaluation(#[from] crate::evaluation::EvaluationError),
    /// A log, or what is said about one, is not accepted; or it could not be written.
    #[cfg(feature = "log")]
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// Bytes are not a picture that is taken.
    #[cfg(feature = "image")]
    #[error(transparent)]
    Image(#[from] crate::pipeline::image::ImageError),
    /// A picture does not lead to a template.
    #[cfg(feature = "image")]
    #[error(transparent)]
    Pipeline(#[from] crate::pipeline::PipelineError),
    /// A picture was not segmented.
    #[cfg(feature = "image")]
    #[error(transparent)]
    Segment(#[from] crate::pipeline::segment::SegmentError),
    /// A file is not taken as a segmentation model.
    #[cfg(feature = "onnx")]
    #[error(transparent)]
    Model(#[from] crate::pipeline::segment::onnx::ModelError),
    /// Several frames did not become one template.
    #[cfg(feature = "image")]
    #[error(transparent)]
    Fusion(#[from] crate::pipeline::frames::FusionError),
    /// A filter cannot be.
    #[cfg(feature = "image")]
    #[error(transparent)]
    Kernel(#[from] crate::pipeline::filter::KernelError),
    /// A store failed.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Bytes are not a stored template.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Record(#[from] crate::store::RecordError),

    // Floor 4: use cases.
    /// Bytes are not an iris image record.
    #[cfg(feature = "image")]
    #[error(transparent)]
    IrisRecord(#[from] crate::interchange::iso19794_6::RecordError),
    /// The picture of an iris image record cannot be used.
    #[cfg(feature = "image")]
    #[error(transparent)]
    RecordPicture(#[from] crate::interchange::iso19794_6::PictureError),
    /// A policy cannot be.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Policy(#[from] crate::registry::PolicyError),
    /// A registry cannot work.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    /// A registry does not take a template.
    #[cfg(feature = "store")]
    #[error(transparent)]
    UnfitTemplate(#[from] crate::registry::UnfitTemplate),
    /// Somebody was not enrolled.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Enroll(#[from] crate::registry::EnrollError),
    /// Nobody could be looked for.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Identify(#[from] crate::registry::IdentifyError),
    /// Somebody is not believed to be whom they say.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Authenticate(#[from] crate::registry::AuthenticateError),
    /// A registry's log was not brought up to date.
    #[cfg(all(feature = "log", feature = "store"))]
    #[error(transparent)]
    Logged(#[from] crate::registry::logged::LoggedError),
    /// There is no receipt of an erasure.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Erased(#[from] crate::registry::ErasedError),
    /// A text is no list of erasures.
    #[cfg(feature = "store")]
    #[error(transparent)]
    ErasureList(#[from] crate::vault::ErasureListError),
    /// A capture was not taken.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Capture(#[from] crate::registry::CaptureError),
    /// A station was not added or removed.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Station(#[from] crate::registry::StationError),
    /// A step in somebody's life was not taken.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Step(#[from] crate::registry::StepError),
    /// A person's templates were not replaced.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Refresh(#[from] crate::registry::RefreshError),
    /// A person has no new leaf.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Recover(#[from] crate::registry::RecoverError),
    /// Nothing was decided about a duplicate.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Review(#[from] crate::registry::ReviewError),
    /// Somebody's role stays what it is.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Operator(#[from] crate::registry::OperatorError),
    /// A policy was not adopted.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Adopt(#[from] crate::registry::AdoptError),
    /// There is no path.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Path(#[from] crate::registry::PathError),
    /// A presentation was refused.
    #[error(transparent)]
    Verify(#[from] crate::verify::VerifyError),

    /// A request is not answered.
    #[cfg(feature = "requests")]
    #[error(transparent)]
    Request(#[from] crate::request::RequestError),

    // Floor 5: edges.
    /// A list of apps is not taken.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Apps(#[from] crate::serve::AppsError),
    /// A list of keys is not taken.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Keys(#[from] crate::serve::KeysError),
    /// A folder is not the npm package with the holder's page.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Pages(#[from] crate::serve::PagesError),
    /// A service does not know who is a member.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Roll(#[from] crate::serve::RollError),
    /// A server does not serve.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Server(#[from] crate::serve::ServerError),
    /// A certificate or its key is not taken.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Tls(#[from] crate::serve::TlsError),
}

impl Error {
    /// A stable word for this kind of failure: lower case with underscores. It never changes for a variant, so
    /// programs may decide by it and print it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Hex(error) => hex(*error),
            Self::Scalar(error) => scalar(*error),
            Self::Parse(ParseError::Hex(error)) => hex(*error),
            Self::Parse(ParseError::Scalar(error)) => scalar(*error),
            Self::Template(TemplateError::ColumnCount { .. }) => "template_column_count",
            Self::Template(TemplateError::LayoutMismatch { .. }) => "template_layout_mismatch",
            Self::TemplateFormat(error) => template_format(error),
            Self::Degenerate(_) => "degenerate_template",
            #[cfg(feature = "serde")]
            Self::OpenIris(error) => open_iris(error),
            Self::IdentitySecret(IdentitySecretError::Length { .. }) => "secret_length",
            Self::IdentitySecret(IdentitySecretError::Version { .. }) => "secret_version",
            Self::IdentitySecret(IdentitySecretError::Checksum) => "secret_checksum",
            Self::IdentitySecret(IdentitySecretError::OutOfRange) => "secret_out_of_range",
            Self::Credential(_) => "credential_dates",
            Self::Scope(_) => "scope_invalid",
            Self::Nullifier(error) => error.code(),
            Self::Tree(TreeError::Full { .. }) => "tree_full",
            Self::Tree(TreeError::UnknownIndex { .. } | TreeError::IndexOutOfRange { .. }) => "tree_no_such_leaf",
            Self::Tree(TreeError::NotAMember) => "tree_not_a_member",
            Self::TreePages(_) => "tree_pages",
            Self::MerklePath(_) => "path_invalid",
            Self::Root(error) => error.code(),
            Self::RootHistory(_) => "root_back_in_time",
            Self::Incomparable(error) | Self::Gallery(GalleryError::Incomparable(error)) => incomparable(*error),
            Self::Gallery(GalleryError::Taken { .. }) => "gallery_entry_taken",
            #[cfg(feature = "std")]
            Self::GalleryFile(error) => gallery_file(error),
            Self::Threshold(_) => "threshold_invalid",
            Self::Statement(error) => error.code(),
            Self::Prove(error) => error.code(),
            Self::ProofDecode(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Batch(error) => error.code(),
            #[cfg(feature = "store")]
            Self::MasterKey(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Vault(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Receipt(error) => error.code(),
            #[cfg(feature = "store")]
            Self::IncomparableProtected(error) => error.code(),
            #[cfg(feature = "image")]
            Self::Image(error) => error.code(),
            #[cfg(feature = "image")]
            Self::Pipeline(error) => error.code(),
            #[cfg(feature = "image")]
            Self::Segment(error) => crate::pipeline::PipelineError::Segmentation(error.clone()).code(),
            #[cfg(feature = "onnx")]
            Self::Model(error) => error.code(),
            #[cfg(feature = "image")]
            Self::Fusion(error) => error.code(),
            #[cfg(feature = "image")]
            Self::Kernel(_) => "filter_invalid",
            #[cfg(feature = "serde")]
            Self::Envelope(error) => error.code(),
            #[cfg(feature = "std")]
            Self::Evaluation(error) => error.code(),
            #[cfg(feature = "log")]
            Self::Log(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Store(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Record(_) => "template_record_invalid",
            #[cfg(feature = "image")]
            Self::IrisRecord(error) => error.code(),
            #[cfg(feature = "image")]
            Self::RecordPicture(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Policy(_) => "policy_invalid",
            #[cfg(feature = "store")]
            Self::Registry(error) => error.code(),
            #[cfg(feature = "store")]
            Self::UnfitTemplate(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Enroll(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Identify(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Authenticate(error) => error.code(),
            #[cfg(all(feature = "log", feature = "store"))]
            Self::Logged(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Erased(error) => error.code(),
            #[cfg(feature = "store")]
            Self::ErasureList(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Capture(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Station(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Step(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Refresh(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Recover(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Review(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Operator(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Adopt(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Path(error) => error.code(),
            Self::Verify(error) => error.code(),
            #[cfg(feature = "requests")]
            Self::Request(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Apps(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Keys(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Pages(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Roll(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Server(error) => error.code(),
            #[cfg(feature = "serve")]
            Self::Tls(error) => error.code(),
        }
    }
}

const fn hex(error: HexError) -> &'static str {
    match error {
        HexError::Length { .. } => "hex_length",
        HexError::Digit { .. } => "hex_digit",
    }
}

const fn scalar(error: ScalarError) -> &'static str {
    match error {
        ScalarError::NotCanonical => "scalar_not_canonical",
    }
}

const fn template_format(error: &TemplateFormatError) -> &'static str {
    match error {
        TemplateFormatError::TooShort { .. } => "template_too_short",
        TemplateFormatError::NotATemplate => "template_magic",
        TemplateFormatError::Version { .. } => "template_version",
        TemplateFormatError::Columns { .. } => "template_columns",
        TemplateFormatError::Encoder { .. } => "template_encoder",
        TemplateFormatError::Reserved => "template_reserved",
        TemplateFormatError::Length { .. } => "template_length",
    }
}

#[cfg(feature = "serde")]
const fn open_iris(error: &crate::iris::openiris::OpenIrisError) -> &'static str {
    use crate::iris::openiris::OpenIrisError;
    match error {
        OpenIrisError::TooLong { .. } => "template_too_long",
        OpenIrisError::NotJson { .. } => "template_not_json",
        OpenIrisError::NotATemplate { .. } => "template_fields",
        OpenIrisError::MissingField { .. } => "template_field_missing",
        OpenIrisError::Version { .. } => "template_version",
        OpenIrisError::Base64 { .. } => "template_base64",
        OpenIrisError::Length { .. } => "template_length",
        OpenIrisError::LayoutMismatch { .. } => "template_layout_mismatch",
        OpenIrisError::Weight => "template_weight",
        OpenIrisError::NoVersion { .. } => "template_encoder",
    }
}

#[cfg(feature = "std")]
const fn gallery_file(error: &crate::matcher::GalleryFileError) -> &'static str {
    use crate::matcher::GalleryFileError;
    match error {
        GalleryFileError::Io(_) => "gallery_file_io",
        GalleryFileError::NotAGallery => "gallery_file_magic",
        GalleryFileError::Version { .. } => "gallery_file_version",
        GalleryFileError::Header => "gallery_file_header",
        GalleryFileError::Kind(error) => template_format(error),
        GalleryFileError::Length { .. } => "gallery_file_length",
        GalleryFileError::Damaged { .. } => "gallery_file_damaged",
        GalleryFileError::Content { .. } => "gallery_file_content",
        GalleryFileError::Order { .. } => "gallery_file_order",
        GalleryFileError::Incomparable(error) => incomparable(*error),
    }
}

const fn incomparable(error: Incomparable) -> &'static str {
    match error {
        Incomparable::Layout { .. } => "incomparable_layout",
        Incomparable::Encoder { .. } => "incomparable_encoder",
        Incomparable::TooFewBits { .. } => "incomparable_too_few_bits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_narrow_errors() {
        let narrow = TemplateFormatError::TooShort { found: 3 };
        assert_eq!(alloc::format!("{}", Error::from(narrow)), alloc::format!("{narrow}"));
    }

    #[test]
    fn a_proof_that_is_refused_has_one_word() {
        let error = Error::from(crate::verify::VerifyError::Proof(crate::membership::VerifyError::Rejected));
        assert_eq!(error.code(), Error::from(crate::membership::VerifyError::Rejected).code());
    }
}
