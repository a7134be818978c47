//! From a near-infrared picture of an eye to an iris template.

pub mod image;
pub mod segment;
