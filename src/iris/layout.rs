//! Which eye, and how the bits of its template are arranged.

use core::fmt;

/// Which of a person's two eyes; left is the person's own left (ISO/IEC 19794-6 "subject left").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EyeSide {
    /// The person's own left eye.
    Left,
    /// The person's own right eye.
    Right,
}

impl EyeSide {
    /// Both eyes, left first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The lower-case English word, as in file names and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

impl fmt::Display for EyeSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sampling grid of a template: 2 wavelets × 16 rows × 200 or 256 columns × (real, imaginary).
///
/// Two layouts are in use in the world. They are never compared with each other: that is
/// `Incomparable`, not a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// 200 columns, 12,800 bits: what World's uniqueness service stores.
    Columns200,
    /// 256 columns, 16,384 bits: what open-iris 1.11 makes.
    Columns256,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Self; 2] = [Self::Columns200, Self::Columns256];
    /// Gabor wavelets, the coarse one first.
    pub const WAVELETS: usize = 2;
    /// Rows, from the pupil outwards.
    pub const ROWS: usize = 16;
    /// Bits per response of a wavelet: the signs of its real part (0) and of its imaginary part (1).
    pub const PARTS: usize = 2;
    /// Bits of one column: 2 wavelets × 16 rows × (real, imaginary).
    pub const BITS_PER_COLUMN: usize = 64;

    /// Columns around the iris.
    #[must_use]
    pub const fn columns(self) -> usize {
        match self {
            Self::Columns200 => 200,
            Self::Columns256 => 256,
        }
    }

    /// Bits of a code, and of a mask.
    #[must_use]
    pub const fn bits(self) -> usize {
        self.columns() * Self::BITS_PER_COLUMN
    }

    /// Bytes of a code, and of a mask, at eight bits to the byte.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bits() / 8
    }

    /// The layout with this many columns, if there is one.
    #[must_use]
    pub const fn from_columns(columns: usize) -> Option<Self> {
        match columns {
            200 => Some(Self::Columns200),
            256 => Some(Self::Columns256),
            _ => None,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} columns ({} bits)", self.columns(), self.bits())
    }
}
