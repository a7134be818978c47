//! Verification on threads of its own: a bounded queue, and what waits in it is verified as one batch.
//!
//! A batch of 64 costs a quarter of 64 verifications, and its nullifiers one wait for the disk. Nobody waits for a batch
//! to fill: a thread that is free takes what is there. So a lone request is answered at once, and the more come, the
//! cheaper each becomes. When the queue is full, the service says so instead of growing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::limits::Limits;
use super::metrics::Metrics;
use crate::membership::{self, MembershipProof, ProofDecodeError, Statement};
use crate::nullifier::{ExternalNullifier, Nullifier};
use crate::store::{Recorded, SharedNullifiers, StoreError};

/// The most that is verified together: beyond it a proof becomes little cheaper, and the first one waits longer.
const BATCH: usize = 64;

/// One proof to look at.
#[derive(Debug)]
pub(super) struct Case {
    /// What it has to prove.
    pub(super) statement: Statement,
    /// Its encoding, which is read by the thread: points are decompressed there.
    pub(super) proof: Vec<u8>,
    /// Whether its nullifier is used up by it.
    pub(super) record: bool,
    /// What is recorded before the nullifier, so that the answer to one request counts once.
    pub(super) nonce: Option<(ExternalNullifier, Nullifier)>,
}

/// What became of a case.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is proved, and its nullifier was new if it was to be recorded.
    Accepted { at: u64 },
    /// It is proved, and its nullifier was there before.
    UsedBefore { at: Option<u64> },
    /// It is proved, and its nonce was answered before.
    NonceUsed,
    /// The bytes are not a proof.
    Undecodable(ProofDecodeError),
    /// It is not proved.
    Refused(membership::VerifyError),
    /// The nullifier could not be recorded: nothing is decided.
    StoreFailed,
}

/// Why a case was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotJudged {
    /// Too many wait.
    Full,
    /// The thread broke off.
    Failed,
}

#[derive(Debug)]
struct Job {
    case: Case,
    answer: oneshot::Sender<Verdict>,
}

/// The way to the threads.
#[derive(Debug)]
pub(super) struct Judge {
    queue: SyncSender<Job>,
    nullifiers: Arc<Mutex<Box<dyn SharedNullifiers>>>,
    metrics: Arc<Metrics>,
}

impl Judge {
    /// Starts the threads; they end when this is dropped.
    pub(super) fn start(
        nullifiers: Box<dyn SharedNullifiers>,
        limits: &Limits,
        metrics: Arc<Metrics>,
        clock: fn() -> u64,
    ) -> Self {
        let (queue, jobs) = sync_channel(limits.queue);
        let nullifiers = Arc::new(Mutex::new(nullifiers));
        let bench = Arc::new(Bench {
            jobs: Mutex::new(jobs),
            nullifiers: Arc::clone(&nullifiers),
            metrics: Arc::clone(&metrics),
            clock,
        });
        for number in 0..limits.threads.max(1) {
            let bench = Arc::clone(&bench);
            let named = thread::Builder::new().name(format!("judge-{number}"));
            named.spawn(move || bench.work()).expect("a system that cannot start a thread cannot serve");
        }
        Self { queue, nullifiers, metrics }
    }

    /// Whether a nullifier was accepted before. Waits for the disk: not for a thread of the runtime.
    pub(super) fn was_accepted(&self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<bool, StoreError> {
        self.nullifiers.lock().unwrap_or_else(PoisonError::into_inner).contains(scope, nullifier)
    }

    /// Puts a case into the queue and waits for the verdict.
    pub(super) async fn decide(&self, case: Case) -> Result<Verdict, NotJudged> {
        let (answer, verdict) = oneshot::channel();
        self.metrics.waiting.inc();
        let sent = self.queue.try_send(Job { case, answer });
        if let Err(error) = sent {
            self.metrics.waiting.dec();
            return Err(match error {
                TrySendError::Full(_) => NotJudged::Full,
                TrySendError::Disconnected(_) => NotJudged::Failed,
            });
        }
        verdict.await.map_err(|_| NotJudged::Failed)
    }
}

/// What the threads share.
struct Bench {
    jobs: Mutex<Receiver<Job>>,
    nullifiers: Arc<Mutex<Box<dyn SharedNullifiers>>>,
    metrics: Arc<Metrics>,
    clock: fn() -> u64,
}

impl Bench {
    fn work(&self) {
        while let Some(jobs) = self.next() {
            self.metrics.waiting.dec_by(i64::try_from(jobs.len()).unwrap_or(i64::MAX));
            // Whoever went away needs no verdict, and their nullifier is not used up.
            let jobs: Vec<Job> = jobs.into_iter().filter(|job| !job.answer.is_closed()).collect();
            self.metrics.batch.observe(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
            // A panic costs the answers of one batch, which become errors, and not the thread.
            if catch_unwind(AssertUnwindSafe(|| self.judge(jobs))).is_err() {
                tracing::error!("a batch of verifications broke off");
            }
        }
    }

    /// Waits for a job, and takes what is there besides.
    fn next(&self) -> Option<Vec<Job>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = vec![jobs.recv().ok()?];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        Some(batch)
    }

    fn judge(&self, jobs: Vec<Job>) {
        let mut decoded = Vec::with_capacity(jobs.len());
        for job in jobs {
            match MembershipProof::from_bytes(&job.case.proof) {
                Ok(proof) => decoded.push((job, proof)),
                Err(error) => answer(job, Verdict::Undecodable(error)),
            }
        }
        let pairs: Vec<_> = decoded.iter().map(|(job, proof)| (&job.case.statement, proof)).collect();
        let verdicts = membership::verify_each(&pairs);
        let mut proved = Vec::new();
        let now = (self.clock)();
        for ((job, _), verdict) in decoded.into_iter().zip(verdicts) {
            match verdict {
                Err(error) => answer(job, Verdict::Refused(error)),
                Ok(()) if job.case.record => proved.push(job),
                Ok(()) => answer(job, Verdict::Accepted { at: now }),
            }
        }
        // A crash between the two costs somebody a request, never a turn.
        let (with_nonce, mut proved): (Vec<Job>, Vec<Job>) =
            proved.into_iter().partition(|job| job.case.nonce.is_some());
        self.record(
            with_nonce,
            now,
            |case| case.nonce,
            |job, recorded| match recorded {
                Recorded::Now => proved.push(job),
                Recorded::Before { .. } => answer(job, Verdict::NonceUsed),
            },
        );
        let nullifier = |case: &Case| Some((case.statement.external_nullifier, case.statement.nullifier));
        self.record(proved, now, nullifier, |job, recorded| {
            answer(
                job,
                match recorded {
                    Recorded::Now => Verdict::Accepted { at: now },
                    Recorded::Before { at } => Verdict::UsedBefore { at },
                },
            );
        });
    }

    /// Records one entry of each job in one transaction, and tells what was there before.
    fn record(
        &self,
        jobs: Vec<Job>,
        now: u64,
        entry: impl Fn(&Case) -> Option<(ExternalNullifier, Nullifier)>,
        mut then: impl FnMut(Job, Recorded),
    ) {
        let entries: Vec<_> = jobs.iter().filter_map(|job| entry(&job.case)).collect();
        if entries.is_empty() {
            return;
        }
        let recorded = self.nullifiers.lock().unwrap_or_else(PoisonError::into_inner).record_each(&entries, now);
        match recorded {
            Ok(outcomes) => jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| then(job, outcome)),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "nullifiers were not recorded");
                jobs.into_iter().for_each(|job| answer(job, Verdict::StoreFailed));
            }
        }
    }
}

fn answer(job: Job, verdict: Verdict) {
    // Nobody may be waiting any more.
    let _ = job.answer.send(verdict);
}
