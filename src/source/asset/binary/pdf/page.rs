//! The text that the operators of a page show.

use memchr::memmem;

use super::fonts::{Font, Fonts};

/// The text of a page: what stands at one height is one line. Empty if this is no page.
pub(super) fn shown(content: &[u8], fonts: &Fonts) -> Vec<u8> {
    if memmem::find(content, b"BT").is_none() || memmem::find(content, b"Tf").is_none() {
        return Vec::new();
    }
    let mut page = Page {
        fonts,
        content,
        at: 0,
        name: b"",
        font: None,
        numbers: [0.0; 6],
        x: 0.0,
        y: 0.0,
        last: None,
        size: 1.0,
        scale: 1.0,
        moved: false,
        out: Vec::new(),
    };
    // One code may mean several characters, but no honest page grows much by it.
    let most = 4 * content.len() + 4096;
    while page.at < content.len() && page.out.len() < most {
        page.step();
    }
    if !page.out.is_empty() && !page.out.ends_with(b"\n") {
        page.out.push(b'\n');
    }
    page.out
}

struct Page<'a> {
    fonts: &'a Fonts,
    content: &'a [u8],
    at: usize,
    /// The last name that was read, and the font that was chosen.
    name: &'a [u8],
    font: Option<Font<'a>>,
    /// The last six numbers.
    numbers: [f64; 6],
    /// Where the text to come starts, and the text that was shown last.
    x: f64,
    y: f64,
    last: Option<Shown>,
    /// Size of the font, and what the text matrix makes of it.
    size: f64,
    scale: f64,
    /// The place was changed since the last text.
    moved: bool,
    out: Vec<u8>,
}

/// A text that was shown.
struct Shown {
    /// Where it starts.
    x: f64,
    y: f64,
    /// How many bytes it has.
    length: usize,
    /// How far it reaches, in sizes of the font, where that is known.
    advance: Option<f64>,
}

/// Text that starts this far from where the last one ends, in sizes of the font, is another word: a space is a quarter.
const SPACE: f64 = 0.15;

impl Page<'_> {
    fn step(&mut self) {
        match self.content[self.at] {
            b'(' => {
                let string = self.literal();
                self.show(&string);
            }
            b'<' if self.content.get(self.at + 1) != Some(&b'<') => {
                let string = self.hexadecimal();
                self.show(&string);
            }
            b'/' => {
                let rest = &self.content[self.at + 1..];
                let length = rest.iter().take_while(|b| is_regular(**b)).count();
                self.name = &rest[..length];
                self.at += 1 + length;
            }
            b'%' => self.at += memchr::memchr2(b'\n', b'\r', &self.content[self.at..]).unwrap_or(usize::MAX / 4),
            byte if is_regular(byte) => self.word(),
            _ => self.at += 1,
        }
    }

    /// A number or an operator.
    fn word(&mut self) {
        let rest = &self.content[self.at..];
        let length = rest.iter().take_while(|b| is_regular(**b)).count();
        let word = &rest[..length];
        self.at += length;
        if let Some(number) = std::str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok()) {
            // A wide step to the left within a `TJ` is a space between words.
            if !self.moved && !self.out.is_empty() && self.in_array() {
                if number < -180.0 && !self.out.ends_with(b" ") {
                    self.out.push(b' ');
                }
                if let Some(Shown { advance: Some(advance), .. }) = &mut self.last {
                    *advance -= number / 1000.0;
                }
            }
            self.numbers.rotate_left(1);
            self.numbers[5] = number;
            return;
        }
        match word {
            b"Tf" => {
                self.font = self.fonts.font(self.name);
                self.size = self.numbers[5];
            }
            b"BT" => {
                self.scale = 1.0;
                self.place(0.0, 0.0);
            }
            b"Td" | b"TD" => self.place(self.x + self.scale * self.numbers[4], self.y + self.scale * self.numbers[5]),
            b"Tm" => {
                self.scale = self.numbers[0].abs();
                self.place(self.numbers[4], self.numbers[5]);
            }
            b"T*" | b"'" | b"\"" => {
                self.last = None;
                self.moved = true;
            }
            _ => {}
        }
    }

    /// Whether the number at hand stands among the strings of a `TJ`: behind one of them.
    fn in_array(&self) -> bool {
        let before = &self.content[..self.at];
        let from = before.len().saturating_sub(24);
        before[from..]
            .iter()
            .rev()
            .find(|b| matches!(b, b')' | b'>' | b'[' | b']' | b'/'))
            .is_some_and(|b| matches!(b, b')' | b'>'))
    }

    fn place(&mut self, x: f64, y: f64) {
        (self.x, self.y) = (x, y);
        self.moved = true;
    }

    fn show(&mut self, string: &[u8]) {
        if self.moved && !self.out.is_empty() {
            self.part();
        }
        let before = self.out.len();
        match self.font {
            Some(font) => font.decode(string, &mut self.out),
            None => self.out.extend(string.iter().filter(|b| **b != 0)),
        }
        let length = self.out.len() - before;
        let advance = self.font.and_then(|font| font.advance(string));
        match &mut self.last {
            Some(last) if !self.moved => {
                last.length += length;
                last.advance = last.advance.zip(advance).map(|(before, more)| before + more);
            }
            last => *last = Some(Shown { x: self.x, y: self.y, length, advance }),
        }
        self.moved = false;
    }

    /// Sets text apart from what was shown before it: another line, another word, or the next letter of the same word,
    /// which some programs place one by one.
    fn part(&mut self) {
        let Some(last) = self.last.as_ref().filter(|last| last.y == self.y) else { return self.out.push(b'\n') };
        let step = (self.x - last.x) / (self.size * self.scale);
        let is_apart = match last.advance {
            Some(advance) => (step - advance).abs() > SPACE,
            None => last.length > 2 || !(0.0..=1.1 * last.length as f64).contains(&step),
        };
        if is_apart {
            self.out.push(b' ');
        }
    }

    fn literal(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut depth = 1;
        self.at += 1;
        while let Some(byte) = self.content.get(self.at).copied() {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escape(&mut out);
                    continue;
                }
                _ => {}
            }
            out.push(byte);
        }
        out
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let rest = &self.content[self.at..];
        let digits = rest.iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        if digits > 0 {
            out.push(rest[..digits].iter().fold(0u32, |n, b| n * 8 + u32::from(b - b'0')) as u8);
            self.at += digits;
            return;
        }
        match rest.first() {
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            // A line end that is escaped is none.
            Some(b'\n' | b'\r') | None => {}
            Some(other) => out.push(*other),
        }
        self.at += 1;
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let rest = &self.content[self.at + 1..];
        let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.at += end + 2;
        from_hexadecimal(&rest[..end])
    }
}

/// Digits to bytes; a missing last digit is zero.
pub(super) fn from_hexadecimal(text: &[u8]) -> Vec<u8> {
    let mut digits = text.iter().filter_map(|b| char::from(*b).to_digit(16)).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len() / 2 + 1);
    while let Some(high) = digits.next() {
        bytes.push(high << 4 | digits.next().unwrap_or(0));
    }
    bytes
}

fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && byte != 0
        && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_text_is_put_together() {
        let page = b"BT /F1 12 Tf 72 700 Td [(ab) -20 (cd\\051) -300 (e)] TJ 0 -14 Td (next \\(line\\)) Tj 9 0 Td (x) Tj T* <4869> Tj ET";
        assert_eq!(shown(page, &Fonts::default()), b"abcd) e\nnext (line) x\nHi\n");
        // Letters placed one by one are a word, and words placed one by one are apart.
        let page =
            b"BT /F1 10 Tf 1 0 0 -1 5 20 Tm (N) Tj 7 0 Td (o) Tj 6 0 Td (te) Tj 40 0 Td (well) Tj 30 0 Td (ok) Tj ET";
        assert_eq!(shown(page, &Fonts::default()), b"Note well ok\n");
        assert_eq!(shown(b"no page at all", &Fonts::default()), b"");
    }
}
