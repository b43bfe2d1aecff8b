//! Flags of the revocation check. Keys come from the environment, a private file or a file descriptor, never from argv.

use std::{ops::RangeInclusive, path::PathBuf, str::FromStr};

use clap::{Args, Subcommand, ValueEnum};

/// What is told of a secret.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Send {
    /// SHA-256, for formats with at least 64 bits of entropy
    #[default]
    Fingerprint,
    /// HMAC under a key shared with the receiver; weak secrets too
    Hmac,
    /// The first five hex digits of the SHA-256; weak secrets too
    Prefix,
    /// In clear, for the rules named by --webhook-plaintext-rule
    Plaintext,
    /// Sealed to the receiver's public key
    Sealed,
}

/// Whose protocol the service speaks. All but the first take secrets only in clear.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// stanch-webhook/1
    #[default]
    Stanch,
    /// What GitHub sends to secret-scanning partners; --webhook-key is the P-256 key that signs (PKCS#8 PEM)
    GithubPartner,
    /// GitLab's token revocation API: only revokes; --webhook-key is its token, URL its base address
    GitlabRevocation,
    /// GitHub's POST /credentials/revoke: only revokes; --webhook-key is a token, for an Enterprise server only
    GithubCredentials,
    /// A custom verifier of TruffleHog; --webhook-key is the value of its Authorization header
    Trufflehog,
}

/// `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
        if key.is_empty() || value.is_empty() { Err("write NAME=VALUE") } else { Ok(Self(key.into(), value.into())) }
    }
}

/// An HTTP status, or a range of them: `404`, `400-499`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statuses(pub(crate) RangeInclusive<u16>);

impl FromStr for Statuses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let status = |text: &str| text.trim().parse().ok().filter(|status| (100..600).contains(status));
        match (status(first), status(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first..=last)),
            _ => Err("write a status (404) or a range of them (400-499)"),
        }
    }
}

/// How much patience.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Patience {
    /// One try, 1.5 s
    Hook,
    /// 60 s
    #[default]
    Ci,
    /// 15 minutes
    Audit,
}

// Asking a webhook, or the providers, whether secrets are live.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Revocation check")]
pub(crate) struct WebhookArgs {
    /// Ask this service which secrets are live (https; fingerprints only, unless told otherwise)
    #[arg(long = "webhook", value_name = "URL", env = "STANCH_WEBHOOK")]
    pub(crate) url: Option<String>,
    /// Keys that sign requests: env:NAME, fd:N or a file only you can read (whsec_… or whsk_…, the newest first)
    #[arg(long = "webhook-key", value_name = "SOURCE")]
    pub(crate) key: Option<String>,
    /// Whose protocol the service speaks
    #[arg(long = "webhook-format", value_name = "FORMAT", default_value = "stanch", hide_short_help = true)]
    pub(crate) format: Protocol,
    /// What the service calls a rule, for github-partner and gitlab-revocation (may be given again)
    #[arg(long = "webhook-type", value_name = "RULE=NAME", hide_short_help = true)]
    pub(crate) types: Vec<Pair>,
    /// How the receiver names --webhook-key, for github-partner [default: the SHA-256 of the public point]
    #[arg(long = "webhook-key-id", value_name = "ID", hide_short_help = true)]
    pub(crate) key_id: Option<String>,
    /// The detector's name, for trufflehog
    #[arg(long = "webhook-detector", value_name = "NAME", default_value = "stanch", hide_short_help = true)]
    pub(crate) detector: String,
    /// Statuses that mean live, for trufflehog: 200,210-219 [default: 200]
    #[arg(long = "webhook-live-status", value_name = "STATUS", value_delimiter = ',', hide_short_help = true)]
    pub(crate) live_status: Vec<Statuses>,
    /// Statuses that mean revoked, for trufflehog [default: none]
    #[arg(long = "webhook-revoked-status", value_name = "STATUS", value_delimiter = ',', hide_short_help = true)]
    pub(crate) revoked_status: Vec<Statuses>,
    /// What is told of a secret
    #[arg(long = "webhook-send", value_name = "HOW", default_value = "fingerprint", hide_short_help = true)]
    pub(crate) send: Send,
    /// The key for --webhook-send hmac: env:NAME, fd:N or a private file
    #[arg(long = "webhook-hmac-key", value_name = "SOURCE", hide_short_help = true)]
    pub(crate) hmac_key: Option<String>,
    /// A rule whose secrets may be sent in clear (may be given again)
    #[arg(long = "webhook-plaintext-rule", value_name = "RULE", hide_short_help = true)]
    pub(crate) plaintext_rules: Vec<String>,
    /// The receiver's public key for --webhook-send sealed (stanch-seal-…)
    #[arg(long = "webhook-recipient", value_name = "KEY", hide_short_help = true)]
    pub(crate) recipient: Option<String>,
    /// Tell where secrets were found, too
    #[arg(long = "webhook-include-location", hide_short_help = true)]
    pub(crate) include_location: bool,
    /// An answer without a good signature is no answer; keys as for --webhook-key (whsec_… or whpk_…)
    #[arg(long = "webhook-response-key", value_name = "SOURCE", hide_short_help = true)]
    pub(crate) response_key: Option<String>,
    /// Exit 3 when a secret that was asked about has no answer
    #[arg(long = "webhook-required")]
    pub(crate) required: bool,
    /// Allow addresses in private networks
    #[arg(long = "webhook-allow-private")]
    pub(crate) allow_private: bool,
    /// Allow plain http to this machine, for tests
    #[arg(long = "webhook-http-loopback", hide_short_help = true)]
    pub(crate) http_loopback: bool,
    /// Certificates to trust instead of the public ones (PEM), for a service inside an organisation
    #[arg(long = "webhook-ca", value_name = "FILE", hide_short_help = true)]
    pub(crate) ca: Option<PathBuf>,
    /// How much patience
    #[arg(long = "webhook-patience", value_name = "MODE", default_value = "ci", hide_short_help = true)]
    pub(crate) patience: Patience,
    /// Keep what could not be asked here, for `stanch webhook flush`
    #[arg(long = "webhook-spool", value_name = "FILE", hide_short_help = true)]
    pub(crate) spool: Option<PathBuf>,
    /// Keep verdicts here between runs; needs --webhook-cache-key
    #[arg(long = "webhook-cache", value_name = "FILE", requires = "cache_key", hide_short_help = true)]
    pub(crate) cache: Option<PathBuf>,
    /// The key that guards the cache: env:NAME, fd:N or a private file
    #[arg(long = "webhook-cache-key", value_name = "SOURCE", hide_short_help = true)]
    pub(crate) cache_key: Option<String>,
    /// Ask the providers themselves, each about its own keys: this sends secrets to them
    #[arg(long)]
    pub(crate) verify: bool,
    /// Where a provider of your own answers, as gitlab=https://gitlab.example.com: a provider, a rule or a host (may be given again)
    #[arg(
        long = "provider-endpoint",
        value_name = "NAME=URL",
        value_delimiter = ',',
        env = "STANCH_PROVIDER_ENDPOINTS",
        hide_short_help = true
    )]
    pub(crate) endpoints: Vec<Pair>,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

// `stanch webhook`.
#[derive(Subcommand, Debug)]
pub(crate) enum WebhookCommand {
    /// Check a receiver against the protocol: signatures, replays, idempotency, partial answers, limits
    Test {
        #[command(flatten)]
        webhook: WebhookArgs,
    },
    /// Ask what an earlier run could not
    Flush {
        /// The spool
        #[arg(id = "spooled", value_name = "SPOOL")]
        spool: PathBuf,
        #[command(flatten)]
        webhook: WebhookArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::{Pair, Statuses};

    #[test]
    fn pairs_and_statuses() {
        assert_eq!("a=b=c".parse(), Ok(Pair("a".into(), "b=c".into())));
        assert!("a".parse::<Pair>().is_err() && "=b".parse::<Pair>().is_err() && "a=".parse::<Pair>().is_err());
        assert_eq!("404".parse(), Ok(Statuses(404..=404)));
        assert_eq!("400-499".parse(), Ok(Statuses(400..=499)));
        for bad in ["", "x", "99", "600", "499-400", "-", "200-"] {
            assert!(bad.parse::<Statuses>().is_err(), "{bad}");
        }
    }
}
