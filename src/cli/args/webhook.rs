//! Flags of the revocation check. Keys come from the environment, a private file or a file descriptor, never from argv.

use std::path::PathBuf;

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

/// Asking a webhook, or the providers, whether secrets are live.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Revocation check")]
pub(crate) struct WebhookArgs {
    /// Ask this service which secrets are live (https; fingerprints only, unless told otherwise)
    #[arg(long = "webhook", value_name = "URL", env = "STANCH_WEBHOOK")]
    pub(crate) url: Option<String>,
    /// Keys that sign requests: env:NAME, fd:N or a file only you can read (whsec_… or whsk_…, the newest first)
    #[arg(long = "webhook-key", value_name = "SOURCE")]
    pub(crate) key: Option<String>,
    /// What is told of a secret
    #[arg(long = "webhook-send", value_name = "HOW", default_value = "fingerprint")]
    pub(crate) send: Send,
    /// The key for --webhook-send hmac: env:NAME, fd:N or a private file
    #[arg(long = "webhook-hmac-key", value_name = "SOURCE")]
    pub(crate) hmac_key: Option<String>,
    /// A rule whose secrets may be sent in clear (may be given again)
    #[arg(long = "webhook-plaintext-rule", value_name = "RULE")]
    pub(crate) plaintext_rules: Vec<String>,
    /// The receiver's public key for --webhook-send sealed (stanch-seal-…)
    #[arg(long = "webhook-recipient", value_name = "KEY")]
    pub(crate) recipient: Option<String>,
    /// Tell where secrets were found, too
    #[arg(long = "webhook-include-location")]
    pub(crate) include_location: bool,
    /// An answer without a good signature is no answer; keys as for --webhook-key (whsec_… or whpk_…)
    #[arg(long = "webhook-response-key", value_name = "SOURCE")]
    pub(crate) response_key: Option<String>,
    /// Exit 3 when not every secret was answered
    #[arg(long = "webhook-required")]
    pub(crate) required: bool,
    /// Allow addresses in private networks
    #[arg(long = "webhook-allow-private")]
    pub(crate) allow_private: bool,
    /// Allow plain http to this machine, for tests
    #[arg(long = "webhook-http-loopback")]
    pub(crate) http_loopback: bool,
    /// How much patience
    #[arg(long = "webhook-patience", value_name = "MODE", default_value = "ci")]
    pub(crate) patience: Patience,
    /// Keep what could not be asked here, for `stanch webhook flush`
    #[arg(long = "webhook-spool", value_name = "FILE")]
    pub(crate) spool: Option<PathBuf>,
    /// Keep verdicts here between runs; needs --webhook-cache-key
    #[arg(long = "webhook-cache", value_name = "FILE", requires = "cache_key")]
    pub(crate) cache: Option<PathBuf>,
    /// The key that guards the cache: env:NAME, fd:N or a private file
    #[arg(long = "webhook-cache-key", value_name = "SOURCE")]
    pub(crate) cache_key: Option<String>,
    /// Ask the providers themselves, each about its own keys: this sends secrets to them
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `stanch webhook`.
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
