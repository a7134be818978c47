//! The apps and actions of a service: a TOML file that an operator writes.
//!
//! ```toml
//! [[app]]
//! id = "app_polls"                     # in the address of a request, and the first part of the scope
//! rp_id = "rp_polls"                   # another name of it, for /api/v4
//! name = "Polls"
//!
//! [[app.action]]
//! action = "mayor-2026"                # the second part of the scope
//! opened_at = 1_796_000_000            # only leaves issued by then: nobody votes with two devices
//! closed_at = 1_796_600_000
//!
//! [[app.action]]
//! action = "payout"
//! period = "month"                     # day, week, month, year: the third part of the scope, by the clock in UTC
//! newcomers = false                    # whether who was enrolled in the period itself takes part in it already
//! uses = 1                             # of each person in each period
//! assurance = 2                        # 1 one eye, 2 both eyes
//! requests = false                     # whether only answers to signed requests count
//! root_age = 7_200                     # seconds for which a replaced root is accepted
//! ```

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::Deserialize;

use crate::identity::Assurance;
use crate::nullifier::{Period, Scope, ScopeError};
use crate::tree::RootHistory;
use crate::verify::{AcceptedRoots, USUAL_ROOT_AGE, Verifier};

/// The apps that a service answers for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    #[serde(default, rename = "app")]
    apps: Vec<App>,
}

/// One relying party.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its name in addresses and scopes.
    pub id: String,
    /// A second name in addresses, as World ID's fourth version has it.
    pub rp_id: Option<String>,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// What may be done in it.
    #[serde(default, rename = "action")]
    pub actions: Vec<Action>,
}

/// Something that a person does at most a number of times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Its name, the second part of the scope.
    pub action: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// Whether it is open; a closed one answers `action_inactive`.
    #[serde(default = "yes")]
    pub active: bool,
    /// Leaves have to be issued by then, in seconds since 1970.
    pub opened_at: Option<u64>,
    /// Nothing is accepted from then on, in seconds since 1970.
    pub closed_at: Option<u64>,
    /// Leaves have to hold until then, in seconds since 1970.
    pub expires_no_earlier_than: Option<u64>,
    /// The least assurance of a leaf.
    #[serde(default)]
    pub assurance: u8,
    /// How many times a person acts in each period, or altogether.
    #[serde(default = "once")]
    pub uses: NonZeroU32,
    /// How often it begins anew.
    pub period: Option<Period>,
    /// Whether leaves that were issued in the present period are accepted.
    ///
    /// Whoever loses a device is enrolled again, with a new secret and new nullifiers. So that nobody claims with the old
    /// device and with the new one in one period, only leaves from before the period count, unless this is set.
    #[serde(default)]
    pub newcomers: bool,
    /// For how many seconds into a period proofs of the one before are accepted.
    #[serde(default)]
    pub period_grace: u64,
    /// Whether only proofs count that answer a request which this service signed, each once.
    #[serde(default)]
    pub requests: bool,
    /// For how many seconds a root is accepted after it was replaced.
    #[serde(default = "usual_root_age")]
    pub root_age: u64,
}

const fn yes() -> bool {
    true
}

const fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

const fn usual_root_age() -> u64 {
    USUAL_ROOT_AGE
}

/// Why a text is not a list of apps.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppsError {
    /// It is not TOML of this form.
    #[error("the list of apps is not taken: {0}")]
    Format(#[from] toml::de::Error),
    /// Two apps have one name, or two actions of an app.
    #[error("the list of apps has \"{name}\" twice; names are unique")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name cannot be part of a scope.
    #[error("\"{name}\" cannot be named in a scope: {reason}")]
    Scope {
        /// App or action.
        name: String,
        /// Why not.
        reason: ScopeError,
    },
}

impl AppsError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(_) => "apps_format",
            Self::Twice { .. } => "apps_name_twice",
            Self::Scope { .. } => "scope_invalid",
        }
    }
}

impl Apps {
    /// Reads the file drawn in this module's head.
    ///
    /// # Errors
    ///
    /// [`AppsError`].
    pub fn from_toml(text: &str) -> Result<Self, AppsError> {
        toml::from_str::<Self>(text)?.checked()
    }

    /// Refuses names that come twice, and names that cannot be in a scope.
    fn checked(self) -> Result<Self, AppsError> {
        let mut names: Vec<&str> = Vec::new();
        for app in &self.apps {
            names.push(&app.id);
            names.extend(app.rp_id.as_deref());
            let mut actions: Vec<&str> = app.actions.iter().map(|action| action.action.as_str()).collect();
            for action in &actions {
                Scope::new(&app.id, *action)
                    .map_err(|reason| AppsError::Scope { name: format!("{} / {action}", app.id), reason })?;
            }
            unique(&mut actions)?;
        }
        unique(&mut names)?;
        Ok(self)
    }

    /// One app with one action that every member does once: for tests and first steps.
    ///
    /// # Errors
    ///
    /// [`AppsError::Scope`].
    pub fn single(app: &str, action: &str) -> Result<Self, AppsError> {
        let once = Action {
            action: action.to_owned(),
            description: String::new(),
            active: true,
            opened_at: None,
            closed_at: None,
            expires_no_earlier_than: None,
            assurance: 0,
            uses: NonZeroU32::MIN,
            period: None,
            newcomers: false,
            period_grace: 0,
            requests: false,
            root_age: USUAL_ROOT_AGE,
        };
        let app = App { id: app.to_owned(), rp_id: None, name: String::new(), actions: vec![once] };
        Self { apps: vec![app] }.checked()
    }

    /// The app of this name.
    pub(super) fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    /// The app of this name or second name.
    pub(super) fn app_or_relying_party(&self, id: &str) -> Option<&App> {
        self.app(id).or_else(|| self.apps.iter().find(|app| app.rp_id.as_deref() == Some(id)))
    }

    /// Whether some action counts only answers to requests, so that a key to sign them is needed.
    #[must_use]
    pub fn need_requests(&self) -> bool {
        self.apps.iter().flat_map(|app| &app.actions).any(|action| action.requests)
    }

    /// The number of apps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.apps.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }
}

fn unique(names: &mut [&str]) -> Result<(), AppsError> {
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(AppsError::Twice { name: pair[0].to_owned() }),
        None => Ok(()),
    }
}

impl App {
    /// The action of this name.
    pub(super) fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.action == name)
    }
}

impl Action {
    /// Whether it is open at a time.
    pub(super) fn is_open(&self, now: u64) -> bool {
        self.active && self.closed_at.is_none_or(|end| now < end)
    }

    /// The period of a time, and since when it runs; nothing for an action that is open once.
    pub(super) fn period_at(&self, time: u64) -> Option<(String, u64)> {
        self.period.map(|period| (period.name(time), period.began(time)))
    }

    /// The rules in a period (from [`Action::period_at`]), for these roots.
    pub(super) fn verifier(&self, app: &App, period: Option<&(String, u64)>, history: Arc<RootHistory>) -> Verifier {
        let mut scope = Scope::new(&app.id, &self.action).expect("names were checked when they were read");
        let mut opened_at = self.opened_at;
        if let Some((name, began)) = period {
            scope = scope.in_period(name.as_str()).expect("names of the calendar are plain");
            if !self.newcomers {
                opened_at = Some(opened_at.map_or(*began, |opened_at| opened_at.min(*began)));
            }
        }
        let mut verifier = Verifier::new(&scope, AcceptedRoots::recent(history, self.root_age))
            .uses_per_person(self.uses)
            .assurance_at_least(Assurance::new(self.assurance));
        if let Some(time) = opened_at {
            verifier = verifier.issued_no_later_than(time);
        }
        if let Some(time) = self.expires_no_earlier_than {
            verifier = verifier.expires_no_earlier_than(time);
        }
        verifier
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_the_head_of_the_module_draws_is_read() {
        let drawn: String = include_str!("apps.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").trim_start().to_owned() + "\n")
            .collect();
        let apps = Apps::from_toml(&drawn).unwrap();
        let app = apps.app_or_relying_party("rp_polls").unwrap();
        assert_eq!((apps.len(), app.id.as_str(), app.actions.len()), (1, "app_polls", 2));
        let payout = app.action("payout").unwrap();
        assert_eq!((payout.period, payout.uses.get(), payout.assurance), (Some(Period::Month), 1, 2));
        let mayor = app.action("mayor-2026").unwrap();
        assert!(mayor.is_open(1_796_599_999) && !mayor.is_open(1_796_600_000));
        assert!(apps.app("rp_polls").is_none(), "the second name is one of /api/v4 only");
    }

    #[test]
    fn unclear_lists_are_refused() {
        let twice = "[[app]]\nid='a'\n[[app]]\nid='b'\nrp_id='a'\n";
        assert_eq!(Apps::from_toml(twice).unwrap_err().code(), "apps_name_twice");
        let twice = "[[app]]\nid='a'\n[[app.action]]\naction='x'\n[[app.action]]\naction='x'\n";
        assert_eq!(Apps::from_toml(twice).unwrap_err().code(), "apps_name_twice");
        assert_eq!(Apps::single("a", " x").unwrap_err().code(), "scope_invalid");
        for wrong in ["[[app]]\nid='a'\ncolour=1\n", "[[app]]\nid='a'\n[[app.action]]\naction='x'\nuses=0\n", "id='a'"]
        {
            assert_eq!(Apps::from_toml(wrong).unwrap_err().code(), "apps_format", "{wrong}");
        }
        assert!(Apps::from_toml("").unwrap().is_empty());
        assert!(Apps::single("a\"b", "c\\d").unwrap().app("a\"b").unwrap().action("c\\d").is_some());
    }
}
