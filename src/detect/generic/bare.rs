//! Values without quotes: configuration lines, query parameters, flags, elements, table cells, prose.

use super::{
    Operator, Proposal, Quote,
    assign::{self, Key},
    extract::{Reader, is_template},
    lex::{self, is_word},
};
use crate::{detect::entropy::holds, model::Span};

/// Bare text that begins at `at`.
pub(super) fn value(r: &mut Reader<'_>, key: &Key, operator: Operator, at: usize) {
    let mut start = lex::skip_blank(r.hay, at, r.window.end);
    start += assign::scheme_word(r.rest(start));
    let before = if key.span.start > r.window.start { r.hay[key.span.start - 1] } else { b'\n' };
    let tight =
        before == b',' && !r.hay[r.window.start.max(key.span.start.saturating_sub(40))..key.span.start].contains(&b'(');
    let query = matches!(before, b'?' | b'&' | b';')
        || tight
        || (operator == Operator::Assign && key.span.start > 5 && r.hay[..key.span.start].ends_with(b"&amp;"));
    let begin = lex::line_start(r.hay, key.span.start, r.window.start);
    let prefix = &r.hay[begin..key.span.start];
    let config = is_config_line(prefix);
    let stop = |b: u8| match b {
        b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'`' => true,
        b'\'' => true,
        b'&' | b'#' => query && !tight,
        b',' | b')' | b'}' | b']' | b'<' | b'>' | b';' | b'|' => !config || operator == Operator::Default,
        _ => false,
    };
    let len = r.rest(start).iter().position(|&b| stop(b)).unwrap_or(r.window.end - start);
    let mut value = Span::new(start, start + len);
    if operator == Operator::Assign && !tight {
        value.end = end_of_parameter(r, value);
    }
    if config {
        while !value.is_empty() && matches!(r.hay[value.end - 1], b',' | b';') {
            value.end -= 1;
        }
        // `password: LPCWSTR,` and `password = typed;` are code: a bare word is a type or a variable
        let plain = value.of(r.hay).iter().all(|&b| is_word(b) && (operator == Operator::Colon || !b.is_ascii_digit()));
        if value.end < start + len && plain && !value.is_empty() && !value.of(r.hay)[0].is_ascii_digit() {
            return;
        }
        extend_phrase(r, &mut value);
    }
    let quoted_key = key.quoted && operator == Operator::Colon;
    if value.is_empty() || quoted_key || is_template(value.of(r.hay)) || is_reference(r, prefix, config || query, value)
    {
        return;
    }
    let operator = if query && operator == Operator::Assign { Operator::Query } else { operator };
    push(r, key, operator, value);
}

/// Where a value ends that is one of several in a query or a form's body (`a=q7&b=x`, `a=q7&`, `a=q7\u0026b=x`); and the sign that escapes
/// the quote behind it is no part of it.
fn end_of_parameter(r: &Reader<'_>, value: Span) -> usize {
    let text = value.of(r.hay);
    let is_next = |at: usize| {
        let name = text[at + 1..].iter().take_while(|&&b| is_word(b) || b == b'-').count();
        at + 1 + name == text.len() || text[at + 1 + name] == b'=' && name > 0
    };
    let end = memchr::memchr_iter(b'&', text).find(|&at| at >= 3 && is_next(at)).unwrap_or(text.len());
    let end = memchr::memmem::find(&text[..end], b"\\u0026").filter(|&at| at >= 3).unwrap_or(end);
    let is_quote = matches!(r.byte(value.start + end), b'"' | b'\'' | b'`');
    let escapes = if is_quote { text[..end].iter().rev().take_while(|&&b| b == b'\\').count() } else { 0 };
    value.start + end - escapes
}

fn push(r: &mut Reader<'_>, key: &Key, operator: Operator, value: Span) {
    let proposal = Proposal {
        anchor: r.anchor,
        key: key.span,
        value,
        kind: key.kind,
        operator,
        quote: Quote::None,
        wrapper: Span::default(),
    };
    r.push(proposal);
}

/// Key bytes as a list of numbers: `[]byte{18, 52, …}`, `[0x12, 0x34, …]`. Reports whether there was one.
pub(super) fn numbers(r: &mut Reader<'_>, key: &Key, operator: Operator, at: usize) -> bool {
    if !matches!(r.byte(at), b'[' | b'{' | b'(' | b'b' | b'n' | b'B') {
        return false;
    }
    let open = r.rest(at).iter().take(24).position(|b| matches!(b, b'0'..=b'9' | b'"' | b'\'' | b'\n'));
    let Some(open) = open.filter(|&o| {
        r.byte(at + o).is_ascii_digit() && matches!(r.byte(at + o - usize::from(o > 0)), b'[' | b'{' | b'(' | b' ')
    }) else {
        return false;
    };
    let start = at + open;
    let len =
        r.rest(start).iter().position(|b| !(b.is_ascii_hexdigit() || matches!(b, b',' | b' ' | b'x'))).unwrap_or(0);
    let list = &r.hay[start..start + len];
    if list.iter().filter(|&&b| b == b',').count() < 7 {
        return false;
    }
    push(r, key, operator, Span::new(start, start + list.trim_ascii_end().len()));
    true
}

/// Whether only indentation, list marks, comment marks and words like `export` stand before the key.
fn is_config_line(prefix: &[u8]) -> bool {
    let text = prefix.trim_ascii_start();
    let rest = text.iter().position(|b| {
        !matches!(b, b'#' | b'-' | b'*' | b'/' | b'+' | b';' | b'>' | b'$' | b'%' | b'!' | b'"' | b'\'' | b' ')
    });
    let Some(at) = rest else { return true };
    let word = text[at..].trim_ascii_end();
    [&b"export"[..], b"set", b"ENV", b"ARG", b"setx", b"setenv", b"SET", b"declare -x", b"-e", b"--env", b"SETUVAR"]
        .contains(&word)
}

/// A passphrase: letters-only words to the end of the line.
fn extend_phrase(r: &Reader<'_>, value: &mut Span) {
    let line = lex::line_end(r.hay, value.end, r.window.end);
    let rest = &r.hay[value.end..line];
    let words = rest.trim_ascii();
    let plain = words.iter().all(|b| b.is_ascii_lowercase() || *b == b' ' || b.is_ascii_digit() || *b == b'-');
    let count = words.split(|&b| b == b' ').count();
    if !words.is_empty()
        && plain
        && (2..8).contains(&count)
        && value.of(r.hay).iter().all(|b| b.is_ascii_alphanumeric())
    {
        value.end += rest.trim_ascii_end().len();
    }
}

/// Whether the bare text is code (a call, an index, a variable) rather than data.
fn is_reference(r: &Reader<'_>, prefix: &[u8], data: bool, value: Span) -> bool {
    let text = value.of(r.hay);
    match text[0] {
        b'(' | b'[' | b'|' | b'>' | b'<' | b'=' | b',' | b')' | b'}' | b'?' | b':' => return true,
        b'{' | b'&' | b'*' | b'!' | b'@' if text.len() > 1 && (is_word(text[1]) || text[1] == b'{') => {
            return !data || text[0] != b'@';
        }
        b'$' if text.len() > 1
            && !text.contains(&b'@')
            && (text[1] == b'{' || text[1..].iter().all(|&b| is_word(b) || matches!(b, b'-' | b'>' | b'.' | b'['))) =>
        {
            return true;
        }
        _ => {}
    }
    let number = text.starts_with(b"0x") && text.len() <= 12 || text.len() < 4 && text.iter().all(u8::is_ascii_digit);
    let arrow = text.ends_with(b"-") && r.byte(value.end) == b'>';
    let generic = r.byte(value.end) == b'<' && !data;
    if number || arrow || generic {
        return true;
    }
    if let Some(open) = text.iter().position(|&b| matches!(b, b'(' | b'[')) {
        let name = &text[..open];
        if !name.is_empty() && name.iter().all(|&b| is_word(b) || matches!(b, b'.' | b':' | b'$' | b'>' | b'-' | b'!'))
        {
            return true;
        }
    }
    if holds(text, b"${") || holds(text, b"::") || holds(text, b"->") {
        return true;
    }
    let next = r.byte(value.end);
    let path = text.iter().all(|&b| is_word(b) || b == b'.' || b == b'?') && !text[0].is_ascii_digit();
    let digits = text.iter().any(u8::is_ascii_digit);
    if matches!(next, b')')
        && r.byte(value.start - 1) == b' '
        && text.iter().any(|b| matches!(b, b'.' | b'!'))
        && digits
        && !path
    {
        return false;
    }
    let in_string = prefix.iter().filter(|&&b| b == b'"').count() % 2 == 1
        || prefix.iter().filter(|&&b| b == b'\'').count() % 2 == 1;
    if !data && !in_string && path && matches!(next, b',' | b')' | b';' | b'}' | b']') {
        // code: a bare word is a variable
        return !digits || text.contains(&b'.') || text.len() < 12;
    }
    // `x.y`, `self.password;`
    path && !digits && data && text.contains(&b'.') && matches!(next, b';' | b',')
}

/// Markdown or reStructuredText: `| password | value |`.
pub(super) fn cell(r: &mut Reader<'_>, key: &Key, at: usize) {
    let start = lex::skip_blank(r.hay, at, r.window.end);
    if let Some((quote, inner)) = lex::quote_at(r.hay, start, r.window.end) {
        return assign::literal(r, key, Operator::Cell, quote, inner, Span::default());
    }
    let stop = |b: &u8| matches!(b, b'|' | b'\n' | b'\r');
    let Some(len) = r.rest(start).iter().position(stop) else { return };
    let text = r.hay[start..start + len].trim_ascii_end();
    if r.byte(start + len) == b'|' && text.len() < 80 && !text.contains(&b' ') && !is_template(text) && !text.is_empty()
    {
        push(r, key, Operator::Cell, Span::new(start, start + text.len()));
    }
}

/// XML: `<password>value</password>`, `<entry key="password">value</entry>`.
pub(super) fn element(r: &mut Reader<'_>, key: &Key, at: usize) {
    let rest = r.rest(at);
    let Some(len) = rest.iter().position(|&b| matches!(b, b'<' | b'\n' | b'\r')) else { return };
    if rest.get(len) != Some(&b'<') || rest.get(len + 1) != Some(&b'/') {
        return;
    }
    let opened = r.hay[r.window.start..key.span.start].iter().rev().take(80).find(|b| matches!(b, b'<' | b'>'));
    let raw = &rest[..len];
    let lead = raw.len() - raw.trim_ascii_start().len();
    let text = raw.trim_ascii();
    if opened == Some(&b'<') && !text.is_empty() && !is_template(text) {
        let value = Span::new(at + lead, at + lead + text.len());
        push(r, key, Operator::Element, value);
    }
}

/// `--password value`, `password value` alone on a line, `password is value`.
pub(super) fn after_blank(r: &mut Reader<'_>, key: &Key, close: usize, at: usize) {
    if at == close || key.quoted && !r.byte(at).is_ascii_alphabetic() {
        return;
    }
    if lex::starts_word(r.rest(at), b"-string") {
        let next = lex::skip_blank(r.hay, at + 7, r.window.end);
        return assign::value(r, key, Operator::Space, next);
    }
    if let Some(operator) = joining_word(r.rest(at)) {
        let next = lex::skip_blank(r.hay, at + 2, r.window.end);
        if lex::quote_at(r.hay, next, r.window.end).is_some() {
            assign::value(r, key, operator, next);
        }
        return;
    }
    if let Some(next) = declaration(r, at) {
        return assign::value(r, key, Operator::Assign, next);
    }
    let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`');
    let len = r.rest(at).iter().position(stop).unwrap_or(r.rest(at).len());
    let text = &r.rest(at)[..len];
    let begins = |b: &u8| !matches!(b, b'-' | b'|' | b'<' | b'[' | b'$' | b'(' | b'{' | b'=' | b'&' | b'\\');
    let flag = r.hay[key.span.start] == b'-';
    if text.first().is_some_and(begins) && (flag || is_alone(r, key, at + len)) && !is_template(text) {
        let mut value = Span::new(at, at + len);
        while value.len() > 1 && matches!(r.hay[value.end - 1], b',' | b';' | b')' | b']') {
            value.end -= 1;
        }
        if value.of(r.hay).iter().any(|b| matches!(b, b'(' | b'{')) && !flag {
            return;
        }
        push(r, key, Operator::Flag, value);
    }
}

/// What a short word that a quoted value may follow says.
fn joining_word(text: &[u8]) -> Option<Operator> {
    let [a, b, rest @ ..] = text else { return None };
    if rest.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    match [a.to_ascii_lowercase(), b.to_ascii_lowercase()] {
        [b'o', b'r'] => Some(Operator::Fallback),
        [b'i', b's' | b'n'] | [b'o', b'f'] | [b't', b'o'] | [b'a', b's'] | [b'b', b'y'] => Some(Operator::Prose),
        _ => None,
    }
}

/// Whether key and value, which ends at `end`, stand on a line of their own, or after a word that takes such a pair.
fn is_alone(r: &Reader<'_>, key: &Key, end: usize) -> bool {
    let next = lex::skip_blank(r.hay, end, r.window.end);
    if next < r.window.end && !matches!(r.hay[next], b'\n' | b'\r') {
        return false;
    }
    let begin = lex::line_start(r.hay, key.span.start, r.window.start);
    let prefix = &r.hay[begin..key.span.start];
    let words = prefix.trim_ascii();
    prefix.iter().all(|b| matches!(b, b' ' | b'\t' | b'#'))
        || matches!(words, b"ENV" | b"ARG" | b"set")
        || words.starts_with(b"machine ")
        || words.starts_with(b"login ")
}

/// Go: `password string = "…"`, C#: none. The position after `=`.
fn declaration(r: &Reader<'_>, at: usize) -> Option<usize> {
    let len = r.rest(at).iter().take(24).position(|&b| !(is_word(b) || matches!(b, b'*' | b'[' | b']')))?;
    let next = lex::skip_blank(r.hay, at + len, r.window.end);
    (len > 0 && r.byte(next) == b'=' && r.byte(next + 1) != b'=').then_some(next + 1)
}
