//! `Content`: the text of an original, where places are counted as maps do and as editors do.

use crate::model::LineColumn;

/// Bytes between two marks: no place costs more than to count this far, however long a text or its lines are.
const STEP: usize = 4096;

/// What has been counted before an offset that is a multiple of [`STEP`].
#[derive(Clone, Copy, Default)]
struct Mark {
    /// Lines ended.
    line: usize,
    /// UTF-16 units and characters of the line at hand.
    units: usize,
    characters: usize,
}

impl Mark {
    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            *self = Self { line: self.line + 1, units: 0, characters: 0 };
        } else {
            self.units += usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0);
            self.characters += usize::from(byte & 0xc0 != 0x80);
        }
    }
}

/// The text of an original.
pub(super) struct Content {
    pub(super) text: Vec<u8>,
    marks: Vec<Mark>,
}

impl Content {
    pub(super) fn new(text: Vec<u8>) -> Self {
        let mut mark = Mark::default();
        let step = |part: &[u8]| {
            let before = mark;
            part.iter().for_each(|byte| mark.pass(*byte));
            before
        };
        let mut marks: Vec<Mark> = text.chunks(STEP).map(step).collect();
        marks.push(mark);
        Self { text, marks }
    }

    /// The byte offset of a line and a UTF-16 column, both from 0; the line's end where it is shorter.
    pub(super) fn offset(&self, line: u32, column: u32) -> Option<usize> {
        let (line, column) = (line as usize, column as usize);
        if self.marks.last()?.line < line {
            return None;
        }
        // The last mark that is before the place, or at it.
        let after = self.marks.partition_point(|mark| (mark.line, mark.units) <= (line, column));
        let mut mark = self.marks[after - 1];
        let from = (after - 1) * STEP;
        for (at, byte) in self.text.iter().enumerate().skip(from) {
            let is_there = mark.line == line && (*byte == b'\n' || (mark.units >= column && byte & 0xc0 != 0x80));
            if is_there {
                return Some(at);
            }
            mark.pass(*byte);
        }
        Some(self.text.len())
    }

    /// The line and the column, in characters, of a byte offset.
    pub(super) fn line_column(&self, offset: usize) -> LineColumn {
        let mut mark = self.marks[offset / STEP];
        self.text[offset / STEP * STEP..offset].iter().for_each(|byte| mark.pass(*byte));
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        LineColumn { line: number(mark.line), column: number(mark.characters) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_by_going_through_the_lines() {
        let long = "aé😀-".repeat(3000);
        for text in ["", "\n", "one line", &format!("first\n\n{long}\nshort\n{long}{long}\nend"), &long] {
            let content = Content::new(text.as_bytes().to_vec());
            let mut start = 0;
            for (number, line) in text.split('\n').enumerate() {
                let mut units = 0;
                for (characters, (at, character)) in line.char_indices().enumerate() {
                    if at < 50 || at % 97 == 0 || line.len() - at < 50 {
                        assert_eq!(content.offset(number as u32, units), Some(start + at));
                        let place = LineColumn { line: number as u32 + 1, column: characters as u32 + 1 };
                        assert_eq!(content.line_column(start + at), place);
                    }
                    units += character.len_utf16() as u32;
                }
                assert_eq!(content.offset(number as u32, units + 5), Some(start + line.len()), "the end of a line");
                start += line.len() + 1;
            }
            assert_eq!(content.offset(text.split('\n').count() as u32, 0), None, "behind the last line");
        }
    }
}
