//! What can happen to a registry after it was created, one step after another.
//!
//! ```text
//!            enrolled ──► active ◄─── reinstated ─── suspended
//!                         │ ▲  ▲ └──── suspended ───►  │
//!     refreshed, renewed ─┘ │  └ recovered (new leaf)  │
//!                           │                          │
//!                           └───── revoked ◄───────────┘         erased ◄── from each of them
//! ```
//!
//! The rules of this picture are the same in every store: [`PersonStep::plan`] holds them.

use super::{LeafRecord, NewDecision, PersonId, PersonRecord, PolicyId, StoreError, TemplatePair};
use crate::identity::Leaf;
use crate::tree::{LeafIndex, MerkleRoot};

/// How a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonStatus {
    /// Their leaf is in the tree.
    Active,
    /// Their leaf is out of the tree until they are reinstated.
    Suspended,
    /// Their leaf is out of the tree for good. Their eyes stay, so that they do not come in again.
    Revoked,
    /// Nothing is left but the number, and the facts of what was decided.
    Erased,
}

impl PersonStatus {
    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Erased => "erased",
        }
    }

    /// The number in the tables.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Suspended => 2,
            Self::Revoked => 3,
            Self::Erased => 4,
        }
    }

    pub(super) fn from_number(number: i64) -> Result<Self, StoreError> {
        [Self::Active, Self::Suspended, Self::Revoked, Self::Erased]
            .into_iter()
            .find(|status| i64::from(status.number()) == number)
            .ok_or_else(|| StoreError::corrupted(format!("a person has the unknown status {number}")))
    }
}

/// What a step changed. It holds nothing of a template or a commitment; the tree follows from the places alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A person came in, with their leaf at the end of the tree.
    Enrolled {
        /// Who.
        person: PersonId,
        /// The place of their leaf.
        index: LeafIndex,
        /// Their leaf.
        leaf: Leaf,
    },
    /// A person's templates were replaced by those of newer captures.
    Refreshed {
        /// Who.
        person: PersonId,
        /// The version of their templates from now on; the first ones are version 1.
        version: u32,
    },
    /// A person has a new leaf at the end of the tree, and their earlier one is dead.
    Recovered {
        /// Who.
        person: PersonId,
        /// The place that is empty from now on.
        removed: LeafIndex,
        /// The place of their new leaf.
        index: LeafIndex,
        /// Their new leaf.
        leaf: Leaf,
    },
    /// A person's leaf was taken out, for a time.
    Suspended {
        /// Who.
        person: PersonId,
        /// The place that is empty from now on.
        removed: LeafIndex,
    },
    /// A suspended person's leaf was put back.
    Reinstated {
        /// Who.
        person: PersonId,
        /// The place of their leaf.
        index: LeafIndex,
        /// Their leaf.
        leaf: Leaf,
    },
    /// A person's leaf was taken out, for good.
    Revoked {
        /// Who.
        person: PersonId,
        /// The place that is empty from now on; none if it was empty, because they were suspended.
        removed: Option<LeafIndex>,
    },
    /// A person's leaf certifies other dates, in the same place and for the same commitment.
    Renewed {
        /// Who.
        person: PersonId,
        /// The place of their leaf.
        index: LeafIndex,
        /// Their leaf with the new dates.
        leaf: Leaf,
    },
    /// A person's templates and commitments are gone.
    Erased {
        /// Who.
        person: PersonId,
        /// The place that is empty from now on; none if it was empty already.
        removed: Option<LeafIndex>,
    },
    /// Another policy is in force.
    PolicyAdopted {
        /// Which.
        policy: PolicyId,
    },
}

impl Change {
    /// About whom it is; nobody where the policy changed.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Enrolled { person, .. }
            | Self::Refreshed { person, .. }
            | Self::Recovered { person, .. }
            | Self::Suspended { person, .. }
            | Self::Reinstated { person, .. }
            | Self::Revoked { person, .. }
            | Self::Renewed { person, .. }
            | Self::Erased { person, .. } => Some(*person),
            Self::PolicyAdopted { .. } => None,
        }
    }

    /// The place whose leaf became the empty one.
    #[must_use]
    pub const fn removed(&self) -> Option<LeafIndex> {
        match self {
            Self::Recovered { removed, .. } | Self::Suspended { removed, .. } => Some(*removed),
            Self::Revoked { removed, .. } | Self::Erased { removed, .. } => *removed,
            _ => None,
        }
    }

    /// The place that got a leaf, and the leaf.
    #[must_use]
    pub const fn placed(&self) -> Option<(LeafIndex, Leaf)> {
        match self {
            Self::Enrolled { index, leaf, .. }
            | Self::Recovered { index, leaf, .. }
            | Self::Reinstated { index, leaf, .. }
            | Self::Renewed { index, leaf, .. } => Some((*index, *leaf)),
            _ => None,
        }
    }

    /// Whether the person's templates are others from now on, or none.
    #[must_use]
    pub const fn changes_templates(&self) -> bool {
        matches!(self, Self::Enrolled { .. } | Self::Refreshed { .. } | Self::Erased { .. })
    }

    /// What happened, as a word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Enrolled { .. } => "enrolled",
            Self::Refreshed { .. } => "refreshed",
            Self::Recovered { .. } => "recovered",
            Self::Suspended { .. } => "suspended",
            Self::Reinstated { .. } => "reinstated",
            Self::Revoked { .. } => "revoked",
            Self::Renewed { .. } => "renewed",
            Self::Erased { .. } => "erased",
            Self::PolicyAdopted { .. } => "policy-adopted",
        }
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Enrolled { .. } => 1,
            Self::Refreshed { .. } => 2,
            Self::Recovered { .. } => 3,
            Self::Suspended { .. } => 4,
            Self::Reinstated { .. } => 5,
            Self::Revoked { .. } => 6,
            Self::Renewed { .. } => 7,
            Self::Erased { .. } => 8,
            Self::PolicyAdopted { .. } => 9,
        }
    }

    /// The columns of a change.
    pub(super) const fn to_row(&self) -> ChangeRow {
        ChangeRow {
            kind: self.number() as i64,
            person: self.person(),
            policy: match self {
                Self::PolicyAdopted { policy } => Some(*policy),
                _ => None,
            },
            template_version: match self {
                Self::Enrolled { .. } => Some(1),
                Self::Refreshed { version, .. } => Some(*version),
                _ => None,
            },
            removed: self.removed(),
            placed: self.placed(),
        }
    }

    /// Accepts the columns of a change; exactly those of its kind are filled.
    pub(super) fn from_row(row: ChangeRow) -> Result<Self, StoreError> {
        let ChangeRow { kind, person, policy, template_version, removed, placed } = row;
        let change = match (kind, person, removed, placed) {
            (1, Some(person), None, Some((index, leaf))) => Self::Enrolled { person, index, leaf },
            (2, Some(person), None, None) => {
                let version = template_version
                    .ok_or_else(|| StoreError::corrupted(format!("a refreshing of person {person} has no version")))?;
                Self::Refreshed { person, version }
            }
            (3, Some(person), Some(removed), Some((index, leaf))) => Self::Recovered { person, removed, index, leaf },
            (4, Some(person), Some(removed), None) => Self::Suspended { person, removed },
            (5, Some(person), None, Some((index, leaf))) => Self::Reinstated { person, index, leaf },
            (6, Some(person), removed, None) => Self::Revoked { person, removed },
            (7, Some(person), None, Some((index, leaf))) => Self::Renewed { person, index, leaf },
            (8, Some(person), removed, None) => Self::Erased { person, removed },
            (9, None, None, None) => {
                let policy = policy.ok_or_else(|| StoreError::corrupted("an adoption names no policy"))?;
                Self::PolicyAdopted { policy }
            }
            _ => return Err(StoreError::corrupted(format!("a change of kind {kind} has columns of another kind"))),
        };
        if change.to_row() != row {
            return Err(StoreError::corrupted(format!("a change of kind {kind} has columns of another kind")));
        }
        Ok(change)
    }
}

/// A change as its columns; see [`Change::from_row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChangeRow {
    pub(super) kind: i64,
    pub(super) person: Option<PersonId>,
    pub(super) policy: Option<PolicyId>,
    pub(super) template_version: Option<u32>,
    pub(super) removed: Option<LeafIndex>,
    pub(super) placed: Option<(LeafIndex, Leaf)>,
}

/// A step in the life of somebody who is enrolled, with everything that becomes true at the same moment.
#[derive(Debug)]
pub struct PersonChange<'a> {
    /// Who.
    pub person: PersonId,
    /// What happens to them.
    pub step: PersonStep,
    /// The root of the tree afterwards.
    pub root: MerkleRoot,
    /// When that root becomes current, Unix seconds; not before the one that it replaces did.
    pub root_at: u64,
    /// Why; the store fills in the person.
    pub decision: NewDecision<'a>,
}

/// What happens to a person.
#[derive(Debug)]
pub enum PersonStep {
    /// All their templates are replaced by these.
    Refresh {
        /// The new ones, each eye that they shall have from now on.
        templates: TemplatePair,
    },
    /// They get this leaf, at the next free place; their present one dies.
    Recover {
        /// The new leaf.
        leaf: LeafRecord,
    },
    /// Their leaf is taken out.
    Suspend,
    /// Their leaf is put back.
    Reinstate,
    /// Their leaf is taken out for good.
    Revoke,
    /// Their leaf certifies other dates.
    Renew {
        /// The leaf with the new dates; place and commitment are those of the present one.
        leaf: LeafRecord,
    },
    /// Templates, commitments and leaf go.
    Erase,
}

/// What a step does to the rows; worked out once for all stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) status: PersonStatus,
    pub(super) change: Change,
    /// Places given out afterwards.
    pub(super) leaves: u64,
}

impl PersonStep {
    /// The rules that every store holds: `leaves` places are given out, and `taken` has the new commitment already.
    pub(super) fn plan(&self, before: &PersonRecord, leaves: u64, taken: Option<PersonId>) -> Result<Plan, StoreError> {
        let person = before.person;
        let refuse = |detail: String| Err(StoreError::Conflict { detail });
        let present = before.leaf.as_ref();
        let removed = present.filter(|_| before.status == PersonStatus::Active).map(|leaf| leaf.index);
        let active = || -> Result<(&LeafRecord, LeafIndex), StoreError> {
            present.zip(removed).ok_or_else(|| StoreError::Conflict {
                detail: format!("person {person} is {}, not active", before.status.as_str()),
            })
        };
        let (status, change) = match self {
            Self::Refresh { templates } => {
                active()?;
                if templates.left.is_none() && templates.right.is_none() {
                    return refuse("a person has at least one eye".to_owned());
                }
                let version = before.template_version.saturating_add(1);
                (PersonStatus::Active, Change::Refreshed { person, version })
            }
            Self::Recover { leaf } => {
                let (_, removed) = active()?;
                if let Some(owner) = taken {
                    return refuse(format!("the commitment is person {owner}'s"));
                }
                if u64::from(leaf.index.as_u32()) != leaves {
                    return refuse(format!("leaf {} is not the next one, {leaves}", leaf.index));
                }
                (PersonStatus::Active, Change::Recovered { person, removed, index: leaf.index, leaf: leaf.leaf })
            }
            Self::Suspend => {
                let (_, removed) = active()?;
                (PersonStatus::Suspended, Change::Suspended { person, removed })
            }
            Self::Reinstate => match present {
                Some(leaf) if before.status == PersonStatus::Suspended => {
                    (PersonStatus::Active, Change::Reinstated { person, index: leaf.index, leaf: leaf.leaf })
                }
                _ => return refuse(format!("person {person} is {}, not suspended", before.status.as_str())),
            },
            Self::Revoke if matches!(before.status, PersonStatus::Active | PersonStatus::Suspended) => {
                (PersonStatus::Revoked, Change::Revoked { person, removed })
            }
            Self::Revoke => return refuse(format!("person {person} is {} already", before.status.as_str())),
            Self::Renew { leaf } => {
                let (present, _) = active()?;
                if (leaf.index, leaf.commitment) != (present.index, present.commitment) {
                    return refuse(format!("another leaf than person {person}'s is to be renewed"));
                }
                (PersonStatus::Active, Change::Renewed { person, index: leaf.index, leaf: leaf.leaf })
            }
            Self::Erase if before.status == PersonStatus::Erased => {
                return refuse(format!("person {person} is erased already"));
            }
            Self::Erase => (PersonStatus::Erased, Change::Erased { person, removed }),
        };
        let leaves = leaves + u64::from(matches!(change, Change::Recovered { .. }));
        Ok(Plan { status, change, leaves })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rows_of_one_kind_are_not_those_of_another() {
        let person = Some(PersonId::new(1).unwrap());
        let index = LeafIndex::new(3).unwrap();
        let leaf = Leaf::from_bytes(&[1; 32]).unwrap();
        let policy = Some(PolicyId::new(2).unwrap());
        let mut taken = 0;
        for kind in 0..12 {
            for bits in 0..32_u8 {
                let has = |bit: u8| bits & (1 << bit) != 0;
                let row = ChangeRow {
                    kind,
                    person: person.filter(|_| has(0)),
                    policy: policy.filter(|_| has(1)),
                    template_version: has(2).then_some(1),
                    removed: has(3).then_some(index),
                    placed: has(4).then_some((index, leaf)),
                };
                if let Ok(change) = Change::from_row(row) {
                    assert_eq!(change.to_row(), row);
                    taken += 1;
                }
            }
        }
        // One set of columns each, and two for the kinds whose leaf may be out of the tree already.
        assert_eq!(taken, 11);
    }
}
