//! The statement once more, as rank-1 constraints of `bulletproofs` 4.0.0: another arithmetisation, another proof system, another
//! implementation of the field and of the group. What it accepts must be accepted here, and nothing else.
//!
//! x⁵ is three multiplications, a bit is b·(1 − b) = 0, membership is ∏(child − node) = 0; Poseidon's linear layers are linear
//! combinations. Only the constants of the hash are shared, and they are checked against Python's elsewhere.

use alloc::vec;
use alloc::vec::Vec;
use std::sync::OnceLock;

use bulletproofs_r1cs::r1cs::{
    ConstraintSystem, LinearCombination, Metrics, Prover, R1CSError, R1CSProof, Variable, Verifier,
};
use bulletproofs_r1cs::{BulletproofGens, PedersenGens};
use curve25519_dalek_ng::scalar::Scalar as OracleScalar;
use merlin::Transcript as MerlinTranscript;

use super::{accepts, prove_unchecked};
use crate::membership::relation::tests::{Breach, Claim, Sample, for_all};
use crate::poseidon::{MDS, ROUND_CONSTANTS};
use crate::scalar::Scalar;

/// Elements of the state, S-boxes of a permutation, rounds in which all elements pass one on either side.
const WIDTH: usize = 9;
const SBOXES: usize = 132;
const HALF: usize = 4;

fn convert(scalar: &Scalar) -> OracleScalar {
    OracleScalar::from_canonical_bytes(scalar.to_bytes()).expect("both fields have the same elements")
}

/// Affine functions of 1, the tag, eight inputs and the S-box outputs: the inputs of all S-boxes, and the output.
fn affine() -> &'static [Vec<OracleScalar>] {
    static FUNCTIONS: OnceLock<Vec<Vec<OracleScalar>>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let base = 1 + WIDTH;
        let unit = |place: usize| {
            let mut function = vec![Scalar::ZERO; base + SBOXES];
            function[place] = Scalar::ONE;
            function
        };
        let mut state: Vec<Vec<Scalar>> = (0..WIDTH).map(|i| unit(1 + i)).collect();
        let mut functions = Vec::new();
        for (round, constants) in ROUND_CONSTANTS.iter().enumerate() {
            let full = round < HALF || round >= ROUND_CONSTANTS.len() - HALF;
            for (i, element) in state.iter_mut().enumerate() {
                element[0] += constants[i];
                if full || i == 0 {
                    let number = functions.len();
                    functions.push(core::mem::replace(element, unit(base + number)));
                }
            }
            state = MDS
                .iter()
                .map(|row| {
                    (0..base + SBOXES)
                        .map(|place| row.iter().zip(&state).map(|(entry, element)| *entry * element[place]).sum())
                        .collect()
                })
                .collect();
        }
        functions.push(state.swap_remove(1));
        functions.iter().map(|function| function.iter().map(convert).collect()).collect()
    })
}

/// P9(tag; inputs), and its value if the inputs' are known.
fn hash<CS: ConstraintSystem>(cs: &mut CS, tag: u8, inputs: [Variable; 8]) -> LinearCombination {
    let one = OracleScalar::one();
    let mut variables = vec![(Variable::One(), one), (Variable::One(), OracleScalar::from(tag))];
    variables.extend(inputs.map(|input| (input, one)));
    let [sboxes @ .., output] = affine() else { unreachable!() };
    let evaluate = |function: &[OracleScalar], variables: &[(Variable, OracleScalar)]| -> LinearCombination {
        function.iter().zip(variables).map(|(factor, (variable, scale))| (*variable, factor * scale)).collect()
    };
    for function in sboxes {
        let input = evaluate(function, &variables);
        let (x, _, square) = cs.multiply(input.clone(), input);
        let (_, _, fourth) = cs.multiply(square.into(), square.into());
        let (_, _, fifth) = cs.multiply(fourth.into(), x.into());
        variables.push((fifth, one));
    }
    evaluate(output, &variables)
}

/// The number that `count` bits spell, and that they are bits.
fn bits<CS: ConstraintSystem>(cs: &mut CS, value: Option<u64>, count: usize) -> Result<LinearCombination, R1CSError> {
    let mut sum = LinearCombination::default();
    let mut power = OracleScalar::one();
    for i in 0..count {
        let bit = value.map(|value| OracleScalar::from(value >> i & 1));
        let (bit, rest, product) = cs.allocate_multiplier(bit.map(|bit| (bit, OracleScalar::one() - bit)))?;
        cs.constrain(product.into());
        cs.constrain(bit + rest - OracleScalar::one());
        sum = sum + bit * power;
        power += power;
    }
    Ok(sum)
}

/// The statement of version 1. `claim` holds the public values, and the secret ones for the prover.
fn constrain<CS: ConstraintSystem>(cs: &mut CS, claim: &Claim, known: bool) -> Result<(), R1CSError> {
    let secret = |scalar: &Scalar| known.then(|| convert(scalar));
    let zero = cs.allocate(known.then(OracleScalar::zero))?;
    cs.constrain(zero.into());
    let pin = |cs: &mut CS, value: Scalar| -> Result<Variable, R1CSError> {
        let variable = cs.allocate(secret(&value))?;
        cs.constrain(variable - convert(&value));
        Ok(variable)
    };
    let s = cs.allocate(secret(&claim.nullifier_secret))?;
    let t = cs.allocate(secret(&claim.trapdoor))?;
    let ext = pin(cs, claim.public.external_nullifier)?;
    let k = pin(cs, claim.public.use_index)?;
    let nullifier = hash(cs, 3, [s, ext, k, zero, zero, zero, zero, zero]);
    cs.constrain(nullifier - convert(&claim.public.nullifier));

    let commitment = cs.allocate(secret(&claim.commitment))?;
    let hashed = hash(cs, 1, [s, t, zero, zero, zero, zero, zero, zero]);
    cs.constrain(hashed - commitment);
    let issued = cs.allocate(secret(&Scalar::from(claim.issued)))?;
    let expires = cs.allocate(secret(&Scalar::from(claim.expires)))?;
    let assurance = cs.allocate(secret(&Scalar::from(u64::from(claim.assurance))))?;
    let mut node = hash(cs, 4, [commitment, issued, expires, assurance, zero, zero, zero, zero]);

    for children in &claim.children {
        let mut variables = [zero; 8];
        for (variable, child) in variables.iter_mut().zip(children) {
            *variable = cs.allocate(secret(child))?;
        }
        let mut product: LinearCombination = variables[0] - node.clone();
        for child in &variables[1..] {
            let (_, _, next) = cs.multiply(product, *child - node.clone());
            product = next.into();
        }
        cs.constrain(product);
        node = hash(cs, 2, variables);
    }
    cs.constrain(node - convert(&claim.public.root));

    let public = &claim.public;
    let (t1, t2) = (public.issued_no_later_than, public.expires_no_earlier_than);
    let difference = |a: u64, b: u64| known.then(|| a.wrapping_sub(b));
    let sum = bits(cs, difference(t1, claim.issued), 40)?;
    cs.constrain(sum + issued - OracleScalar::from(t1));
    let sum = bits(cs, difference(claim.expires, t2), 40)?;
    cs.constrain(sum - expires + OracleScalar::from(t2));
    let least = u64::from(public.assurance_at_least);
    let sum = bits(cs, difference(u64::from(claim.assurance), least), 8)?;
    cs.constrain(sum - assurance + OracleScalar::from(least));
    Ok(())
}

/// A prover that also looks whether the constraints hold.
struct Checked<'g> {
    prover: Prover<'g, MerlinTranscript>,
    broken: usize,
}

impl ConstraintSystem for Checked<'_> {
    fn transcript(&mut self) -> &mut MerlinTranscript {
        self.prover.transcript()
    }
    fn multiply(&mut self, left: LinearCombination, right: LinearCombination) -> (Variable, Variable, Variable) {
        self.prover.multiply(left, right)
    }
    fn allocate(&mut self, assignment: Option<OracleScalar>) -> Result<Variable, R1CSError> {
        self.prover.allocate(assignment)
    }
    fn allocate_multiplier(
        &mut self,
        assignments: Option<(OracleScalar, OracleScalar)>,
    ) -> Result<(Variable, Variable, Variable), R1CSError> {
        self.prover.allocate_multiplier(assignments)
    }
    fn metrics(&self) -> Metrics {
        self.prover.metrics()
    }
    fn constrain(&mut self, constraint: LinearCombination) {
        self.broken += usize::from(self.prover.eval(&constraint) != OracleScalar::zero());
        self.prover.constrain(constraint);
    }
}

const LABEL: &[u8] = b"oracle";

/// Whether the constraints hold.
fn satisfied(claim: &Claim) -> bool {
    let bases = PedersenGens::default();
    let mut checked = Checked { prover: Prover::new(&bases, MerlinTranscript::new(LABEL)), broken: 0 };
    constrain(&mut checked, claim, true).expect("every assignment is known");
    checked.broken == 0
}

/// Whether the other proof system proves and verifies it.
fn proven(claim: &Claim) -> bool {
    static GENERATORS: OnceLock<BulletproofGens> = OnceLock::new();
    let bases = PedersenGens::default();
    let mut prover = Prover::new(&bases, MerlinTranscript::new(LABEL));
    constrain(&mut prover, claim, true).expect("every assignment is known");
    let generators = GENERATORS.get_or_init(|| BulletproofGens::new(8192, 1));
    let proof: R1CSProof = prover.prove(generators).expect("the generators are enough");
    let mut verifier = Verifier::new(MerlinTranscript::new(LABEL));
    constrain(&mut verifier, claim, false).expect("no assignment is needed");
    verifier.verify(&proof, &bases, generators).is_ok()
}

/// Samples whose inputs are wrong in one way, and one that is good. S-boxes and partial products cannot be bent in
/// another arithmetisation; what they compute is bent by bending the inputs and the outputs.
fn samples(seed: u64) -> Vec<(Sample, bool)> {
    let mut samples = vec![(Sample::new(seed), true)];
    let spoilt = [7, 8, 15, 20].map(Breach::Tie);
    samples.extend(spoilt.map(|tie| (Sample::violating(tie, seed), false)));
    // Bounds that the credential misses by one.
    let bounds: [&dyn Fn(&mut Sample); 3] = [
        &|sample| sample.public.issued_no_later_than = 999_999,
        &|sample| sample.public.expires_no_earlier_than = 4_000_001,
        &|sample| sample.public.assurance_at_least = 3,
    ];
    samples.extend(bounds.map(|miss| {
        let mut sample = Sample::new(seed);
        miss(&mut sample);
        (sample, false)
    }));
    let mut orphan = Sample::new(seed);
    orphan.orphan(seed as usize % 10);
    samples.push((orphan, false));
    samples
}

#[test]
fn another_arithmetisation_accepts_the_same_witnesses() {
    let cases: Vec<(Sample, bool)> = (0..6).flat_map(|seed| samples(200 + seed)).collect();
    for_all(&cases, |(sample, good)| {
        assert_eq!(satisfied(&sample.claim()), *good);
        assert_eq!(sample.breaches(&sample.assignment()).is_empty(), *good);
    });
}

#[test]
fn another_proof_system_accepts_the_same_statements() {
    let cases: Vec<(Sample, bool)> =
        samples(300).into_iter().enumerate().filter(|(i, _)| [0, 2, 5, 8].contains(i)).map(|(_, case)| case).collect();
    for_all(&cases, |(sample, good)| {
        let (public, proof) = prove_unchecked(sample);
        assert_eq!(accepts(&public, &proof), *good);
        assert_eq!(proven(&sample.claim()), *good);
    });
}
