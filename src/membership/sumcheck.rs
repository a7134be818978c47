//! Sumcheck in base 4: four values of a variable per round instead of two.
//!
//! A table of 4^n values is read as a polynomial in n variables, of degree three in each, that takes
//! the table's values on {0,1,2,3}^n. The first variable is the most significant digit of the index.
//! Rounds in base 4 halve the number of messages at the price of polynomials three times as long; since
//! round polynomials are committed and not sent, that is a good trade.
//!
//! Two sums are proven with it:
//! * Σₓ eq(τ,x)·(a(x)⁵ + e(x)·d(x) − b(x)), with the factor eq of the bound and of the current variable
//!   taken out of the round polynomial (degree 15, given by its values at 0..15);
//! * Σₓ ⟨f(x), w(x)⟩, a product of two tables (degree 6, given by its values at 0..6).

use alloc::vec;
use alloc::vec::Vec;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::workers::Workers;
use crate::scalar::Scalar;

/// Values of each variable: 0, 1, 2, 3.
pub(super) const BASE: usize = 4;
/// Values that fix a round polynomial of the gate sum: degree 5·3 = 15.
pub(super) const GATE_NODES: usize = 16;
/// Values that fix a round polynomial of the product sum: degree 2·3 = 6.
pub(super) const PRODUCT_NODES: usize = 7;

/// From how many places of the later variables on a round is shared among threads: fewer are done sooner than a thread wakes
/// up (some 50 µs against 1.5 µs a place).
const WORTH_SHARING: usize = 64;

/// A row may have a fifth power: a and b may be other than zero.
pub(super) const POWER: u8 = 1;
/// A row may have a product: e, d and b may be other than zero.
pub(super) const PRODUCT: u8 = 2;

/// Lagrange interpolation on the nodes 0..N-1.
pub(super) struct Nodes<const N: usize> {
    /// 1 / ∏_{j≠i} (i − j)
    weights: [Scalar; N],
}

impl<const N: usize> Nodes<N> {
    pub(super) fn new() -> Self {
        let mut weights = core::array::from_fn(|i| {
            (0..N)
                .filter(|&j| j != i)
                .map(|j| small(i) - small(j))
                .fold(Scalar::ONE, |product, difference| product * difference)
        });
        Scalar::batch_invert(&mut weights);
        Self { weights }
    }

    /// The N Lagrange basis polynomials at `point`: Σ basisᵢ·p(i) = p(point) for degree p < N.
    pub(super) fn basis(&self, point: &Scalar) -> [Scalar; N] {
        // Products of (point − j) for all j below, and for all j above, i.
        let mut basis = self.weights;
        let mut difference = *point;
        let mut below = Scalar::ONE;
        for value in &mut basis {
            *value *= below;
            below *= difference;
            difference -= Scalar::ONE;
        }
        let mut above = Scalar::ONE;
        for value in basis.iter_mut().rev() {
            difference += Scalar::ONE;
            *value *= above;
            above *= difference;
        }
        basis
    }
}

/// A node as a field element.
fn small(value: usize) -> Scalar {
    Scalar::from(value as u64)
}

/// The interpolations that both sums need.
pub(super) struct Interpolation {
    pub(super) digit: Nodes<BASE>,
    pub(super) gate: Nodes<GATE_NODES>,
    pub(super) product: Nodes<PRODUCT_NODES>,
}

impl Interpolation {
    pub(super) fn new() -> Self {
        Self { digit: Nodes::new(), gate: Nodes::new(), product: Nodes::new() }
    }

    /// eq(point, x) for every x in {0,1,2,3}^n, first coordinate most significant.
    pub(super) fn equality_table(&self, point: &[Scalar]) -> Vec<Scalar> {
        let mut table = vec![Scalar::ONE];
        for coordinate in point {
            let basis = self.digit.basis(coordinate);
            table = table.iter().flat_map(|prefix| basis.map(|value| *prefix * value)).collect();
        }
        table
    }

    /// Fixes the first variable of `table`, made of cells of any size, to `point`.
    fn bind(&self, table: &mut Vec<Scalar>, point: &Scalar) {
        let basis = self.digit.basis(point);
        let quarter = table.len() / BASE;
        for i in 0..quarter {
            let bound = (0..BASE).map(|digit| basis[digit] * table[i + digit * quarter]).sum();
            table[i] = bound;
        }
        table[quarter..].zeroize();
        table.truncate(quarter);
    }
}

/// Continues the cubic through `first` (at 0, 1, 2, 3) to 0..N-1 by finite differences: no multiplications.
fn extend<const N: usize>(first: [Scalar; BASE]) -> [Scalar; N] {
    let mut values = [Scalar::ZERO; N];
    values[..BASE].copy_from_slice(&first);
    let [v0, v1, v2, v3] = first;
    let mut step = v3 - v2;
    let mut bend = step - (v2 - v1);
    let twist = bend - ((v2 - v1) - (v1 - v0));
    for i in BASE..N {
        bend += twist;
        step += bend;
        values[i] = values[i - 1] + step;
    }
    values
}

/// Prover's side of Σₓ eq(τ,x)·(a(x)⁵ + e(x)·d(x) − b(x)).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct GateSum {
    pub(super) a: Vec<Scalar>,
    pub(super) b: Vec<Scalar>,
    pub(super) e: Vec<Scalar>,
    pub(super) d: Vec<Scalar>,
    /// Which rows can be other than zero: structure of the circuit, never a value of the witness, so
    /// that the running time tells nothing.
    #[zeroize(skip)]
    pub(super) shape: Vec<u8>,
}

impl GateSum {
    /// The round polynomial of the first free variable at 0..15, given eq(τ, ·) of the variables after it.
    pub(super) fn round<W: Workers>(&self, later: &[Scalar], workers: &W) -> [Scalar; GATE_NODES] {
        if later.len() < WORTH_SHARING {
            return self.sum_rows(0..later.len(), later);
        }
        let length = later.len().div_ceil(W::PARTS);
        let parts = workers.map(W::PARTS, |part| {
            self.sum_rows((part * length).min(later.len())..((part + 1) * length).min(later.len()), later)
        });
        core::array::from_fn(|node| parts.iter().map(|sums| sums[node]).sum())
    }

    /// The part of the round polynomial that some of the places of the later variables contribute.
    fn sum_rows(&self, rows: core::ops::Range<usize>, later: &[Scalar]) -> [Scalar; GATE_NODES] {
        let quarter = self.a.len() / BASE;
        let mut sums = [Scalar::ZERO; GATE_NODES];
        let column = |table: &[Scalar], i: usize| -> [Scalar; GATE_NODES] {
            extend(core::array::from_fn(|digit| table[i + digit * quarter]))
        };
        for i in rows {
            let weight = &later[i];
            let shape = (0..BASE).fold(0, |shape, digit| shape | self.shape[i + digit * quarter]);
            if shape == 0 {
                continue;
            }
            let b = column(&self.b, i);
            let mut gate = b.map(|value| -value);
            if shape & POWER != 0 {
                let a = column(&self.a, i);
                for (gate, a) in gate.iter_mut().zip(a) {
                    *gate += a.pow5();
                }
            }
            if shape & PRODUCT != 0 {
                let e = column(&self.e, i);
                let d = column(&self.d, i);
                for (gate, (e, d)) in gate.iter_mut().zip(e.into_iter().zip(d)) {
                    *gate += e * d;
                }
            }
            for (sum, gate) in sums.iter_mut().zip(gate) {
                *sum += *weight * gate;
            }
        }
        sums
    }

    /// Fixes the first free variable.
    pub(super) fn bind(&mut self, interpolation: &Interpolation, point: &Scalar, workers: &impl Workers) {
        let Self { a, b, e, d, .. } = self;
        let bind =
            |tables: &mut [&mut Vec<Scalar>]| tables.iter_mut().for_each(|table| interpolation.bind(table, point));
        if self.shape.len() / BASE < WORTH_SHARING {
            bind(&mut [a, b, e, d]);
        } else {
            workers.both(|| bind(&mut [a, b]), || bind(&mut [e, d]));
        }
        let quarter = self.shape.len() / BASE;
        for i in 0..quarter {
            self.shape[i] = (0..BASE).fold(0, |shape, digit| shape | self.shape[i + digit * quarter]);
        }
        self.shape.truncate(quarter);
    }
}

/// Prover's side of Σₓ ⟨f(x), w(x)⟩, where every x has `width` columns.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ProductSum {
    pub(super) f: Vec<Scalar>,
    pub(super) w: Vec<Scalar>,
}

impl ProductSum {
    /// The round polynomial of the first free variable at 0..6.
    pub(super) fn round(&self) -> [Scalar; PRODUCT_NODES] {
        let quarter = self.f.len() / BASE;
        let mut sums = [Scalar::ZERO; PRODUCT_NODES];
        for i in 0..quarter {
            let f: [Scalar; PRODUCT_NODES] = extend(core::array::from_fn(|digit| self.f[i + digit * quarter]));
            let w: [Scalar; PRODUCT_NODES] = extend(core::array::from_fn(|digit| self.w[i + digit * quarter]));
            for (sum, (f, w)) in sums.iter_mut().zip(f.into_iter().zip(w)) {
                *sum += f * w;
            }
        }
        sums
    }

    /// Fixes the first free variable.
    pub(super) fn bind(&mut self, interpolation: &Interpolation, point: &Scalar) {
        interpolation.bind(&mut self.f, point);
        interpolation.bind(&mut self.w, point);
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::workers::OneThread;
    use super::*;

    fn random(rng: &mut ChaCha20Rng, length: usize) -> Vec<Scalar> {
        (0..length).map(|_| Scalar::random(rng)).collect()
    }

    /// The extension of `table` at `point`, by its definition.
    fn evaluate(interpolation: &Interpolation, table: &[Scalar], point: &[Scalar]) -> Scalar {
        interpolation.equality_table(point).iter().zip(table).map(|(weight, value)| *weight * *value).sum()
    }

    fn at<const N: usize>(nodes: &Nodes<N>, values: &[Scalar; N], point: &Scalar) -> Scalar {
        nodes.basis(point).iter().zip(values).map(|(basis, value)| *basis * *value).sum()
    }

    #[test]
    fn basis_is_the_indicator_on_its_nodes_and_exact_on_powers() {
        let nodes = Nodes::<GATE_NODES>::new();
        for i in 0..GATE_NODES {
            let basis = nodes.basis(&small(i));
            for (j, value) in basis.into_iter().enumerate() {
                assert_eq!(value, if i == j { Scalar::ONE } else { Scalar::ZERO });
            }
        }
        let point = Scalar::random(&mut ChaCha20Rng::seed_from_u64(1));
        for degree in 0..GATE_NODES {
            let power = |base: Scalar| (0..degree).fold(Scalar::ONE, |product, _| product * base);
            let values = core::array::from_fn(|i| power(small(i)));
            assert_eq!(at(&nodes, &values, &point), power(point), "degree {degree}");
        }
        // One degree more is not determined by sixteen values.
        let power = |base: Scalar| (0..GATE_NODES).fold(Scalar::ONE, |product, _| product * base);
        assert_ne!(at(&nodes, &core::array::from_fn(|i| power(small(i))), &point), power(point));
    }

    #[test]
    fn differences_continue_a_cubic() {
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        let coefficients = random(rng, 4);
        let cubic = |x: Scalar| coefficients.iter().rev().fold(Scalar::ZERO, |sum, c| sum * x + *c);
        let values: [Scalar; GATE_NODES] = extend(core::array::from_fn(|i| cubic(small(i))));
        for (i, value) in values.into_iter().enumerate() {
            assert_eq!(value, cubic(small(i)));
        }
    }

    #[test]
    fn gate_rounds_agree_with_brute_force() {
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let interpolation = Interpolation::new();
        let rounds = 3;
        let size = BASE.pow(rounds);
        let mut sum = GateSum {
            a: random(rng, size),
            b: random(rng, size),
            e: random(rng, size),
            d: random(rng, size),
            shape: vec![POWER | PRODUCT; size],
        };
        // Some rows of each structural kind, with zeros where the kind promises them.
        for i in 0..size {
            match i % 5 {
                0 => {
                    sum.shape[i] = 0;
                    for table in [&mut sum.a, &mut sum.b, &mut sum.e, &mut sum.d] {
                        table[i] = Scalar::ZERO;
                    }
                }
                1 => {
                    sum.shape[i] = POWER;
                    sum.e[i] = Scalar::ZERO;
                    sum.d[i] = Scalar::ZERO;
                }
                2 => {
                    sum.shape[i] = PRODUCT;
                    sum.a[i] = Scalar::ZERO;
                }
                _ => {}
            }
        }
        let tables = [sum.a.clone(), sum.b.clone(), sum.e.clone(), sum.d.clone()];
        let tau = random(rng, rounds as usize);
        let gate = |point: &[Scalar]| {
            let [a, b, e, d] = [0, 1, 2, 3].map(|i: usize| evaluate(&interpolation, &tables[i], point));
            a.pow5() + e * d - b
        };
        // The whole sum, straight from the tables.
        let mut claim: Scalar = interpolation
            .equality_table(&tau)
            .iter()
            .enumerate()
            .map(|(i, weight)| *weight * (tables[0][i].pow5() + tables[2][i] * tables[3][i] - tables[1][i]))
            .sum();
        let mut bound = Vec::new();
        for round in 0..tau.len() {
            let later = interpolation.equality_table(&tau[round + 1..]);
            let polynomial = sum.round(&later, &OneThread);
            let basis = interpolation.digit.basis(&tau[round]);
            assert_eq!(basis.iter().zip(&polynomial).map(|(weight, value)| *weight * *value).sum::<Scalar>(), claim);
            // Brute force at a point that is none of the nodes.
            let point = Scalar::random(rng);
            let rest = tau.len() - round - 1;
            let direct: Scalar = later
                .iter()
                .enumerate()
                .map(|(i, weight)| {
                    let mut place = bound.clone();
                    place.push(point);
                    place.extend((0..rest).rev().map(|digit| small(i / BASE.pow(digit as u32) % BASE)));
                    *weight * gate(&place)
                })
                .sum();
            claim = at(&interpolation.gate, &polynomial, &point);
            assert_eq!(claim, direct);
            sum.bind(&interpolation, &point, &OneThread);
            bound.push(point);
        }
        assert_eq!(claim, gate(&bound));
        assert_eq!(sum.a, [evaluate(&interpolation, &tables[0], &bound)]);
    }

    #[test]
    fn product_rounds_agree_with_brute_force() {
        let rng = &mut ChaCha20Rng::seed_from_u64(4);
        let interpolation = Interpolation::new();
        let width = 3;
        let mut sum = ProductSum { f: random(rng, 16 * width), w: random(rng, 16 * width) };
        let mut claim = Scalar::inner_product(&sum.f, &sum.w);
        for _ in 0..2 {
            let polynomial = sum.round();
            assert_eq!(polynomial[..BASE].iter().sum::<Scalar>(), claim);
            let point = Scalar::random(rng);
            claim = at(&interpolation.product, &polynomial, &point);
            sum.bind(&interpolation, &point);
        }
        assert_eq!(sum.f.len(), width);
        assert_eq!(Scalar::inner_product(&sum.f, &sum.w), claim);
    }
}
