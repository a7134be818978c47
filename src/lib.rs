//! Proof of personhood: from a picture of an eye to a proof that anybody can check.
//!
//! The crate answers three questions and keeps them apart:
//!
//! | question | who asks | what answers |
//! |---|---|---|
//! | Is this an eye that we have seen before? | the enrolment desk | [`pipeline`], [`matcher`], [`registry`] |
//! | Is this holder one of the enrolled, for the first time here? | any service | [`membership`], [`verify`] |
//! | Who was it? | everybody | nobody: a proof is about a commitment, never about an eye |
//!
//! It is **not** audited, **not** a detector of printed or artificial eyes, and **not** proven in the field: error rates were
//! measured on synthetic eyes and on two public sets (benches/RECORD.md), and say little about other sensors.
//!
//! # From picture to decision
//!
//! ```
//! use personhood::matcher::{Comparison, MatchPolicy, compare};
//! # #[cfg(feature = "image")]
//! use personhood::pipeline::{Pipeline, image::{Limits, decode}};
//!
//! # #[cfg(feature = "image")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pipeline = Pipeline::builder().build();
//! let template = |path: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     let picture = decode(&std::fs::read(path)?, &Limits::default())?;
//!     Ok(pipeline.run(&picture)?.template) // or why the picture is not good enough
//! };
//! let enrolled = template("testdata/eyes/person-01/left-1.png")?;
//! let again = template("testdata/eyes/person-01/left-2.png")?;
//! let somebody_else = template("testdata/eyes/person-02/left-1.png")?;
//!
//! let policy = MatchPolicy::default();
//! match compare(&again, &enrolled, &policy) {
//!     Comparison::Match(found) => println!("one eye: distance {}, turned by {}", found.distance, found.rotation),
//!     Comparison::NonMatch(found) => panic!("two eyes, at distance {}", found.distance),
//!     Comparison::Incomparable(reason) => panic!("nobody can say: {reason}"),
//! }
//! assert!(matches!(compare(&somebody_else, &enrolled, &policy), Comparison::NonMatch(_)));
//! # Ok(())
//! # }
//! # #[cfg(feature = "image")]
//! # example().unwrap();
//! ```
//!
//! # Enrol with a registry
//!
//! ```
//! # #[cfg(all(feature = "store", feature = "testing"))]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use personhood::{identity::IdentitySecret, iris::EyeSide, testing::templates::SyntheticTemplates};
//! use personhood::registry::{EnrollError, EnrollRequest, EnrolmentClass, Registry, RegistryPolicy};
//! use personhood::store::MemoryStore; // or SqliteStore, which keeps what it was told
//!
//! let (policy, now) = (RegistryPolicy::default(), 1_800_000_000);
//! let eyes = SyntheticTemplates::new(policy.layout, 1).with_encoder(policy.encoder);
//! let mut registry = Registry::create(MemoryStore::new(), policy, now)?;
//! let request = |left, right| EnrollRequest {
//!     left: Some(left),
//!     right: Some(right),
//!     commitment: IdentitySecret::generate(&mut rand_core::OsRng).commitment(), // the holder's, who keeps the secret
//!     class: EnrolmentClass::BothEyes,
//!     issued_at: now,
//!     expires_at: now + 10 * 365 * 86_400,
//! };
//! let [left, right] = EyeSide::BOTH.map(|eye| eyes.enrolled(7, eye));
//! let enrolled = registry.enroll(request(left, right))?;
//!
//! let [left, right] = EyeSide::BOTH.map(|eye| eyes.recaptured(7, eye, 1).template);
//! let refused = registry.enroll(request(left, right));
//! assert!(matches!(refused, Err(EnrollError::Duplicate { person, .. }) if person == enrolled.person));
//! # Ok(())
//! # }
//! # #[cfg(all(feature = "store", feature = "testing"))]
//! # example().unwrap();
//! ```
//!
//! # Prove and verify
//!
//! ```
//! # #[cfg(feature = "std")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use personhood::membership::{Witness, prove};
//! use personhood::nullifier::{Nullifier, Scope};
//! use personhood::verify::{AcceptedRoots, MemoryNullifiers, Presentation, Request, Verifier};
//! # use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
//! # let secret = IdentitySecret::generate(&mut rand_core::OsRng);
//! # let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
//! # let mut tree = personhood::tree::Tree::new();
//! # let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
//! # let (root, path, now) = (tree.root(), tree.path(index)?, 1_800_000_000);
//!
//! // What both sides know: the action, the registry's root, the message.
//! let scope = Scope::new("polls.example", "budget 2027")?;
//! let poll = Verifier::new(&scope, AcceptedRoots::only(root));
//! let request = Request::new(b"yes");
//!
//! // The holder proves, with what the registry gave for their commitment.
//! let nullifier = Nullifier::new(&secret, &scope.external_nullifier(), 0);
//! let statement = poll.statement(root, nullifier, 0, &request);
//! let witness = Witness { secret: &secret, credential: &credential, path: &path };
//! let proof = prove(&statement, &witness, &mut rand_core::OsRng)?;
//!
//! // The service verifies, and remembers the nullifier.
//! let (vote, mut voters) = (Presentation { root, nullifier, use_index: 0, proof: &proof }, MemoryNullifiers::new());
//! assert!(poll.verify(&vote, &request, now, &mut voters).is_ok());
//! assert!(poll.verify(&vote, &request, now, &mut voters).is_err(), "the same person, a second time");
//! # Ok(())
//! # }
//! # #[cfg(feature = "std")]
//! # example().unwrap();
//! ```
//!
//! # What it protects against
//!
//! SECURITY.md has the whole table. In short: a service learns one nullifier per action and nothing that links two
//! actions; the registry's operator cannot act for anybody and cannot tell who made a proof; nobody acts twice in one
//! scope, and a proof cannot be moved to another message. Soundness rests on discrete logarithms in ristretto255 and on
//! Poseidon, without a trusted set-up; anonymity does not rest on discrete logarithms. Not protected: copies of secrets on
//! the stack and in swap, templates from whoever holds the master key and the registry, and anything against a registry that enrols people who do not exist.
//!
//! # Features
//!
//! A feature adds items and never changes results.
//!
//! | feature | adds |
//! |---|---|
//! | (none) | templates, matcher, tree, prove (with the caller's randomness) and verify; `no_std` with `alloc`, builds for `wasm32-unknown-unknown` |
//! | `std` (default) | the operating system's randomness, detection of the CPU, statistics of error rates |
//! | `serde` | serialisation of public types, templates of open-iris and iris-mpc |
//! | `rayon` | `par_` searches |
//! | `image` | decoding of pictures, and the pipeline |
//! | `onnx` | the segmentation network of open-iris, from an ONNX file that the operator pins |
//! | `jpeg2000` | JPEG 2000 among the pictures |
//! | `log` | the transparency log of roots, its witnesses and its checks |
//! | `store` | the registry and its store on SQLite |
//! | `testing` | synthetic eyes and templates |
//! | `wasm` | the face for JavaScript; `wasm-verifier` and `wasm-prover` are its halves |
//! | `requests` | requests that a relying party signs and a holder checks (Ed25519) |
//! | `serve` | the HTTP service for relying parties, in the shapes of World ID |
//! | `cli` | the program `personhood`, the service included |
//!
//! The oldest Rust that is supported is the `rust-version` of Cargo.toml, 1.95.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

// Floor 0: vocabulary.
pub mod bytes;
pub mod iris;
pub mod presentation;
pub mod scalar;

// Floor 1: crypto nouns.
pub mod identity;
pub mod nullifier;
pub mod poseidon;
pub mod signal;
pub mod tree;

// Floor 2: engines.
pub mod matcher;
pub mod membership;
#[cfg(feature = "store")]
pub mod vault;

// Floor 3: worlds.
#[cfg(feature = "serde")]
pub mod envelope;
#[cfg(feature = "std")]
pub mod evaluation;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "image")]
pub mod pipeline;
#[cfg(feature = "store")]
pub mod store;

// Floor 4: use cases.
#[cfg(feature = "image")]
pub mod interchange;
#[cfg(feature = "store")]
pub mod registry;
#[cfg(feature = "requests")]
pub mod request;
pub mod verify;

// Floor 5: edges.
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(any(feature = "wasm-verifier", feature = "wasm-prover"))]
pub mod wasm;

// Beside the house: what tests, benches and simulators stand on.
#[cfg(feature = "testing")]
pub mod testing;

pub mod error;
pub use error::Error;
