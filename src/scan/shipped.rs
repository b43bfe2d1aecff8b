//! What it means that everybody who uses the product has a secret, and which of two twins it is.

use std::sync::Arc;

use memchr::memmem;

use crate::model::{Candidate, Confidence, Kind, RuleInfo, Severity};

/// How far from a Google key its use may be told.
const AROUND: usize = 512;

/// What stands beside a Google key that is meant for browsers and apps: Firebase's configuration on the web, on Android and
/// on iOS, and maps. Keys of servers have the same format.
const CLIENTS: [&str; 12] = [
    "authDomain",
    "messagingSenderId",
    "firebaseapp.com",
    "google_api_key",
    "gcm_defaultSenderId",
    "google_crash_reporting_api_key",
    "GCM_SENDER_ID",
    "GOOGLE_APP_ID",
    "maps.googleapis.com/maps/api/js",
    "maps/api/staticmap",
    "com.google.android.geo.API_KEY",
    "com.google.android.maps.v2.API_KEY",
];

/// Judges a candidate as something that is shipped; `text` is where it was found.
pub(super) fn judge(candidate: &mut Candidate, text: &[u8]) {
    if candidate.rule.id.starts_with("google-api-key") {
        google(candidate, text);
    }
    match candidate.rule.kind {
        Kind::Secret => {
            // What a judge of names and values finds likely is no reason for the highest alarm.
            let sure = candidate.probability.is_none() || candidate.confidence == Confidence::High;
            let least = if sure { Severity::Critical } else { Severity::High };
            candidate.severity = candidate.severity.max(least);
            candidate.notes.push("shipped: every visitor has this".into());
        }
        Kind::Publishable => candidate.notes.push("public by design: restrict it by referrer, app or address".into()),
        Kind::Identifier | Kind::Hashed | Kind::Canary | Kind::Info => {}
    }
}

fn google(candidate: &mut Candidate, text: &[u8]) {
    let span = candidate.location.span;
    let around = &text[span.start.saturating_sub(AROUND)..text.len().min(span.end + AROUND)];
    match CLIENTS.iter().find(|mark| memmem::find(around, mark.as_bytes()).is_some()) {
        Some(mark) => {
            candidate.rule = Arc::new(RuleInfo { kind: Kind::Publishable, ..(*candidate.rule).clone() });
            candidate.severity = Severity::Info;
            candidate.notes.push(format!("a key for browsers and apps: `{mark}` stands beside it").into());
        }
        None => {
            candidate.notes.push("keys for servers look the same, and nothing beside it tells that it is none".into())
        }
    }
}
