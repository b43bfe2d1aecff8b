//! Sending what a spool holds, under the same ids.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::answers::{Observer, VerificationReport};
use super::client::{Client, Outgoing};
use super::lane::{Exchange, GiveUp, Lane};
use super::protocol::{self, Expected, ItemAnswers, Known, MESSAGE_LIMIT, SPEC};
use super::settings::{RevokeError, Settings};
use super::spool::{self, Spooled};
use super::webhook::{failed, signed_headers, tally};
use crate::model::Verdict;

/// What came of a spool.
#[derive(Clone, Debug, Default)]
pub struct Flushed {
    /// Verdicts by rule and by what the receiver knows the secret by (`sha256:…`).
    pub verdicts: BTreeMap<(String, String), Verdict>,
    /// The count.
    pub report: VerificationReport,
    /// Messages that stay in the spool.
    pub left: usize,
    /// Of these: for another endpoint.
    pub elsewhere: usize,
    /// Lines that are no messages; they stay too.
    pub broken: usize,
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    spec: String,
    items: Vec<SpooledItem>,
}

#[derive(Deserialize)]
struct SpooledItem {
    id: String,
    fp: String,
    rule: String,
}

/// Sends what a spool holds for this endpoint, under the same ids, and leaves what still has no answer.
///
/// # Errors
/// Settings that make no sense, or a spool that cannot be read or written.
pub fn flush(path: &Path, settings: &Settings, observer: &dyn Observer) -> Result<Flushed, RevokeError> {
    settings.validate()?;
    let contents = spool::load(path)?;
    let mut flushed = Flushed { broken: contents.broken.len(), ..Flushed::default() };
    flushed.report.required = settings.required;
    let transport = &settings.transport;
    let deadline = transport.world.elapsed() + transport.budget.total;
    let lane = Lane::new(Arc::new(Client::new(transport)?), transport, deadline);
    let mut left = Vec::new();
    let mut seen = BTreeSet::new();
    for (n, message) in contents.messages.iter().enumerate() {
        if message.endpoint != settings.endpoint {
            flushed.elsewhere += 1;
            left.push(message.clone());
        } else if seen.insert(&message.id) && !replay(message, settings, &lane, &mut flushed) {
            // The same message twice in the file is one message.
            left.push(message.clone());
        }
        observer.progress(n + 1, contents.messages.len());
    }
    flushed.left = left.len();
    tally(&lane, &mut flushed.report);
    spool::leave(path, &contents, &left)?;
    Ok(flushed)
}

/// Sends one spooled message; whether it is done with. It goes out as it is or stays: pieces would need other ids.
fn replay(spooled: &Spooled, settings: &Settings, lane: &Lane, flushed: &mut Flushed) -> bool {
    let parsed = serde_json::from_str::<Body>(&spooled.body).ok();
    let Some(body) = parsed.filter(|b| b.data.spec == SPEC && spooled.body.len() <= MESSAGE_LIMIT * 2) else {
        flushed.broken += 1;
        return false;
    };
    let items = body.data.items;
    let known: Vec<_> = items.iter().map(|i| Known { id: &i.id, fp: &i.fp, digest: None }).collect();
    let exchange = Exchange {
        make: &|unix| Outgoing {
            method: "POST",
            url: settings.endpoint.clone(),
            headers: signed_headers(settings, &spooled.id, spooled.body.as_bytes(), unix),
            body: spooled.body.clone().into_bytes(),
        },
        claims: &|_| false,
        repeatable: true,
    };
    let expected = Expected { id: &spooled.id, items: &known };
    let answered = lane
        .exchange(&exchange)
        .and_then(|reply| protocol::answers(&expected, &reply, settings).map_err(GiveUp::Broken));
    let (mut answers, give_up) = match answered {
        Ok(answers) => (answers, GiveUp::Exhausted("the service left it out of its answers".into())),
        Err(give_up) => (ItemAnswers::new(), give_up),
    };
    let done = answers.len() == items.len() || matches!(give_up, GiveUp::Refused(400 | 422));
    flushed.report.distinct += items.len();
    flushed.report.asked += items.len();
    for (n, item) in items.into_iter().enumerate() {
        let verdict = match answers.remove(&n) {
            Some(answer) => {
                flushed.report.answered += 1;
                answer.verdict
            }
            None => failed(&give_up, &mut flushed.report),
        };
        flushed.verdicts.insert((item.rule, item.fp), verdict);
    }
    done
}
