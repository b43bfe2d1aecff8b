//! How wide the characters of a font are, so that letters placed one by one are told from words (ISO 32000-1, 9.7.4.3).

use std::collections::HashMap;

use memchr::memmem;

use super::fonts::leading;

/// Widths that a font may set, as many as it has codes, and all fonts of a document together.
const MOST_WIDTHS: usize = 1 << 16;
const MOST_TOGETHER: usize = 1 << 20;

/// Widths of a font's characters, in thousandths of its size.
#[derive(Default)]
pub(super) struct Advances {
    usual: f64,
    /// First and last code of a range, in order, and the width.
    ranges: Vec<(u32, u32, f64)>,
}

impl Advances {
    /// The width of a character, in sizes of the font.
    pub(super) fn of(&self, code: u32) -> f64 {
        let after = self.ranges.partition_point(|range| range.0 <= code);
        let range = after.checked_sub(1).map(|at| self.ranges[at]).filter(|range| code <= range.1);
        range.map_or(self.usual, |range| range.2) / 1000.0
    }

    /// `/W` of a composite font: `first [w w …]` and `first last w`.
    fn composite(body: &[u8], objects: &Objects<'_>) -> Option<Self> {
        let usual = after(body, b"/DW").and_then(leading).map_or(1000.0, |(width, _)| f64::from(width));
        let mut advances = Self { usual, ranges: Vec::new() };
        let mut outer: Vec<f64> = Vec::new();
        let mut run: Option<u32> = None;
        for token in Tokens(objects.array(after(body, b"/W")?)?) {
            match (token, &mut run) {
                (Token::Number(width), Some(code)) => {
                    advances.set(*code, *code, width);
                    *code = code.saturating_add(1);
                }
                (Token::Number(number), None) => outer.push(number),
                (Token::Open, _) => run = Some(outer.pop()? as u32),
                (Token::Close, Some(_)) => run = None,
                (Token::Close, None) => break,
            }
            if let [first, last, width] = outer[..] {
                advances.set(first as u32, last as u32, width);
                outer.clear();
            }
        }
        advances.ranges.sort_by_key(|range| range.0);
        Some(advances)
    }

    /// `/Widths` of a simple font, from `/FirstChar` on.
    fn simple(body: &[u8], objects: &Objects<'_>) -> Option<Self> {
        let (first, _) = after(body, b"/FirstChar").and_then(leading)?;
        let mut advances = Self::default();
        let widths = Tokens(objects.array(after(body, b"/Widths")?)?).map_while(Token::number);
        for (code, width) in (first..).zip(widths.take(256)) {
            advances.set(code, code, width);
        }
        Some(advances)
    }

    fn set(&mut self, first: u32, last: u32, width: f64) {
        if self.ranges.len() < MOST_WIDTHS {
            self.ranges.push((first, last, width));
        }
    }
}

/// All widths of a document, each array read once however many fonts share it.
#[derive(Default)]
pub(super) struct Widths {
    all: Vec<Advances>,
    count: usize,
    read: HashMap<u32, Option<usize>>,
}

impl Widths {
    pub(super) fn get(&self, at: usize) -> &Advances {
        &self.all[at]
    }

    /// The widths of a font, which stand in its own dictionary or in that of its descendant.
    pub(super) fn of_font(&mut self, object: u32, body: &[u8], objects: &Objects<'_>) -> Option<usize> {
        let descendant = after(body, b"/DescendantFonts").map(|rest| rest.strip_prefix(b"[").unwrap_or(rest));
        let number = match descendant {
            Some(rest) => leading(rest)?.0,
            None => object,
        };
        if let Some(known) = self.read.get(&number) {
            return *known;
        }
        let advances = match descendant {
            Some(_) => objects.0.get(&number).and_then(|body| Advances::composite(body, objects)),
            None => Advances::simple(body, objects),
        };
        let at = advances.filter(|_| self.count < MOST_TOGETHER).map(|advances| {
            self.count += advances.ranges.len();
            self.all.push(advances);
            self.all.len() - 1
        });
        self.read.insert(number, at);
        at
    }
}

/// Objects by number.
pub(super) struct Objects<'a>(HashMap<u32, &'a [u8]>);

impl<'a> Objects<'a> {
    pub(super) fn of(bodies: &[(u32, &'a [u8])]) -> Self {
        Self(bodies.iter().copied().collect())
    }

    /// What stands in an array, which may be an object of its own.
    fn array<'b>(&self, value: &'b [u8]) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let direct = |value: &'b [u8]| value.trim_ascii_start().strip_prefix(b"[");
        direct(value).or_else(|| {
            let body: &'b [u8] = self.0.get(&leading(value)?.0)?;
            memchr::memchr(b'[', body).map(|at| &body[at + 1..])
        })
    }
}

/// What stands behind a name, and is no more of the name itself.
fn after<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let found = memmem::find_iter(body, name).map(|at| &body[at + name.len()..]);
    found.filter(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic)).map(<[u8]>::trim_ascii_start).next()
}

enum Token {
    Number(f64),
    Open,
    Close,
}

impl Token {
    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Open | Self::Close => None,
        }
    }
}

/// Numbers and brackets, up to the first thing that is neither.
struct Tokens<'a>(&'a [u8]);

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let text = self.0.trim_ascii_start();
        let bracket = match text.first()? {
            b'[' => Some(Token::Open),
            b']' => Some(Token::Close),
            _ => None,
        };
        let length = match bracket {
            Some(_) => 1,
            None => text.iter().take(24).take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+')).count(),
        };
        self.0 = &text[length..];
        let number = || std::str::from_utf8(&text[..length]).ok()?.parse().ok().map(Token::Number);
        bracket.or_else(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_read_from_fonts_and_their_descendants() {
        let bodies: [(u32, &[u8]); 5] = [
            (1, b"<< /Type /Font /Subtype /Type0 /DescendantFonts [2 0 R] >>"),
            (2, b"<< /WMode 0 /DW 750 /W [3 [260 500] 36 38 639 70[ 10 ]] >>"),
            (3, b"<< /Subtype /TrueType /FirstChar 65 /LastChar 66 /Widths 4 0 R >>"),
            (4, b" [ 600 -20 ] "),
            (5, b"<< /DescendantFonts 2 0 R >>"),
        ];
        let objects = Objects::of(&bodies);
        let mut widths = Widths::default();
        let at = widths.of_font(1, bodies[0].1, &objects).unwrap();
        let composite = [3, 4, 36, 38, 39, 70].map(|code| widths.get(at).of(code) * 1000.0);
        assert_eq!(composite, [260.0, 500.0, 639.0, 639.0, 750.0, 10.0]);
        assert_eq!(widths.of_font(5, bodies[4].1, &objects), Some(at));
        let at = widths.of_font(3, bodies[2].1, &objects).unwrap();
        assert_eq!([64, 65, 66, 67].map(|code| widths.get(at).of(code) * 1000.0), [0.0, 600.0, -20.0, 0.0]);
        assert_eq!(widths.of_font(4, bodies[3].1, &objects), None);
    }

    #[test]
    fn hostile_widths_are_bounded() {
        let many = "0 4000000000 5 ".repeat(MOST_WIDTHS + 1);
        let body = format!("<< /W [{many}] >>");
        let objects = Objects::of(&[]);
        let advances = Advances::composite(body.as_bytes(), &objects).unwrap();
        assert_eq!(advances.ranges.len(), MOST_WIDTHS);
        for broken in ["/W [[1]]", "/W [", "/W 9 0 R", "/W", "/W [1 [", "/W [4294967295 [1 2 3]]", "/W [1e9 x]"] {
            let _ = Advances::composite(broken.as_bytes(), &objects);
        }
    }
}
