//! Byte offset to line and column, computed only for what was found.

use crate::model::{LineColumn, Location, Span};

/// Walks through a text and tells lines and columns of offsets; a step costs as much as the bytes it passes over.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    /// Line breaks before `at`.
    breaks: usize,
    /// Start of the line that `at` is on.
    line_start: usize,
    /// Characters between that and `at`.
    characters: usize,
}

impl<'t> Lines<'t> {
    /// At the start of `text`.
    #[must_use]
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, breaks: 0, line_start: 0, characters: 0 }
    }

    /// Line and column of `offset`. Fastest where offsets ascend; any order is right.
    pub fn locate(&mut self, offset: usize) -> LineColumn {
        let offset = offset.min(self.text.len());
        let passed = &self.text[offset.min(self.at)..offset.max(self.at)];
        let breaks = memchr::memchr_iter(b'\n', passed).count();
        let is_ahead = offset > self.at;
        let step = |from: usize, by: usize| if is_ahead { from + by } else { from - by };
        self.breaks = step(self.breaks, breaks);
        self.at = offset;
        if breaks == 0 {
            self.characters = step(self.characters, count(passed));
        } else {
            self.line_start = line_start(self.text, offset);
            self.characters = count(&self.text[self.line_start..offset]);
        }
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        LineColumn { line: number(self.breaks), column: number(self.characters) }
    }

    /// Both ends of a span.
    pub fn location(&mut self, span: Span) -> Location {
        let start = self.locate(span.start);
        let end = self.locate(span.end);
        Location { span, start, end }
    }
}

/// Characters, counted as bytes that do not continue another.
fn count(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xc0 != 0x80).count()
}

/// Start of the line that `offset` is on.
#[must_use]
pub fn line_start(text: &[u8], offset: usize) -> usize {
    memchr::memrchr(b'\n', &text[..offset]).map_or(0, |newline| newline + 1)
}

/// End of the line that `offset` is on, without its line break.
#[must_use]
pub fn line_end(text: &[u8], offset: usize) -> usize {
    memchr::memchr(b'\n', &text[offset..]).map_or(text.len(), |newline| offset + newline)
}

#[cfg(test)]
mod tests {
    use super::Lines;

    fn check(text: &str, offset: usize, line: u32, column: u32) {
        let mut lines = Lines::new(text.as_bytes());
        let found = lines.locate(offset);
        assert_eq!((found.line, found.column), (line, column), "{text:?} at {offset}");
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        check("", 0, 1, 1);
        check("abc", 2, 1, 3);
        check("a\nb", 2, 2, 1);
        check("a\r\nbc", 4, 2, 2);
        check("é=x", 3, 1, 3);
        check("a\n\n", 3, 3, 1);
    }

    #[test]
    fn any_order_gives_the_same() {
        let text = b"one\ntwo two\nthree";
        let mut forward = Lines::new(text);
        let all: Vec<_> = (0..text.len()).map(|offset| forward.locate(offset)).collect();
        let mut mixed = Lines::new(text);
        for offset in (0..text.len()).rev() {
            assert_eq!(mixed.locate(offset), all[offset]);
        }
    }
}
