//! The HTTP service: any program, in any language, asks "a unique human, once?" and gets an answer with a code.
//!
//! ```text
//!             ┌ limits: connections, header time, body size, rate ┐
//! socket ───▶ │ router: portal, sequencer, status, log, pages     │ ───▶ judge: a bounded queue, one thread per core
//!             │ desk: pictures ─▶ templates ─▶ registry           │      │
//!             └ JSON that says a thing once                       ┘      │  proofs that wait are verified as one batch
//!                                                                        ▼
//!                                                     nullifiers: one transaction for each batch
//! ```
//!
//! The requests, answers and codes are those of World ID's developer portal (`/api/v2/verify/{app_id}`,
//! `/api/v4/verify/{id}`, `/api/v1/precheck/{app_id}`) and signup sequencer (`/v3/identities/…`), so that an integration
//! changes its address and little else. The *envelope* is theirs and the proof inside is ours: a proof that was made for
//! World's contracts is refused here, and one that was made here is refused there.
//!
//! [`Service::start`] makes it [`Running`]; [`Running::router`] is the whole service without a socket, and [`Server`] puts it on one.

mod apps;
mod body;
mod cors;
mod desk;
mod issuer;
mod judge;
mod keys;
mod limits;
mod listener;
mod log_files;
mod metrics;
mod observe;
mod pages;
mod portal;
mod refusal;
mod roll;
mod roots;
mod router;
mod sequencer;
mod status;
mod time;
mod tls;

pub use apps::{Action, App, Apps, AppsError};
pub use desk::Desk;
pub use issuer::Issuer;
pub use keys::{Keys, KeysError, Role};
pub use limits::Limits;
pub use listener::{Server, ServerError};
pub use pages::{HolderPages, PagesError};
pub use roll::{RegistryRoll, Roll, RollError, RootsFile};
pub use router::document;
pub use tls::{Tls, TlsError};

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::sync::Semaphore;

use crate::store::SharedNullifiers;
use judge::Judge;
use limits::Rate;
use metrics::Metrics;
use roots::Roots;

/// Everything that a service is made from.
#[derive(Debug)]
pub struct Service {
    /// Who may ask for what.
    pub apps: Apps,
    /// Where the members and their roots come from.
    pub roll: Box<dyn Roll>,
    /// Who has acted; several servers may share one file.
    pub nullifiers: Box<dyn SharedNullifiers>,
    /// Who may do what is not public.
    pub keys: Keys,
    /// The key that requests are signed with, if any are.
    pub issuer: Option<Issuer>,
    /// The enrolment desk, if this service has one.
    pub desk: Option<Desk>,
    /// The holder's page, if this service has one.
    pub holder: Option<HolderPages>,
    /// The folder of the registry's log, whose files everybody may read.
    pub log: Option<PathBuf>,
    /// How much is taken from whom.
    pub limits: Limits,
    /// The present time in seconds since 1970.
    pub clock: fn() -> u64,
}

/// What the handlers share.
#[derive(Debug)]
struct State {
    apps: Apps,
    roll: Arc<Mutex<Box<dyn Roll>>>,
    roots: Roots,
    judge: Judge,
    keys: Keys,
    issuer: Option<Issuer>,
    desk: Option<Desk>,
    /// How many pictures are read at once.
    desk_places: Semaphore,
    holder: Option<HolderPages>,
    log: Option<PathBuf>,
    limits: Limits,
    rate: Option<Rate>,
    metrics: Arc<Metrics>,
    clock: fn() -> u64,
}

/// A service that runs: its router, and what keeps it up to date.
#[derive(Clone, Debug)]
pub struct Running {
    state: Arc<State>,
}

impl Service {
    /// Reads the roots once and starts the threads that verify; they end when the last copy of the result is dropped.
    ///
    /// # Errors
    ///
    /// [`RollError`] if the members cannot be read.
    pub fn start(self) -> Result<Running, RollError> {
        let Self { apps, mut roll, nullifiers, keys, issuer, desk, holder, log, limits, clock } = self;
        let roots = Roots::new(roll.refresh()?, clock());
        let metrics = Arc::new(Metrics::new());
        let judge = Judge::start(nullifiers, &limits, Arc::clone(&metrics), clock);
        let rate = Rate::new(&limits);
        let roll = Arc::new(Mutex::new(roll));
        let desk_places = desk::places(limits.threads);
        let state = State {
            apps,
            roll,
            roots,
            judge,
            keys,
            issuer,
            desk,
            desk_places,
            holder,
            log,
            limits,
            rate,
            metrics,
            clock,
        };
        Ok(Running { state: Arc::new(state) })
    }
}

impl State {
    /// Learns what the registry has changed.
    fn refresh(&self) -> Result<(), RollError> {
        let mut roll = self.roll.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let history = roll.refresh()?;
        // Still under the lock: an older history must not replace a newer one.
        self.roots.replace(history, (self.clock)());
        drop(roll);
        Ok(())
    }
}

impl Running {
    /// Every route, with limits and timeouts, without a socket.
    pub fn router(&self) -> Router {
        router::router(Arc::clone(&self.state))
    }

    /// Learns what the registry has changed; [`Server`] does so every second.
    ///
    /// # Errors
    ///
    /// [`RollError`]; what was known stays known, and after [`Limits::stale_after`] nothing is accepted any more.
    pub fn refresh(&self) -> Result<(), RollError> {
        self.state.refresh()
    }
}
