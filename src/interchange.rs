//! Pictures of eyes as other systems hand them over: records of international standards.
//!
//! | room | standard | carries |
//! |---|---|---|
//! | [`iso19794_6`] | ISO/IEC 19794-6:2011, binary | pictures of irises, with eye, time, device, quality and geometry |
//! | [`jpeg2000`] | ITU-T T.800 (ISO/IEC 15444-1) | one grey picture, lossless |
//!
//! Both editions of the iris standard carry pictures, never codes: there is no standard for templates. ISO/IEC 39794-6
//! (ASN.1 and XML) and CBEFF wrappers are not read.

pub mod iso19794_6;
pub mod jpeg2000;
