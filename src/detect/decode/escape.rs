//! The escapes of strings, URLs and HTML, and literals that are joined by a sign.
//!
//! Escapes are undone only in small clusters, round places where marks stand together.

use std::ops::Range;

use super::Decoded;
use crate::model::Span;

/// Bytes round escapes that are looked at with them.
const AROUND: usize = 96;
/// Marks further apart than this stand in different clusters.
const APART: usize = 48;
/// Bytes from the first mark of a cluster to its last, at most.
const LONGEST: usize = 2048;

/// The clusters of a text of `len` bytes that are to be unescaped: marks that stand together, and what is round them.
pub(crate) fn clusters(len: usize, marks: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut clusters: Vec<Span> = Vec::new();
    for mark in marks {
        match clusters.last_mut() {
            Some(cluster) if mark.start <= cluster.end + APART && mark.end <= cluster.start + LONGEST => {
                cluster.end = cluster.end.max(mark.end)
            }
            _ => clusters.push(mark),
        }
    }
    for cluster in &mut clusters {
        *cluster = Span::new(cluster.start.saturating_sub(AROUND), len.min(cluster.end + AROUND));
    }
    clusters
}

/// A cluster with its escapes undone. Depends on no byte outside of it.
pub(crate) fn unescape(text: &[u8], span: Span) -> Option<Decoded> {
    let mut plain = Vec::with_capacity(span.len());
    let mut steps = vec![(0, span.start)];
    let mut at = span.start;
    while at < span.end {
        let rest = &text[at..span.end];
        let ordinary = rest.iter().position(|&byte| may_begin(byte)).unwrap_or(rest.len());
        plain.extend_from_slice(&rest[..ordinary]);
        at += ordinary;
        let rest = &rest[ordinary..];
        match escape(rest) {
            Some((byte, length)) => {
                plain.extend(byte);
                at += length;
                steps.push((plain.len(), at));
            }
            None => {
                plain.extend(rest.first());
                at += 1;
            }
        }
    }
    (steps.len() > 1).then_some(Decoded { span, encoding: "escapes", text: plain, steps })
}

/// Whether an escape, or a sign between joined literals, may begin with the byte.
fn may_begin(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'=' | b'&' | b'"' | b'\'')
}

/// The byte that an escape stands for (none for the sign between joined literals), and the escape's length.
fn escape(text: &[u8]) -> Option<(Option<u8>, usize)> {
    let hex = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok().and_then(|value| u8::try_from(value).ok()).filter(|&b| b < 0x80)
    };
    let byte = |digits: Range<usize>| text.get(digits.clone()).and_then(hex).map(|byte| (Some(byte), digits.end));
    match text {
        [b'\\', b'u', b'0', b'0', ..] => byte(2..6),
        [b'\\', b'x', ..] => byte(2..4),
        [b'%', ..] | [b'=', b'3', b'D', ..] => byte(1..3),
        [b'\\', b'/', ..] => Some((Some(b'/'), 2)),
        [b'&', b'#', ..] => {
            let end = text.iter().take(8).position(|&b| b == b';')?;
            let digits = std::str::from_utf8(&text[2..end]).ok()?;
            let value = digits
                .strip_prefix(['x', 'X'])
                .map_or_else(|| digits.parse().ok(), |hex| u8::from_str_radix(hex, 16).ok())?;
            (value < 0x80).then_some((Some(value), end + 1))
        }
        _ => {
            const NAMED: &[(&[u8], u8)] =
                &[(b"&quot;", b'"'), (b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&apos;", b'\'')];
            const JOINS: &[&[u8]] = &[b"\" + \"", b"' + '", b"\"+\"", b"'+'", b"\" . \"", b"' . '"];
            let named =
                NAMED.iter().find(|(name, _)| text.starts_with(name)).map(|(name, byte)| (Some(*byte), name.len()));
            named.or_else(|| JOINS.iter().find(|join| text.starts_with(join)).map(|join| (None, join.len())))
        }
    }
}
