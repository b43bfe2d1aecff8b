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

    /// Adds the calls that the rules of a user's pattern file bring (`[rule.verify]`, `[rule.revoke]`); they win over the
    /// table. What else is in the file, and whether it is one at all, is for its own reader to say. `name` is for errors.
    ///
    /// # Errors
    /// A call that cannot be used.
    pub fn add_rules(&mut self, text: &str, name: &str) -> Result<(), RevokeError> {
        for rule in rules_with_calls(text) {
            let id = rule.get("id").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            for (key, table) in [("verify", &mut self.verify), ("revoke", &mut self.revoke)] {
                let Some(value) = rule.get(key) else { continue };
                let wrong =
                    |why: &str| RevokeError::Provider { rule: format!("{name}: {id}: {key}"), why: why.to_owned() };
                let call: Call = value.clone().try_into().map_err(|error: toml::de::Error| wrong(error.message()))?;
                call.validate().map_err(wrong)?;
                table.insert(id.clone(), Arc::new(call));
            }
        }
        Ok(())
    }

    /// Whether the rules of a pattern file bring calls.
    #[must_use]
    pub fn has_calls(text: &str) -> bool {
        !rules_with_calls(text).is_empty()
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

fn rules_with_calls(text: &str) -> Vec<toml::Table> {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let rules = ["rule", "context"].iter().filter_map(|key| file.get(*key)?.as_array()).flatten();
    let rules = rules.filter_map(toml::Value::as_table);
    rules.filter(|rule| rule.contains_key("verify") || rule.contains_key("revoke")).cloned().collect()
}

#[cfg(test)]
mod tests;
