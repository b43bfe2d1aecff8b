//! Which lines of a file none of its old versions has.

use std::collections::HashSet;
use std::ops::Range;

use bstr::ByteSlice;

/// Byte ranges of the lines of `new`, line ends included, that no version in `old` has anywhere; neighbours joined.
///
/// Lines are compared as sets: a line that only moved, or was repeated, is not new, nor is one whose line end (`\r\n`)
/// alone changed. UTF-16 with a mark at its start is cut at its own line ends. Linear in the bytes given.
#[must_use]
pub fn new_lines(old: &[&[u8]], new: &[u8]) -> Vec<Range<usize>> {
    if new.is_empty() {
        return Vec::new();
    }
    let known: HashSet<&[u8]> = old.iter().flat_map(|text| Lines::of(text)).map(|(line, _)| line).collect();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (line, range) in Lines::of(new) {
        if known.contains(line) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges
}

/// How a text ends its lines.
#[derive(Clone, Copy)]
enum Unit {
    Byte,
    LittleEndian,
    BigEndian,
}

/// Lines without their ends, and their ranges with them. A byte order mark belongs to no line.
struct Lines<'a> {
    text: &'a [u8],
    unit: Unit,
    at: usize,
    start: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (unit, mark) = match text {
            [0xff, 0xfe, ..] => (Unit::LittleEndian, 2),
            [0xfe, 0xff, ..] => (Unit::BigEndian, 2),
            [0xef, 0xbb, 0xbf, ..] => (Unit::Byte, 3),
            _ => (Unit::Byte, 0),
        };
        Self { text, unit, at: mark, start: 0 }
    }

    /// One past the next line end at or after `at`.
    fn end_of_line(&self) -> usize {
        let all = self.text.len();
        match self.unit {
            Unit::Byte => memchr::memchr(b'\n', &self.text[self.at..]).map_or(all, |end| self.at + end + 1),
            Unit::LittleEndian | Unit::BigEndian => {
                let newline = self.wide(b'\n');
                let mut pairs = self.text[self.at..].chunks_exact(2);
                pairs.position(|pair| pair == newline).map_or(all, |end| self.at + 2 * end + 2)
            }
        }
    }

    fn wide(&self, byte: u8) -> [u8; 2] {
        if matches!(self.unit, Unit::BigEndian) { [0, byte] } else { [byte, 0] }
    }

    fn without_end(&self, mut line: &'a [u8]) -> &'a [u8] {
        for end in [b'\n', b'\r'] {
            let wide = self.wide(end);
            let end = if matches!(self.unit, Unit::Byte) { &[end][..] } else { &wide };
            line = line.strip_suffix(end).unwrap_or(line);
        }
        line
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.start >= self.text.len() {
            return None;
        }
        let end = self.end_of_line();
        let line = self.without_end(&self.text.as_bytes()[self.at..end]);
        let range = self.start..end;
        (self.at, self.start) = (end, end);
        Some((line, range))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::new_lines;

    fn check(old: &[&str], new: &str, want: &[&str]) {
        let old: Vec<&[u8]> = old.iter().map(|text| text.as_bytes()).collect();
        let found: Vec<&str> = new_lines(&old, new.as_bytes()).into_iter().map(|range| &new[range]).collect();
        assert_eq!(found, want, "{old:?} -> {new:?}");
    }

    #[test]
    fn only_lines_in_no_old_version_are_new() {
        check(&[], "", &[]);
        check(&[], "a\nb", &["a\nb"]);
        check(&["a\nb\n"], "a\nb\n", &[]);
        check(&["a\nb\n"], "b\na\n", &[]);
        check(&["a\nb\nc\n"], "a\nx\ny\nc\nz", &["x\ny\n", "z"]);
        check(&["a\n"], "a\na\na", &[]);
        check(&["a\r\nb\r\n"], "a\nb\n", &[]);
        check(&["a\n", "b\n"], "a\nb\nc\n", &["c\n"]);
        check(&["a"], "a ", &["a "]);
        check(&["\u{feff}a\n"], "a\n\u{feff}b\n", &["\u{feff}b\n"]);
    }

    #[test]
    fn utf_16_lines_stay_whole() {
        for big in [false, true] {
            let wide = |text: &str| -> Vec<u8> {
                text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
            };
            let old = wide("\u{feff}one\r\ntwo\u{0a0a}\n");
            let new = wide("\u{feff}zero\none\ntwo\u{0a0a}\nthree");
            let found: Vec<&[u8]> = new_lines(&[&old], &new).into_iter().map(|range| &new[range]).collect();
            assert_eq!(found, [wide("\u{feff}zero\n"), wide("three")]);
        }
    }

    proptest! {
        #[test]
        fn a_line_is_new_exactly_if_no_old_version_has_it(
            old in proptest::collection::vec("[ab\r\n]{0,12}", 0..3),
            new in "[abc\r\n]{0,16}",
        ) {
            let ranges = new_lines(&old.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), new.as_bytes());
            let trim = |line: &str| {
                let line = line.strip_suffix('\n').unwrap_or(line);
                line.strip_suffix('\r').unwrap_or(line).to_owned()
            };
            let known: Vec<String> = old.iter().flat_map(|text| text.split_inclusive('\n')).map(trim).collect();
            let mut at = 0;
            for line in new.split_inclusive('\n') {
                let inside = ranges.iter().any(|range| range.start <= at && at + line.len() <= range.end);
                let outside = ranges.iter().all(|range| range.end <= at || at + line.len() <= range.start);
                prop_assert!(inside != outside);
                prop_assert_eq!(inside, !known.contains(&trim(line)));
                at += line.len();
            }
        }
    }
}
