//! A template that went through the keyed transform, and comparing two of them.

use core::fmt;

use zeroize::Zeroizing;

use super::DeploymentKeyId;
use crate::iris::{EncoderVersion, IrisTemplate, Layout, TemplateFormatError};

const MAGIC: [u8; 4] = *b"PHPT";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1 + DeploymentKeyId::BYTES;

/// A template whose bits only one deployment can line up with an eye; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedTemplate {
    key: DeploymentKeyId,
    /// The transformed bits in the shape of a template. They are no template: no rotation of it means anything.
    bits: IrisTemplate,
}

impl ProtectedTemplate {
    pub(super) const fn new(key: DeploymentKeyId, bits: IrisTemplate) -> Self {
        Self { key, bits }
    }

    pub(super) const fn bits(&self) -> &IrisTemplate {
        &self.bits
    }

    /// Whose transform it went through.
    #[must_use]
    pub const fn key(&self) -> DeploymentKeyId {
        self.key
    }

    /// The layout of the plain template.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.bits.layout()
    }

    /// Who made the plain template.
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.bits.encoder()
    }

    /// Bytes of the binary form.
    #[must_use]
    pub const fn encoded_len(layout: Layout) -> usize {
        HEADER + IrisTemplate::encoded_len(layout)
    }

    /// The binary form, in memory that is wiped when dropped.
    ///
    /// ```text
    /// offset  bytes  content
    ///      0      4  "PHPT" (personhood protected template)
    ///      4      1  version of the format: 1
    ///      5     16  identifier of the deployment key
    ///     21      …  the transformed bits in the form of IrisTemplate::to_bytes, header included
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::encoded_len(self.layout())));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.key.to_bytes());
        bytes.extend_from_slice(&self.bits.to_bytes());
        bytes
    }

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// [`ProtectedFormatError`] for everything but the output of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtectedFormatError> {
        let Some((header, bits)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(ProtectedFormatError::TooShort { found: bytes.len() });
        };
        let [m0, m1, m2, m3, version, key @ ..] = *header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(ProtectedFormatError::NotProtected);
        }
        if version != VERSION {
            return Err(ProtectedFormatError::Version { found: version });
        }
        Ok(Self { key: DeploymentKeyId(key), bits: IrisTemplate::from_bytes(bits)? })
    }

    /// Bits in which two captures at rest differ, and bits that both may be judged by, without any turn.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] for templates of two deployments, layouts or encoders.
    pub fn counts(&self, other: &Self) -> Result<HammingCounts, Incomparable> {
        if self.key != other.key {
            return Err(Incomparable::Key { probe: self.key, reference: other.key });
        }
        if self.layout() != other.layout() {
            return Err(Incomparable::Layout { probe: self.layout(), reference: other.layout() });
        }
        if !self.encoder().is_comparable_with(other.encoder()) {
            return Err(Incomparable::Encoder { probe: self.encoder(), reference: other.encoder() });
        }
        let codes = self.bits.code().columns().iter().zip(other.bits.code().columns());
        let masks = self.bits.mask().columns().iter().zip(other.bits.mask().columns());
        let mut counts = HammingCounts { disagreeing: 0, compared: 0 };
        for ((a, b), (mask_a, mask_b)) in codes.zip(masks) {
            let both = mask_a & mask_b;
            counts.compared += both.count_ones();
            counts.disagreeing += ((a ^ b) & both).count_ones();
        }
        Ok(counts)
    }
}

impl fmt::Debug for ProtectedTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedTemplate")
            .field("key", &self.key)
            .field("layout", &self.layout())
            .finish_non_exhaustive()
    }
}

/// What two protected templates have in common: exactly what the plain ones have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HammingCounts {
    /// Compared bits that differ.
    pub disagreeing: u32,
    /// Bits usable in both; may be 0.
    pub compared: u32,
}

/// A probe at every rotation, transformed; wiped when dropped.
pub struct ProtectedProbe(Vec<ProtectedTemplate>);

impl ProtectedProbe {
    pub(super) const fn new(turned: Vec<ProtectedTemplate>) -> Self {
        Self(turned)
    }

    /// The counts at every rotation, from the furthest to lower columns to the furthest to higher ones: those of
    /// [`matcher::rotation_counts`](crate::matcher::rotation_counts) on the plain templates.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] for templates of two deployments, layouts or encoders.
    pub fn counts(&self, reference: &ProtectedTemplate) -> Result<Vec<HammingCounts>, Incomparable> {
        self.0.iter().map(|turned| turned.counts(reference)).collect()
    }
}

/// Why two protected templates have no distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incomparable {
    /// They are of two deployments: their bits are in another order, and inverted at other places.
    #[error("templates protected with the deployment keys {probe} and {reference} cannot be compared")]
    Key {
        /// Key of the probe, or of whoever wants to reveal it.
        probe: DeploymentKeyId,
        /// Key of the reference.
        reference: DeploymentKeyId,
    },
    /// They are sampled on different grids.
    #[error("templates of {} and {} columns cannot be compared; encode both with one layout", probe.columns(), reference.columns())]
    Layout {
        /// Layout of the probe.
        probe: Layout,
        /// Layout of the reference.
        reference: Layout,
    },
    /// Their bits mean different things.
    #[error("templates of {probe} and of {reference} cannot be compared; encode both with one encoder")]
    Encoder {
        /// Encoder of the probe.
        probe: EncoderVersion,
        /// Encoder of the reference.
        reference: EncoderVersion,
    },
}

impl Incomparable {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "incomparable_deployment_key",
            Self::Layout { .. } => "incomparable_layout",
            Self::Encoder { .. } => "incomparable_encoder",
        }
    }
}

/// Why bytes are not a protected template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectedFormatError {
    /// Not even a header.
    #[error("{found} bytes are too few for a protected template, whose header alone has {HEADER}")]
    TooShort {
        /// Bytes given.
        found: usize,
    },
    /// The first four bytes are not `PHPT`.
    #[error("not a protected template: it does not begin with \"PHPT\"")]
    NotProtected,
    /// Written by a newer release, or damaged.
    #[error("protected template of version {found} is not known here (this release reads version {VERSION})")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// What follows is not in the form of a template.
    #[error(transparent)]
    Bits(#[from] TemplateFormatError),
}
