//! Context rules: a provider's word, an assignment, and a value of the right shape.

use super::{
    entropy::{begins_caseless, is_word},
    nearby::runs_behind,
    runs::{byte_set, is_token, stretches},
};
use crate::{
    model::Span,
    rules::{around::SUFFIXES, table::Owner},
};

/// Bytes between the end of a word and the value, at most.
pub(crate) const GAP: usize = 96;

/// The shortest run of token characters that "value first" looks at; rules with shorter values look for their word first.
pub(crate) const RUN: usize = 16;

/// A word with the value that is assigned to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The name that the word is part of, with its neighbours `a.b-c_d`.
    pub(crate) name: Span,
    /// Where the value begins.
    pub(crate) value: usize,
}

/// The nearest values behind a word.
pub(crate) type Nearest = [Option<Assignment>; 3];

/// A word in its text, read once for all the rules that it belongs to.
pub(crate) struct Reading<'t> {
    pub(crate) text: &'t [u8],
    pub(crate) word: Span,
    whole: Option<bool>,
    direct: Option<Option<Assignment>>,
    later: Option<Option<Nearest>>,
    nearby: Option<Nearest>,
}

impl<'t> Reading<'t> {
    pub(crate) fn new(text: &'t [u8], word: Span) -> Self {
        Self { text, word, whole: None, direct: None, later: None, nearby: None }
    }

    /// Whether the word stands for itself; if not, nothing is assigned to it.
    pub(crate) fn is_whole(&mut self) -> bool {
        *self.whole.get_or_insert_with(|| is_whole(self.text, self.word))
    }

    /// The value assigned to the name that the word is part of.
    pub(crate) fn direct(&mut self) -> Option<Assignment> {
        if self.direct.is_none() {
            self.direct = Some(assignment(self.text, self.word));
        }
        self.direct.flatten()
    }

    /// Values assigned to other names after the word.
    pub(crate) fn later(&mut self) -> Nearest {
        self.behind().unwrap_or_default()
    }

    /// Values close behind the word, whatever stands between.
    pub(crate) fn nearby(&mut self) -> Nearest {
        if self.behind().is_none() {
            return Nearest::default();
        }
        *self.nearby.get_or_insert_with(|| runs_behind(self.text, self.word))
    }

    /// See [`later`]: none where no run of token characters is near.
    fn behind(&mut self) -> Option<Nearest> {
        *self.later.get_or_insert_with(|| later(self.text, self.word))
    }
}

/// Whether the word at `word` stands for itself, and is not a part of another word (`ably` in `reliably`).
pub(crate) fn is_whole(text: &[u8], word: Span) -> bool {
    let first = text[word.start];
    let starts = word.start == 0 || {
        let before = text[word.start - 1];
        !before.is_ascii_alphabetic()
            || (before.is_ascii_lowercase() && first.is_ascii_uppercase())
            || !first.is_ascii_alphabetic()
    };
    let Some(&after) = text.get(word.end).filter(|_| starts) else { return starts };
    let last = text[word.end - 1];
    if !after.is_ascii_alphabetic()
        || !last.is_ascii_alphabetic()
        || (last.is_ascii_lowercase() && after.is_ascii_uppercase())
    {
        return true;
    }
    let rest = &text[word.end..];
    SUFFIXES.iter().any(|suffix| suffix[0] == after | 0x20 && begins_caseless(rest, suffix))
}

fn is_name(byte: u8) -> bool {
    static NAMES: [bool; 256] = byte_set!(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    NAMES[usize::from(byte)]
}

/// From a word to the value assigned to it: the rest of the name, then signs such as `= : => ( ,` and quotes, with at most
/// two short words between (a type, `Bearer`, a function's name).
pub(crate) fn assignment(text: &[u8], word: Span) -> Option<Assignment> {
    let limit = text.len().min(word.end + GAP);
    let mut at = word.end;
    while at < limit && is_name(text[at]) {
        at += 1;
    }
    let mut start = word.start;
    while start > 0 && word.start - start < GAP && is_name(text[start - 1]) {
        start -= 1;
    }
    let name = Span::new(start, at);
    let (mut signs, mut breaks, mut words, mut spaces) = (0, 0, 0, 0);
    while at < limit {
        match text[at] {
            b'=' | b':' | b'>' | b',' | b'(' | b'|' | b'"' | b'\'' | b'`' | b'[' | b'{' | b'<' | b'?' | b'&'
            | b'\\' | b'@' => signs += 1,
            b'\n' if breaks == 0 => breaks += 1,
            b' ' | b'\t' | b'\r' => spaces += 1,
            b'$' | b'#' | b'/' | b'-' | b'+' | b'*' | b'!' => {}
            b if is_word(b) => {
                let end = (at..limit).find(|&end| !is_name(text[end])).unwrap_or(limit);
                if signs + spaces > 0 && !is_filler(text, at, end) {
                    return Some(Assignment { name, value: at });
                }
                words += 1;
                if words > 2 {
                    return None;
                }
                at = end;
                continue;
            }
            _ => return None,
        }
        at += 1;
    }
    None
}

/// Values that are assigned to another name behind the word, one that itself announces a secret: the word stands in a
/// comment, in the host of a URL, or is the section that the assignment belongs to. The nearest three; none at all where no
/// run of token characters is near.
pub(crate) fn later(text: &[u8], word: Span) -> Option<Nearest> {
    let limit = text.len().min(word.end + GAP);
    // A value is a run of token characters, and so long that most of what lies between need not be looked at.
    let mut runs = stretches(&text[word.end..text.len().min(limit + RUN)], RUN, is_token).peekable();
    runs.peek()?;
    let mut found = Nearest::default();
    let (mut count, mut breaks, mut done) = (0, 0, word.end);
    for run in runs {
        let run = word.end + run.start..word.end + run.end;
        breaks += text[done..run.start].iter().filter(|&&b| b == b'\n').count();
        if breaks >= 3 {
            break;
        }
        done = run.end;
        let mut at = run.start;
        while at < limit && at + RUN <= run.end {
            if !is_word(text[at]) {
                at += 1;
                continue;
            }
            if at > word.end && announced(&text[word.end..at]) {
                found[count] = Some(Assignment { name: Span::new(word.start, at), value: at });
                count += 1;
                if count == found.len() {
                    return Some(found);
                }
            }
            // Of all that may stand in a run only this sign assigns.
            match memchr::memchr(b'=', &text[at..run.end]) {
                Some(sign) => at += sign,
                None => break,
            }
        }
    }
    Some(found)
}

/// Whether `before` ends in a name that announces a secret, and signs that assign.
fn announced(before: &[u8]) -> bool {
    let signs = before.iter().rev().take_while(|&&b| !is_word(b)).count();
    let (head, tail) = before.split_at(before.len() - signs);
    if signs > 8 || !tail.iter().any(|b| matches!(b, b'=' | b':' | b'(' | b'>' | b'"' | b'\'' | b'`')) {
        return false;
    }
    let name = head.iter().rev().take(40).take_while(|&&b| is_name(b)).count();
    announces(&head[head.len() - name..])
}

/// Whether one of the words stands in a name, in whatever case, that say of any value that it is a secret. One pass: this is
/// asked of every run behind a provider's word.
fn announces(name: &[u8]) -> bool {
    name.iter().enumerate().any(|(at, first)| {
        let rest = &name[at + 1..];
        match first | 0x20 {
            b'k' => begins_caseless(rest, b"ey"),
            b't' => begins_caseless(rest, b"oken"),
            b's' => begins_caseless(rest, b"ecret"),
            b'p' => begins_caseless(rest, b"assw"),
            b'a' => begins_caseless(rest, b"uth"),
            b'c' => begins_caseless(rest, b"red"),
            _ => false,
        }
    })
}

/// Whether a word in the gap is not the value itself but stands before it: a type, a scheme, a function.
fn is_filler(text: &[u8], start: usize, end: usize) -> bool {
    let word = &text[start..end];
    word.len() <= 12 && !word.iter().any(u8::is_ascii_digit) && word.iter().all(|&b| is_name(b))
}

/// Whether a value that ends at `end` is whole: a longer token would be something else.
pub(crate) fn ends_token(text: &[u8], end: usize) -> bool {
    match text.get(end..).unwrap_or_default() {
        [] => true,
        [b, ..] if is_word(*b) => false,
        [b'=', ..] => false,
        [b'+' | b'/', b'+' | b'/' | b'=', ..] => false,
        [b'-' | b'+' | b'/' | b'.', after, ..] => !is_word(*after),
        rest => !goes_on(rest),
    }
}

/// Whether what begins here goes on a token with what no token has, as one does that was spoiled on purpose.
pub(crate) fn goes_on(behind: &[u8]) -> bool {
    match behind {
        [b'!' | b'$' | b'^' | b'~', after, ..] => is_word(*after),
        // What is percent-encoded is two digits.
        [b'%', after, ..] => is_word(*after) && !after.is_ascii_hexdigit(),
        _ => false,
    }
}

/// The same where the token is the beginning of a literal, and no address that a query follows.
pub(crate) fn goes_on_in_literal(text: &[u8], token: Span) -> bool {
    let is_literal = token.start.checked_sub(1).is_some_and(|before| matches!(text[before], b'"' | b'\'' | b'`'));
    let is_address = token.of(text).iter().any(|b| matches!(b, b'.' | b':'));
    is_literal && !is_address && matches!(text.get(token.end..), Some([b'?', after, ..]) if is_word(*after))
}

/// Whether a value says which revision of something is meant: `acme/setup@` and a commit's id.
pub(crate) fn is_revision(text: &[u8], value: Span) -> bool {
    value.start >= 2
        && text[value.start - 1] == b'@'
        && is_name(text[value.start - 2])
        && value.of(text).iter().all(u8::is_ascii_hexdigit)
}

/// How far the verdict on a word of a context rule looks, before and after the word's start.
pub(crate) fn reach(owner: &Owner, word: usize) -> (usize, usize) {
    (GAP + 1, word + GAP + owner.after + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str, word: &str) -> Option<String> {
        let start = text.find(word).unwrap();
        let found = assignment(text.as_bytes(), Span::new(start, start + word.len()))?;
        Some(text[found.value..].chars().take(6).collect())
    }

    #[test]
    fn finds_the_value_of_a_name() {
        for text in [
            "ACME_KEY=f00dbabe11223344",
            "acme: 'f00dbabe11223344'",
            "\"acmeToken\": \"f00dbabe11223344\"",
            "acme_secret := `f00dbabe11223344`",
            "<acme>f00dbabe11223344</acme>",
            "acme -> f00dbabe11223344",
            "--acme-token f00dbabe11223344",
            "ACME-Auth: Bearer f00dbabe11223344",
            "acme_key: str = \"f00dbabe11223344\"",
            "setAcme(\"f00dbabe11223344\")",
            "acme.key = f00dbabe11223344",
            "env('ACME_KEY', 'f00dbabe11223344')",
            "acme:\n  f00dbabe11223344",
        ] {
            let lower = text.to_lowercase();
            assert_eq!(value_of(&lower, "acme").as_deref(), Some("f00dba"), "{text}");
        }
        for text in ["acme; f00dbabe11223344", "acme is the name of our very good firm f00dbabe11223344", "acme"] {
            assert_eq!(value_of(text, "acme"), None, "{text}");
        }
    }

    /// [`later`], word by word.
    fn slowly(text: &[u8], word: Span) -> Vec<usize> {
        let limit = text.len().min(word.end + GAP);
        let (mut found, mut breaks, mut at) = (Vec::new(), 0, word.end);
        while at < limit && found.len() < 3 && breaks < 3 {
            if !is_word(text[at]) {
                breaks += usize::from(text[at] == b'\n');
                at += 1;
                continue;
            }
            let is_long = text.get(at..at + RUN).is_some_and(|run| run.iter().all(|&b| is_token(b)));
            if at > word.end && is_long && announced(&text[word.end..at]) {
                found.push(at);
            }
            at = (at..limit).find(|&end| !is_name(text[end])).unwrap_or(limit);
        }
        found
    }

    proptest::proptest! {
        #[test]
        fn values_behind_a_word_are_those_met_word_by_word(picks in proptest::collection::vec(0_usize..14, 0..30)) {
            let pieces = [
                "key", "token", "=", ": ", "'", "\n", " ", ".", "-", "/", "f00dbabe11223344", "abc", "(", "0123456789abcdefgh+/=",
            ];
            let text = "acme".to_owned() + &picks.iter().map(|&pick| pieces[pick]).collect::<String>();
            let word = Span::new(0, 4);
            let found: Vec<usize> = later(text.as_bytes(), word).into_iter().flatten().flatten().map(|found| found.value).collect();
            proptest::prop_assert_eq!(found, slowly(text.as_bytes(), word), "{}", text);
        }
    }

    #[test]
    fn a_token_goes_on_with_what_no_token_has() {
        for whole in ["f00dbabe", "f00dbabe!", "f00dbabe ", "f00dbabe%3D", "f00dbabe$", "f00dbabe?x=1", "f00dbabe'"] {
            assert!(ends_token(whole.as_bytes(), 8), "{whole}");
        }
        for spoiled in ["f00dbabe!x1", "f00dbabe$x1", "f00dbabe~x", "f00dbabe^1", "f00dbabe%x", "f00dbabe-x"] {
            assert!(!ends_token(spoiled.as_bytes(), 8), "{spoiled}");
        }
        assert!(goes_on_in_literal(b"'f00dbabe?x1'", Span::new(1, 9)));
        assert!(!goes_on_in_literal(b"/f00dbabe?x1'", Span::new(1, 9)));
        assert!(!goes_on_in_literal(b"'f00.babe?x1'", Span::new(1, 9)));
    }

    #[test]
    fn a_commit_s_id_behind_an_at_is_a_revision() {
        assert!(is_revision(b"uses: acme/setup@f00dbabe", Span::new(17, 25)));
        assert!(!is_revision(b"acme = @f00dbabe", Span::new(8, 16)));
        assert!(!is_revision(b"acme/setup@f00dbaby", Span::new(11, 19)));
    }

    #[test]
    fn a_word_may_stand_before_the_assignment_of_another_name() {
        let values = |text: &str| {
            let start = text.find("acme").unwrap();
            let found = later(text.as_bytes(), Span::new(start, start + 4));
            found.into_iter().flatten().flatten().any(|found| text[found.value..].starts_with("f00dba"))
        };
        for text in [
            "// acme credentials\nconst apiKey = \"f00dbabe11223344\";",
            "https://api.acme.com/v1/things?key=f00dbabe11223344",
            "acme:\n  region: eu\n  api_token: f00dbabe11223344",
        ] {
            assert!(values(text), "{text}");
        }
        for text in
            ["acme at commit f00dbabe11223344", "acme\nsha256 = f00dbabe11223344", "acme\n\n\nkey = f00dbabe11223344"]
        {
            assert!(!values(text), "{text}");
        }
    }

    #[test]
    fn a_word_is_whole_between_other_letters_only_where_case_or_sense_says_so() {
        let whole = |text: &str| {
            let start = text.to_lowercase().find("ably").unwrap();
            is_whole(text.as_bytes(), Span::new(start, start + 4))
        };
        for yes in ["ably", "ABLY_KEY", "myAbly", "ably2", "ablyKey", "ablyapikey", "x_ably.y"] {
            assert!(whole(yes), "{yes}");
        }
        for no in ["reliably", "ablyze", "notably"] {
            assert!(!whole(no), "{no}");
        }
    }
}
