//! Asking the provider itself: declarative requests, strictly opt-in, through the same client, limits and guard.
//!
//! A secret goes only to the endpoint that its own rule names. Canaries, publishable keys and identifiers are never
//! sent; a secret that two providers' rules claim is sent to neither.

mod ask;
mod aws;
mod call;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

pub use ask::{ProviderSettings, dry_run_at_providers, revoke_at_providers, verify_at_providers};
pub use call::{AnyOf, AwsScope, Call, Condition, Method};

use super::settings::RevokeError;

/// The table that is built in.
const BUILTIN: &str = include_str!("../../../patterns/verify.toml");

/// Which rules can be asked about or revoked where.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    verify: BTreeMap<String, Arc<Call>>,
    revoke: BTreeMap<String, Arc<Call>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Other rules with the same calls.
    #[serde(default)]
    also: Vec<String>,
    verify: Option<Call>,
    revoke: Option<Call>,
}

impl Catalogue {
    /// The calls that are built in.
    ///
    /// # Errors
    /// Never, as a test shows; the table is part of the program.
    pub fn builtin() -> Result<Self, RevokeError> {
        Self::parse(BUILTIN, "verify.toml")
    }

    /// From TOML: a table by rule id, with `verify`, `revoke` and `also`. `name` is for errors.
    ///
    /// # Errors
    /// No TOML of this form, or a call that cannot be used.
    pub fn parse(text: &str, name: &str) -> Result<Self, RevokeError> {
        let entries: BTreeMap<String, Entry> = toml::from_str(text)
            .map_err(|error| RevokeError::Provider { rule: name.to_owned(), why: error.to_string() })?;
        let mut catalogue = Self::default();
        for (rule, entry) in entries {
            let ids: Vec<_> = std::iter::once(rule.clone()).chain(entry.also).collect();
            for (call, table) in [(entry.verify, &mut catalogue.verify), (entry.revoke, &mut catalogue.revoke)] {
                let Some(call) = call else { continue };
                let wrong = |why: &str| RevokeError::Provider { rule: rule.clone(), why: why.to_owned() };
                call.validate().map_err(wrong)?;
                let call = Arc::new(call);
                for id in &ids {
                    if table.insert(id.clone(), Arc::clone(&call)).is_some() {
                        return Err(wrong(&format!("{id} has two calls")));
                    }
                }
            }
        }
        Ok(catalogue)
    }

    /// Sets the call that asks about a rule's secrets; a rule's own `verify` wins over the table.
    ///
    /// # Errors
    /// The call cannot be used.
    pub fn set_verify(&mut self, rule: &str, call: Call) -> Result<(), RevokeError> {
        call.validate().map_err(|why| RevokeError::Provider { rule: rule.to_owned(), why: why.to_owned() })?;
        self.verify.insert(rule.to_owned(), Arc::new(call));
        Ok(())
    }

    /// Sets the call that revokes a rule's secrets.
    ///
    /// # Errors
    /// The call cannot be used.
    pub fn set_revoke(&mut self, rule: &str, call: Call) -> Result<(), RevokeError> {
        call.validate().map_err(|why| RevokeError::Provider { rule: rule.to_owned(), why: why.to_owned() })?;
        self.revoke.insert(rule.to_owned(), Arc::new(call));
        Ok(())
    }

    /// The call that asks about this rule's secrets.
    #[must_use]
    pub fn verify(&self, rule: &str) -> Option<&Arc<Call>> {
        self.verify.get(rule)
    }

    /// The call that revokes this rule's secrets.
    #[must_use]
    pub fn revoke(&self, rule: &str) -> Option<&Arc<Call>> {
        self.revoke.get(rule)
    }

    /// All rules with a call of either kind: `(rule, can be verified, can be revoked)`.
    pub fn rules(&self) -> impl Iterator<Item = (&str, bool, bool)> {
        let ids: std::collections::BTreeSet<_> = self.verify.keys().chain(self.revoke.keys()).collect();
        ids.into_iter().map(|id| (id.as_str(), self.verify.contains_key(id), self.revoke.contains_key(id)))
    }
}

#[cfg(test)]
mod tests;
