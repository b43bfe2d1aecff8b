//! `Question` → `Item`: what may be sent of which secret, each secret once.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::settings::{Disclosure, RevokeError, Settings};
use super::world::World;
use crate::model::{Finding, Fingerprint, Kind, RuleInfo, Secret};

/// Most places told for one secret, and most characters of one.
const PLACES: usize = 10;
const PLACE_LENGTH: usize = 512;

/// What there is of a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The secret.
    Whole(Secret),
    /// What is left of one that was not kept: only its fingerprint can be sent.
    Hashed {
        /// SHA-256 of the secret.
        sha256: [u8; 32],
        /// Its bytes.
        len: usize,
    },
}

impl Subject {
    /// SHA-256 of the secret.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Whole(secret) => Sha256::digest(secret.expose()).into(),
            Self::Hashed { sha256, .. } => *sha256,
        }
    }

    /// The secret, if there is more than a hash of it.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(secret) => Some(secret.expose()),
            Self::Hashed { .. } => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Whole(secret) => secret.expose().len(),
            Self::Hashed { len, .. } => *len,
        }
    }
}

impl From<Secret> for Subject {
    fn from(secret: Secret) -> Self {
        Self::Whole(secret)
    }
}

/// A secret that somebody wants to know about.
#[derive(Clone, Debug)]
pub struct Question {
    /// The finding.
    pub fingerprint: Fingerprint,
    /// Its secret.
    pub secret: Subject,
    /// The other part of a credential in two parts; only providers are told.
    pub partner: Option<Secret>,
    /// Its rule.
    pub rule: Arc<RuleInfo>,
    /// Whether the format has at least 64 bits of entropy, so that its SHA-256 gives nothing away.
    pub strong: bool,
    /// How many places.
    pub count: usize,
    /// Where; only filled if the user asked for it to be told.
    pub places: Vec<String>,
}

impl Question {
    /// About a finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            fingerprint: finding.fingerprint,
            secret: finding.secret.clone().into(),
            partner: finding.partner.clone(),
            rule: Arc::clone(&finding.rule),
            strong: is_strong(finding),
            count: finding.occurrences.len(),
            places: finding.occurrences.iter().map(|at| at.place.path().to_string()).collect(),
        }
    }
}

/// SHA-256 and length of a finding's secret, if nobody could guess the secret from them: what may be kept where the
/// secret may not, to ask about it later.
#[must_use]
pub fn guess_proof(finding: &Finding) -> Option<Subject> {
    let secret = finding.secret.expose();
    is_strong(finding).then(|| Subject::Hashed { sha256: Sha256::digest(secret).into(), len: secret.len() })
}

/// Bits of entropy that a secret needs for its SHA-256 to give nothing away.
const STRONG: f64 = 64.0;

/// Whether nobody could guess a secret from its SHA-256: made by a machine in a vendor's format, and random enough. What
/// people may have chosen (passwords, and all that was judged by its name) is not.
fn is_strong(finding: &Finding) -> bool {
    let name = finding.rule.name.to_lowercase();
    let chosen = ["password", "credential", "passphrase", "basic auth"].iter().any(|word| name.contains(word));
    finding.probability.is_none()
        && finding.rule.provider != "generic"
        && !chosen
        && bits(finding.secret.expose()) >= STRONG
}

/// Shannon entropy of all bytes together: less than what a random format holds, never more.
fn bits(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let len = bytes.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count)).map(|n| n * (len / n).log2()).sum()
}

/// Why a secret was not asked about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NotSent {
    /// The finding.
    pub fingerprint: Fingerprint,
    /// The id of its rule.
    pub rule: String,
    /// Why.
    pub reason: &'static str,
}

/// One secret on its way to the service.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Names the item in this run at this endpoint, whatever message it travels in.
    pub(crate) id: String,
    /// The findings that hang on the answer.
    pub(crate) asks: Vec<Fingerprint>,
    pub(crate) rule: String,
    /// What the receiver knows it by.
    pub(crate) fp: String,
    /// SHA-256 of the secret. Never leaves the machine unless it is in `fp`.
    pub(crate) digest: [u8; 32],
    pub(crate) strong: bool,
    pub(crate) count: usize,
    pub(crate) places: Vec<String>,
    /// Bytes of the secret.
    pub(crate) len: usize,
    /// In clear; only read where `plain`.
    pub(crate) secret: Secret,
    pub(crate) plain: bool,
    pub(crate) sealed: Option<String>,
}

/// What is to be asked, in a fixed order, and what is not.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) items: Vec<Item>,
    pub(crate) not_sent: Vec<NotSent>,
}

/// A secret that no verifier may see, whatever the user allows.
pub(crate) fn barred(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Secret => None,
        Kind::Canary => Some("a canary: asking about it raises its alarm"),
        Kind::Publishable => Some("publishable: public by design"),
        Kind::Identifier => Some("an identifier, no secret"),
        Kind::Hashed => Some("a hash, no credential"),
        Kind::Info => Some("information, no secret"),
    }
}

/// Sorts out what may be sent, and merges questions about the same secret.
pub(crate) fn plan(questions: &[Question], settings: &Settings, scan: &str) -> Result<Plan, RevokeError> {
    let mut plan = Plan::default();
    // A canary under one rule bars the same bytes under every other.
    let questions: Vec<([u8; 32], &Question)> = questions.iter().map(|q| (q.secret.sha256(), q)).collect();
    let canaries: std::collections::BTreeSet<&[u8; 32]> =
        questions.iter().filter(|(_, q)| q.rule.kind == Kind::Canary).map(|(digest, _)| digest).collect();
    let mut groups: BTreeMap<(&str, &[u8; 32]), Vec<&Question>> = BTreeMap::new();
    let mut owner: BTreeMap<&[u8; 32], &str> = BTreeMap::new();
    for (digest, question) in &questions {
        let mut reason = barred(question.rule.kind).or_else(|| withheld(question, settings));
        if canaries.contains(digest) {
            reason = barred(Kind::Canary);
        }
        match reason {
            Some(reason) => plan.not_sent.push(NotSent {
                fingerprint: question.fingerprint,
                rule: question.rule.id.clone(),
                reason,
            }),
            None => {
                let rule = owner.entry(digest).or_insert(&question.rule.id);
                *rule = (*rule).min(&question.rule.id);
            }
        }
    }
    for (digest, question) in &questions {
        if let Some(rule) = owner.get(digest)
            && barred(question.rule.kind).is_none()
            && withheld(question, settings).is_none()
        {
            groups.entry((rule, digest)).or_default().push(question);
        }
    }
    for ((rule, digest), group) in groups {
        plan.items.push(item(rule, *digest, &group, settings));
    }
    name(&mut plan.items, settings, scan)?;
    plan.not_sent.sort();
    plan.not_sent.dedup();
    Ok(plan)
}

fn withheld(question: &Question, settings: &Settings) -> Option<&'static str> {
    let whole = settings.shape.needs_plaintext() || matches!(settings.disclosure, Disclosure::Sealed(_));
    if whole && question.secret.whole().is_none() {
        return Some("the secret was not kept, so it cannot be sent");
    }
    let listed = matches!(&settings.disclosure, Disclosure::Plaintext(rules) if rules.contains(&question.rule.id));
    if settings.shape.needs_plaintext() {
        return (!listed).then_some("this service takes only secrets in clear, and the rule is not on that list");
    }
    match &settings.disclosure {
        Disclosure::Hmac(_) | Disclosure::Prefix | Disclosure::Sealed(_) => None,
        Disclosure::Plaintext(_) if listed && question.secret.whole().is_some() => None,
        Disclosure::Fingerprint | Disclosure::Plaintext(_) => {
            (!question.strong).then_some("too weak: its fingerprint could be guessed")
        }
    }
}

fn item(rule: &str, digest: [u8; 32], group: &[&Question], settings: &Settings) -> Item {
    let secret = group.iter().find_map(|q| q.secret.whole());
    let listed = |q: &&&Question| {
        matches!(&settings.disclosure, Disclosure::Plaintext(rules) if rules.contains(&q.rule.id)) && secret.is_some()
    };
    let plain = group.iter().find(listed).map(|q| q.rule.id.as_str());
    let strong = group.iter().all(|q| q.strong);
    let mut places: Vec<String> = Vec::new();
    if settings.include_places {
        places = group.iter().flat_map(|q| q.places.iter().map(|p| p.chars().take(PLACE_LENGTH).collect())).collect();
        places.sort();
        places.dedup();
        places.truncate(PLACES);
    }
    let mut asks: Vec<_> = group.iter().map(|q| q.fingerprint).collect();
    asks.sort();
    asks.dedup();
    Item {
        id: String::new(),
        asks,
        rule: plain.unwrap_or(rule).to_owned(),
        fp: wire_fingerprint(&settings.disclosure, &digest, strong, settings.transport.world.as_ref()),
        digest,
        strong,
        // The same finding asked twice is still one finding.
        count: group.iter().map(|q| q.count).max().unwrap_or(0).max(group.len()),
        places,
        len: group[0].secret.len(),
        secret: Secret::new(secret.unwrap_or_default()),
        plain: plain.is_some(),
        sealed: None,
    }
}

fn wire_fingerprint(disclosure: &Disclosure, digest: &[u8; 32], strong: bool, world: &dyn World) -> String {
    match disclosure {
        Disclosure::Fingerprint | Disclosure::Plaintext(_) => format!("sha256:{}", hex(digest)),
        Disclosure::Hmac(key) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
            mac.update(digest);
            format!("hmac-sha256:{}", hex(&mac.finalize().into_bytes()))
        }
        Disclosure::Prefix => format!("prefix:{}", &hex(digest)[..5]),
        Disclosure::Sealed(_) if strong => format!("sha256:{}", hex(digest)),
        // The hash of a weak secret would undo the seal: a name that says nothing.
        Disclosure::Sealed(_) => format!("none:{:016x}{:016x}", world.random(), world.random()),
    }
}

/// Gives every item its id, and seals what is to be sealed to it.
fn name(items: &mut [Item], settings: &Settings, scan: &str) -> Result<(), RevokeError> {
    items.sort_by(|a, b| (a.plain, &a.rule, &a.fp, &a.digest).cmp(&(b.plain, &b.rule, &b.fp, &b.digest)));
    let mut twins: BTreeMap<String, u32> = BTreeMap::new();
    for item in items {
        let twin = twins.entry(item.fp.clone()).or_default();
        let parts = [settings.operation.name(), &settings.endpoint, scan, &item.fp, &twin.to_string()];
        *twin += 1;
        item.id = format!("it_{}", &digest_name(&parts)[..20]);
        if let Disclosure::Sealed(recipient) = &settings.disclosure {
            let sealed = recipient.seal(item.secret.expose(), &item.id);
            item.sealed = Some(sealed.map_err(|_| RevokeError::Settings("the recipient's key is no good"))?);
        }
    }
    Ok(())
}

/// The id of a message: operation, endpoint, run, time of making and items. A later run under the same name makes other
/// messages, for a receiver may not take another body under an id it knows.
pub(crate) fn message_id(settings: &Settings, scan: &str, items: &[&Item], unix: i64) -> String {
    let mut ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    ids.sort_unstable();
    let made = unix.to_string();
    let mut parts = vec![settings.operation.name(), &settings.endpoint, scan, &made];
    parts.extend(ids);
    format!("msg_{}", &digest_name(&parts)[..26])
}

/// A name for this run, if the user gave none.
pub(crate) fn scan_name(settings: &Settings) -> String {
    settings.scan_id.clone().unwrap_or_else(|| {
        let world = &settings.transport.world;
        let parts = [world.random().to_string(), world.random().to_string(), world.unix().to_string()];
        digest_name(&[&parts[0], &parts[1], &parts[2]])[..26].to_owned()
    })
}

/// SHA-256 of the parts in base32, upper case, 52 characters.
fn digest_name(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    base32(&hash.finalize())
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut have) = (0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            text.push(char::from(ALPHABET[(bits >> have) as usize & 31]));
        }
    }
    if have > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - have)) as usize & 31]));
    }
    text
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
