//! `Call`, `Condition`: one request to a provider and how its answer is read, as written in TOML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::template::{Parts, Position, check_url, fill, fill_json, wants_partner};
use crate::model::Verdict;
use crate::revoke::client::Reply;

/// A request to a provider. `{secret}` and `{partner}` may stand in path, query, header and body, never in the host.
///
/// ```toml
/// verify = { url = "https://api.github.com/user", headers = { Authorization = "Bearer {secret}" },
///            live = { status = [200] }, revoked = { status = [401] } }
/// ```
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// GET unless said otherwise.
    #[serde(default)]
    pub method: Method,
    /// Absolute, https.
    pub url: String,
    /// Header name → template.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// User and password of HTTP Basic authentication.
    #[serde(default)]
    pub basic: Option<(String, String)>,
    /// Query parameter → template.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Form field → template; the body is a form then.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    /// The body as JSON; its strings are templates.
    #[serde(default)]
    pub json: Option<serde_json::Value>,
    /// Sign the request as AWS wants it, with `{partner}` as key id and `{secret}` as key.
    #[serde(default)]
    pub aws: Option<AwsScope>,
    /// The secret must start with one of these; others are asked about in another way, or not at all.
    #[serde(default)]
    pub starts: Vec<String>,
    /// The other part must start with one of these.
    #[serde(default)]
    pub partner_starts: Vec<String>,
    /// Keys of the same form also belong to other instances, regions or partitions: a refusal here is definite only if
    /// the user has set the endpoint, and so said where the keys belong.
    #[serde(default)]
    pub elsewhere: bool,
    /// Answers that mean: it works.
    #[serde(default)]
    pub live: AnyOf,
    /// Answers that mean: it does not work any more.
    #[serde(default)]
    pub revoked: AnyOf,
    /// Answers that mean: it will be revoked.
    #[serde(default)]
    pub accepted: AnyOf,
}

/// The scope of an AWS signature.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AwsScope {
    /// For instance `sts`.
    pub service: String,
    /// For instance `us-east-1`.
    pub region: String,
}

/// HTTP methods that templates may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One condition, or a list of which one must hold.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(from = "OneOrMany")]
pub struct AnyOf(pub Vec<Condition>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Condition),
    Many(Vec<Condition>),
}

impl From<OneOrMany> for AnyOf {
    fn from(value: OneOrMany) -> Self {
        match value {
            OneOrMany::One(one) => Self(vec![one]),
            OneOrMany::Many(many) => Self(many),
        }
    }
}

/// What an answer must be like; everything named must hold.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// One of these statuses. Never 429 or 5xx: those say nothing about a key.
    pub status: Vec<u16>,
    /// JSON pointer → the value there.
    #[serde(default)]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Texts that are in the body.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that are not in the body.
    #[serde(default)]
    pub lacks: Vec<String>,
}

impl Condition {
    fn holds(&self, reply: &Reply, json: Option<&serde_json::Value>) -> bool {
        let has = |text: &String| memchr::memmem::find(&reply.body, text.as_bytes()).is_some();
        self.status.contains(&reply.status)
            && self.json.iter().all(|(at, value)| json.and_then(|json| json.pointer(at)) == Some(value))
            && self.contains.iter().all(has)
            && !self.lacks.iter().any(has)
    }
}

/// A request ready to go, but for what changes with time.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// Whether it can be used at all.
    ///
    /// # Errors
    /// What is wrong, for the writer of the table.
    pub fn validate(&self) -> Result<(), &'static str> {
        check_url(&self.url)?;
        let conditions = || self.live.0.iter().chain(&self.revoked.0).chain(&self.accepted.0);
        if conditions().next().is_none() {
            return Err("no answer means anything: name live, revoked or accepted");
        }
        if conditions().any(|c| c.status.is_empty()) {
            return Err("a condition without a status");
        }
        if conditions().flat_map(|c| &c.status).any(|s| matches!(s, 408 | 425 | 429 | 300..=399 | 500..)) {
            return Err("408, 425, 429, 3xx and 5xx say nothing about a key");
        }
        if self.json.is_some() && !self.form.is_empty() {
            return Err("a body is either json or form");
        }
        let named = self.headers.keys().chain(self.query.keys()).chain(self.form.keys());
        if named.into_iter().any(|name| name.contains(['{', '}', '\r', '\n', ' '])) {
            return Err("names of headers, parameters and fields are fixed");
        }
        Ok(())
    }

    /// Whether it needs the other part of the credential.
    #[must_use]
    pub fn needs_partner(&self) -> bool {
        let basic = self.basic.iter().flat_map(|(user, password)| [user, password]);
        let texts = [&self.url].into_iter().chain(self.headers.values()).chain(basic);
        let mut texts = texts.chain(self.query.values()).chain(self.form.values());
        let json = self.json.as_ref().is_some_and(|json| wants_partner(&json.to_string()));
        self.aws.is_some() || json || texts.any(|text| wants_partner(text))
    }

    /// Statuses that the conditions name.
    pub(crate) fn names_status(&self, status: u16) -> bool {
        self.live.0.iter().chain(&self.revoked.0).chain(&self.accepted.0).any(|c| c.status.contains(&status))
    }

    /// Fills everything in. `origin` stands for another scheme and authority (and path before the path).
    pub(crate) fn prepare(&self, parts: Parts<'_>, origin: Option<&str>) -> Option<Prepared> {
        let mut url = fill(&self.moved(origin), parts, Position::Url)?;
        for (name, template) in &self.query {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={}", fill(template, parts, Position::Url)?));
        }
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            headers.push((name.to_ascii_lowercase(), fill(template, parts, Position::Header)?));
        }
        if let Some((user, password)) = &self.basic {
            use base64::Engine as _;
            let pair = [user, password].map(|template| fill(template, parts, Position::Json));
            let [Some(user), Some(password)] = pair else { return None };
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            headers.push(("authorization".to_owned(), format!("Basic {pair}")));
        }
        let mut body = Vec::new();
        if let Some(json) = &self.json {
            body = fill_json(json, parts)?.to_string().into_bytes();
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        } else if !self.form.is_empty() {
            let fields = self
                .form
                .iter()
                .map(|(name, template)| Some(format!("{name}={}", fill(template, parts, Position::Url)?)));
            body = fields.collect::<Option<Vec<_>>>()?.join("&").into_bytes();
            headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        Some(Prepared { url, headers, body })
    }

    /// The template of the url, at another origin if there is one.
    pub(crate) fn moved(&self, origin: Option<&str>) -> String {
        let Some(origin) = origin else { return self.url.clone() };
        let rest = self.url.strip_prefix("https://").unwrap_or(&self.url);
        let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        format!("{}{path}", origin.trim_end_matches('/'))
    }

    /// The host (and port) of the template.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.url.strip_prefix("https://").unwrap_or(&self.url);
        rest.split(['/', '?']).next().unwrap_or("")
    }

    /// Reads an answer: exactly one kind of condition must hold.
    pub(crate) fn judge(&self, reply: &Reply, endpoint_is_set: bool) -> Result<Verdict, String> {
        let json = serde_json::from_slice(&reply.body).ok();
        let holds = |any: &AnyOf| any.0.iter().any(|condition| condition.holds(reply, json.as_ref()));
        match (holds(&self.live), holds(&self.revoked), holds(&self.accepted)) {
            (true, false, false) => Ok(Verdict::Live),
            (false, true, false) if self.elsewhere && !endpoint_is_set => {
                Err("refused, but the key may belong to another instance: set the endpoint".to_owned())
            }
            (false, true, false) => Ok(Verdict::Revoked),
            (false, false, true) => Ok(Verdict::Accepted),
            (false, false, false) => Err(format!("status {} says nothing about the key", reply.status)),
            _ => Err("the answer says two things at once".to_owned()),
        }
    }
}
