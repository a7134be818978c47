//! Reads NumPy's `.npy` files (format 1.0, little-endian, C order), as far as the golden vectors use them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// An array: its shape, and its elements as double precision, complex ones as two after another.
pub(crate) struct Npy {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Npy {
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00", "{}", path.display());
        let header_length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let (header, data) = bytes[10..].split_at(header_length);
        let header = std::str::from_utf8(header).unwrap();
        let after = |key: &str| header.split_once(key).unwrap().1;
        assert!(after("'fortran_order': ").starts_with("False"), "{header}");
        let shape = after("'shape': (").split_once(')').unwrap().0;
        let shape = shape.split(',').filter(|part| !part.trim().is_empty()).map(|part| part.trim().parse().unwrap());
        let values = match after("'descr': '").split_once('\'').unwrap().0 {
            "|b1" | "|u1" => data.iter().map(|&byte| f64::from(byte)).collect(),
            "<i4" => data.as_chunks().0.iter().map(|&four| f64::from(i32::from_le_bytes(four))).collect(),
            "<f4" | "<c8" => data.as_chunks().0.iter().map(|&four| f64::from(f32::from_le_bytes(four))).collect(),
            "<f8" | "<c16" => data.as_chunks().0.iter().map(|&eight| f64::from_le_bytes(eight)).collect(),
            "<i8" => data.as_chunks().0.iter().map(|&eight| i64::from_le_bytes(eight) as f64).collect(),
            other => panic!("{}: elements {other} are not read here", path.display()),
        };
        Self { shape: shape.collect(), values }
    }

    /// The points of a polygon, shape (n, 2).
    pub(crate) fn points(&self) -> Vec<[f64; 2]> {
        assert_eq!(self.shape[1..], [2]);
        self.values.as_chunks().0.to_vec()
    }
}
