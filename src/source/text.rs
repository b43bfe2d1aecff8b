//! Bytes that we can match: UTF-16 becomes UTF-8, with a way back to the stored offsets; wide strings inside binary
//! files become lines.

/// Byte order of UTF-16 text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wide {
    /// Low byte first.
    Little,
    /// High byte first.
    Big,
}

impl Wide {
    /// The name shown as the encoding that was undone.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "utf-16le",
            Self::Big => "utf-16be",
        }
    }
}

/// Text made from stored bytes, with a way back.
#[derive(Debug)]
pub struct Converted {
    /// UTF-8, except for lone surrogates, which become U+FFFD.
    pub text: Vec<u8>,
    /// How it was stored.
    pub wide: Wide,
    /// Pairs (offset in `text`, offset in the stored bytes), ascending: where a contiguous piece begins.
    pieces: Vec<(usize, usize)>,
}

/// How much of the head decides.
const HEAD: usize = 1024;
/// Wide strings shorter than this inside binary files are left alone: no secret is so short.
const SHORTEST: usize = 8;

impl Converted {
    /// The stored offset of an offset in `text`.
    #[must_use]
    pub fn stored(&self, offset: usize) -> usize {
        let at = self.pieces.partition_point(|&(text, _)| text <= offset).saturating_sub(1);
        let Some(&(text, stored)) = self.pieces.get(at) else { return 0 };
        let units: usize = String::from_utf8_lossy(&self.text[text..offset]).chars().map(char::len_utf16).sum();
        stored + units * 2
    }
}

/// Converts a file that is UTF-16 as a whole (with or without a byte order mark); `None` for anything else.
#[must_use]
pub fn from_wide(bytes: &[u8]) -> Option<Converted> {
    let (wide, skip) = match bytes {
        [0xff, 0xfe, rest @ ..] if !rest.starts_with(&[0, 0]) => (Wide::Little, 2),
        [0xfe, 0xff, ..] => (Wide::Big, 2),
        _ => (guess(&bytes[..bytes.len().min(HEAD)])?, 0),
    };
    let units = bytes[skip..].chunks_exact(2).map(|pair| unit(wide, pair));
    let mut text = Vec::with_capacity(bytes.len() / 2);
    for decoded in char::decode_utf16(units) {
        let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(Converted { text, wide, pieces: vec![(0, skip)] })
}

fn unit(wide: Wide, pair: &[u8]) -> u16 {
    match wide {
        Wide::Little => u16::from_le_bytes([pair[0], pair[1]]),
        Wide::Big => u16::from_be_bytes([pair[0], pair[1]]),
    }
}

/// Text in Latin letters has a zero in every second byte, and hardly any in the others.
fn guess(head: &[u8]) -> Option<Wide> {
    if head.len() < 8 {
        return None;
    }
    let zeros = |parity: usize| head.chunks_exact(2).map(|pair| u16::from(pair[parity] == 0)).sum::<u16>();
    let (even, odd) = (usize::from(zeros(0)), usize::from(zeros(1)));
    let half = head.len() / 2;
    if odd * 10 >= half * 7 && even * 20 <= half {
        return Some(Wide::Little);
    }
    (even * 10 >= half * 7 && odd * 20 <= half).then_some(Wide::Big)
}

/// Whether bytes look like a binary file: a zero in the head.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, &bytes[..bytes.len().min(8 * HEAD)]).is_some()
}

/// The wide strings (printable ASCII as little-endian UTF-16) inside a binary file, a line each; `None` when there are none.
///
/// Any of them covers a whole step of eight bytes, and hardly any other eight bytes have a zero in every second place.
#[must_use]
pub fn wide_strings(bytes: &[u8]) -> Option<Converted> {
    let mut found = Converted { text: Vec::new(), wide: Wide::Little, pieces: Vec::new() };
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<STEP>) {
        let Some(first) = first_letter(u64::from_le_bytes(*eight)) else {
            at += STEP;
            continue;
        };
        let (mut start, mut end) = (at + first, at + first);
        while start >= 2 && is_wide(bytes, start - 2) {
            start -= 2;
        }
        while is_wide(bytes, end) {
            end += 2;
        }
        if end - start >= 2 * SHORTEST {
            found.pieces.push((found.text.len(), start));
            found.text.extend(bytes[start..end].iter().step_by(2));
            found.text.push(b'\n');
        }
        at = end.max(at + STEP);
    }
    (!found.text.is_empty()).then_some(found)
}

/// Bytes looked at together: half of the shortest string.
const STEP: usize = SHORTEST;

/// The first place of a letter where every second byte, and no other, is zero.
fn first_letter(eight: u64) -> Option<usize> {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    let first = match (eight & EVEN, eight & !EVEN) {
        (0, 0) => return None,
        (_, 0) => 0,
        (0, _) => 1,
        _ => return None,
    };
    let letters = (0..4).map(|place| (eight >> (16 * place + 8 * first)) as u8);
    letters.into_iter().all(is_printable).then_some(first)
}

/// Whether a printable letter and its zero stand at `at`.
fn is_wide(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + 2).is_some_and(|pair| is_printable(pair[0]) && pair[1] == 0)
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SHORTEST, Wide, from_wide, is_wide, wide_strings};

    fn wide(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn converts_utf16_and_finds_the_way_back() {
        let text = "key = välue 𝄞 secret\n";
        for (little, mark) in [(true, true), (false, true), (true, false), (false, false)] {
            let mut bytes = if mark { wide("\u{feff}", little) } else { Vec::new() };
            let skip = bytes.len();
            bytes.extend(wide(text, little));
            let converted = from_wide(&bytes).unwrap();
            assert_eq!(converted.text, text.as_bytes());
            assert_eq!(converted.wide, if little { Wide::Little } else { Wide::Big });
            let at = text.find("secret").unwrap();
            assert_eq!(converted.stored(at), skip + text[..at].encode_utf16().count() * 2);
        }
    }

    #[test]
    fn leaves_other_bytes_alone() {
        for bytes in [
            &b"plain text, nothing wide here"[..],
            b"\0\0\0\0\0\0\0\0\0\0",
            b"",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
        ] {
            assert!(from_wide(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn finds_wide_strings_in_a_binary() {
        let mut bytes = b"\x01\x02\x03".to_vec();
        bytes.extend(wide("password=abcdef", true));
        bytes.extend(b"\xff\xfe\0\0\0");
        let found = wide_strings(&bytes).unwrap();
        assert_eq!(found.text, b"password=abcdef\n");
        assert_eq!(found.stored(9), 3 + 18);
    }

    /// Every stretch of letters and zeros that is long enough, looked for at every place.
    fn all_strings(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let letters = (at..).step_by(2).take_while(|&at| is_wide(bytes, at)).count();
            if letters >= SHORTEST {
                found.push((at, bytes[at..at + 2 * letters].iter().step_by(2).copied().collect()));
            }
            at += (2 * letters).max(1);
        }
        found
    }

    proptest! {
        #[test]
        fn finds_each_wide_string_at_any_place(parts in proptest::collection::vec((0..4_u8, 0..24_usize, 0..3_usize), 0..12)) {
            let mut bytes = Vec::new();
            for (kind, len, more) in parts {
                match kind {
                    0 => bytes.extend(wide(&"key-0123456789abcdefghijklm"[..len], true)),
                    1 => bytes.extend(std::iter::repeat_n(0, len)),
                    2 => bytes.extend(&b"\x01\xffa\x80 z\x07=k"[..len.min(9)]),
                    _ => bytes.extend(b"abcdefghijklmnopqrstuvwxyz"[..len].iter().flat_map(|&b| [0, b])),
                }
                bytes.extend(&b"a\0b"[..more]);
            }
            let expected = all_strings(&bytes);
            let found = wide_strings(&bytes);
            let text: Vec<u8> = expected.iter().flat_map(|(_, text)| [text, &b"\n"[..]].concat()).collect();
            prop_assert_eq!(found.as_ref().map_or(&b""[..], |found| &found.text), &text[..]);
            let starts: Vec<usize> = expected.iter().map(|(start, _)| *start).collect();
            let pieces: Vec<usize> = found.iter().flat_map(|found| &found.pieces).map(|piece| piece.1).collect();
            prop_assert_eq!(pieces, starts);
        }
    }
}
