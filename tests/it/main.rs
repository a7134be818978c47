//! Outside-in tests of the public interface, in one binary; one file per floor or edge.

#[cfg(all(feature = "store", unix))]
mod accountability;
mod crypto;
#[cfg(feature = "serde")]
mod envelope;
#[cfg(feature = "std")]
mod evaluate;
mod floors;
#[cfg(all(feature = "image", feature = "serde"))]
mod frames;
#[cfg(feature = "testing")]
mod gallery_file;
mod golden;
#[cfg(feature = "testing")]
mod interchange;
#[cfg(feature = "serde")]
mod iris;
#[cfg(all(feature = "store", unix))]
mod lifecycle;
#[cfg(all(feature = "cli", unix))]
mod log;
mod matcher;
mod membership;
#[cfg(feature = "image")]
mod npy;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(all(feature = "store", unix))]
mod people;
mod people_search;
#[cfg(feature = "image")]
mod pipeline;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
#[cfg(feature = "cli")]
mod program;
#[cfg(all(feature = "cli", unix))]
mod program_life;
#[cfg(all(feature = "cli", feature = "postgres", unix))]
mod program_postgres;
#[cfg(all(feature = "image", feature = "testing"))]
mod quality;
#[cfg(all(feature = "store", unix))]
mod registry;
#[cfg(all(feature = "cli", unix))]
mod sealed;
#[cfg(feature = "image")]
mod segment;
#[cfg(feature = "serve")]
mod serve;
#[cfg(all(feature = "store", unix))]
mod store;
#[cfg(feature = "testing")]
mod synthetic;
#[cfg(all(feature = "store", feature = "testing", unix))]
mod vault;
mod verify;
#[cfg(feature = "wasm")]
mod wasm;
mod world;
