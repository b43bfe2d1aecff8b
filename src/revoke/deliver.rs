//! Messages through a lane: several at a time, halved when too large, what stays unanswered asked once more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::client::{Outgoing, Reply};
use super::lane::{Exchange, GiveUp, Lane};
use super::protocol::{ItemAnswer, ItemAnswers};

/// A message about some items, ready but for what changes with every attempt.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) method: &'static str,
    pub(crate) body: Vec<u8>,
    /// Positions in the whole list.
    pub(crate) items: Vec<usize>,
}

/// How a service is spoken to.
pub(crate) trait Dialect: Sync {
    /// The message about these items.
    fn encode(&self, items: &[usize]) -> Message;
    /// Headers of an attempt at this time.
    fn headers(&self, message: &Message, unix: i64) -> Vec<(String, String)>;
    /// Reads an answer; positions are those in `message.items`.
    fn decode(&self, message: &Message, reply: &Reply) -> Result<ItemAnswers, String>;
    /// Statuses besides 2xx that are answers.
    fn claims(&self, _status: u16) -> bool {
        false
    }
    /// Whether a message may be sent again when the first may have arrived.
    fn repeatable(&self) -> bool {
        true
    }
}

/// What became of one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// The service said something about it.
    Answered(ItemAnswer),
    /// It did not.
    Failed(GiveUp),
}

/// All fates, and the messages that may be sent again another day.
pub(crate) struct Delivered {
    /// By position; `None` never happens to an item that was in a message.
    pub(crate) fates: Vec<Option<Fate>>,
    pub(crate) unsent: Vec<(Message, GiveUp)>,
    done: usize,
}

struct Job {
    message: Message,
    /// These items were missing in an answer already.
    again: bool,
}

struct Shared<'a> {
    queue: Mutex<VecDeque<Message>>,
    delivered: Mutex<Delivered>,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// Sends all messages, at most `in_flight` at a time. `total` is the number of items that positions count.
pub(crate) fn deliver(
    messages: Vec<Message>,
    total: usize,
    dialect: &dyn Dialect,
    lane: &Lane,
    in_flight: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Delivered {
    let workers = in_flight.clamp(1, messages.len().max(1));
    let shared = Shared {
        queue: Mutex::new(messages.into()),
        delivered: Mutex::new(Delivered { fates: vec![None; total], unsent: Vec::new(), done: 0 }),
        progress,
    };
    let next = || shared.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        while let Some(message) = next() {
            run(Job { message, again: false }, dialect, lane, &shared);
        }
    };
    if workers == 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
    }
    let mut delivered = shared.delivered.into_inner().unwrap_or_else(PoisonError::into_inner);
    delivered.unsent.sort_by(|a, b| a.0.items.cmp(&b.0.items));
    delivered
}

/// One message, and what becomes of it in pieces.
fn run(job: Job, dialect: &dyn Dialect, lane: &Lane, shared: &Shared<'_>) {
    let mut jobs = vec![job];
    while let Some(job) = jobs.pop() {
        let message = &job.message;
        let exchange = Exchange {
            make: &|unix| Outgoing {
                method: message.method,
                url: message.url.clone(),
                headers: dialect.headers(message, unix),
                body: message.body.clone(),
            },
            claims: &|status| dialect.claims(status),
            repeatable: dialect.repeatable(),
        };
        let answered =
            lane.exchange(&exchange).and_then(|reply| dialect.decode(message, &reply).map_err(GiveUp::Broken));
        match answered {
            Ok(answers) => {
                let missing = settle(message, answers, shared);
                if missing.is_empty() {
                    continue;
                }
                if job.again {
                    let give_up = GiveUp::Exhausted("the service left it out of its answers".into());
                    fail(dialect.encode(&missing), &give_up, shared);
                    continue;
                }
                // Smaller than before: perhaps it was too much at once.
                for part in halves(&missing) {
                    jobs.push(Job { message: dialect.encode(part), again: true });
                }
            }
            Err(GiveUp::TooLarge) if message.items.len() > 1 => {
                for part in halves(&message.items) {
                    jobs.push(Job { message: dialect.encode(part), again: job.again });
                }
            }
            Err(give_up) => fail(job.message, &give_up, shared),
        }
    }
}

/// The second half first: the stack hands out the first half before it.
fn halves(items: &[usize]) -> impl Iterator<Item = &[usize]> {
    let (first, second) = items.split_at(items.len().div_ceil(2));
    [second, first].into_iter().filter(|part| !part.is_empty())
}

/// Keeps the answers, and returns the items without one.
fn settle(message: &Message, mut answers: ItemAnswers, shared: &Shared<'_>) -> Vec<usize> {
    let mut delivered = shared.delivered.lock().unwrap_or_else(PoisonError::into_inner);
    let mut missing = Vec::new();
    for (n, &item) in message.items.iter().enumerate() {
        match answers.remove(&n) {
            Some(answer) => {
                delivered.fates[item] = Some(Fate::Answered(answer));
                delivered.done += 1;
            }
            None => missing.push(item),
        }
    }
    (shared.progress)(delivered.done, delivered.fates.len());
    missing
}

fn fail(message: Message, give_up: &GiveUp, shared: &Shared<'_>) {
    let mut delivered = shared.delivered.lock().unwrap_or_else(PoisonError::into_inner);
    for &item in &message.items {
        delivered.fates[item] = Some(Fate::Failed(give_up.clone()));
    }
    delivered.done += message.items.len();
    (shared.progress)(delivered.done, delivered.fates.len());
    delivered.unsent.push((message, give_up.clone()));
}
