//! How much of a secret may be shown; control characters made visible.

use std::{borrow::Cow, fmt::Write as _};

use bstr::ByteSlice as _;

mod index;
mod prefix;
mod variants;

pub(crate) use index::{Known, Redactor};

/// What stands for the hidden part of a secret. Always the same, so that it does not tell the length.
pub(crate) const MASK: &str = "********";

/// The secret as reports show it: a prefix that its whole format shares (`ghp_`, `AKIA`; at most 8 bytes and at most a
/// fifth of the secret), then stars of a constant number.
#[must_use]
pub fn masked(secret: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&secret[..prefix::shown(secret)]).into_owned();
    text.push_str(MASK);
    text
}

/// The text with everything made visible that a terminal, a CI log or an editor would act on or hide: control
/// characters and bytes that are not UTF-8 as `\x1b`, newline, carriage return and tab as `\n`, `\r`, `\t`, and
/// characters that reorder or hide text as `\u{202e}`. A second pass changes nothing.
#[must_use]
pub fn visible(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && (is_plain(bytes) || !text.chars().any(is_hostile))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_visible(&mut shown, c));
        for byte in chunk.invalid() {
            push_byte(&mut shown, *byte);
        }
    }
    Cow::Owned(shown)
}

/// As [`visible`], with a tab as two spaces: for lines of source shown to people.
pub(crate) fn visible_line(bytes: &[u8]) -> String {
    visible(&bytes.replace(b"\t", b"  ")).into_owned()
}

/// Whether nothing but printable ASCII stands there; told without a branch for each byte.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |is_plain, byte| is_plain & (b' '..=b'~').contains(byte))
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if (c as u32) < 0x100 && is_hostile(c) => push_byte(out, c as u8),
        c if is_hostile(c) => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
        c => out.push(c),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    let _ = write!(out, "\\x{byte:02x}");
}

/// Controls, and the invisible or reordering characters of Unicode TR36 and of "Trojan Source".
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{MASK, masked, visible};

    #[test]
    fn a_mask_keeps_a_format_prefix_and_no_length() {
        let body = "Zx81".repeat(9);
        assert_eq!(masked(format!("ghp_{body}").as_bytes()), format!("ghp_{MASK}"));
        assert_eq!(masked(format!("AKIA{}", &body[..16]).as_bytes()), format!("AKIA{MASK}"));
        assert_eq!(masked(format!("AKIA{}", &body[..15]).as_bytes()), MASK, "four of nineteen is over a fifth");
        assert_eq!(masked(format!("sk_live_{body}").as_bytes()), format!("sk_live_{MASK}"));
        assert_eq!(masked(body.as_bytes()), MASK);
        assert_eq!(masked(b"blue-horse-battery-staple-correct"), MASK);
        assert_eq!(masked(b""), MASK);
        assert_eq!(masked(b"\xff\xfe"), MASK);
    }

    #[test]
    fn what_acts_on_a_terminal_is_shown_not_sent() {
        assert_eq!(visible(b"a\n::stop-commands::x"), "a\\n::stop-commands::x");
        assert_eq!(visible(b"\x1b[31mred\r\t\0"), "\\x1b[31mred\\r\\t\\x00");
        assert_eq!(visible("evil\u{202e}txt.exe\u{85}".as_bytes()), "evil\\u{202e}txt.exe\\x85");
        assert_eq!(visible(b"caf\xe9"), "caf\\xe9");
        assert_eq!(visible("naïve 日本".as_bytes()), "naïve 日本");
        let once = visible(b"\x1b\xff\n").into_owned();
        assert_eq!(visible(once.as_bytes()), once);
    }
}
