//! What tests, benches and simulators stand on: synthetic eyes and synthetic templates.

pub mod eyes;
pub mod templates;
