//! The line of an occurrence, cut to a readable length around the secret.

use bstr::BString;

use crate::{
    detect::lines::{line_end, line_start},
    model::{Excerpt, Span},
};

/// Bytes shown before and after the secret, at most.
const AROUND: usize = 120;
/// Bytes of the secret that are kept: a private key of a hundred lines is not repeated for each place.
const SECRET: usize = 256;

/// Cuts the line(s) of `secret` out of `text`.
#[must_use]
pub(crate) fn cut(text: &[u8], secret: Span) -> Excerpt {
    // Only the first line of a secret of many lines is shown.
    let secret_end = line_end(&text[..secret.end.min(secret.start + SECRET)], secret.start);
    let from = secret.start.saturating_sub(AROUND);
    let start = line_start(&text[from..], secret.start - from) + from;
    let until = text.len().min(secret_end + AROUND);
    let end = line_end(&text[..until], secret_end);
    let start = (start..secret.start).find(|&at| is_boundary(text, at)).unwrap_or(secret.start);
    let end = (secret_end..=end).rev().find(|&at| is_boundary(text, at)).unwrap_or(secret_end);
    Excerpt {
        text: BString::from(&text[start..end]),
        secret: Span::new(secret.start - start, secret_end - start),
        cut_before: start > 0 && text[start - 1] != b'\n',
        cut_after: end < text.len() && text[end] != b'\n',
    }
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|b| b & 0xc0 != 0x80)
}

#[cfg(test)]
mod tests {
    use super::cut;
    use crate::model::Span;

    #[test]
    fn keeps_the_line_and_cuts_a_long_one() {
        let short = cut(b"one\nkey = SECRET;\nthree", Span::new(10, 16));
        assert_eq!((short.text.as_slice(), short.secret), (&b"key = SECRET;"[..], Span::new(6, 12)));
        assert!(!short.cut_before && !short.cut_after);
        let long = [&vec![b'x'; 5000][..], b"SECRET", &vec![b'y'; 5000]].concat();
        let cut = cut(&long, Span::new(5000, 5006));
        assert_eq!(cut.secret.of(&cut.text), b"SECRET");
        assert!(cut.cut_before && cut.cut_after && cut.text.len() < 300);
    }

    #[test]
    fn shows_the_first_line_of_a_secret_of_many() {
        let block = cut(b"a\nBEGIN\nbody\nEND\n", Span::new(2, 16));
        assert_eq!((block.text.as_slice(), block.secret), (&b"BEGIN"[..], Span::new(0, 5)));
    }
}
