//! Witnesses that break one equation each, and that the relation notices.

extern crate std;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::workers::OneThread;
use super::*;

/// An equation that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Breach {
    /// A gate.
    Gate { slot: usize, row: usize },
    /// A linear equation.
    Tie(usize),
}

/// Poseidon in the dense form of the paper, where `sbox(number, input)` says what each S-box gives; the output element.
fn permute(tag: Scalar, inputs: &[Scalar], mut sbox: impl FnMut(usize, Scalar) -> Scalar) -> Scalar {
    let mut state = [tag; WIDTH];
    state[1..].copy_from_slice(inputs);
    let mut number = 0;
    for (round, constants) in poseidon::ROUND_CONSTANTS.iter().enumerate() {
        for (i, (element, constant)) in state.iter_mut().zip(constants).enumerate() {
            *element += *constant;
            if i == 0 || !(4..64).contains(&round) {
                *element = sbox(number, *element);
                number += 1;
            }
        }
        state = core::array::from_fn(|i| Scalar::inner_product(&MDS[i], &state));
    }
    state[1]
}

/// What a sample claims, without the columns: what another circuit needs to know.
pub(in super::super) struct Claim {
    pub(in super::super) public: PublicInputs,
    pub(in super::super) nullifier_secret: Scalar,
    pub(in super::super) trapdoor: Scalar,
    pub(in super::super) commitment: Scalar,
    pub(in super::super) issued: u64,
    pub(in super::super) expires: u64,
    pub(in super::super) assurance: u8,
    pub(in super::super) children: [[Scalar; ARITY]; DEPTH],
}

/// A witness that can be bent at any place, everything downstream following honestly: the public
/// outputs are computed from it, so that only the bent equation is broken.
#[derive(Clone)]
pub(in super::super) struct Sample {
    pub(in super::super) public: PublicInputs,
    /// First eight columns of the three hashes before the tree; `None` follows from the slot before.
    inputs: [[Option<Scalar>; ARITY]; TREE],
    siblings: [[Scalar; ARITY]; DEPTH],
    /// Where the node below stands among its siblings.
    positions: [usize; DEPTH],
    masks: [Scalar; MASKS],
    bits: [Scalar; BITS],
    /// Added to an S-box output.
    bent_sbox: Option<(usize, usize)>,
    /// Added to a partial product.
    bent_product: Option<(usize, usize)>,
    /// Level whose node below is not among its children.
    orphan: Option<usize>,
    /// Added to a column of the masks that is computed.
    bent_mask: Option<usize>,
    /// Whether root and nullifier are taken from the assignment or left as they are.
    follow: bool,
}

impl Sample {
    pub(in super::super) fn new(seed: u64) -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let mut random = || Scalar::random(rng);
        let zero = Some(Scalar::ZERO);
        let s = Some(random());
        let ext = random();
        let use_index = Scalar::from(seed);
        let number = |value: u64| Some(Scalar::from(value));
        let mut sample = Self {
            public: PublicInputs {
                root: Scalar::ZERO,
                external_nullifier: ext,
                use_index,
                nullifier: Scalar::ZERO,
                issued_no_later_than: 2_000_000,
                expires_no_earlier_than: 3_000_000,
                assurance_at_least: 1,
            },
            inputs: [
                [s, Some(ext), Some(use_index), zero, zero, zero, zero, zero],
                [s, Some(random()), zero, zero, zero, zero, zero, zero],
                [None, number(1_000_000), number(4_000_000), number(2), zero, zero, zero, zero],
            ],
            siblings: core::array::from_fn(|_| core::array::from_fn(|_| random())),
            positions: core::array::from_fn(|level| (level * 5 + seed as usize) % ARITY),
            masks: core::array::from_fn(|_| random()),
            bits: [Scalar::ZERO; BITS],
            bent_sbox: None,
            bent_product: None,
            orphan: None,
            bent_mask: None,
            follow: true,
        };
        sample.spell();
        let assignment = sample.assignment();
        sample.public.nullifier = assignment.nullifier();
        sample.public.root = assignment.root();
        sample
    }

    /// Bits that spell the three differences of 40, 40 and 8 bits.
    fn spell(&mut self) {
        let spell = |bits: &mut [Scalar], value: u64| {
            for (i, bit) in bits.iter_mut().enumerate() {
                *bit = Scalar::from(value >> i & 1);
            }
        };
        spell(&mut self.bits[..TIME_BITS], 1_000_000);
        spell(&mut self.bits[TIME_BITS..2 * TIME_BITS], 1_000_000);
        spell(&mut self.bits[2 * TIME_BITS..], 1);
    }

    /// A level's node below is none of its children.
    pub(in super::super) fn orphan(&mut self, level: usize) {
        self.orphan = Some(level);
    }

    pub(in super::super) fn bend_sbox(&mut self, slot: usize, number: usize) {
        self.bent_sbox = Some((slot, number));
    }

    pub(in super::super) fn bend_product(&mut self, slot: usize, product: usize) {
        self.bent_product = Some((slot, product));
        // With the node below in the last place, all partial products are free to be anything.
        self.positions[slot - TREE] = ARITY - 1;
    }

    pub(in super::super) fn bend_mask(&mut self, column: usize) {
        self.bent_mask = Some(column);
    }

    /// Another latest time of issue, the bits following.
    pub(in super::super) fn set_issued_limit(&mut self, limit: u64) {
        self.public.issued_no_later_than = limit;
        for (i, bit) in self.bits[..TIME_BITS].iter_mut().enumerate() {
            *bit = Scalar::from((limit - 1_000_000) >> i & 1);
        }
    }

    /// Another earliest time of expiry, the bits following.
    pub(in super::super) fn set_expires_limit(&mut self, limit: u64) {
        self.public.expires_no_earlier_than = limit;
        for (i, bit) in self.bits[TIME_BITS..2 * TIME_BITS].iter_mut().enumerate() {
            *bit = Scalar::from((4_000_000 - limit) >> i & 1);
        }
    }

    /// A digit 2 instead of a bit, the credential following so that the sum still holds.
    pub(in super::super) fn bend_bit(&mut self, bit: usize) {
        self.bits[bit] = Scalar::from(2);
        let sum = |bits: &[Scalar]| bits.iter().rev().fold(Scalar::ZERO, |sum, bit| sum.double() + *bit);
        let public = &self.public;
        let leaf = &mut self.inputs[LEAF];
        leaf[1] = Some(Scalar::from(public.issued_no_later_than) - sum(&self.bits[..TIME_BITS]));
        leaf[2] = Some(Scalar::from(public.expires_no_earlier_than) + sum(&self.bits[TIME_BITS..2 * TIME_BITS]));
        leaf[3] = Some(Scalar::from(u64::from(public.assurance_at_least)) + sum(&self.bits[2 * TIME_BITS..]));
    }

    /// Breaks one linear equation, by its number.
    pub(in super::super) fn break_tie(&mut self, tie: usize) {
        let something = Some(Scalar::from(123));
        match tie {
            0..=6 => self.inputs[NULLIFIER][tie + 1] = something,
            7 | 20 => {
                *self = self.clone().settled();
                let value = if tie == 7 { &mut self.public.nullifier } else { &mut self.public.root };
                *value += Scalar::ONE;
            }
            8 => self.inputs[COMMITMENT][0] = something,
            9..=14 => self.inputs[COMMITMENT][tie - 7] = something,
            15 => self.inputs[LEAF][0] = something,
            16..=19 => self.inputs[LEAF][tie - 12] = something,
            // One second or level more than the public bound allows, the bits as they were.
            21..=23 => {
                let bit = [0, TIME_BITS, 2 * TIME_BITS][tie - 21];
                self.bits[bit] = Scalar::ONE - self.bits[bit];
            }
            _ => panic!("there are 24 ties"),
        }
    }

    /// Takes root and nullifier from the assignment, and keeps them.
    fn settled(mut self) -> Self {
        self.public = self.public();
        self.follow = false;
        self
    }

    /// The public values, with the root and the nullifier that the bent witness leads to.
    pub(in super::super) fn public(&self) -> PublicInputs {
        let mut public = self.public.clone();
        if self.follow {
            let assignment = self.assignment();
            public.nullifier = assignment.nullifier();
            public.root = assignment.root();
        }
        public
    }

    pub(in super::super) fn assignment(&self) -> Assignment {
        let mut assignment = Assignment { cells: vec![Scalar::ZERO; COMMITTED_SLOTS * COLUMNS] };
        let mut below = Scalar::ZERO;
        for slot in 0..HASHES {
            let inputs: [Scalar; ARITY] = if slot < TREE {
                self.inputs[slot].map(|input| input.unwrap_or(below))
            } else {
                let level = slot - TREE;
                let mut children = self.siblings[level];
                if self.orphan != Some(level) {
                    children[self.positions[level]] = below;
                }
                children
            };
            let columns = assignment.slot_mut(slot);
            columns[..ARITY].copy_from_slice(&inputs);
            let output = permute(tag(slot), &inputs, |number, input| {
                let bend = if self.bent_sbox == Some((slot, number)) { Scalar::ONE } else { Scalar::ZERO };
                columns[SBOX_COLUMN + number] = input.pow5() + bend;
                columns[SBOX_COLUMN + number]
            });
            if slot >= TREE {
                let mut product = columns[0] - below;
                for i in 0..PRODUCTS {
                    product *= columns[i + 1] - below;
                    if self.bent_product == Some((slot, i)) {
                        product += Scalar::ONE;
                    }
                    columns[PRODUCT_COLUMN + i] = product;
                }
            }
            below = output;
        }
        assignment.slot_mut(BOUNDS)[..BITS].copy_from_slice(&self.bits);
        assignment.set_masks(&self.masks);
        if let Some(column) = self.bent_mask {
            assignment.slot_mut(BOUNDS)[column] += Scalar::ONE;
        }
        assignment
    }

    /// The inputs of the hashes, and the public values.
    pub(in super::super) fn claim(&self) -> Claim {
        let assignment = self.assignment();
        let number = |column: usize| {
            let bytes = assignment.slot(LEAF)[column].to_bytes();
            assert_eq!(bytes[8..], [0; 24], "a small number");
            u64::from_le_bytes(*bytes.first_chunk().expect("32 bytes"))
        };
        Claim {
            public: self.public(),
            nullifier_secret: assignment.slot(NULLIFIER)[0],
            trapdoor: assignment.slot(COMMITMENT)[1],
            commitment: assignment.slot(LEAF)[0],
            issued: number(1),
            expires: number(2),
            assurance: number(3) as u8,
            children: core::array::from_fn(|level| core::array::from_fn(|i| assignment.slot(TREE + level)[i])),
        }
    }

    /// A witness that violates `constraint`, and nothing else.
    pub(in super::super) fn violating(constraint: Breach, seed: u64) -> Self {
        let mut sample = Self::new(seed);
        match constraint {
            Breach::Tie(tie) => sample.break_tie(tie),
            Breach::Gate { slot: BOUNDS, row } if row < BITS => sample.bend_bit(row),
            Breach::Gate { slot: BOUNDS, row } => {
                sample.bend_mask([MASK_POWER + 1, MASK_PRODUCTS[0] + 2, MASK_PRODUCTS[1] + 2][row - BITS]);
            }
            Breach::Gate { slot, row } if row < SBOXES => sample.bend_sbox(slot, row),
            Breach::Gate { slot, row } if row < MEMBERSHIP_ROW + PRODUCTS => {
                sample.bend_product(slot, row - MEMBERSHIP_ROW);
            }
            Breach::Gate { slot, .. } => sample.orphan(slot - TREE),
        }
        sample
    }

    /// Every equation that does not hold for `assignment`, the public values being those of the sample.
    pub(in super::super) fn breaches(&self, assignment: &Assignment) -> Vec<Breach> {
        let mut public = self.public.clone();
        if self.follow {
            public.nullifier = assignment.nullifier();
            public.root = assignment.root();
        }
        let gates = assignment.gates(&OneThread);
        let value = |i: usize| gates.a[i].pow5() + gates.e[i] * gates.d[i] - gates.b[i];
        let gates = (0..SLOTS * ROWS)
            .filter(|i| value(*i) != Scalar::ZERO)
            .map(|i| Breach::Gate { slot: i / ROWS, row: i % ROWS });
        let ties = linear::tests::tie_errors(assignment, &public)
            .into_iter()
            .enumerate()
            .filter(|(_, error)| *error != Scalar::ZERO)
            .map(|(tie, _)| Breach::Tie(tie));
        gates.chain(ties).collect()
    }
}

/// Every equation of the circuit: the gates as the prover's table has them, and the ties.
///
/// It is read from the relation, not written down here, so that a constraint that is deleted is missing from the list
/// and one that is added is in it.
pub(in super::super) fn constraints() -> Vec<Breach> {
    let sample = Sample::new(1);
    let assignment = sample.assignment();
    let shape = &assignment.gates(&OneThread).shape;
    let gates = (0..SLOTS * ROWS).filter(|i| shape[*i] != 0).map(|i| Breach::Gate { slot: i / ROWS, row: i % ROWS });
    let ties = linear::tests::tie_errors(&assignment, &sample.public).len();
    gates.chain((0..ties).map(Breach::Tie)).collect()
}

/// Calls `check` for every item, on all cores.
pub(in super::super) fn for_all<T: Sync>(items: &[T], check: impl Fn(&T) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in items.chunks(items.len().div_ceil(threads)) {
            scope.spawn(|| part.iter().for_each(&check));
        }
    });
}

#[test]
fn the_circuit_has_the_constraints_of_the_document() {
    // docs/proof-system.md, section 2: rows of slots 0..12, rows 132..138 of slots 3..12, rows of slot 13, ties.
    assert_eq!(constraints().len(), 13 * 132 + 10 * 7 + (88 + 3) + 24);
}

/// The mutation test of the circuit: each constraint has a witness that no other constraint refuses. Delete any of them and
/// the list of breaches is empty, and this fails.
#[test]
fn every_constraint_can_be_broken_alone() {
    for_all(&constraints(), |constraint| {
        let sample = Sample::violating(*constraint, 2);
        assert_eq!(sample.breaches(&sample.assignment()), [*constraint]);
    });
}

/// And none of the columns is left free by all of them together.
#[test]
fn no_column_can_change_alone() {
    let sample = Sample::new(3).settled();
    let honest = sample.assignment();
    assert_eq!(sample.breaches(&honest), []);
    let cells: Vec<usize> = (0..COMMITTED_SLOTS * COLUMNS).collect();
    for_all(&cells, |cell| {
        let (slot, column) = (cell / COLUMNS, cell % COLUMNS);
        let mut changed = honest.clone();
        changed.slot_mut(slot)[column] += Scalar::ONE;
        // Slots without membership rows have no partial products, the last one has 96 columns: no equation reads the rest.
        let unused = slot < TREE && column >= PRODUCT_COLUMN || slot == BOUNDS && column >= BOUNDS_COLUMNS;
        assert_eq!(sample.breaches(&changed).is_empty(), unused, "slot {slot} column {column}");
    });
}

#[test]
fn the_columns_are_those_of_the_hash() {
    let sample = Sample::new(1);
    let assignment = sample.assignment();
    for (slot, domain) in
        [(0, Domain::Nullifier), (1, Domain::Identity), (2, Domain::Leaf), (3, Domain::Node), (12, Domain::Node)]
    {
        let columns = assignment.slot(slot);
        let inputs: &[Scalar; ARITY] = columns[..ARITY].try_into().expect("eight inputs");
        let mut trace = [Scalar::ZERO; SBOXES];
        let hash = poseidon::hash_with_trace(domain, inputs, &mut trace);
        assert_eq!(columns[SBOX_COLUMN..PRODUCT_COLUMN], trace);
        assert_eq!(hash, output(columns));
        assert_eq!(hash, poseidon::hash(domain, inputs));
    }
}

#[test]
fn a_zero_leaf_has_no_place() {
    // The trap of a uniform circuit: a slot whose fixed zero inputs satisfy the membership of a zero node.
    // Here the level above the leaf has a zero child, and the node below is a real hash: it is an orphan.
    let mut sample = Sample::new(7);
    sample.siblings[0] = [Scalar::ZERO; ARITY];
    sample.orphan(0);
    let row = MEMBERSHIP_ROW + PRODUCTS;
    let breaches = sample.breaches(&sample.assignment());
    assert_eq!(breaches, [Breach::Gate { slot: TREE, row }]);
}
