//! `personhood bench proof`: what it costs to make and to check a proof of membership.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{self, MembershipProof, Parameters, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::{DEPTH, MerklePath, Tree};
use rand_core::OsRng;
use serde::Serialize;

use super::{Milliseconds, time};
use crate::args::BenchProof;
use crate::clock::CLOCK;
use crate::failure::Failure;
use crate::output::Output;

/// Every figure is of at least so many runs.
const LEAST_RUNS: usize = 5;
/// Proofs of a batch.
const BATCH: usize = 64;
/// Bits of a place in a level of the tree: it has eight children a node.
const BITS_PER_LEVEL: usize = 3;

/// Fields of the JSON document. The figures that others are compared with are medians; the best ones stand beside them.
#[derive(Serialize)]
pub(super) struct Report {
    clock: &'static str,
    members_log2: usize,
    proof_bytes: usize,
    prove_cpu_ms: f64,
    verify_cpu_ms: f64,
    batch64_cpu_ms_per_proof: f64,
    /// Generators, constants and the digest of the circuit: once per process.
    setup_cpu_ms: f64,
    /// The most memory that the process had resident until then, program and libraries included; where the system tells.
    peak_memory_bytes: Option<u64>,
    best: Best,
    parallel: Parallel,
}

/// The least of all runs, milliseconds.
#[derive(Serialize)]
struct Best {
    prove_cpu_ms: f64,
    verify_cpu_ms: f64,
    batch64_cpu_ms_per_proof: f64,
    setup_cpu_ms: f64,
}

/// The same proof by all threads, by the clock on the wall.
#[derive(Serialize)]
struct Parallel {
    threads: usize,
    /// Median, one thread.
    prove_wall_ms: f64,
    /// Median, all threads.
    par_prove_wall_ms: f64,
    /// The best of the one by the best of the other, in turns.
    best_ratio: f64,
}

/// Somebody who can prove something.
struct Holder {
    secret: IdentitySecret,
    credential: Credential,
    path: MerklePath,
    statement: Statement,
}

impl Holder {
    fn new() -> Result<Self, Failure> {
        let secret = IdentitySecret::generate(&mut OsRng);
        let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
        let mut tree = Tree::new();
        let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
        let scope = Scope::new("bench.example", "bench")?.external_nullifier();
        let statement = Statement {
            root: tree.root(),
            external_nullifier: scope,
            use_index: 0,
            nullifier: Nullifier::new(&secret, &scope, 0),
            signal: Signal::new(b"bench"),
            nonce: [7; 32],
            issued_no_later_than: Some(1_750_000_000),
            expires_no_earlier_than: Some(1_800_000_000),
            assurance_at_least: Assurance::ONE_EYE,
        };
        let path = tree.path(index)?;
        Ok(Self { secret, credential, path, statement })
    }

    fn witness(&self) -> Witness<'_> {
        Witness { secret: &self.secret, credential: &self.credential, path: &self.path }
    }

    fn prove(&self) -> Result<MembershipProof, Failure> {
        Ok(membership::prove(&self.statement, &self.witness(), &mut OsRng)?)
    }
}

pub(super) fn measure(args: &BenchProof, output: Output) -> Result<Report, Failure> {
    let budget = Duration::from_secs(args.seconds.into());
    let bar = output.progress(5, "proving");
    let holder = Holder::new()?;
    // The first proof of a process derives the parameters.
    let bytes = holder.prove()?.to_bytes();

    let prove = repeat(budget, || holder.prove().map(drop))?;
    bar.inc(1);
    let verify = repeat(budget, || {
        let proof = MembershipProof::from_bytes(black_box(&bytes))?;
        Ok(membership::verify(&holder.statement, &proof)?)
    })?;
    bar.inc(1);
    let different: Vec<_> = (0..BATCH).map(|_| Ok(holder.prove()?.to_bytes())).collect::<Result<_, Failure>>()?;
    let batch = repeat(budget, || {
        let batch: Vec<_> = different
            .iter()
            .map(|bytes| Ok((&holder.statement, MembershipProof::from_bytes(black_box(bytes))?)))
            .collect::<Result<_, Failure>>()?;
        Ok(membership::verify_batch(&batch)?)
    })?;
    bar.inc(1);
    let setup = repeat(budget / 4, || {
        black_box(Parameters::new());
        Ok(())
    })?;
    bar.inc(1);
    let parallel = all_threads(&holder, budget)?;
    bar.finish_and_clear();

    let each = |figure: f64| figure / BATCH as f64;
    Ok(Report {
        clock: CLOCK,
        members_log2: BITS_PER_LEVEL * DEPTH,
        proof_bytes: MembershipProof::BYTES,
        prove_cpu_ms: prove.median,
        verify_cpu_ms: verify.median,
        batch64_cpu_ms_per_proof: each(batch.median),
        setup_cpu_ms: setup.median,
        peak_memory_bytes: peak_memory(),
        best: Best {
            prove_cpu_ms: prove.best,
            verify_cpu_ms: verify.best,
            batch64_cpu_ms_per_proof: each(batch.best),
            setup_cpu_ms: setup.best,
        },
        parallel,
    })
}

/// The processor time of `work`, again and again until the time is used.
fn repeat(budget: Duration, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Milliseconds, Failure> {
    let begin = Instant::now();
    let mut durations = Vec::new();
    while durations.len() < LEAST_RUNS || begin.elapsed() < budget {
        let (result, duration) = time(&mut work);
        result?;
        durations.push(duration);
    }
    Ok(Milliseconds::of(durations))
}

/// The greatest resident size of this process so far, as Linux counts it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok().map(|kibibytes: u64| kibibytes * 1024)
}

fn all_threads(holder: &Holder, budget: Duration) -> Result<Parallel, Failure> {
    let wall = |work: &dyn Fn() -> Result<MembershipProof, Failure>| -> Result<Duration, Failure> {
        let begin = Instant::now();
        black_box(work()?);
        Ok(begin.elapsed())
    };
    let begin = Instant::now();
    let (mut one, mut all) = (Vec::new(), Vec::new());
    while one.len() < LEAST_RUNS || begin.elapsed() < budget {
        one.push(wall(&|| holder.prove())?);
        all.push(wall(&|| Ok(membership::par_prove(&holder.statement, &holder.witness(), &mut OsRng)?))?);
    }
    let (one, all) = (Milliseconds::of(one), Milliseconds::of(all));
    Ok(Parallel {
        threads: rayon::current_num_threads(),
        prove_wall_ms: one.median,
        par_prove_wall_ms: all.median,
        best_ratio: all.best / one.best,
    })
}

impl Report {
    /// For the summary of everything.
    pub(super) fn summary(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            writeln!(f, "proofs")?;
            writeln!(f, "  made      {:6.1} ms of one core, {} bytes", self.prove_cpu_ms, self.proof_bytes)?;
            write!(
                f,
                "  checked   {:6.2} ms each, {:.2} ms in batches of {BATCH}",
                self.verify_cpu_ms, self.batch64_cpu_ms_per_proof
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "one of 2^{} members, a proof of {} bytes", self.members_log2, self.proof_bytes)?;
        writeln!(f, "{:<32}{:>10}{:>10}", "milliseconds of one core", "median", "best")?;
        for (name, median, best) in [
            ("prove", self.prove_cpu_ms, self.best.prove_cpu_ms),
            ("verify, from bytes", self.verify_cpu_ms, self.best.verify_cpu_ms),
            ("batch of 64, each", self.batch64_cpu_ms_per_proof, self.best.batch64_cpu_ms_per_proof),
            ("set-up, once", self.setup_cpu_ms, self.best.setup_cpu_ms),
        ] {
            writeln!(f, "  {name:<30}{median:>10.3}{best:>10.3}")?;
        }
        if let Some(bytes) = self.peak_memory_bytes {
            writeln!(f, "memory of the whole process, at most: {:.1} MB", bytes as f64 / 1e6)?;
        }
        let Parallel { threads, prove_wall_ms, par_prove_wall_ms, best_ratio } = &self.parallel;
        write!(
            f,
            "on {threads} threads {par_prove_wall_ms:.1} ms by the clock, on one {prove_wall_ms:.1} ms; \
             the best of each: {best_ratio:.2} of the time"
        )
    }
}
