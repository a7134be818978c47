//! Pictures of what the pipeline saw, as PNG.
