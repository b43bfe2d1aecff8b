//! Random-looking strings without a telling name: only for *low*, only where a literal or a configuration value stands.

use super::{FOR_LOW, Judged, LOW, MEDIUM, context, lex, shapes, tally::Tally, text};
use crate::model::Span;

const SHORTEST: usize = 20;
pub(super) const LONGEST: usize = 200;
/// How far to either side a quote or a telling word is looked for.
pub(super) const NEAR: usize = 64;

/// Words that tell: a proposal was made of the value, and the judge has spoken.
const TELLING: &[&[u8]] =
    &[b"key", b"token", b"secret", b"pass", b"pwd", b"auth", b"cred", b"bearer", b"basic ", b"://"];

/// Words that explain a random-looking string.
const EXPLAINED: &[&[u8]] = &[
    b"sha",
    b"md5",
    b"hash",
    b"digest",
    b"checksum",
    b"integrity",
    b"commit",
    b"rev",
    b"etag",
    b"uuid",
    b"guid",
    b"fingerprint",
    b"base64,",
    b"signature",
    b"nonce",
    b"salt",
    b"public",
    b"cert",
    b"ssh-",
    b"vector",
    b"expected",
    b"id",
    b"iv",
    b"tag",
    b"cipher",
    b"crypt",
    b"assert",
    b"version",
    b"url",
];

/// See [`super::high_entropy`].
pub(super) fn judge(hay: &[u8], run: Span, path: Option<&[u8]>) -> Option<Judged> {
    let value = hay.get(run.start..run.end)?;
    if !(SHORTEST..=LONGEST).contains(&value.len()) || !stands_alone(hay, run, path) {
        return None;
    }
    let census = shapes::census(value, &Tally::of(&value[..value.len().min(shapes::LOOKED_AT)]));
    let form = shapes::form(value, &census);
    // 20–23: base32, base64, letters and digits, mixed. All else is a word, number, path, URL or UUID, and hex without a
    // telling name is a hash
    if !matches!(form, 20..=23) || census.digit < 2 || census.run > 5 || census.sequence > 6 {
        return None;
    }
    let left = &hay[run.start.saturating_sub(NEAR)..run.start];
    let line = left.rsplit(|&b| b == b'\n').next().unwrap_or(left).to_ascii_lowercase();
    if EXPLAINED.iter().chain(TELLING).any(|w| memchr::memmem::find(&line, w).is_some()) {
        return None;
    }
    let likely = text::likelihood(value);
    let words = text::vocabulary(value);
    let gap = (value.len() as f32).min(64.0).log2() - census.entropy;
    if gap > 0.9 || words.covered > 0.34 || likely.rare < 0.3 {
        return None;
    }
    let random = (likely.rare.min(1.0) + (1.0 - words.covered_short) + (0.9 - gap)) / 2.9;
    Some(Judged { probability: (LOW + (MEDIUM - LOW) * 0.95 * random).min(FOR_LOW) })
}

/// The value in a run of token characters, which `NAME=value` is one of.
pub(super) fn value(hay: &[u8], run: Span) -> Span {
    let text = run.of(hay);
    let body = text.len() - text.iter().rev().take_while(|&&b| b == b'=').count();
    let name = memchr::memrchr(b'=', &text[..body]).map_or(0, |at| at + 1);
    Span::new(run.start + name, run.end)
}

/// Whether the run is the whole of a string literal, or the value of a line of a configuration file (or may be, where
/// the path is not known yet).
fn stands_alone(hay: &[u8], run: Span, path: Option<&[u8]>) -> bool {
    let before = run.start.checked_sub(1).map_or(b'\n', |i| hay[i]);
    let after = hay.get(run.end).copied().unwrap_or(b'\n');
    let end = lex::line_end(hay, run.end, hay.len().min(run.end + NEAR));
    let rest = hay[run.end..end].trim_ascii();
    if matches!(before, b'"' | b'\'' | b'`') && before == after {
        // a piece of a longer text
        return !matches!(rest.get(1..).map(<[u8]>::trim_ascii_start), Some([b'+' | b'.' | b'\\', ..]));
    }
    let begin = lex::line_start(hay, run.start, run.start.saturating_sub(NEAR));
    let named = matches!(hay[begin..run.start].trim_ascii_end().last(), Some(b'=' | b':'));
    rest.is_empty() && named && path.is_none_or(context::is_configuration)
}
