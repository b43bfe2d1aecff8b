//! Byte offset to line and column, computed only for what was found.

use crate::model::{LineColumn, Location, Span};

/// Walks forward through a text and tells lines and columns of ascending offsets, in one pass over the text.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t [u8],
    /// Start of the line that `at` is on.
    line_start: usize,
    line: u32,
    at: usize,
    /// Columns counted so far on this line, so that a line of many megabytes is counted once.
    column_at: usize,
    column: u32,
}

impl<'t> Lines<'t> {
    /// At the start of `text`.
    #[must_use]
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, line_start: 0, line: 1, at: 0, column_at: 0, column: 1 }
    }

    /// Line and column of `offset`. Fastest where offsets ascend; any order is right.
    pub fn locate(&mut self, offset: usize) -> LineColumn {
        let offset = offset.min(self.text.len());
        if offset < self.at || offset < self.column_at {
            *self = Self::new(self.text);
        }
        for newline in memchr::memchr_iter(b'\n', &self.text[self.at..offset]) {
            self.line = self.line.saturating_add(1);
            self.line_start = self.at + newline + 1;
        }
        self.at = offset;
        if self.column_at < self.line_start {
            self.column_at = self.line_start;
            self.column = 1;
        }
        self.column = self.column.saturating_add(count(&self.text[self.column_at..offset]));
        self.column_at = offset;
        LineColumn { line: self.line, column: self.column }
    }

    /// Both ends of a span.
    pub fn location(&mut self, span: Span) -> Location {
        let start = self.locate(span.start);
        let end = self.locate(span.end);
        Location { span, start, end }
    }
}

/// Characters, counted as bytes that do not continue another.
fn count(text: &[u8]) -> u32 {
    text.iter().filter(|&&b| b & 0xc0 != 0x80).count().try_into().unwrap_or(u32::MAX)
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
