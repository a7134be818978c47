//! The statement of a membership proof in Groth16 over BN254, with arkworks: what the same circuit costs with a trusted set-up.
//!
//! The circuit is ours gate by gate, as rank-1 constraints: 13 Poseidon permutations of nine elements (8 full and 60 partial rounds,
//! three constraints an S-box), 7 membership constraints for each of ten levels, 88 bits, the ties. The constants of the hash
//! are random elements of this field, which changes no cost. One thread; CPU time of it; the witness is computed outside the time of
//! proving, as in other comparisons with Groth16.

use std::time::Duration;

use ark_bn254::{Bn254, Fr, G1Projective};
use ark_ec::pairing::Pairing;
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::{Field, One, UniformRand, Zero};
use ark_groth16::{Groth16, PreparedVerifyingKey, Proof, prepare_verifying_key};
use ark_relations::r1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use ark_std::rand::{SeedableRng, rngs::StdRng};

const WIDTH: usize = 9;
const FULL: usize = 8;
const PARTIAL: usize = 60;
const SBOXES: usize = FULL * WIDTH + PARTIAL;
const DEPTH: usize = 10;

type Form = LinearCombination<Fr>;

/// The inputs of all S-boxes and the output, as affine functions of 1, the state and the S-box outputs.
struct Hash(Vec<Vec<Fr>>);

impl Hash {
    fn new(rng: &mut StdRng) -> Self {
        let base = 1 + WIDTH;
        let unit = |place: usize| {
            let mut function = vec![Fr::zero(); base + SBOXES];
            function[place] = Fr::one();
            function
        };
        let matrix: Vec<Vec<Fr>> = (0..WIDTH).map(|_| (0..WIDTH).map(|_| Fr::rand(rng)).collect()).collect();
        let mut state: Vec<Vec<Fr>> = (0..WIDTH).map(|i| unit(1 + i)).collect();
        let mut functions = Vec::new();
        for round in 0..FULL + PARTIAL {
            let full = round < FULL / 2 || round >= FULL / 2 + PARTIAL;
            for (i, element) in state.iter_mut().enumerate() {
                element[0] += Fr::rand(rng);
                if full || i == 0 {
                    let output = unit(base + functions.len());
                    functions.push(std::mem::replace(element, output));
                }
            }
            let place = |row: &[Fr], place: usize| row.iter().zip(&state).map(|(m, s)| *m * s[place]).sum();
            state = matrix.iter().map(|row| (0..base + SBOXES).map(|i| place(row, i)).collect()).collect();
        }
        functions.push(state.swap_remove(1));
        Self(functions)
    }
}

/// A linear form and its value.
#[derive(Clone)]
struct Wire(Form, Fr);

impl Wire {
    fn minus(&self, other: &Self) -> Self {
        Self(self.0.clone() - &other.0, self.1 - other.1)
    }
}

struct Builder {
    cs: ConstraintSystemRef<Fr>,
}

impl Builder {
    fn witness(&self, value: Fr) -> Result<Wire, SynthesisError> {
        Ok(Wire(self.cs.new_witness_variable(|| Ok(value))?.into(), value))
    }

    fn input(&self, value: Fr) -> Result<Wire, SynthesisError> {
        Ok(Wire(self.cs.new_input_variable(|| Ok(value))?.into(), value))
    }

    fn product(&self, a: &Wire, b: &Wire) -> Result<Wire, SynthesisError> {
        let product = self.witness(a.1 * b.1)?;
        self.cs.enforce_constraint(a.0.clone(), b.0.clone(), product.0.clone())?;
        Ok(product)
    }

    fn equal(&self, a: &Wire, b: &Wire) -> Result<(), SynthesisError> {
        self.cs.enforce_constraint(a.0.clone(), Variable::One.into(), b.0.clone())
    }

    fn hash(&self, hash: &Hash, tag: u64, inputs: &[Wire]) -> Result<Wire, SynthesisError> {
        // Every input is one variable, so that forms stay as short as they can be.
        let one = Wire(Variable::One.into(), Fr::one());
        let mut wires = vec![one, Wire((Fr::from(tag), Variable::One).into(), Fr::from(tag))];
        for input in inputs {
            let variable = match input.0.len() {
                0 | 1 => input.clone(),
                _ => {
                    let variable = self.witness(input.1)?;
                    self.equal(input, &variable)?;
                    variable
                }
            };
            wires.push(variable);
        }
        wires.resize(1 + WIDTH, Wire(Form::zero(), Fr::zero()));
        let evaluate = |function: &[Fr], wires: &[Wire]| {
            let terms = function.iter().zip(wires).filter(|(factor, wire)| !factor.is_zero() && !wire.0.is_empty());
            let form = terms.clone().map(|(factor, wire)| (*factor * wire.0[0].0, wire.0[0].1)).collect();
            Wire(LinearCombination(form), terms.map(|(factor, wire)| *factor * wire.1).sum())
        };
        let (output, sboxes) = hash.0.split_last().expect("the last function is the output");
        for function in sboxes {
            let x = evaluate(function, &wires);
            let square = self.product(&x, &x)?;
            let fourth = self.product(&square, &square)?;
            wires.push(self.product(&fourth, &x)?);
        }
        Ok(evaluate(output, &wires))
    }

    fn bits(&self, value: u64, count: usize) -> Result<Wire, SynthesisError> {
        let mut sum = Wire(Form::zero(), Fr::from(value));
        for i in 0..count {
            let bit = self.witness(Fr::from(value >> i & 1))?;
            self.cs.enforce_constraint(bit.0.clone(), bit.0.clone(), bit.0.clone())?;
            sum.0 = sum.0 + (Fr::from(1u64 << i), bit.0[0].1);
        }
        Ok(sum)
    }
}

/// A statement that is true: everything is computed from the seed.
#[derive(Clone, Copy)]
struct Circuit<'a> {
    hash: &'a Hash,
    seed: u64,
}

impl Circuit<'_> {
    /// Builds the constraints and returns the public values.
    fn build(&self, cs: ConstraintSystemRef<Fr>) -> Result<Vec<Fr>, SynthesisError> {
        let rng = &mut StdRng::seed_from_u64(self.seed);
        let build = Builder { cs };
        let [t1, t2, least] = [2_000_000u64, 3_000_000, 1];
        let signal = Fr::rand(rng);
        let public = [Fr::rand(rng), Fr::from(3u8), Fr::from(t1), Fr::from(t2), Fr::from(least), signal];
        let inputs = public.iter().map(|value| build.input(*value)).collect::<Result<Vec<_>, _>>()?;
        let [ext, k, t1_wire, t2_wire, least_wire, signal] = <[Wire; 6]>::try_from(inputs).ok().expect("six");
        build.product(&signal, &signal)?;

        let (s, t) = (build.witness(Fr::rand(rng))?, build.witness(Fr::rand(rng))?);
        let nullifier = build.hash(self.hash, 3, &[s.clone(), ext, k])?;
        build.equal(&nullifier, &build.input(nullifier.1)?)?;
        let commitment = build.hash(self.hash, 1, &[s, t])?;
        let (issued, expires) = (build.witness(Fr::from(1_000_000u64))?, build.witness(Fr::from(4_000_000u64))?);
        let assurance = build.witness(Fr::from(2u64))?;
        let mut node = build.hash(self.hash, 4, &[commitment, issued.clone(), expires.clone(), assurance.clone()])?;
        for level in 0..DEPTH {
            let children = (0..8)
                .map(|i| build.witness(if i == level % 8 { node.1 } else { Fr::rand(rng) }))
                .collect::<Result<Vec<_>, _>>()?;
            let below = build.witness(node.1)?;
            build.equal(&node, &below)?;
            let mut product = children[0].minus(&below);
            for child in &children[1..] {
                product = build.product(&product, &child.minus(&below))?;
            }
            build.equal(&product, &Wire(Form::zero(), Fr::zero()))?;
            node = build.hash(self.hash, 2, &children)?;
        }
        build.equal(&node, &build.input(node.1)?)?;
        build.equal(&t1_wire.minus(&issued), &build.bits(t1 - 1_000_000, 40)?)?;
        build.equal(&expires.minus(&t2_wire), &build.bits(4_000_000 - t2, 40)?)?;
        build.equal(&assurance.minus(&least_wire), &build.bits(2 - least, 8)?)?;
        Ok([&public[..], &[nullifier.1, node.1]].concat())
    }
}

impl ConstraintSynthesizer<Fr> for Circuit<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        self.build(cs).map(drop)
    }
}

/// All proofs at once: n + 3 Miller loops and one final exponentiation, with random weights.
fn verify_batch(key: &PreparedVerifyingKey<Bn254>, batch: &[(Proof<Bn254>, Vec<Fr>)], rng: &mut StdRng) -> bool {
    let weights: Vec<Fr> = batch.iter().map(|_| Fr::from(u128::rand(rng))).collect();
    let mut left: Vec<_> = batch.iter().zip(&weights).map(|((proof, _), w)| (proof.a * w).into_affine()).collect();
    let mut right: Vec<_> = batch.iter().map(|(proof, _)| proof.b).collect();
    let sum: Fr = weights.iter().sum();
    let bases = &key.vk.gamma_abc_g1;
    let inputs: Vec<Fr> =
        (0..bases.len() - 1).map(|i| batch.iter().zip(&weights).map(|((_, inputs), w)| inputs[i] * w).sum()).collect();
    let publics = bases[0] * sum + G1Projective::msm(&bases[1..], &inputs).expect("one base per input");
    let last: Vec<_> = batch.iter().map(|(proof, _)| proof.c).collect();
    let last = G1Projective::msm(&last, &weights).expect("one weight per proof");
    left.extend([(-(key.vk.alpha_g1 * sum)).into_affine(), (-publics).into_affine(), (-last).into_affine()]);
    right.extend([key.vk.beta_g2, key.vk.gamma_g2, key.vk.delta_g2]);
    Bn254::multi_pairing(left, right).0 == <Bn254 as Pairing>::TargetField::ONE
}

/// CPU time of this thread. It grows in ticks of the scheduler (4 ms on many systems), so that one reading covers many of them.
fn now() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this comparison runs on Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|number| number.parse().ok()).expect("nanoseconds"))
}

fn measure(name: &str, runs: usize, per: u32, mut work: impl FnMut()) {
    work();
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = now();
            work();
            (now() - start).as_secs_f64() * 1e3 / f64::from(per)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<24} best {:>8.3} ms   median {:>8.3} ms   ({runs} runs)", times[0], times[runs / 2]);
}

fn main() {
    let rng = &mut StdRng::seed_from_u64(1);
    let hash = Hash::new(rng);
    let circuit = Circuit { hash: &hash, seed: 7 };
    let cs = ark_relations::r1cs::ConstraintSystem::<Fr>::new_ref();
    let public = circuit.build(cs.clone()).expect("every value is known");
    assert!(cs.is_satisfied().expect("every value is known"), "{:?}", cs.which_is_unsatisfied());
    println!("Groth16 over BN254 (arkworks), the same statement: {} constraints", cs.num_constraints());

    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit, rng).expect("the circuit builds");
    let prove = |rng: &mut StdRng| {
        Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key, rng).expect("the witness is right")
    };
    let proof = prove(rng);
    println!("proof {} bytes, proving key {} bytes", proof.compressed_size(), key.compressed_size());
    let verifying = prepare_verifying_key(&key.vk);
    measure("prove", 5, 1, || drop(std::hint::black_box(prove(rng))));
    measure("of it: circuit, witness", 5, 8, || {
        for _ in 0..8 {
            let cs = ark_relations::r1cs::ConstraintSystem::<Fr>::new_ref();
            circuit.build(cs.clone()).expect("every value is known");
            cs.finalize();
        }
    });
    // From bytes, as ours: a proof that comes from outside has points to decompress, and to find in the right subgroup.
    let mut bytes = Vec::new();
    proof.serialize_compressed(&mut bytes).expect("a vector grows");
    let decode = || Proof::<Bn254>::deserialize_compressed(&bytes[..]).expect("its own bytes");
    measure("verify, from bytes", 15, 64, || {
        for _ in 0..64 {
            let verdict = Groth16::<Bn254>::verify_proof(&verifying, &decode(), &public);
            assert!(verdict.expect("the inputs are as many"));
        }
    });
    measure("batch of 64, each", 9, 8 * 64, || {
        for _ in 0..8 {
            let batch: Vec<_> = (0..64).map(|_| (decode(), public.clone())).collect();
            assert!(verify_batch(&verifying, &batch, rng));
        }
    });
    let batch = vec![(proof, public); 64];
    measure("of it: without decoding", 9, 8 * 64, || {
        for _ in 0..8 {
            assert!(verify_batch(&verifying, &batch, rng));
        }
    });
    let mut bad = batch;
    bad[9].1[0] += Fr::one();
    assert!(!verify_batch(&verifying, &bad, rng));
}
