//! The vocabulary of irises: eye, layout, code, mask, rotation, template.

mod layout;

pub use layout::{EyeSide, Layout};
