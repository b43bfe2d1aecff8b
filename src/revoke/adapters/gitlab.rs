//! GitLab's token revocation API: the service that GitLab calls, called by us.
//!
//! Source: GitLab development documentation, "token revocation API". 204 is acceptance for eventual revocation, 400 is
//! final, 429 is later; requests are idempotent. The endpoint is the service's base URL.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::Verdict;
use crate::revoke::client::{Outgoing, Reply};
use crate::revoke::deliver::{Dialect, Message};
use crate::revoke::lane::{Exchange, GiveUp, Lane};
use crate::revoke::plan::{Item, hex};
use crate::revoke::protocol::{ItemAnswer, ItemAnswers};
use crate::revoke::settings::{Hidden, Settings};

/// The shared token, and what the service calls our rules.
#[derive(Clone, Debug)]
pub struct GitlabRevocation {
    /// Goes into `Authorization` as it is.
    pub token: Hidden,
    /// Rule id → type; `gitleaks_rule_id_` and the id with `_` for those not named.
    pub types: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Types {
    types: Vec<String>,
}

#[derive(Serialize)]
struct Element {
    r#type: String,
    token: String,
    location: String,
}

impl GitlabRevocation {
    pub(crate) fn kind(&self, rule: &str) -> String {
        self.types.get(rule).cloned().unwrap_or_else(|| format!("gitleaks_rule_id_{}", rule.replace('-', "_")))
    }

    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let token = String::from_utf8_lossy(&self.token.0).trim().to_owned();
        vec![("content-type".to_owned(), "application/json".to_owned()), ("authorization".to_owned(), token)]
    }

    /// The types that the service revokes; `None` if it does not list them as documented.
    pub(crate) fn revocable(&self, settings: &Settings, lane: &Lane) -> Result<Option<BTreeSet<String>>, GiveUp> {
        let exchange = Exchange {
            make: &|_| Outgoing {
                method: "GET",
                url: format!("{}/v1/revocable_token_types", settings.endpoint.trim_end_matches('/')),
                headers: self.headers(),
                body: Vec::new(),
            },
            claims: &|_| false,
            repeatable: true,
        };
        let reply = lane.exchange(&exchange)?;
        Ok(serde_json::from_slice::<Types>(&reply.body).ok().map(|list| list.types.into_iter().collect()))
    }

    pub(crate) fn dialect<'a>(&'a self, settings: &'a Settings, items: &'a [Item]) -> Revocation<'a> {
        Revocation { gitlab: self, settings, items }
    }
}

pub(crate) struct Revocation<'a> {
    gitlab: &'a GitlabRevocation,
    settings: &'a Settings,
    items: &'a [Item],
}

impl Dialect for Revocation<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let elements: Vec<_> = items
            .iter()
            .map(|&n| &self.items[n])
            .map(|item| Element {
                r#type: self.gitlab.kind(&item.rule),
                token: super::text(item),
                location: item.places.first().cloned().unwrap_or_default(),
            })
            .collect();
        let body = serde_json::to_vec(&elements).expect("strings are always JSON");
        let id = hex(&Sha256::digest(&body)[..16]);
        let url = format!("{}/v1/revoke_tokens", self.settings.endpoint.trim_end_matches('/'));
        Message { id, url, method: "POST", body, items: items.to_vec() }
    }

    fn headers(&self, _: &Message, _: i64) -> Vec<(String, String)> {
        self.gitlab.headers()
    }

    fn decode(&self, message: &Message, _: &Reply) -> Result<ItemAnswers, String> {
        let answer = ItemAnswer { verdict: Verdict::Accepted, ttl: None };
        Ok((0..message.items.len()).map(|n| (n, answer.clone())).collect())
    }
}
