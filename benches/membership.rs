//! What a proof costs: `cargo bench --bench membership`; with `--features rayon` also what a second thread gains.
//!
//! Times are CPU time of the one thread that works, the best and the median of many runs, because machines that run
//! benches run other things too. Without Linux' `/proc` the wall clock is used, and the output says so.

use std::hint::black_box;
use std::time::Instant;

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{self, MembershipProof, Parameters, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::Tree;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Milliseconds that this thread has computed.
fn cpu_ms() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = statistics.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e6)
}

/// Runs `work` and prints best and median milliseconds, divided by `per`: how many things one call does.
///
/// The kernel counts CPU time in ticks of some milliseconds, so a call should take tens of them.
fn measure(name: &str, runs: usize, per: usize, mut work: impl FnMut()) {
    work();
    let begin = Instant::now();
    let now = || cpu_ms().unwrap_or_else(|| begin.elapsed().as_secs_f64() * 1e3);
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = now();
            work();
            (now() - start) / per as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<32} best {:>8.3} ms   median {:>8.3} ms   ({runs} runs)", times[0], times[runs / 2]);
}

/// What a second thread gains, by the clock on the wall, in turns; an idle machine is asked for.
#[cfg(feature = "rayon")]
fn two_threads(statement: &Statement, witness: &Witness<'_>) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let start = Instant::now();
        assert!(black_box(membership::prove(statement, witness, &mut rng)).is_ok());
        one.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        assert!(pool.install(|| black_box(membership::par_prove(statement, witness, &mut rng))).is_ok());
        two.push(start.elapsed().as_secs_f64() * 1e3);
    }
    one.sort_by(f64::total_cmp);
    two.sort_by(f64::total_cmp);
    println!(
        "prove, by the clock: one thread {:.1} (median {:.1}) ms, two threads {:.1} ({:.1}) ms: {:.2} ({:.2}) of the time",
        one[0],
        one[20],
        two[0],
        two[20],
        two[0] / one[0],
        two[20] / one[20]
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let secret = IdentitySecret::generate(&mut rng);
    let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
    let mut tree = Tree::new();
    let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
    let path = tree.path(index)?;
    let scope = Scope::new("bench", "bench")?.external_nullifier();
    let statement = Statement {
        root: tree.root(),
        external_nullifier: scope,
        use_index: 0,
        nullifier: Nullifier::new(&secret, &scope, 0),
        signal: Signal::new(b"bench"),
        nonce: [0; 32],
        issued_no_later_than: Some(1_750_000_000),
        expires_no_earlier_than: Some(1_800_000_000),
        assurance_at_least: Assurance::ONE_EYE,
    };
    let witness = Witness { secret: &secret, credential: &credential, path: &path };
    let proof = membership::prove(&statement, &witness, &mut rng)?;
    let bytes = proof.to_bytes();

    println!("time: {}", if cpu_ms().is_some() { "CPU, one thread" } else { "wall clock" });
    println!("proof {} bytes, 2^30 leaves", MembershipProof::BYTES);
    measure("set-up", 5, 10, || {
        for _ in 0..10 {
            black_box(Parameters::new());
        }
    });
    measure("prove", 20, 4, || {
        for _ in 0..4 {
            assert!(black_box(membership::prove(&statement, &witness, &mut rng)).is_ok());
        }
    });
    #[cfg(feature = "rayon")]
    two_threads(&statement, &witness);
    measure("verify, from bytes", 20, 32, || {
        for _ in 0..32 {
            let proof = MembershipProof::from_bytes(black_box(&bytes));
            assert!(proof.is_ok_and(|proof| membership::verify(&statement, &proof).is_ok()));
        }
    });
    for size in [16, 64, 128] {
        measure(&format!("batch of {size}, from bytes, each"), 10, size, || {
            let batch: Vec<_> = (0..size)
                .filter_map(|_| MembershipProof::from_bytes(&bytes).ok())
                .map(|proof| (&statement, proof))
                .collect();
            assert!(membership::verify_batch(black_box(&batch)).is_ok());
        });
    }
    Ok(())
}
