//! Key names and their values: assignments, pairs, arguments, elements, flags, tables and prose.

use super::{
    Operator, Proposal, ProposalKind, Quote, bare,
    extract::{Reader, is_template},
    lex::{self, is_name, is_word},
    names,
};
use crate::model::Span;

/// A key name that was read.
pub(super) struct Key {
    pub(super) span: Span,
    /// The name stands in quotes of its own.
    pub(super) quoted: bool,
    pub(super) kind: ProposalKind,
}

/// The anchor is (part of) a key's name: find the operator and then the value.
pub(super) fn name(r: &mut Reader<'_>) {
    let span = lex::name_around(r.hay, r.anchor, r.window);
    let mut at = span.end;
    let mut quoted = false;
    for _ in 0..4 {
        match r.byte(at) {
            b'"' | b'\'' | b'`' => quoted = true,
            b'\\' if matches!(r.byte(at + 1), b'"' | b'\'' | b'\\') => {}
            b']' | b')' | b'}' => {}
            b'*' if r.byte(at + 1) == b'*' || r.byte(at.wrapping_sub(1)) == b'*' => {}
            b'&' => match lex::quote_at(r.hay, at, r.window.end) {
                Some((_, next)) => {
                    quoted = true;
                    at = next - 1;
                }
                None => break,
            },
            // passwordInput.Text = "…"
            b'.' if quoted || r.byte(at - 1) == b')' => {
                match r.rest(at + 1).iter().position(|b| !b.is_ascii_alphabetic()) {
                    Some(len) if (4..8).contains(&len) => at += len,
                    _ => break,
                }
            }
            _ => break,
        }
        at += 1;
    }
    if r.byte(at) == b'[' {
        // C: char password[64] = "…"
        if let Some(close) = r.rest(at).iter().take(16).position(|&b| b == b']') {
            let next = lex::skip_blank(r.hay, at + close + 1, r.window.end);
            if r.byte(next) == b'=' {
                at = next;
            }
        }
    }
    let blank = lex::skip_blank(r.hay, at, r.window.end.min(at + 60));
    // most anchors end here
    let hopeless = matches!(r.byte(blank), 0 | b';' | b')' | b']' | b'}' | b'.' | b'/' | b'{' | b'@' | b'%');
    if hopeless {
        return;
    }
    let key = Key { span, quoted, kind: names::kind_of(r.anchor.of(r.hay)) };
    let before = r.out.len();
    operator(r, &key, at, blank);
    // hardly any name has a value, so it is asked last
    if r.out.len() > before && !names::telling(r.hay, span, r.anchor) {
        r.out.truncate(before);
    }
}

/// Reads the operator at `at` (blanks before it began at `close`).
fn operator(r: &mut Reader<'_>, key: &Key, close: usize, at: usize) {
    let next = r.byte(at + 1);
    match r.byte(at) {
        b':' if next == b':' => {}
        b':' if next == b'=' => value(r, key, Operator::Walrus, at + 2),
        b':' if next == b'-' && key.span.end == at => bare::value(r, key, Operator::Default, at + 2),
        b':' => colon(r, key, at + 1),
        b'=' if next == b'=' => {
            let to = if r.byte(at + 2) == b'=' { at + 3 } else { at + 2 };
            value(r, key, Operator::Compare, to);
        }
        b'=' if next == b'>' => value(r, key, Operator::Arrow, at + 2),
        b'=' if next == b'~' => {}
        b'=' => value(r, key, Operator::Assign, at + 1),
        b'!' if next == b'=' => {
            let to = if r.byte(at + 2) == b'=' { at + 3 } else { at + 2 };
            value(r, key, Operator::Compare, to);
        }
        b'?' if next == b'=' => value(r, key, Operator::Assign, at + 2),
        b'?' if next == b':' => value(r, key, Operator::Fallback, at + 2),
        b'?' if next == b'?' => value(r, key, Operator::Fallback, at + 2),
        b'|' if next == b'|' => value(r, key, Operator::Fallback, if r.byte(at + 2) == b'=' { at + 3 } else { at + 2 }),
        b'|' => bare::cell(r, key, at + 1),
        b'+' if next == b'=' => value(r, key, Operator::Assign, at + 2),
        b'<' if next == b'-' => value(r, key, Operator::Assign, at + 2),
        b'>' => bare::element(r, key, at + 1),
        b'(' if !key.quoted && at == close => value(r, key, Operator::Call, at + 1),
        b',' if key.quoted => {
            if !sibling(r, key, at) {
                value(r, key, Operator::Argument, at + 1);
            }
        }
        b'"' | b'\'' | b'`' | b'\\' if at > close => value(r, key, Operator::Space, at),
        0 => {}
        _ => {
            if !sibling(r, key, close) {
                bare::after_blank(r, key, close, at);
            }
        }
    }
}

/// After `key:` — a value, or a type and then a value (`password: string = "…"`).
fn colon(r: &mut Reader<'_>, key: &Key, at: usize) {
    let start = lex::skip_blank(r.hay, at, r.window.end);
    let typ = r
        .rest(start)
        .iter()
        .take(40)
        .position(|&b| !(is_name(b) || matches!(b, b'<' | b'>' | b'[' | b']' | b'?' | b'|' | b' ' | b'&' | b'\'')));
    if let Some(len) = typ {
        let end = start + len;
        if len > 0
            && r.byte(end) == b'='
            && (r.byte(start).is_ascii_alphabetic() || matches!(r.byte(start), b'&' | b'['))
            && !matches!(r.byte(end + 1), b'=' | b'>')
        {
            let after = lex::skip_blank(r.hay, end + 1, r.window.end);
            let plain = !r.hay[start..end].iter().any(u8::is_ascii_digit);
            if r.byte(end - 1) == b' ' || plain && lex::quote_at(r.hay, after, r.window.end).is_some() {
                return value(r, key, Operator::Assign, end + 1);
            }
        }
    }
    value(r, key, Operator::Colon, at);
}

/// `name="password" value="…"`, `{"name": "password", "value": "…"}`, `- name: PASSWORD` and then `value: …`.
fn sibling(r: &mut Reader<'_>, key: &Key, at: usize) -> bool {
    let mut before = key.span.start;
    while before > r.window.start && matches!(r.hay[before - 1], b'"' | b'\'' | b' ' | b'\\' | b'\t' | b'@' | b'`') {
        before -= 1;
    }
    if before == r.window.start || !matches!(r.hay[before - 1], b':' | b'=' | b'>' | b'(') {
        return false;
    }
    let end = r.window.end.min(at + 90);
    let mut next = at;
    while next < end
        && (r.hay[next].is_ascii_whitespace()
            || matches!(r.hay[next], b',' | b';' | b'"' | b'\'' | b'}' | b'\\' | b'{' | b':'))
    {
        next += 1;
    }
    let start = next;
    while next < end && (is_name(r.hay[next])) {
        next += 1;
    }
    let word = &r.hay[start..next];
    let names: [&[u8]; 12] = [
        b"value",
        b"val",
        b"default",
        b"content",
        b"defaultvalue",
        b"stringvalue",
        b"text",
        b"data",
        b"example",
        b"initialvalue",
        b"plaintext",
        b"devalue",
    ];
    if !names.iter().any(|n| word.eq_ignore_ascii_case(n)) {
        return false;
    }
    while next < end && matches!(r.hay[next], b'"' | b'\'' | b' ' | b'\\' | b'\t') {
        next += 1;
    }
    if matches!(r.byte(next), b':' | b'=') {
        let to = if r.byte(next + 1) == b'>' { next + 2 } else { next + 1 };
        value(r, key, Operator::Sibling, to);
        return true;
    }
    false
}

/// The value that begins at or after `at`: a literal, perhaps wrapped in a call or list; else bare text.
pub(super) fn value(r: &mut Reader<'_>, key: &Key, operator: Operator, at: usize) {
    let mut at = lex::skip_blank(r.hay, at, r.window.end);
    if matches!(r.byte(at), b'\n' | b'\r') {
        let next = lex::skip_space(r.hay, at, r.window.end.min(at + 80));
        if lex::quote_at(r.hay, next, r.window.end).is_none() {
            return;
        }
        at = next;
    }
    let mut wrapper = Span::default();
    let mut many = matches!(operator, Operator::Call);
    let begin = at;
    if bare::numbers(r, key, operator, at) {
        return;
    }
    for _ in 0..5 {
        if let Some((quote, start)) = lex::quote_at(r.hay, at, r.window.end) {
            return literals(r, key, operator, (quote, start), wrapper, many);
        }
        match r.byte(at) {
            b'[' | b'(' | b'{' => {
                many = true;
                at = lex::skip_space(r.hay, at + 1, r.window.end.min(at + 80));
                if r.byte(at) == b']' {
                    at += 1;
                }
            }
            b'&' | b'*' | b'@' | b'!' if operator != Operator::Colon => at += 1,
            b'$' | b'@' if matches!(r.byte(at + 1), b'"' | b'\'') => at += 1,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => match prefix(r, at) {
                Some((callee, next)) => {
                    if callee.len() > 2 {
                        wrapper = callee;
                        many = true;
                    }
                    at = next;
                }
                None => break,
            },
            _ => break,
        }
    }
    if wrapper.is_empty()
        && !matches!(
            operator,
            Operator::Call | Operator::Argument | Operator::Compare | Operator::Fallback | Operator::Space
        )
    {
        bare::value(r, key, operator, begin);
    }
}

/// `b"`, `new String(`, `Some(`, `os.environ.get(`: what may stand before a literal, and where the literal would be.
fn prefix(r: &Reader<'_>, at: usize) -> Option<(Span, usize)> {
    let len =
        r.rest(at).iter().take(60).position(|&b| !(is_word(b) || matches!(b, b'.' | b':' | b'>' | b'<' | b'!')))?;
    let end = at + len;
    let word = Span::new(at, end);
    match r.byte(end) {
        b'"' | b'\'' | b'`' if len <= 2 => Some((word, end)),
        b'#' if len == 1 && r.byte(end + 1) == b'"' => Some((word, end + 1)),
        b'(' => {
            let next = lex::skip_space(r.hay, end + 1, r.window.end.min(end + 60));
            Some((word, next))
        }
        b'[' if r.rest(end).starts_with(b"[]{") => Some((word, end + 3)),
        b' ' if word.of(r.hay) == b"new" || word.of(r.hay) == b"await" => Some((Span::new(at, at), end + 1)),
        _ => None,
    }
}

/// One literal, or the literals of a list or of a call.
fn literals(r: &mut Reader<'_>, key: &Key, operator: Operator, first: (Quote, usize), wrapper: Span, many: bool) {
    let (mut quote, mut start) = first;
    let (mut found, mut count) = ([first; 5], 0);
    while count < if many { found.len() } else { 1 } {
        let Some(end) = lex::closing(r.hay, quote, start, r.window.end) else {
            if count == 0 {
                literal(r, key, operator, quote, start, wrapper);
            }
            break;
        };
        found[count] = (quote, start);
        count += 1;
        let mut next = end;
        while next < end + 4 && matches!(r.byte(next), b'"' | b'\'' | b'`' | b'\\') {
            next += 1;
        }
        next = lex::skip_space(r.hay, next, r.window.end);
        if r.byte(next) != b',' {
            break;
        }
        next = lex::skip_space(r.hay, next + 1, r.window.end);
        match lex::quote_at(r.hay, next, r.window.end) {
            Some(more) => (quote, start) = more,
            None => break,
        }
    }
    // auth=("user", "password"): the second is the secret
    let pair = count == 2 && names::takes_pair(key.span.of(r.hay), wrapper.of(r.hay));
    for &(quote, start) in found[..count].iter().skip(usize::from(pair)) {
        literal(r, key, operator, quote, start, wrapper);
    }
}

/// The string that begins at `start`.
pub(super) fn literal(r: &mut Reader<'_>, key: &Key, operator: Operator, quote: Quote, start: usize, wrapper: Span) {
    let end = match lex::closing(r.hay, quote, start, r.window.end) {
        Some(end) => end,
        // cut by the window: long tokens only
        None => {
            let run = r.rest(start).iter().position(|b| b.is_ascii_whitespace()).unwrap_or(r.rest(start).len());
            if run < 40 {
                return;
            }
            start + run
        }
    };
    let mut value = Span::new(start, end);
    if value.is_empty() && quote == Quote::Single && r.byte(end + 1).is_ascii_alphanumeric() {
        // SQL in SQL: ''password''
        value.start = end + 1;
        value.end = lex::closing(r.hay, quote, end + 1, r.window.end).unwrap_or(end + 1);
    }
    if key.kind == ProposalKind::Auth || operator == Operator::Colon {
        value.start += scheme_word(value.of(r.hay));
    }
    if value.is_empty() || is_template(value.of(r.hay)) {
        return;
    }
    let proposal = Proposal { anchor: r.anchor, key: key.span, value, kind: key.kind, operator, quote, wrapper };
    members(r, proposal);
    r.push(proposal);
}

/// The long strings of an object that stands in the literal: `"apitoken": "{\"name\":\"root\",\"raw\":\"…\"}"`.
fn members(r: &mut Reader<'_>, whole: Proposal) {
    if !whole.value.of(r.hay).starts_with(b"{\\\"") {
        return;
    }
    let mut at = whole.value.start + 1;
    while let Some((Quote::Escaped, start)) = lex::quote_at(r.hay, at, whole.value.end) {
        let Some(end) = lex::closing(r.hay, Quote::Escaped, start, whole.value.end) else { return };
        at = end + 2;
        let value = Span::new(start, end);
        if r.byte(at) != b':' && value.len() >= SHORTEST_MEMBER {
            r.push(Proposal { value, quote: Quote::Escaped, ..whole });
        }
        while matches!(r.byte(at), b':' | b',' | b' ') {
            at += 1;
        }
    }
}

/// Members of an object that are shorter say whose it is.
const SHORTEST_MEMBER: usize = 16;

/// Length of a leading `Basic `, `Bearer `, `token `.
pub(super) fn scheme_word(value: &[u8]) -> usize {
    let words: [&[u8]; 7] = [b"basic", b"bearer", b"token", b"apikey", b"ntlm", b"negotiate", b"jwt"];
    let found = words.iter().find(|w| lex::starts_word(value, w) && value.get(w.len()) == Some(&b' '));
    found.map_or(0, |w| w.len() + 1)
}
