//! Decoding of picture files.
