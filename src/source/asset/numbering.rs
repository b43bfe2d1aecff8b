//! `Numbering`: strings of a table or a binary laid out as lines, and what number each line stands for.

/// Strings written one under the other, so that rules see text, with the number each of them has in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    noun: &'static str,
    /// First line (from 1) and number of each string, both rising in line.
    starts: Vec<(u32, u64)>,
}

impl Numbering {
    /// What the numbers count: `string`, `byte`, `element`.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        self.noun
    }

    /// How a line is shown: `string 4711`.
    #[must_use]
    pub fn name(&self, line: u32) -> String {
        format!("{} {}", self.noun, self.number(line))
    }

    /// The number of the string that holds a line (from 1).
    #[must_use]
    pub fn number(&self, line: u32) -> u64 {
        let after = self.starts.partition_point(|(start, _)| *start <= line);
        after.checked_sub(1).map_or(0, |at| self.starts[at].1)
    }
}

/// Collects strings.
pub(super) struct Sheet {
    text: Vec<u8>,
    line: u32,
    numbering: Numbering,
}

/// A sheet is handed on when it is this long, so that a hundred megabytes of binary do not become a second hundred.
pub(super) const SHEET_FULL: usize = 8 << 20;

impl Sheet {
    pub(super) fn new(noun: &'static str) -> Self {
        Self { text: Vec::new(), line: 1, numbering: Numbering { noun, starts: Vec::new() } }
    }

    /// Adds one string under its number.
    pub(super) fn push(&mut self, number: u64, string: &[u8]) {
        self.push_parts(number, &[string]);
    }

    /// Adds one string made of several parts.
    pub(super) fn push_parts(&mut self, number: u64, parts: &[&[u8]]) {
        self.numbering.starts.push((self.line, number));
        for part in parts {
            self.text.extend_from_slice(part);
            self.line = self.line.saturating_add(memchr::memchr_iter(b'\n', part).count() as u32);
        }
        self.text.push(b'\n');
        self.line = self.line.saturating_add(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= SHEET_FULL
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.numbering.starts.clear();
        self.line = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_several_lines_keeps_its_number() {
        let mut sheet = Sheet::new("string");
        sheet.push(7, b"one");
        sheet.push(9, b"two\nthree");
        sheet.push(12, b"four");
        assert_eq!(sheet.text(), b"one\ntwo\nthree\nfour\n");
        let numbers: Vec<u64> = (0..6).map(|line| sheet.numbering().number(line)).collect();
        assert_eq!(numbers, [0, 7, 9, 9, 12, 12]);
        assert_eq!(sheet.numbering().name(3), "string 9");
    }
}
