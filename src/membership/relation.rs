//! The statement as equations: the only file here that knows trees and hashes.
//!
//! Every *slot* is a vector of [`COLUMNS`] secret field elements. Thirteen slots are one Poseidon
//! permutation each (eight inputs, every S-box output, and the partial products of the membership
//! rows); one holds the bits of the bounds and the values that mask the evaluations:
//!
//! ```text
//! slot  0      nullifier    P9(3; s, ext, k, 0, 0, 0, 0, 0)
//! slot  1      commitment   P9(1; s, t, 0, 0, 0, 0, 0, 0)
//! slot  2      leaf         P9(4; commitment, issued, expires, assurance, 0, 0, 0, 0)
//! slots 3..13  tree levels  P9(2; eight children), leaf side first
//! slot  13     bounds       88 bits, 8 masks
//! slots 14, 15 are zero and not committed
//! ```
//!
//! Every *row* of a slot is a gate (A·z)⁵ + (E·z)(D·z) − B·z = 0, where z is all columns and the
//! constant one. *Ties* are linear equations over the columns of several slots and the public values:
//! pinned inputs, equal secrets, outputs. `docs/proof-system.md` lists all of them and argues that they
//! say what [`super::Statement`] says.

mod linear;

use alloc::vec;
use alloc::vec::Vec;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::sumcheck::{GateSum, POWER, PRODUCT};
use super::workers::Workers;
use crate::poseidon::{self, Domain, MDS};
use crate::scalar::Scalar;
use crate::tree::DEPTH;

#[cfg(test)]
pub(super) use linear::tests as linear_tests;
pub(super) use linear::{Evaluations, LinearClaim, absorb_into};

/// Elements of Poseidon's state.
const WIDTH: usize = 9;
/// Children of a node; inputs of a permutation.
pub(super) const ARITY: usize = WIDTH - 1;
/// S-boxes of one permutation: all elements in 8 full rounds, one in 60 partial ones.
pub(super) const SBOXES: usize = 8 * WIDTH + 60;
/// Partial products of ∏(childᵢ − current).
const PRODUCTS: usize = ARITY - 2;

/// Secret values of one slot.
pub(super) const COLUMNS: usize = ARITY + SBOXES + PRODUCTS;
/// Column of the first S-box output.
const SBOX_COLUMN: usize = ARITY;
/// Column of the first partial product.
const PRODUCT_COLUMN: usize = ARITY + SBOXES;

/// Base-4 digits of the number of a slot.
pub(super) const SLOT_DIGITS: usize = 2;
/// Base-4 digits of the number of a row.
pub(super) const ROW_DIGITS: usize = 4;
/// Slots that the sums run over.
pub(super) const SLOTS: usize = 1 << (2 * SLOT_DIGITS);
/// Rows of a slot that the sums run over.
pub(super) const ROWS: usize = 1 << (2 * ROW_DIGITS);

/// Slot of the nullifier's hash.
const NULLIFIER: usize = 0;
/// Slot of the identity commitment's hash.
const COMMITMENT: usize = 1;
/// Slot of the leaf's hash.
const LEAF: usize = 2;
/// Slot of the tree level next to the leaves.
const TREE: usize = 3;
/// Slots that are hashes.
const HASHES: usize = TREE + DEPTH;
/// Slot of the bits and masks.
const BOUNDS: usize = HASHES;
/// Slots that are committed to; the remaining ones are zero by definition.
pub(super) const COMMITTED_SLOTS: usize = BOUNDS + 1;

/// First row of the membership gates of a tree level.
const MEMBERSHIP_ROW: usize = SBOXES;
/// Membership gates of a tree level: one product each.
const MEMBERSHIP_ROWS: usize = ARITY - 1;

/// Bits of a time: seconds below 2^40, some 34,800 years.
pub(super) const TIME_BITS: usize = 40;
/// Bits of an assurance.
pub(super) const ASSURANCE_BITS: usize = 8;
/// All bits of the bounds.
const BITS: usize = 2 * TIME_BITS + ASSURANCE_BITS;
/// Masked fifth power: a free value and its power.
const MASK_POWER: usize = BITS;
/// Masked products: two free values and their product, twice.
const MASK_PRODUCTS: [usize; 2] = [BITS + 2, BITS + 5];
/// Free values among the masks.
pub(super) const MASKS: usize = 5;
/// Columns of the bounds slot that are used.
const BOUNDS_COLUMNS: usize = BITS + 8;

const _: () = assert!(COMMITTED_SLOTS <= SLOTS, "every slot has a number");
const _: () = assert!(MEMBERSHIP_ROW + MEMBERSHIP_ROWS <= ROWS, "every row has a number");
const _: () = assert!(BOUNDS_COLUMNS <= COLUMNS, "bits and masks fit into a slot");

/// The public values that the equations use, as field elements.
///
/// Bounds that were not asked for have their neutral values here: 2^40 − 1, 0, 0.
#[derive(Clone)]
pub(super) struct PublicInputs {
    pub(super) root: Scalar,
    pub(super) external_nullifier: Scalar,
    pub(super) use_index: Scalar,
    pub(super) nullifier: Scalar,
    pub(super) issued_no_later_than: u64,
    pub(super) expires_no_earlier_than: u64,
    pub(super) assurance_at_least: u8,
}

/// The secret values that the equations use, as field elements.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct SecretInputs {
    pub(super) nullifier_secret: Scalar,
    pub(super) trapdoor: Scalar,
    pub(super) issued_at: u64,
    pub(super) expires_at: u64,
    pub(super) assurance: u8,
    /// The place of the leaf: an octal digit per level, leaf side least significant.
    pub(super) index: u32,
    /// The other children of every node on the path, leaf side first.
    pub(super) siblings: [[Scalar; ARITY - 1]; DEPTH],
}

impl SecretInputs {
    /// Every secret as bytes, to key a generator of random numbers with.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // The capacity is enough, so that no copy is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity((2 + DEPTH * (ARITY - 1)) * Scalar::BYTES + 21));
        for scalar in [&self.nullifier_secret, &self.trapdoor].into_iter().chain(self.siblings.iter().flatten()) {
            bytes.extend_from_slice(&*Zeroizing::new(scalar.to_bytes()));
        }
        bytes.extend_from_slice(&self.issued_at.to_le_bytes());
        bytes.extend_from_slice(&self.expires_at.to_le_bytes());
        bytes.push(self.assurance);
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes
    }
}

/// `node` among its siblings, at a secret position: by selection, not by indexing.
fn insert(node: &Scalar, position: u8, siblings: &[Scalar; ARITY - 1]) -> [Scalar; ARITY] {
    core::array::from_fn(|i| {
        let (own, one_before) = (siblings[i.min(ARITY - 2)], siblings[i.saturating_sub(1)]);
        let place = i as u8;
        let sibling = Scalar::conditional_select(&own, &one_before, position.ct_lt(&place));
        Scalar::conditional_select(&sibling, node, position.ct_eq(&place))
    })
}

/// All secret columns of all committed slots.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Assignment {
    cells: Vec<Scalar>,
}

/// What a hash slot hashes.
fn domain(slot: usize) -> Domain {
    match slot {
        NULLIFIER => Domain::Nullifier,
        COMMITMENT => Domain::Identity,
        LEAF => Domain::Leaf,
        _ => Domain::Node,
    }
}

/// The capacity tag of a hash slot.
fn tag(slot: usize) -> Scalar {
    Scalar::from(domain(slot) as u64)
}

/// The output of a hash slot: row 1 of the matrix times the last nine S-box outputs.
fn output(columns: &[Scalar]) -> Scalar {
    Scalar::inner_product(&MDS[1], &columns[PRODUCT_COLUMN - WIDTH..PRODUCT_COLUMN])
}

impl Assignment {
    /// The columns that satisfy every equation, if the secrets satisfy the statement.
    pub(super) fn new(public: &PublicInputs, secret: &SecretInputs, masks: &[Scalar; MASKS]) -> Self {
        let mut assignment = Self { cells: vec![Scalar::ZERO; COMMITTED_SLOTS * COLUMNS] };
        let zero = Scalar::ZERO;
        let s = secret.nullifier_secret;
        assignment.hash(NULLIFIER, [s, public.external_nullifier, public.use_index, zero, zero, zero, zero, zero]);
        let commitment = assignment.hash(COMMITMENT, [s, secret.trapdoor, zero, zero, zero, zero, zero, zero]);
        let issued = Scalar::from(secret.issued_at);
        let expires = Scalar::from(secret.expires_at);
        let assurance = Scalar::from(u64::from(secret.assurance));
        let mut current = assignment.hash(LEAF, [commitment, issued, expires, assurance, zero, zero, zero, zero]);
        for (level, siblings) in secret.siblings.iter().enumerate() {
            let position = (secret.index >> (3 * level) & 7) as u8;
            let node = assignment.hash(TREE + level, insert(&current, position, siblings));
            assignment.multiply_members(TREE + level, &current);
            current = node;
        }

        // Differences that are negative wrap around: the range is then violated, as it must be.
        assignment.set_bounds([
            public.issued_no_later_than.wrapping_sub(secret.issued_at),
            secret.expires_at.wrapping_sub(public.expires_no_earlier_than),
            u64::from(secret.assurance.wrapping_sub(public.assurance_at_least)),
        ]);
        assignment.set_masks(masks);
        current.zeroize();
        assignment
    }

    /// The columns of a slot.
    pub(super) fn slot(&self, slot: usize) -> &[Scalar] {
        &self.cells[slot * COLUMNS..(slot + 1) * COLUMNS]
    }

    /// The columns of a slot, for writing.
    pub(super) fn slot_mut(&mut self, slot: usize) -> &mut [Scalar] {
        &mut self.cells[slot * COLUMNS..(slot + 1) * COLUMNS]
    }

    /// Fills a slot with a permutation of `inputs`; its output.
    fn hash(&mut self, slot: usize, inputs: [Scalar; ARITY]) -> Scalar {
        let columns = self.slot_mut(slot);
        columns[..ARITY].copy_from_slice(&inputs);
        let sboxes = &mut columns[SBOX_COLUMN..PRODUCT_COLUMN];
        poseidon::hash_with_trace(domain(slot), &inputs, sboxes.try_into().expect("one column per S-box"))
    }

    /// The nullifier that the columns lead to.
    pub(super) fn nullifier(&self) -> Scalar {
        output(self.slot(NULLIFIER))
    }

    /// The root that the columns lead to.
    pub(super) fn root(&self) -> Scalar {
        output(self.slot(HASHES - 1))
    }

    /// Fills the partial products ∏(childᵢ − current) of a tree level.
    fn multiply_members(&mut self, slot: usize, current: &Scalar) {
        let columns = self.slot_mut(slot);
        let mut product = columns[0] - *current;
        for i in 0..PRODUCTS {
            product *= columns[i + 1] - *current;
            columns[PRODUCT_COLUMN + i] = product;
        }
    }

    /// Fills the bits of T1 − issued, expires − T2 and assurance − A.
    fn set_bounds(&mut self, [issued, expires, assurance]: [u64; 3]) {
        let columns = self.slot_mut(BOUNDS);
        let bits = |value: u64, count: usize| (0..count).map(move |i| Scalar::from(value >> i & 1));
        let all = bits(issued, TIME_BITS).chain(bits(expires, TIME_BITS)).chain(bits(assurance, ASSURANCE_BITS));
        for (column, bit) in columns.iter_mut().zip(all) {
            *column = bit;
        }
    }

    /// Fills the masks: a value and its fifth power, two pairs and their products.
    fn set_masks(&mut self, masks: &[Scalar; MASKS]) {
        let columns = self.slot_mut(BOUNDS);
        columns[MASK_POWER] = masks[0];
        columns[MASK_POWER + 1] = masks[0].pow5();
        for (column, pair) in MASK_PRODUCTS.into_iter().zip(masks[1..].chunks(2)) {
            columns[column] = pair[0];
            columns[column + 1] = pair[1];
            columns[column + 2] = pair[0] * pair[1];
        }
    }

    /// The bits of the bounds, for a commitment by selection. Only for an assignment that satisfies the gates.
    pub(super) fn bits(&self) -> impl Iterator<Item = Choice> + '_ {
        self.slot(BOUNDS)[..BITS].iter().map(|bit| !bit.is_zero())
    }

    /// The slots and the columns in them that can be other than zero, apart from the bits.
    ///
    /// A commitment leaves out columns that are zero in every proof.
    pub(super) fn occupied(slot: usize) -> core::ops::Range<usize> {
        match slot {
            BOUNDS => BITS..BOUNDS_COLUMNS,
            0..TREE => 0..PRODUCT_COLUMN,
            _ => 0..COLUMNS,
        }
    }

    /// Whether `slot` begins with bits.
    pub(super) fn has_bits(slot: usize) -> bool {
        slot == BOUNDS
    }

    /// The values A·z, B·z, E·z and D·z of every row of every slot.
    pub(super) fn gates(&self, workers: &impl Workers) -> GateSum {
        let empty = || vec![Scalar::ZERO; SLOTS * ROWS];
        let mut gates = GateSum { a: empty(), b: empty(), e: empty(), d: empty(), shape: vec![0; SLOTS * ROWS] };
        let mut hashes = workers.map(HASHES, |slot| {
            let (inputs, sboxes) = self.slot(slot)[..PRODUCT_COLUMN].split_at(SBOX_COLUMN);
            let mut state = [tag(slot); WIDTH];
            state[1..].copy_from_slice(inputs);
            let traced = poseidon::s_box_inputs(&state, sboxes.try_into().expect("one column per S-box"));
            state.zeroize();
            traced
        });
        for slot in 0..HASHES {
            let columns = self.slot(slot);
            let first = slot * ROWS;
            gates.shape[first..first + SBOXES].fill(POWER);
            gates.a[first..first + SBOXES].copy_from_slice(&hashes[slot].0);
            gates.b[first..first + SBOXES].copy_from_slice(&columns[SBOX_COLUMN..PRODUCT_COLUMN]);
            if slot >= TREE {
                let below = hashes[slot - 1].1;
                let products = &columns[PRODUCT_COLUMN..];
                for i in 0..MEMBERSHIP_ROWS {
                    let row = first + MEMBERSHIP_ROW + i;
                    gates.shape[row] = PRODUCT;
                    gates.e[row] = if i == 0 { columns[0] - below } else { products[i - 1] };
                    gates.d[row] = columns[i + 1] - below;
                    // The last product is zero: one child is the node below.
                    gates.b[row] = products.get(i).copied().unwrap_or_default();
                }
            }
        }
        for (inputs, output) in &mut hashes {
            inputs.zeroize();
            output.zeroize();
        }

        let first = BOUNDS * ROWS;
        let columns = self.slot(BOUNDS);
        for (i, bit) in columns[..BITS].iter().enumerate() {
            gates.shape[first + i] = PRODUCT;
            for table in [&mut gates.b, &mut gates.e, &mut gates.d] {
                table[first + i] = *bit;
            }
        }
        let row = first + BITS;
        gates.shape[row] = POWER;
        gates.a[row] = columns[MASK_POWER];
        gates.b[row] = columns[MASK_POWER + 1];
        for (i, column) in MASK_PRODUCTS.into_iter().enumerate() {
            let row = row + 1 + i;
            gates.shape[row] = PRODUCT;
            gates.e[row] = columns[column];
            gates.d[row] = columns[column + 1];
            gates.b[row] = columns[column + 2];
        }
        gates
    }

    /// The columns of all slots, the empty ones as zeros: the table w of the second sum.
    pub(super) fn table(&self) -> Vec<Scalar> {
        // As large as it will be from the start: what a growing vector leaves behind is not wiped.
        let mut table = Vec::with_capacity(SLOTS * COLUMNS);
        table.extend_from_slice(&self.cells);
        table.resize(SLOTS * COLUMNS, Scalar::ZERO);
        table
    }
}

#[cfg(test)]
pub(super) mod tests;
