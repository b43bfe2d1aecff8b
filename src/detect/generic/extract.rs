//! From an anchor to proposals: what stands there, and which reader knows it.

use super::{
    AFTER, BEFORE, Operator, Proposal, ProposalKind, Quote,
    assign::{self, Key},
    lex::{self, is_name},
};
use crate::{detect::entropy::holds_caseless, model::Span};

/// What the readers share: the bytes, the window they may look at, and where proposals go.
pub(super) struct Reader<'a> {
    pub(super) hay: &'a [u8],
    pub(super) anchor: Span,
    pub(super) window: Span,
    pub(super) out: &'a mut Vec<Proposal>,
}

impl Reader<'_> {
    /// Keeps `proposal` unless its value is too short, too long to be one, or already there.
    pub(super) fn push(&mut self, proposal: Proposal) {
        let value = proposal.value;
        if value.len() < 3 || value.end > self.window.end {
            return;
        }
        let known = self.out.iter().rev().take(4).any(|p| p.value == value);
        if !known {
            self.out.push(proposal);
        }
    }

    /// The byte at `at`, or 0 outside the window.
    pub(super) fn byte(&self, at: usize) -> u8 {
        if at < self.window.end { self.hay[at] } else { 0 }
    }

    /// The bytes of the window from `at`.
    pub(super) fn rest(&self, at: usize) -> &[u8] {
        &self.hay[at.min(self.window.end)..self.window.end]
    }
}

/// See [`super::propose`].
pub(super) fn propose(hay: &[u8], anchor: Span, out: &mut Vec<Proposal>) {
    if anchor.end > hay.len() || anchor.is_empty() {
        return;
    }
    let window = Span::new(anchor.start.saturating_sub(BEFORE), hay.len().min(anchor.end.saturating_add(AFTER)));
    let mut reader = Reader { hay, anchor, window, out };
    match (hay[anchor.start], hay[anchor.end - 1]) {
        // `pw =`, `"pw"`: the name alone
        (b'p' | b'P', b'=' | b':') => reader.anchor.end = anchor.start + 2,
        (b'"' | b'\'', _) => reader.anchor = Span::new(anchor.start + 1, anchor.end - 1),
        _ => {}
    }
    match hay[anchor.start] {
        b':' => userinfo(&mut reader),
        b'@' => data_source(&mut reader),
        b' ' => flag_with_pair(&mut reader),
        b'b' | b'B' if hay[anchor.end - 1] == b' ' => scheme(&mut reader),
        b'i' | b'I' if anchor.len() == 13 => identified_by(&mut reader),
        _ => assign::name(&mut reader),
    }
}

/// `scheme://user:password@host`, and `scheme://token@host`.
fn userinfo(r: &mut Reader<'_>) {
    let start = r.anchor.end;
    let Some(at) = authority_end(r, start) else { return };
    let text = &r.hay[start..at];
    let mut scheme = r.anchor.start;
    while scheme > r.window.start && is_name(r.hay[scheme - 1]) && r.anchor.start - scheme < 24 {
        scheme -= 1;
    }
    let key = Span::new(scheme, r.anchor.start);
    let value = match memchr::memchr(b':', text) {
        Some(colon) => Span::new(start + colon + 1, at),
        None if text.len() >= 16 => Span::new(start, at),
        None => return,
    };
    if is_template(value.of(r.hay)) {
        return;
    }
    let kind = ProposalKind::UrlCredential;
    r.push(Proposal { anchor: r.anchor, key, value, kind, operator: Operator::Userinfo, ..Proposal::default() });
}

/// The bytes that a host ends at, or that tell what it is.
static ENDS_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let ends = b" \t\n\r\"'`<>\\,/?#=&@";
    let mut at = 0;
    while at < ends.len() {
        table[ends[at] as usize] = true;
        at += 1;
    }
    table
};

/// Position of the `@` that ends the user information which begins at `start`.
fn authority_end(r: &Reader<'_>, start: usize) -> Option<usize> {
    let end = r.window.end.min(start + 200);
    // Hardly any URL has user information: most end their host first.
    let telling = start + r.hay[start..end].iter().position(|&b| ENDS_HOST[usize::from(b)])?;
    if !matches!(r.hay[telling], b'@' | b'?' | b'#' | b'=' | b'&') {
        return None;
    }
    let mut last = None;
    for at in start..end {
        match r.hay[at] {
            b'@' => last = Some(at),
            b'/' | b'?' | b'#' if last.is_some() => break,
            b'/' => return None,
            b'=' | b'&' if r.hay[start..at].contains(&b'?') => return None,
            b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b',' => break,
            _ => {}
        }
    }
    last.filter(|&at| {
        r.hay.get(at + 1).is_some_and(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'$' | b'{' | b'[' | b'%' | b'(' | b'/' | b'_' | b'-' | b'.')
        })
    })
}

/// Go data source names: `user:password@tcp(host)`.
fn data_source(r: &mut Reader<'_>) {
    let at = r.anchor.start;
    let left = r.window.start.max(at.saturating_sub(100));
    let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'=' | b'/');
    let start = r.hay[left..at].iter().rposition(stop).map_or(left, |i| left + i + 1);
    if let Some(colon) = memchr::memchr(b':', &r.hay[start..at]) {
        let value = Span::new(start + colon + 1, at);
        if !is_template(value.of(r.hay)) {
            let key = Span::new(start, start + colon);
            let kind = ProposalKind::UrlCredential;
            r.push(Proposal {
                anchor: r.anchor,
                key,
                value,
                kind,
                operator: Operator::Userinfo,
                ..Proposal::default()
            });
        }
    }
}

/// `curl -u user:password`, `mysql -ppassword`.
fn flag_with_pair(r: &mut Reader<'_>) {
    let pair = matches!(r.hay[r.anchor.end - 1], b'u' | b'r' | b'U');
    let begin = lex::line_start(r.hay, r.anchor.start, r.window.start);
    if !pair && !names_database_client(&r.hay[begin..r.anchor.start]) {
        return;
    }
    let mut at = r.anchor.end;
    if pair && !matches!(r.byte(at), b' ' | b'=' | b'\'' | b'"') {
        return;
    }
    while matches!(r.byte(at), b' ' | b'=') && at - r.anchor.end < 4 {
        at += 1;
    }
    let (quote, start) = lex::quote_at(r.hay, at, r.window.end).unwrap_or((Quote::None, at));
    let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\');
    let len = r.rest(start).iter().position(stop).unwrap_or(0);
    let mut value = Span::new(start, start + len);
    if pair {
        match memchr::memchr(b':', value.of(r.hay)) {
            Some(colon) if colon > 0 && !value.of(r.hay).contains(&b'/') => value.start += colon + 1,
            _ => return,
        }
    }
    let text = value.of(r.hay);
    if text.starts_with(b"-") || is_template(text) {
        return;
    }
    let key = Span::new(r.anchor.start + 1, r.anchor.end);
    let kind = ProposalKind::CommandLine;
    r.push(Proposal { anchor: r.anchor, key, value, kind, operator: Operator::Flag, quote, ..Proposal::default() });
}

fn names_database_client(line: &[u8]) -> bool {
    [&b"mysql"[..], b"mariadb", b"sshpass", b"docker login", b"mongo", b"sqlcmd", b"mosquitto", b"smbclient", b"ldap"]
        .iter()
        .any(|w| memchr::memmem::find(line, w).is_some())
}

/// `Basic` or `Bearer`, then the credential.
fn scheme(r: &mut Reader<'_>) {
    let start = lex::skip_blank(r.hay, r.anchor.end, r.window.end);
    let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'.' | b'_' | b'~' | b'-' | b'|');
    let len = r.rest(start).iter().position(|b| !fits(b)).unwrap_or(r.window.end - start);
    let mut value = Span::new(start, start + len);
    while value.len() > 1 && matches!(r.hay[value.end - 1], b'.' | b'-') {
        value.end -= 1;
    }
    let text = value.of(r.hay);
    if text.len() < 6 {
        return;
    }
    let left = r.window.start.max(r.anchor.start.saturating_sub(48));
    let header = memchr::memmem::find(&r.hay[left..r.anchor.start], b"uthorization").is_some();
    let plain = text.iter().all(|b| b.is_ascii_lowercase() || *b == b'-' || *b == b'_');
    let capital = text[1..].iter().all(u8::is_ascii_lowercase);
    // a basic ReactJS guide
    let word = text.len() < 12 && text.iter().all(u8::is_ascii_alphabetic);
    if (plain || capital || word) && !header {
        return;
    }
    let kind = if matches!(r.hay[r.anchor.start + 1], b'a' | b'A') {
        ProposalKind::BasicAuth
    } else {
        ProposalKind::BearerAuth
    };
    let key = Span::new(r.anchor.start, r.anchor.end - 1);
    r.push(Proposal { anchor: r.anchor, key, value, kind, operator: Operator::Scheme, ..Proposal::default() });
}

/// SQL: `IDENTIFIED BY 'password'`.
fn identified_by(r: &mut Reader<'_>) {
    let mut at = lex::skip_blank(r.hay, r.anchor.end, r.window.end);
    if lex::starts_word(r.rest(at), b"password") || lex::starts_word(r.rest(at), b"values") {
        at = lex::skip_blank(r.hay, at + 8, r.window.end);
    }
    let key = Key { span: r.anchor, quoted: false, kind: ProposalKind::Sql };
    if let Some((quote, start)) = lex::quote_at(r.hay, at, r.window.end) {
        assign::literal(r, &key, Operator::Space, quote, start, Span::default());
    } else {
        let len =
            r.rest(at).iter().position(|b| b.is_ascii_whitespace() || matches!(b, b';' | b'"' | b'\'')).unwrap_or(0);
        let value = Span::new(at, at + len);
        let text = value.of(r.hay);
        let before = &r.hay[r.window.start..r.anchor.start];
        // Without quotes, it may as well be prose: what things are identified by.
        let is_statement = [&b"create "[..], b"alter ", b"grant "].iter().any(|word| holds_caseless(before, word));
        if is_statement && !is_template(text) && text.iter().any(|b| !b.is_ascii_alphabetic()) && !text.contains(&b'(')
        {
            let kind = ProposalKind::Sql;
            r.push(Proposal {
                anchor: r.anchor,
                key: r.anchor,
                value,
                kind,
                operator: Operator::Space,
                ..Proposal::default()
            });
        }
    }
}

/// Whether the whole value is filled in elsewhere: `${X}`, `{{ x }}`, `%s`, `<x>`, `$X`, `#{x}`, `$(x)`, `***`.
pub(super) fn is_template(value: &[u8]) -> bool {
    match value {
        [b'$', b'{' | b'(' | b'[', ..] | [b'{', b'{' | b'%', ..] | [b'#', b'{', ..] | [b'<', .., b'>'] => true,
        [b'\\', b'$', ..] | [b'\\', b'(', ..] => true,
        [b'{', .., b'}'] => value.len() < 24 && value[1..value.len() - 1].iter().all(|&b| is_name(b)),
        [b'%', b's' | b'd' | b'v' | b'q'] | [b'%', b's', ..] | [b'%', b'(', ..] => true,
        [b'$', first, ..] => {
            (first.is_ascii_alphabetic() || *first == b'_') && value[1..].iter().all(|&b| lex::is_word(b))
        }
        [b'%', .., b'%'] | [b'@', .., b'@'] => true,
        [first, ..] => matches!(first, b'*' | b'.' | b'-' | b'_' | b'#') && value.iter().all(|b| b == first),
        [] => true,
    }
}
