//! `Lane`: one endpoint's rate, breaker and budget, and a request repeated with patience.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::{Client, Outgoing, Reply, Trouble};
use super::limit::{Admission, Breaker, Bucket, LONGEST_WAIT, asked_wait, backoff};
use super::settings::{Budget, Transport};
use super::world::World;

/// Why a request was given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum GiveUp {
    /// The time is used up; perhaps nothing was sent.
    Budget,
    /// The circuit breaker is open.
    CircuitOpen,
    /// The service said 410.
    Gone,
    /// Every attempt failed; the last reason.
    Exhausted(String),
    /// The service refused; asking again would not help.
    Refused(u16),
    /// 413.
    TooLarge,
    /// Nothing could be sent, or the answer is unusable.
    Broken(String),
}

impl GiveUp {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Budget => "the time for verification is used up".into(),
            Self::CircuitOpen => "the circuit breaker is open".into(),
            Self::Gone => "the endpoint is gone (410)".into(),
            Self::Exhausted(why) => format!("gave up: {why}"),
            Self::Refused(status @ 300..=399) => format!("redirects are not followed ({status})"),
            Self::Refused(status) => format!("refused with status {status}"),
            Self::TooLarge => "too large for the service (413)".into(),
            Self::Broken(why) => why.clone(),
        }
    }

    /// Whether the same message may do better on another day.
    pub(crate) fn is_worth_spooling(&self) -> bool {
        !matches!(self, Self::Gone | Self::TooLarge | Self::Refused(400 | 422))
    }
}

struct State {
    bucket: Bucket,
    breaker: Breaker,
    /// The service asked us to wait until then.
    not_before: Duration,
    /// The spell of the breaker that the last allowance was spent on.
    waited_for: Option<Duration>,
}

/// A request that can be made again.
pub(crate) struct Exchange<'a> {
    /// Makes the request for an attempt at this time.
    pub(crate) make: &'a (dyn Fn(i64) -> Outgoing + Sync),
    /// Statuses besides 2xx that are answers.
    pub(crate) claims: &'a (dyn Fn(u16) -> bool + Sync),
    /// Whether it may be made again when the first may have arrived.
    pub(crate) repeatable: bool,
}

/// One endpoint.
pub(crate) struct Lane {
    client: Arc<Client>,
    world: Arc<dyn World>,
    budget: Budget,
    deadline: Duration,
    probes: AtomicU32,
    gone: AtomicBool,
    state: Mutex<State>,
    pub(crate) requests: AtomicUsize,
    pub(crate) retries: AtomicUsize,
}

enum Judgement {
    Good(Reply),
    Final(GiveUp),
    Again { why: String, wait: Duration },
}

impl Lane {
    /// A lane whose deadline is on the world's clock.
    pub(crate) fn new(client: Arc<Client>, transport: &Transport, deadline: Duration) -> Self {
        Self {
            client,
            world: Arc::clone(&transport.world),
            budget: transport.budget,
            deadline,
            probes: AtomicU32::new(transport.budget.probes),
            gone: AtomicBool::new(false),
            state: Mutex::new(State {
                bucket: Bucket::new(transport.rate.per_second, transport.rate.burst),
                breaker: Breaker::default(),
                not_before: Duration::ZERO,
                waited_for: None,
            }),
            requests: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.world.elapsed())
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Makes a request until there is an answer, or it is given up.
    pub(crate) fn exchange(&self, exchange: &Exchange<'_>) -> Result<Reply, GiveUp> {
        let mut attempt = 0;
        // No two attempts in the same second: so a receiver can tell an attempt from a replay.
        let mut stamp = i64::MIN;
        loop {
            self.permit()?;
            if attempt > 0 {
                self.retries.fetch_add(1, Ordering::Relaxed);
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            stamp = self.world.unix().max(stamp.saturating_add(1));
            let outcome = self.client.send(&(exchange.make)(stamp), self.left());
            self.note(&outcome, exchange);
            let (why, wait) = match self.judge(outcome, exchange) {
                Judgement::Good(reply) => return Ok(reply),
                Judgement::Final(give_up) => return Err(give_up),
                Judgement::Again { why, wait } => (why, wait),
            };
            attempt += 1;
            let pause = wait.max(backoff(attempt - 1, self.world.random()));
            if attempt >= self.budget.tries || pause >= self.left() {
                return Err(GiveUp::Exhausted(why));
            }
            self.world.sleep(pause);
        }
    }

    /// Waits for its turn: the breaker, what the service asked, and the bucket, in this order.
    fn permit(&self) -> Result<(), GiveUp> {
        loop {
            if self.is_gone() {
                return Err(GiveUp::Gone);
            }
            if self.left().is_zero() {
                return Err(GiveUp::Budget);
            }
            let now = self.world.elapsed();
            let mut state = self.state();
            match state.breaker.admit(now) {
                Admission::Go => {}
                Admission::Wait(pause) => {
                    self.wait_for_probe(&mut state, pause)?;
                    drop(state);
                    self.world.sleep(pause);
                    continue;
                }
            }
            let asked = state.not_before.saturating_sub(now);
            if asked >= self.left() {
                state.breaker.withdraw();
                return Err(GiveUp::Budget);
            }
            if !asked.is_zero() {
                state.breaker.withdraw();
                drop(state);
                self.world.sleep(asked);
                continue;
            }
            let turn = state.bucket.take(now);
            if turn >= self.left() {
                state.breaker.withdraw();
                return Err(GiveUp::Budget);
            }
            drop(state);
            if !turn.is_zero() {
                self.world.sleep(turn);
            }
            return Ok(());
        }
    }

    /// An open breaker is waited for only so often, and only if there is time left after it. All workers that wait for
    /// the same probe spend one allowance together.
    fn wait_for_probe(&self, state: &mut State, pause: Duration) -> Result<(), GiveUp> {
        if pause >= self.left() {
            return Err(GiveUp::CircuitOpen);
        }
        let opened = state.breaker.opened_at();
        if state.waited_for == opened {
            return Ok(());
        }
        let spent = self.probes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        spent.map_err(|_| GiveUp::CircuitOpen)?;
        state.waited_for = opened;
        Ok(())
    }

    /// Tells the breaker, and remembers what the service asked.
    fn note(&self, outcome: &Result<Reply, Trouble>, exchange: &Exchange<'_>) {
        let now = self.world.elapsed();
        let mut state = self.state();
        match outcome {
            Ok(reply) => {
                // A throttled or oversized request says nothing bad of the service.
                let alive = matches!(reply.status, 200..=299 | 413 | 425 | 429) || (exchange.claims)(reply.status);
                state.breaker.record(alive, now);
                if let Some(wait) = asked_wait(&reply.headers, self.world.unix()) {
                    state.not_before = state.not_before.max(now + wait);
                }
                if reply.status == 410 && !(exchange.claims)(410) {
                    self.gone.store(true, Ordering::SeqCst);
                }
            }
            Err(_) => state.breaker.record(false, now),
        }
    }

    fn judge(&self, outcome: Result<Reply, Trouble>, exchange: &Exchange<'_>) -> Judgement {
        let reply = match outcome {
            Ok(reply) => reply,
            Err(trouble) if trouble.is_passing() && (exchange.repeatable || !trouble.may_have_arrived()) => {
                return Judgement::Again { why: trouble.reason(), wait: Duration::ZERO };
            }
            Err(trouble) => return Judgement::Final(GiveUp::Broken(trouble.reason())),
        };
        if matches!(reply.status, 200..=299) || (exchange.claims)(reply.status) {
            return Judgement::Good(reply);
        }
        let wait = asked_wait(&reply.headers, self.world.unix()).unwrap_or_default().min(LONGEST_WAIT);
        match reply.status {
            410 => Judgement::Final(GiveUp::Gone),
            413 => Judgement::Final(GiveUp::TooLarge),
            408 | 425 | 429 | 503 => Judgement::Again { why: format!("status {}", reply.status), wait },
            500 | 502 | 504 if exchange.repeatable => {
                Judgement::Again { why: format!("status {}", reply.status), wait }
            }
            status @ (400 | 401) if self.clock_is_off(&reply) => Judgement::Final(GiveUp::Broken(format!(
                "refused with status {status}; our clocks differ by more than 300 s"
            ))),
            status => Judgement::Final(GiveUp::Refused(status)),
        }
    }

    /// A refused signature is often a wrong clock: the answer's `Date` tells.
    fn clock_is_off(&self, reply: &Reply) -> bool {
        let date = reply.header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        date.is_some_and(|date| date.timestamp().as_second().abs_diff(self.world.unix()) > 300)
    }
}
