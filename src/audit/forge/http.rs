//! `Web`: one GET to a forge, and the clock; replaceable, so that tests need neither network nor time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most bytes of a page. A hundred repositories of GitHub take less than one MiB.
const PAGE: u64 = 32 << 20;
/// Longest time for a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, whole. Names of headers are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP's status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// The same as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.header(name)?.parse().ok()
    }
}

/// The network and the clock.
pub trait Web {
    /// Asks once, follows no redirect.
    ///
    /// # Errors
    /// Why there is no whole answer, in fixed words.
    fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Answer, String>;
    /// Seconds since 1970.
    fn now(&self) -> i64;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The real ones.
#[derive(Debug)]
pub struct RealWeb(ureq::Agent);

impl RealWeb {
    /// Connections are kept between pages.
    #[must_use]
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(format!("stanch/{}", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(PATIENCE))
            .build();
        Self(config.new_agent())
    }
}

impl Default for RealWeb {
    fn default() -> Self {
        Self::new()
    }
}

impl Web for RealWeb {
    fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Answer, String> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, value.as_str());
        }
        // The client's own words may quote what was sent.
        let mut response = request.call().map_err(|error| trouble(&error).to_owned())?;
        let told = |value: &ureq::http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), told(value)?)))
            .collect();
        let body =
            response.body_mut().with_config().limit(PAGE).read_to_vec().map_err(|error| trouble(&error).to_owned())?;
        Ok(Answer { status: response.status().as_u16(), headers, body })
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

fn trouble(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "no answer in time",
        ureq::Error::HostNotFound => "the host is not known",
        ureq::Error::ConnectionFailed => "cannot connect",
        ureq::Error::BodyExceedsLimit(_) => "the answer is too large",
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "TLS failed",
        ureq::Error::BadUri(_) => "no usable address",
        _ => "the connection was lost",
    }
}
