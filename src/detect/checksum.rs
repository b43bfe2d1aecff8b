//! Token formats that carry their own checksum or structure: what a token says of itself, without asking anybody.
//!
//! A scheme is named by a rule (`checksum = "github"`). Where a token refutes itself it is no live secret; where it
//! proves itself, no guess about placeholders can overrule that.

use super::structure::{armor, bip39, cloud, crc, jwt, key, nested};
use crate::model::{Confidence, Kind, Note, Severity};

/// What a token's own structure says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The checksum is right, or the whole structure parses.
    Valid,
    /// It cannot be such a token; the reason.
    Invalid(&'static str),
    /// It may be one: the format has nothing that could prove it.
    Unknown,
}

/// The verdict of a scheme on one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Whether it holds.
    pub state: State,
    /// What could be read off: an account, an algorithm, an expiry. Never any part of the secret.
    pub notes: Vec<Note>,
    /// Overrides the rule's severity: an encrypted key, a public role.
    pub severity: Option<Severity>,
    /// Lowers the rule's confidence: an encrypted key.
    pub confidence: Option<Confidence>,
    /// Overrides the rule's kind: a honeypot's key, a token meant for browsers.
    pub kind: Option<Kind>,
    /// When it stops to work, in seconds since 1970, where it says so. Whether that is past is for a stage with a clock.
    pub expires: Option<i64>,
}

impl Structure {
    pub(super) fn of(state: State) -> Self {
        Self { state, notes: Vec::new(), severity: None, confidence: None, kind: None, expires: None }
    }

    pub(super) fn valid(note: impl Into<Note>) -> Self {
        Self::of(State::Valid).note(note)
    }

    pub(super) fn invalid(why: &'static str) -> Self {
        Self::of(State::Invalid(why))
    }

    pub(super) fn unknown() -> Self {
        Self::of(State::Unknown)
    }

    pub(super) fn note(mut self, note: impl Into<Note>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A key that cannot be used without its passphrase: worth a look, but no reason to stop a developer.
    pub(super) fn encrypted(what: &str) -> Self {
        let confidence = Some(Confidence::Medium);
        Self { confidence, ..Self::valid(format!("{what}, encrypted: as safe as its passphrase")) }
            .severity(Severity::Medium)
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }
}

/// One scheme: how to judge a secret, and how to make a sampled one right.
struct Scheme {
    name: &'static str,
    check: fn(&[u8]) -> Structure,
    complete: fn(&mut Vec<u8>),
}

const fn scheme(name: &'static str, check: fn(&[u8]) -> Structure, complete: fn(&mut Vec<u8>)) -> Scheme {
    Scheme { name, check, complete }
}

fn leave(_: &mut Vec<u8>) {}

/// All schemes. Sources of the algorithms are with the functions.
const SCHEMES: &[Scheme] = &[
    scheme("age", crc::check_age, crc::complete_age),
    scheme("atlassian", crc::check_atlassian, crc::complete_atlassian),
    scheme("aws-key-id", cloud::check_aws_key_id, leave),
    scheme("basic", nested::check_basic, nested::complete_basic),
    scheme("bip39", bip39::check, bip39::complete),
    scheme("confluent", crc::check_confluent, crc::complete_confluent),
    scheme("cratesio", crc::check_cratesio, crc::complete_cratesio),
    scheme("discord", nested::check_discord, nested::complete_discord),
    scheme("filler", nested::check_filler, leave),
    scheme("github", crc::check_github, crc::complete_github),
    scheme("github-fine-grained", crc::check_github_fine_grained, crc::complete_github_fine_grained),
    scheme("gitlab-routable", crc::check_gitlab_routable, crc::complete_gitlab_routable),
    scheme("grafana", crc::check_grafana, crc::complete_grafana),
    scheme("grafana-cloud", nested::check_grafana_cloud, nested::complete_grafana_cloud),
    scheme("grafana-legacy", nested::check_grafana_legacy, nested::complete_grafana_legacy),
    scheme("intercom", nested::check_intercom, nested::complete_intercom),
    scheme("jfrog-reference", nested::check_jfrog_reference, nested::complete_jfrog_reference),
    scheme("jwt", jwt::check, jwt::complete),
    scheme("mapbox", nested::check_mapbox, nested::complete_mapbox),
    scheme("nkey", crc::check_nkey, crc::complete_nkey),
    scheme("npm", crc::check_github, crc::complete_github),
    scheme("onepassword", nested::check_onepassword, nested::complete_onepassword),
    scheme("pgp", armor::check_pgp, armor::complete_pgp),
    scheme("private-key", key::check_pem, key::complete_pem),
    scheme("private-key-base64", key::check_base64_pem, key::complete_base64_pem),
    scheme("putty", armor::check_putty, armor::complete_putty),
    scheme("pypi", cloud::check_pypi, cloud::complete_pypi),
    scheme("sentry-org", nested::check_sentry_org, nested::complete_sentry_org),
    scheme("vercel", crc::check_github, crc::complete_github),
    scheme("zuplo", crc::check_zuplo, crc::complete_zuplo),
];

fn find(name: &str) -> Option<&'static Scheme> {
    SCHEMES.binary_search_by(|scheme| scheme.name.cmp(name)).ok().map(|at| &SCHEMES[at])
}

/// Whether a rule may name this scheme.
#[must_use]
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// What the scheme called `name` says of `secret`; `None` where there is no such scheme.
#[must_use]
pub fn check(name: &str, secret: &[u8]) -> Option<Structure> {
    find(name).map(|scheme| (scheme.check)(secret))
}

/// Makes the checksum or structure of a sampled token right, for the examples of rules.
pub fn complete(name: &str, sample: &mut Vec<u8>) {
    if let Some(scheme) = find(name) {
        (scheme.complete)(sample);
    }
}

#[cfg(test)]
mod tests {
    use super::{SCHEMES, State, check, complete};
    use crate::rules::{
        RuleSet,
        example::{Dice, expand},
    };

    #[test]
    fn schemes_are_sorted_by_name() {
        assert!(SCHEMES.is_sorted_by_key(|scheme| scheme.name));
    }

    /// Every rule that names a scheme: its samples pass, and cut or with a letter changed they do not.
    #[test]
    fn each_scheme_knows_right_from_wrong() {
        // Formats that can say whose they are, but not that they are wrong.
        const CANNOT_TELL: &[&str] = &["aws-key-id", "filler"];
        let rules = RuleSet::builtin();
        let mut seen = Vec::new();
        for (_, loaded) in rules.iter().filter(|(_, loaded)| !loaded.rule.checksum.is_empty()) {
            let name = loaded.rule.checksum.as_str();
            let mut dice = Dice::new(&loaded.info.id);
            let right = expand("{secret}", &loaded.rule, &mut dice, &complete).unwrap();
            let state = |token: &[u8]| check(name, token).unwrap().state;
            let refuses = |token: &[u8]| matches!(state(token), State::Invalid(_));
            assert!(!refuses(&right), "{}: {:?}", loaded.info.id, state(&right));
            let changed = |at: usize| [&right[..at], b"!", &right[at + 1..]].concat();
            let wrong = [changed(2), changed(right.len() / 2), right[..right.len() / 3].to_vec()];
            let refused = wrong.iter().any(|token| refuses(token));
            assert!(CANNOT_TELL.contains(&name) || refused, "{}: {name}", loaded.info.id);
            seen.push(name);
        }
        for scheme in SCHEMES {
            assert!(seen.contains(&scheme.name), "no rule uses {}", scheme.name);
        }
    }

    #[test]
    fn no_scheme_panics_on_anything() {
        let odd: [&[u8]; 8] =
            [b"", b"x", b"....", b"-----BEGIN PRIVATE KEY-----", b"eyJ.eyJ.", &[0xff; 300], b"glpat-.01.", b"\\n\\n"];
        for scheme in SCHEMES {
            for text in odd {
                (scheme.check)(text);
                let mut sample = text.to_vec();
                (scheme.complete)(&mut sample);
                (scheme.check)(&sample);
            }
        }
    }

    #[test]
    fn an_unknown_name_says_nothing() {
        assert_eq!(check("no-such-scheme", b"x"), None);
        let mut sample = b"x".to_vec();
        complete("no-such-scheme", &mut sample);
        assert_eq!(sample, b"x");
    }

    #[test]
    fn completed_samples_are_valid_and_spoilt_ones_are_not() {
        let tokens = [
            ("github", format!("ghp_{}", "a1B2c3".repeat(6))),
            ("npm", format!("npm_{}", "a1B2c3".repeat(6))),
            ("vercel", format!("vcp_{}", "a1B2c3d".repeat(8))),
            ("github-fine-grained", format!("github_pat_{}_{}", "a1".repeat(11), "b".repeat(59))),
            ("gitlab-routable", format!("glpat-{}.01.{}", "a1B2c".repeat(6), "0".repeat(9))),
            ("atlassian", format!("ATATT3xFfGF0{}={}", "a1B2c".repeat(30), "0".repeat(8))),
            ("grafana", format!("glsa_{}_{}", "a1B2".repeat(8), "0".repeat(8))),
            ("zuplo", format!("zpka_{}_{}", "a1b2".repeat(8), "0".repeat(8))),
            ("confluent", format!("cflt{}", "a1B2c3".repeat(10))),
            ("nkey", format!("SUA{}", "B2C3D".repeat(11))),
            ("age", format!("AGE-SECRET-KEY-1{}", "Q".repeat(58))),
        ];
        for (name, sample) in tokens {
            let mut token = sample.into_bytes();
            complete(name, &mut token);
            assert_eq!(check(name, &token).map(|found| found.state), Some(State::Valid), "{name}");
            // Any one other character breaks it.
            let middle = token.len() / 2;
            token[middle] = if token[middle] == b'A' { b'C' } else { b'A' };
            assert!(matches!(check(name, &token).map(|found| found.state), Some(State::Invalid(_))), "{name}");
        }
    }
}
