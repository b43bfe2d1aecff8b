//! One HTTP request: pinned address, no redirects, no proxies, bounded time and size.

use std::sync::Arc;
use std::time::Duration;

use ureq::http::{Method, Request};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

use super::guard::{Guard, PinnedResolver, Refused};
use super::settings::{RevokeError, Transport};
use super::world::World;

/// Most bytes of an answer. A full batch answers in under 20 kB.
const BODY_LIMIT: u64 = 1024 * 1024;
/// Most bytes of an answer's headers.
const HEADER_LIMIT: usize = 32 * 1024;
/// Longest time for a name to be resolved.
const RESOLVE: Duration = Duration::from_secs(3);

/// A request as it goes out.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer, whole. Header names are lower case.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer. Fixed words only: an error text of the client could quote a URL, and a provider's URL can
/// hold the secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// Nothing was sent.
    Refused(Refused),
    /// No connection.
    Connect,
    /// The connection broke; the other side may have read the request.
    Lost,
    /// It took too long; likewise.
    Timeout,
    /// The other side's certificate or handshake.
    Tls,
    /// More than [`BODY_LIMIT`].
    TooLarge,
    /// No HTTP.
    Malformed,
    /// The request cannot be written as HTTP.
    Unsendable,
}

impl Trouble {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(refused) => format!("address refused: {refused}"),
            Self::Connect => "cannot connect".into(),
            Self::Lost => "connection lost".into(),
            Self::Timeout => "timeout".into(),
            Self::Tls => "TLS failed".into(),
            Self::TooLarge => "answer too large".into(),
            Self::Malformed => "answer is no HTTP".into(),
            Self::Unsendable => "cannot be sent".into(),
        }
    }

    /// Whether another attempt may fare better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Connect | Self::Lost | Self::Timeout | Self::Malformed)
            || matches!(self, Self::Refused(Refused::Unresolved(_)))
    }

    /// Whether the other side may have seen the request.
    pub(crate) fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Lost | Self::Timeout | Self::TooLarge | Self::Malformed)
    }
}

/// The client; connections are kept between requests.
pub(crate) struct Client {
    agent: ureq::Agent,
    resolver: PinnedResolver,
    guard: Guard,
    total: Duration,
}

impl Client {
    pub(crate) fn new(transport: &Transport) -> Result<Self, RevokeError> {
        let roots = match &transport.ca {
            None => RootCerts::WebPki,
            Some(pem) => RootCerts::new_with_certs(&certificates(pem)?),
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!transport.guard.http_loopback)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy would resolve names itself, past the guard; and nothing in the environment decides where to send.
            .proxy(None)
            .user_agent(format!("stanch/{}", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .max_response_header_size(HEADER_LIMIT)
            .timeout_connect(Some(transport.connect_timeout))
            .timeout_resolve(Some(RESOLVE))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let world: Arc<dyn World> = Arc::clone(&transport.world);
        let resolver = PinnedResolver::new(transport.guard, world);
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver.clone());
        Ok(Self { agent, resolver, guard: transport.guard, total: transport.total_timeout })
    }

    /// Sends one request and reads the whole answer, in at most `within` and the total timeout.
    pub(crate) fn send(&self, out: &Outgoing, within: Duration) -> Result<Reply, Trouble> {
        let uri = self.guard.check_url(&out.url).map_err(Trouble::Refused)?;
        let within = within.min(self.total);
        self.resolver.pin(&uri, within.min(RESOLVE)).map_err(Trouble::Refused)?;
        let method = Method::from_bytes(out.method.as_bytes()).map_err(|_| Trouble::Unsendable)?;
        let has_body = !out.body.is_empty() || matches!(out.method, "POST" | "PUT" | "PATCH");
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in &out.headers {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let response = if has_body {
            let request = builder.body(out.body.as_slice()).map_err(|_| Trouble::Unsendable)?;
            let request = self.agent.configure_request(request).timeout_global(Some(within));
            self.agent.run(request.allow_non_standard_methods(true).build())
        } else {
            let request = builder.body(()).map_err(|_| Trouble::Unsendable)?;
            self.agent.run(self.agent.configure_request(request).timeout_global(Some(within)).build())
        };
        let mut response = response.map_err(|error| trouble(&error))?;
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec().map_err(|e| trouble(&e))?;
        Ok(Reply { status: response.status().as_u16(), headers, body })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, RevokeError> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| RevokeError::Certificates)? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(RevokeError::Certificates) } else { Ok(found) }
}

fn trouble(error: &ureq::Error) -> Trouble {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) | ureq::Error::ConnectionFailed => {
            Trouble::Connect
        }
        ureq::Error::Timeout(_) => Trouble::Timeout,
        ureq::Error::HostNotFound => Trouble::Connect,
        ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => Trouble::TooLarge,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Trouble::Tls,
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => Trouble::Malformed,
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => Trouble::Unsendable,
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Trouble::Connect
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Trouble::Timeout,
            // rustls reports a bad certificate as invalid data.
            ErrorKind::InvalidData => Trouble::Tls,
            _ => match io.get_ref().and_then(|inner| inner.downcast_ref::<Refused>()) {
                Some(refused) => Trouble::Refused(refused.clone()),
                None => Trouble::Lost,
            },
        },
        _ => Trouble::Lost,
    }
}
