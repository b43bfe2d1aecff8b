//! `mappings` of a source map: base64 VLQ, decoded as it is read (ECMA-426).

/// Where a place of the bundle comes from: index in `sources`, line and column from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) index: usize,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A segment: from this place of the bundle on (line and UTF-16 column from 0) the source is this, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) source: Option<Source>,
}

/// Reads segments one after the other: constant memory whatever the length. Ends at the first fault.
pub(super) struct Mappings<'a> {
    text: &'a [u8],
    line: u32,
    column: i64,
    source: i64,
    source_line: i64,
    source_column: i64,
}

impl<'a> Mappings<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, line: 0, column: 0, source: 0, source_line: 0, source_column: 0 }
    }

    /// One number, or `None` at the end of a segment or at a fault.
    fn number(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let digit = u64::from(digit(*self.text.first()?)?);
            self.text = &self.text[1..];
            value |= (digit & 31) << shift;
            if digit & 32 == 0 {
                let magnitude = (value >> 1) as i64;
                return Some(if value & 1 == 1 { -magnitude } else { magnitude });
            }
            shift += 5;
            // The numbers are of 32 bits.
            if shift > 35 {
                self.text = &[];
                return None;
            }
        }
    }
}

impl Iterator for Mappings<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        loop {
            match self.text.first()? {
                b';' => {
                    self.line = self.line.checked_add(1)?;
                    self.column = 0;
                    self.text = &self.text[1..];
                }
                b',' => self.text = &self.text[1..],
                _ => break,
            }
        }
        self.column += self.number()?;
        let mut source = None;
        if let Some(index) = self.number() {
            self.source += index;
            self.source_line += self.number()?;
            self.source_column += self.number()?;
            source = self.source();
            // A name, of no use here.
            let _ = self.number();
        }
        Some(Segment { line: self.line, column: u32::try_from(self.column).unwrap_or(0), source })
    }
}

impl Mappings<'_> {
    /// The source as it stands; `None` where hostile numbers have made it negative or huge.
    fn source(&self) -> Option<Source> {
        Some(Source {
            index: usize::try_from(self.source).ok()?,
            line: u32::try_from(self.source_line).ok()?,
            column: u32::try_from(self.source_column).ok()?,
        })
    }
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
pub(in crate::source::asset) mod tests {
    use super::*;

    /// Writes one number as base64 VLQ.
    pub(in crate::source::asset) fn vlq(number: i64, out: &mut String) {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut value = (number.unsigned_abs() << 1) | u64::from(number < 0);
        loop {
            let more = value >> 5 != 0;
            out.push(DIGITS[(value & 31) as usize | usize::from(more) << 5] as char);
            value >>= 5;
            if !more {
                return;
            }
        }
    }

    #[test]
    fn segments_are_read_in_order() {
        let mut text = String::new();
        for (numbers, end) in
            [(vec![0, 0, 0, 0], ","), (vec![12, 1, 40, -0], ";"), (vec![3], ","), (vec![4, -1, -38, 7, 2], "")]
        {
            numbers.iter().for_each(|n| vlq(*n, &mut text));
            text.push_str(end);
        }
        let source = |index, line, column| Some(Source { index, line, column });
        let segments: Vec<Segment> = Mappings::new(text.as_bytes()).collect();
        assert_eq!(
            segments,
            [
                Segment { line: 0, column: 0, source: source(0, 0, 0) },
                Segment { line: 0, column: 12, source: source(1, 40, 0) },
                Segment { line: 1, column: 3, source: None },
                Segment { line: 1, column: 7, source: source(0, 2, 7) },
            ]
        );
    }

    #[test]
    fn hostile_mappings_end_quietly() {
        for text in ["D", "AADA", "gggggggggggggggggggggA", "!", ";;;;", "A,A,A,,,;", "//////////", "+++++++9AAA"] {
            for segment in Mappings::new(text.as_bytes()) {
                assert!(segment.line < 10);
            }
        }
        let endless = "D".repeat(1_000_000);
        assert!(Mappings::new(endless.as_bytes()).count() <= 1_000_000);
    }
}
