//! Who may do what.
//!
//! As long as nobody is named, whoever can open the store may do everything. From the first name on, every operation asks for a
//! role. The names are as good as the operator's account: whoever can write the file can write names into it.

use super::decision::{Action, Details};
use super::{ACCEPTED, OperatorError, Registry, RegistryError};
use crate::store::{NewDecision, OperatorRecord, Role, Store, WriteTransaction};

/// No name is longer, in bytes.
const MAXIMUM_NAME: usize = 64;

impl<S: Store> Registry<S> {
    /// May the operator who is set do this?
    pub(super) fn require(&self, action: Action) -> Result<(), RegistryError> {
        let operators = self.store.operators()?;
        let mut present = operators.iter().filter(|operator| operator.removed_at.is_none()).peekable();
        if present.peek().is_none() {
            return Ok(());
        }
        let Some(operator) = present.find(|operator| operator.name == self.operator) else {
            return Err(RegistryError::UnknownOperator { operator: self.operator.clone() });
        };
        if may(operator.role, action) {
            return Ok(());
        }
        let (operator, role) = (self.operator.clone(), operator.role);
        Err(RegistryError::NotAllowed { operator, role, action: action.as_str() })
    }

    /// Everybody who may do something or might, by name.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn operators(&self) -> Result<Vec<OperatorRecord>, RegistryError> {
        Ok(self.store.operators()?)
    }

    /// Lets somebody of this name do what the role allows, from now on.
    ///
    /// The first one must be an administrator, since nobody else could add another one.
    ///
    /// # Errors
    ///
    /// [`OperatorError`].
    pub fn add_operator(&mut self, name: &str, role: Role, at: u64) -> Result<OperatorRecord, OperatorError> {
        self.require(Action::ChangeOperators)?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '@');
        if name.trim() != name || name.is_empty() || name.len() > MAXIMUM_NAME || !name.chars().all(plain) {
            return Err(OperatorError::Name { limit: MAXIMUM_NAME });
        }
        let operators = self.store.operators()?;
        let present = |operator: &&OperatorRecord| operator.removed_at.is_none();
        if operators.iter().filter(present).any(|operator| operator.name == name && operator.role == role) {
            return Err(OperatorError::There { operator: name.to_owned(), role });
        }
        let administrators = |operators: &[OperatorRecord]| {
            operators.iter().filter(present).any(|operator| operator.role == Role::Administrator)
        };
        let mut after = operators.clone();
        after.retain(|operator| operator.name != name);
        let operator = OperatorRecord { name: name.to_owned(), role, added_at: at, removed_at: None };
        after.push(operator.clone());
        if !administrators(&after) {
            return Err(OperatorError::NoAdministrator);
        }
        self.put(operator, at, format!("operator {name}: {}", role.as_str()))
    }

    /// Takes somebody's role away; the name stays, because decisions have it.
    ///
    /// # Errors
    ///
    /// [`OperatorError`].
    pub fn remove_operator(&mut self, name: &str, at: u64) -> Result<OperatorRecord, OperatorError> {
        self.require(Action::ChangeOperators)?;
        let operators = self.store.operators()?;
        let present = || operators.iter().filter(|operator| operator.removed_at.is_none());
        let Some(operator) = present().find(|operator| operator.name == name) else {
            return Err(OperatorError::Unknown { operator: name.to_owned() });
        };
        let mut others = present().filter(|operator| operator.name != name).peekable();
        if others.peek().is_some() && !others.any(|operator| operator.role == Role::Administrator) {
            return Err(OperatorError::NoAdministrator);
        }
        self.put(OperatorRecord { removed_at: Some(at), ..operator.clone() }, at, format!("operator {name}: removed"))
    }

    fn put(&mut self, operator: OperatorRecord, at: u64, subject: String) -> Result<OperatorRecord, OperatorError> {
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        transaction.insert_decision(&NewDecision {
            at,
            operator: &self.operator,
            action: Action::ChangeOperators.as_str(),
            outcome: ACCEPTED,
            person: None,
            policy: self.policy_id,
            software: super::decision::SOFTWARE,
            details: &Details::new(0, 0, &[]).about(subject).to_json(),
        })?;
        transaction.put_operator(&operator)?;
        transaction.commit()?;
        Ok(operator)
    }
}

/// The roles that may do something.
const fn may(role: Role, action: Action) -> bool {
    match action {
        Action::Enrol
        | Action::Authenticate
        | Action::Refresh
        | Action::Recover
        | Action::CompleteRecovery
        | Action::CancelRecovery
        | Action::Suspend
        | Action::Reinstate
        | Action::Revoke
        | Action::Renew
        | Action::Erase
        | Action::Appeal => matches!(role, Role::Administrator | Role::Operator),
        Action::Identify => matches!(role, Role::Administrator | Role::Operator | Role::Adjudicator),
        // Not the administrator: who may name adjudicators would decide alone.
        Action::Review => matches!(role, Role::Adjudicator),
        Action::ReadReviews => matches!(role, Role::Administrator | Role::Adjudicator | Role::Auditor),
        Action::AdoptPolicy | Action::ChangeOperators | Action::ChangeStations => matches!(role, Role::Administrator),
        Action::Audit => matches!(role, Role::Administrator | Role::Auditor),
    }
}
