//! Restraint: token bucket, circuit breaker, backoff, and what servers say about waiting.

use std::collections::VecDeque;
use std::time::Duration;

/// Failures in a row that open the breaker.
const CONSECUTIVE: u32 = 5;
/// The breaker also opens when half of this many last requests failed.
const WINDOW: usize = 20;
/// How long an open breaker stays shut before one probe is let through.
const OPEN_FOR: Duration = Duration::from_secs(30);
/// First step of the backoff.
const BASE: Duration = Duration::from_millis(500);
/// Longest step of the backoff.
const CEILING: Duration = Duration::from_secs(30);
/// No server makes us wait longer at one go.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Lets so many requests through a second, and a burst at the start.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: per_second.max(0.001), burst, tokens: burst, at: Duration::ZERO }
    }

    /// Takes one token, and says how long to wait before using it.
    pub(crate) fn take(&mut self, now: Duration) -> Duration {
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.at = self.at.max(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.tokens / self.per_second) }
    }
}

/// What the breaker says to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admission {
    /// Go on.
    Go,
    /// Not now; ask again after this time.
    Wait(Duration),
}

/// Stops asking a service that does not answer.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    consecutive: u32,
    recent: VecDeque<bool>,
    opened: Option<Duration>,
    probing: bool,
}

impl Breaker {
    /// Whether a request may go out. While open, one probe per 30 s.
    pub(crate) fn admit(&mut self, now: Duration) -> Admission {
        let Some(opened) = self.opened else { return Admission::Go };
        let until = opened + OPEN_FOR;
        if now < until {
            return Admission::Wait(until - now);
        }
        if self.probing {
            return Admission::Wait(Duration::from_secs(1));
        }
        self.probing = true;
        Admission::Go
    }

    /// Remembers how a request went.
    pub(crate) fn record(&mut self, ok: bool, now: Duration) {
        if self.opened.is_some() {
            // Late answers of requests from before it opened do not count; the probe's does.
            if self.probing {
                self.probing = false;
                self.opened = if ok { None } else { Some(now) };
                self.consecutive = 0;
                self.recent.clear();
            }
            return;
        }
        self.consecutive = if ok { 0 } else { self.consecutive + 1 };
        self.recent.push_back(ok);
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        let failed = self.recent.iter().filter(|ok| !**ok).count();
        if self.consecutive >= CONSECUTIVE || (self.recent.len() == WINDOW && failed * 2 >= WINDOW) {
            self.opened = Some(now);
            self.probing = false;
        }
    }

    /// Gives a probe back that was admitted but not sent.
    pub(crate) fn withdraw(&mut self) {
        self.probing = false;
    }

    /// When it opened: names this spell of being open.
    pub(crate) fn opened_at(&self) -> Option<Duration> {
        self.opened
    }

    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }
}

/// Full jitter: anything between nothing and a doubling ceiling. `attempt` counts from 0.
pub(crate) fn backoff(attempt: u32, random: u64) -> Duration {
    let ceiling = BASE.saturating_mul(1 << attempt.min(10)).min(CEILING);
    let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % nanos.saturating_add(1))
}

/// How long the answer asks us to wait: `Retry-After` (seconds or date), else `RateLimit-*` with nothing remaining.
/// Capped at five minutes. Header names are lower case.
pub(crate) fn asked_wait(headers: &[(String, String)], unix: i64) -> Option<Duration> {
    let get = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim());
    if let Some(wait) = get("retry-after").and_then(|value| seconds_or_date(value, unix)) {
        return Some(wait.min(LONGEST_WAIT));
    }
    if let Some(wait) = get("ratelimit").and_then(combined) {
        return Some(wait.min(LONGEST_WAIT));
    }
    for prefix in ["ratelimit-", "x-ratelimit-", "x-rate-limit-"] {
        if get(&format!("{prefix}remaining")) == Some("0") {
            let reset = get(&format!("{prefix}reset")).and_then(|value| seconds_or_date(value, unix));
            return Some(reset.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT));
        }
    }
    None
}

/// A number of seconds, a time since 1970 (any number that large is one), or an HTTP date.
fn seconds_or_date(value: &str, unix: i64) -> Option<Duration> {
    let until = match value.parse::<f64>() {
        Ok(number) if !number.is_finite() || number < 0.0 => return None,
        Ok(number) if number < 1e9 => return Some(Duration::from_secs_f64(number.min(1e6))),
        #[expect(clippy::cast_possible_truncation, reason = "a float beyond i64 saturates, and is capped after")]
        Ok(number) => number as i64,
        Err(_) => jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_second(),
    };
    Some(Duration::from_secs(u64::try_from(until.saturating_sub(unix)).unwrap_or(0)))
}

/// `RateLimit: "default";r=0;t=30` (draft 10) and `RateLimit: limit=10, remaining=0, reset=30` (draft 7).
fn combined(value: &str) -> Option<Duration> {
    let field = |names: [&str; 2]| {
        value
            .split([';', ','])
            .filter_map(|part| part.trim().split_once('='))
            .find_map(|(name, number)| names.contains(&name).then(|| number.parse::<u64>().ok())?)
    };
    (field(["r", "remaining"])? == 0).then(|| Duration::from_secs(field(["t", "reset"]).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(5.0, 10);
        let waits: Vec<_> = (0..15).map(|_| bucket.take(s(0)).as_millis()).collect();
        assert_eq!(&waits[..10], &[0; 10]);
        assert_eq!(&waits[10..], &[200, 400, 600, 800, 1000]);
        assert_eq!(bucket.take(s(100)), Duration::ZERO);
        let later: Vec<_> = (0..10).map(|_| bucket.take(s(100)).as_millis()).collect();
        assert_eq!(later[8..], [0, 200], "no more than the burst is saved up");
    }

    #[test]
    fn the_breaker_opens_after_five_failures_and_lets_one_probe_through() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.record(false, s(0));
        }
        assert_eq!(breaker.admit(s(0)), Admission::Go);
        breaker.record(false, s(1));
        assert_eq!(breaker.admit(s(1)), Admission::Wait(s(30)));
        assert_eq!(breaker.admit(s(30)), Admission::Wait(s(1)));
        assert_eq!(breaker.admit(s(31)), Admission::Go, "the probe");
        assert_ne!(breaker.admit(s(31)), Admission::Go, "only one");
        breaker.record(false, s(32));
        assert_eq!(breaker.admit(s(33)), Admission::Wait(s(29)));
        assert_eq!(breaker.admit(s(62)), Admission::Go);
        breaker.record(true, s(62));
        assert_eq!(breaker.admit(s(62)), Admission::Go);
        assert!(!breaker.is_open());
    }

    #[test]
    fn the_breaker_opens_when_half_of_the_last_twenty_failed() {
        let mut breaker = Breaker::default();
        for n in 0..20 {
            assert_eq!(breaker.admit(s(0)), Admission::Go, "{n}");
            breaker.record(n % 2 == 0, s(0));
        }
        assert!(breaker.is_open());
        let mut third = Breaker::default();
        for n in 0..200 {
            third.record(n % 3 != 0, s(0));
        }
        assert!(!third.is_open());
    }

    #[test]
    fn backoff_is_full_jitter_under_a_doubling_ceiling() {
        for (attempt, ceiling) in [(0, 500), (1, 1000), (2, 2000), (5, 16000), (6, 30000), (40, 30000)] {
            let ceiling = Duration::from_millis(ceiling);
            for random in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
                assert!(backoff(attempt, random) <= ceiling);
            }
            assert_eq!(backoff(attempt, u64::try_from(ceiling.as_nanos()).unwrap()), ceiling);
        }
    }

    #[test]
    fn what_servers_say_about_waiting() {
        let unix = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
        type Headers = &'static [(&'static str, &'static str)];
        let table: [(Headers, Option<u64>); 14] = [
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], Some(10)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")], Some(0)),
            (&[("retry-after", "99999")], Some(300)),
            (&[("retry-after", "-5")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "soon")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12")], Some(12)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1784111777")], Some(300)),
            (&[("ratelimit-remaining", "3"), ("ratelimit-reset", "12")], None),
            (&[("ratelimit", "\"default\";r=0;t=30")], Some(30)),
            (&[("ratelimit", "limit=10, remaining=0, reset=5")], Some(5)),
            (&[("ratelimit", "limit=10, remaining=4, reset=5")], None),
            (&[], None),
        ];
        for (headers, wait) in table {
            let owned: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(asked_wait(&owned, unix), wait.map(s), "{headers:?}");
        }
    }
}
