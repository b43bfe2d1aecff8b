//! `Settings`: where to ask, what may be told, and with how much patience.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::adapters::Shape;
use super::guard::{Guard, Refused};
use super::key_source::KeySourceError;
use super::seal::Recipient;
use super::sign::{CheckingKey, KeyError, SigningKey};
use super::world::{RealWorld, World};

/// What is asked of the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Is it live?
    Check,
    /// Make it dead. Only ever by an explicit command.
    Revoke,
}

impl Operation {
    /// The `type` of the message.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "secret.check",
            Self::Revoke => "secret.revoke",
        }
    }
}

/// Bytes of ours that are never shown: a shared key, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub Vec<u8>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

/// What is told of a secret.
#[derive(Clone, Debug)]
pub enum Disclosure {
    /// SHA-256 of the secret, only for formats with at least 64 bits of entropy; the others are not sent.
    Fingerprint,
    /// HMAC-SHA-256, under a key shared with the receiver, of the SHA-256 of the secret; for weak secrets too.
    Hmac(Hidden),
    /// The first five hexadecimal digits of the SHA-256; the answer is matched here. For weak secrets too.
    Prefix,
    /// The secret in clear for these rules; the others as by `Fingerprint`. Never spooled.
    Plaintext(BTreeSet<String>),
    /// The secret, sealed to the receiver's public key.
    Sealed(Recipient),
}

/// How much time there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Somebody waits for a commit: one try, 1.5 s.
    Hook,
    /// 60 s.
    Ci,
    /// 15 minutes.
    Audit,
}

/// The patience that a mode buys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// For everything together.
    pub total: Duration,
    /// Attempts for one request, the first included.
    pub tries: u32,
    /// How often an open circuit breaker is waited for.
    pub probes: u32,
}

impl Mode {
    /// The name in the message.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Ci => "ci",
            Self::Audit => "audit",
        }
    }

    /// Its budget.
    #[must_use]
    pub fn budget(self) -> Budget {
        let (seconds, tries, probes) = match self {
            Self::Hook => (1.5, 1, 0),
            Self::Ci => (60.0, 5, 1),
            Self::Audit => (900.0, 5, 10),
        };
        Budget { total: Duration::from_secs_f64(seconds), tries, probes }
    }
}

/// How fast one endpoint is asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    /// Requests per second.
    pub per_second: f64,
    /// Requests at once at the start.
    pub burst: u32,
    /// Requests under way at the same time.
    pub in_flight: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 5.0, burst: 10, in_flight: 4 }
    }
}

/// How the HTTP client behaves; the same for webhooks and providers.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Which addresses may be reached.
    pub guard: Guard,
    /// Longest time to a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time for one request.
    pub total_timeout: Duration,
    /// Certificates to trust instead of the public ones, PEM; for receivers inside an organisation.
    pub ca: Option<Vec<u8>>,
    /// How fast.
    pub rate: Rate,
    /// How long, and how often.
    pub budget: Budget,
    /// Clock, dice, names.
    pub world: Arc<dyn World>,
}

impl Transport {
    /// The defaults of a mode on the real world.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            guard: Guard::default(),
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(15),
            ca: None,
            rate: Rate::default(),
            budget: mode.budget(),
            world: Arc::new(RealWorld::new()),
        }
    }
}

/// Verdicts kept between runs.
#[derive(Clone, Debug)]
pub struct CacheFile {
    /// The file; made with mode 0600.
    pub path: PathBuf,
    /// Names and guards its entries; the file is of no use to whoever has not got it.
    pub key: Hidden,
}

/// Everything about asking a webhook.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL.
    pub endpoint: String,
    /// Check or revoke.
    pub operation: Operation,
    /// What is told.
    pub disclosure: Disclosure,
    /// Whose protocol is spoken.
    pub shape: Shape,
    /// Names this run; `None` for a fresh name. Items are named after it.
    pub scan_id: Option<String>,
    /// Told to the receiver, and sets the budget.
    pub mode: Mode,
    /// Digest of the rule set, told to the receiver; may be empty.
    pub rules: String,
    /// Signs requests; the first is the newest. Empty: unsigned.
    pub signing: Vec<SigningKey>,
    /// An answer without a good signature is no answer.
    pub require_signed_response: bool,
    /// Checks answers.
    pub response_keys: Vec<CheckingKey>,
    /// Tell where secrets were found.
    pub include_places: bool,
    /// Most items in a message.
    pub batch: usize,
    /// The client.
    pub transport: Transport,
    /// Verdicts kept between runs.
    pub cache: Option<CacheFile>,
    /// What could not be asked.
    pub spool: Option<PathBuf>,
    /// An incomplete verification makes the run incomplete.
    pub required: bool,
}

impl Settings {
    /// The defaults: fingerprints only, unsigned, public https, nothing kept on disk.
    #[must_use]
    pub fn new(endpoint: &str, mode: Mode) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            operation: Operation::Check,
            disclosure: Disclosure::Fingerprint,
            shape: Shape::Stanch,
            scan_id: None,
            mode,
            rules: String::new(),
            signing: Vec::new(),
            require_signed_response: false,
            response_keys: Vec::new(),
            include_places: false,
            batch: 100,
            transport: Transport::new(mode),
            cache: None,
            spool: None,
            required: false,
        }
    }

    /// Whether these settings make sense together; nothing is sent before they do.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self) -> Result<(), RevokeError> {
        self.transport
            .guard
            .check_url(&self.endpoint)
            .map_err(|refused| RevokeError::endpoint(&self.endpoint, &refused))?;
        if self.require_signed_response && self.response_keys.is_empty() {
            return Err(RevokeError::Settings("signed answers are required, but there is no key to check them with"));
        }
        if self.require_signed_response && !matches!(self.shape, Shape::Stanch) {
            return Err(RevokeError::Settings("only the stanch protocol knows signed answers"));
        }
        if let Disclosure::Hmac(key) = &self.disclosure
            && key.0.len() < 16
        {
            return Err(RevokeError::Settings("the key for HMAC fingerprints needs at least 16 bytes"));
        }
        if self.operation == Operation::Revoke && self.signing.is_empty() && matches!(self.shape, Shape::Stanch) {
            return Err(RevokeError::Settings("a request to revoke must be signed, and there is no key to sign with"));
        }
        self.shape.validate(self)
    }
}

/// Wrong settings or files; never the state of the network.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The endpoint cannot be used.
    #[error("{endpoint}: {why}")]
    Endpoint {
        /// Scheme and host only: path, query and user name may be secrets.
        endpoint: String,
        /// Why not.
        why: String,
    },
    /// Settings that do not go together.
    #[error("webhook: {0}")]
    Settings(&'static str),
    /// A key is none.
    #[error("webhook: {0}")]
    Key(#[from] KeyError),
    /// A key cannot be had.
    #[error("webhook: {0}")]
    KeySource(#[from] KeySourceError),
    /// The certificates cannot be read.
    #[error("webhook: the certificates to trust are no PEM")]
    Certificates,
    /// A cache or spool file cannot be read or written, or is not ours.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A table of providers is wrong.
    #[error("{rule}: {why}")]
    Provider {
        /// The entry, or the file.
        rule: String,
        /// Why.
        why: String,
    },
}

impl RevokeError {
    pub(crate) fn endpoint(url: &str, refused: &Refused) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let host = authority.rsplit('@').next().unwrap_or("");
        Self::Endpoint { endpoint: format!("{scheme}://{host}/…"), why: refused.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_repeat_what_may_be_secret_in_a_url() {
        for url in ["http://user:hidden@a.example/hidden?hidden#hidden", "https://user:hidden@a.example"] {
            let error = Settings::new(url, Mode::Ci).validate().unwrap_err().to_string();
            assert!(error.contains("//a.example/…") && !error.contains("hidden"), "{error}");
        }
    }
}
