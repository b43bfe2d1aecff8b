//! A provider's word in free text, and a value of its format close by: `acme key is …`, `new Acme("…")`, a table's row, a
//! value with the provider's name behind it.
//!
//! What joins the two says less here than an assignment does, so the value must say more: where any hash or UUID has the
//! format, a telling word (or a call, or an equals sign) must stand between.

use std::ops::Range;

use super::{
    Detector, Raw,
    anchor::Anchor,
    context::{self, Assignment},
    entropy::{digits, holds_any_caseless, holds_caseless, holds_name, is_word},
    generic::{self, Proposal, ProposalKind},
    misfit,
    placeholder::is_uuid,
    unlike,
    verify::Scratch,
};
use crate::{
    model::{Kind, Span},
    rules::{
        rule::Gate,
        table::{Owner, Pass},
    },
};

/// Bytes between a word and a value in free text, at most: further apart they have nothing to do with one another.
const APART: usize = 40;
/// The same for a value that its own name already announces as a secret.
const APART_OF_NAMED: usize = 100;
/// Bytes of a host name that are looked at for a provider's word.
const HOST: usize = 64;
/// Bytes of a UUID: what is longer and stands behind a name and a colon may be a digest in a lock file.
const UUID: usize = 36;
/// The shortest value that is taken for what it looks like.
const SHORTEST: usize = 16;
/// The same for a value that its own name already announces as a secret.
const SHORTEST_OF_NAMED: usize = 8;

/// A word of so many bytes is hardly met by chance.
const LONG: usize = 5;

/// What is looked at beside a word and a value to see whether they are whole.
const MARGIN: usize = 8;

/// Words that make a secret of what has the shape of a hash.
const TELLING: &[&[u8]] = &[b"key", b"token", b"secret", b"auth", b"pass", b"cred", b"bearer", b"api"];
/// Words that explain such a value.
const EXPLAINED: &[&[u8]] = &[
    b"sha",
    b"md5",
    b"hash",
    b"digest",
    b"commit",
    b"checksum",
    b"integrity",
    b"revision",
    b"etag",
    b"guid",
    b"uuid",
    b"blob",
    b"tree",
    b"build",
    b"version",
    b"fingerprint",
];

/// Runs of token characters that begin close behind the word. The nearest three.
pub(super) fn runs_behind(text: &[u8], word: Span) -> [Option<Assignment>; 3] {
    let mut found = [None; 3];
    let (mut count, mut breaks) = (0, 0);
    let mut at = (word.end..text.len()).find(|&at| !is_word(text[at])).unwrap_or(text.len());
    while at < text.len() && at <= word.end + APART && count < found.len() && breaks < 4 {
        if !is_word(text[at]) {
            breaks += usize::from(text[at] == b'\n');
            at += 1;
            continue;
        }
        let end = (at..text.len().min(at + SHORTEST)).find(|&end| !is_of_token(text[end]));
        let end = end.unwrap_or(text.len().min(at + SHORTEST));
        if end - at >= SHORTEST && stands_free(text, at) {
            found[count] = Some(Assignment { name: word, value: at });
            count += 1;
        }
        // Past the whole word, as far as it matters.
        let limit = text.len().min(word.end + APART + 1);
        at = (end..limit).find(|&end| !is_of_token(text[end])).unwrap_or(limit.max(end));
    }
    found
}

fn is_of_token(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'-' | b'.' | b'+' | b'/')
}

/// Whether a value may begin here: what goes on before it would make it a part of something else.
fn stands_free(text: &[u8], at: usize) -> bool {
    let spoiled = || at >= 2 && b"!$^~".contains(&text[at - 1]) && is_word(text[at - 2]);
    !at.checked_sub(1).is_some_and(|before| is_word(text[before]) || b"/.-+%#@?\\".contains(&text[before]))
        && !spoiled()
}

/// Whether a value of a format may be taken for one of the provider, by what stands between the word and it.
fn is_plausible(text: &[u8], word: Span, value: Span) -> bool {
    let bytes = value.of(text);
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    if bytes.len() < SHORTEST || digits(bytes) < 2 || letters < 2 {
        return false;
    }
    let gap = &text[word.end..value.start];
    if is_digest(gap) {
        return false;
    }
    let hex = bytes.iter().all(u8::is_ascii_hexdigit);
    if !hex && !is_uuid(bytes) {
        return true;
    }
    let around = &text[word.start.saturating_sub(SHORTEST)..value.start];
    let holds = |words: &[&[u8]], text: &[u8]| holds_any_caseless(text, words);
    !holds(EXPLAINED, around)
        && (holds(TELLING, gap)
            || is_given(gap, bytes.len())
            || is_argument(&text[..word.start], gap)
            || word.len() >= LONG && is_literal(gap))
}

/// Whether the gap ends in what gives a string literal to a name or a call, and nothing in it says that the literal is
/// an identifier or what a test compares with: `value = "`, `Client(\n  "`.
fn is_literal(gap: &[u8]) -> bool {
    const OTHERS: &[&[u8]] = &[b"id", b"expect", b"assert", b"equal", b"rev", b"sum", b"test", b"=="];
    let Some((b'"' | b'\'' | b'`', before)) = gap.split_last() else { return false };
    let before = before.trim_ascii_end();
    matches!(before.last(), Some(b'=' | b'(')) && !holds_any_caseless(before, OTHERS)
}

/// Whether word and value are the arguments of a call, the one behind the other: `login("acme", "`.
fn is_argument(before: &[u8], gap: &[u8]) -> bool {
    let is_quote = |b: &&u8| matches!(b, b'"' | b'\'' | b'`');
    let opening = before.iter().rev().take(4).find(|b| !is_quote(b));
    let signs = gap.iter().filter(|b| !is_quote(b) && **b != b' ');
    opening == Some(&b'(') && gap.iter().any(|b| is_quote(&b)) && signs.eq(b",")
}

/// Whether a digest's name stands right before the value, as in the lists of files that packages have.
fn is_digest(gap: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[b"sha1", b"sha256", b"sha384", b"sha512", b"md5"];
    let signs = gap.iter().rev().take_while(|b| !b.is_ascii_alphanumeric()).count();
    let before = gap[..gap.len() - signs].to_ascii_lowercase();
    NAMES.iter().any(|name| before.ends_with(name))
}

/// Whether the gap hands the value to the word: `= "`, `.Client("`; for what is too short for most hashes `: ` as well.
fn is_given(gap: &[u8], length: usize) -> bool {
    let signs = gap.iter().rev().position(|b| !matches!(b, b'"' | b'\'' | b'`' | b' ')).unwrap_or(gap.len());
    let before = &gap[..gap.len() - signs];
    match before.last() {
        Some(b'(') => !before.contains(&b'\n'),
        Some(b'=' | b'>') => !before.iter().any(u8::is_ascii_alphanumeric),
        Some(b':') => length <= UUID && !before.iter().any(u8::is_ascii_alphanumeric),
        _ => false,
    }
}

impl Detector {
    /// The judge's rule for one provider's credentials of a proposal's kind, by the provider's word in the name of the value
    /// (for a URL: in its scheme or host).
    pub(super) fn providers_rule(&self, text: &[u8], proposal: &Proposal) -> Option<u32> {
        let start = proposal.key.start.min(proposal.value.start);
        let name = match proposal.kind {
            ProposalKind::UrlCredential => {
                let scheme =
                    text[..start].iter().rev().take(16).take_while(|b| b.is_ascii_alphanumeric() || **b == b'+');
                let start = start - scheme.count();
                let host = &text[proposal.value.end..text.len().min(proposal.value.end + HOST)];
                let length = host.iter().position(|b| b"/?\"'` \n".contains(b)).unwrap_or(host.len());
                Span::new(start, proposal.value.end + length)
            }
            _ => Span::new(start, proposal.value.start.max(start)),
        };
        let family = generic::rule_id(proposal.kind);
        let named = |index: &u32| {
            let rule = &self.rules().get(*index).rule;
            rule.family == family && rule.name_words.iter().any(|word| holds_caseless(name.of(text), word.as_bytes()))
        };
        self.rules().judge_rules(true).find(named)
    }

    /// The value close behind a word, where it has the format that the owner of the word demands.
    pub(super) fn loosely(
        &self,
        text: &[u8],
        word: Span,
        found: Assignment,
        owner: &Owner,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        let (value, secret) = self.value_at(text, found.value, owner, scratch)?;
        let loaded = self.rules().get(owner.rule);
        if loaded.info.kind != Kind::Secret {
            // Of what is no secret only its name tells that it is meant, in a section that the word is the title of.
            let gap = &text[word.end..value.start];
            let titled = [&b":"[..], b"]", b"\":", b"':"].iter().any(|sign| gap.starts_with(sign));
            let named = loaded.rule.name_words.iter().any(|name| holds_name(gap, name.as_bytes()));
            return (titled && named).then_some((Span::new(word.start, value.end), secret));
        }
        is_plausible(text, word, value).then_some((Span::new(word.start, value.end), secret))
    }

    /// Which provider's format a value has that its own name announces as a secret, by the provider's words round it.
    /// Looks no further than the judge of names and values does. Gives back whether a word tells whose the value would be,
    /// and it has none of that provider's formats.
    pub(super) fn attribute(
        &self,
        text: &[u8],
        proposal: &Proposal,
        anchor: Anchor,
        scratch: &mut Scratch,
        out: &mut Vec<Raw>,
    ) -> bool {
        let value = proposal.value;
        let reach = anchor.start.saturating_sub(generic::BEFORE - MARGIN)
            ..text.len().min(anchor.start + generic::AFTER - MARGIN);
        if value.len() < SHORTEST_OF_NAMED || value.start < reach.start || value.end > reach.end {
            return false;
        }
        // Short values fit by chance: the word must be closer.
        let apart = if value.len() < SHORTEST { APART } else { APART_OF_NAMED };
        let near = value.start.saturating_sub(apart).max(reach.start)..reach.end.min(value.end + apart);
        self.attribute_in(text, near, proposal, anchor, scratch, out)
    }

    /// The same by the words in a range.
    pub(super) fn attribute_in(
        &self,
        text: &[u8],
        near: Range<usize>,
        proposal: &Proposal,
        anchor: Anchor,
        scratch: &mut Scratch,
        out: &mut Vec<Raw>,
    ) -> bool {
        let value = proposal.value;
        let (mut told, mut fits) = (false, false);
        let mut words = std::mem::take(&mut scratch.words);
        for pass in [Pass::BeforeRuns, Pass::Everywhere, Pass::Named] {
            words.clear();
            self.anchors_of(pass).find_all(text, near.clone(), &mut words);
            words.retain(|found| pass != Pass::Everywhere || found.keyword < self.judged);
            for found in &words {
                let word = self.word_of(pass, found);
                if word.overlaps(value) || word.end > near.end || !context::is_whole(text, word) {
                    continue;
                }
                let tells = misfit::tells(text, word, proposal);
                for owner in self.rules().table().owners(pass, found.keyword) {
                    if !self.wants(&owner, pass, proposal) {
                        continue;
                    }
                    told |= tells;
                    let Some(secret) = self.has_format(text, value, &owner, scratch) else { continue };
                    fits = true;
                    let other = unlike::by_name(self.rules().get(owner.rule), proposal.key.of(text)).is_some();
                    if !other && self.is_asked(&owner) && self.is_named(text, &owner, proposal) {
                        let matched = Span::new(word.start.min(value.start), word.end.max(value.end));
                        out.push(self.raw(text, anchor, owner.rule, (matched, secret)));
                    }
                }
            }
        }
        scratch.words = words;
        told && !fits
    }

    /// Whether the value's own name holds a word that the owner of a provider's word wants in it. What authorizes is a token.
    fn is_named(&self, text: &[u8], owner: &Owner, proposal: &Proposal) -> bool {
        let names = &self.rules().get(owner.rule).rule.name_words;
        let bearer = matches!(proposal.kind, ProposalKind::BearerAuth | ProposalKind::Auth);
        let holds = |name: &String| {
            holds_caseless(proposal.key.of(text), name.as_bytes()) || bearer && name.as_str() == "token"
        };
        names.is_empty() || names.iter().any(holds)
    }

    /// Whether the owner of a provider's word is in use and wants such a secret, and nothing but the word and a format.
    fn wants(&self, owner: &Owner, pass: Pass, proposal: &Proposal) -> bool {
        let alone = match pass {
            // What a provider calls a secret is also what two parties choose: the one that signs its messages, say.
            Pass::Named => proposal.kind != ProposalKind::Secret,
            Pass::Everywhere | Pass::BeforeRuns => owner.gate == Gate::Context && owner.near == 0,
        };
        alone && self.rules().is_enabled(owner.rule) && self.rules().get(owner.rule).info.kind == Kind::Secret
    }

    /// The secret in a value that is, as a whole, of the owner's format.
    fn has_format(&self, text: &[u8], value: Span, owner: &Owner, scratch: &mut Scratch) -> Option<Span> {
        if owner.gate != Gate::Context || !(owner.before..=owner.after).contains(&value.len()) {
            return None;
        }
        let (found, secret) = self.value_at(text, value.start, owner, scratch)?;
        (found == value).then_some(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plausible, runs_behind};
    use crate::model::Span;

    /// Whether the provider is believed to own the value `V` of the text.
    fn owns(text: &str, value: &str) -> bool {
        let text = text.replace('V', value);
        let start = text.find("acme").unwrap();
        let word = Span::new(start, start + 4);
        runs_behind(text.as_bytes(), word).into_iter().flatten().any(|found| {
            let value = Span::new(found.value, found.value + value.len());
            text[value.start..].starts_with(&text[value.start..value.end])
                && text.as_bytes().get(value.end).is_none_or(|b| !b.is_ascii_alphanumeric())
                && is_plausible(text.as_bytes(), word, value)
        })
    }

    #[test]
    fn a_value_of_no_other_sense_needs_only_be_near() {
        let value = "q7zp0lm3xv9rt2kd8wb4";
        for text in ["the acme one is V", "acme V", "acme\nname\nV\n", "| acme | prod | V |", "new acme(\"V\")"] {
            assert!(owns(text, value), "{text}");
        }
        for text in
            ["acme.com/files/V", "acme/V", "acme asset main.V.js", "acme is far from the thing that is, after all, V"]
        {
            assert!(!owns(text, value), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_hash_needs_a_telling_word_or_an_assignment() {
        let (md5, sha1, uuid) = (
            "0cc175b9c0f1b6a831c399e269772661",
            "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
            "9f1c2b3a-5d4e-4f60-8a7b-1c2d3e4f5a6b",
        );
        for value in [md5, sha1, uuid] {
            for text in ["the acme key is V", "acme token: V", "new acme('V')", "acme.Client(\"V\")", "acme = 'V'"] {
                assert!(owns(text, value), "{text} {value}");
            }
            for text in ["acme V", "acme at V", "acme commit key V", "acme sha1 = 'V'", "acme,V", "acme\n  V"] {
                assert!(!owns(text, value), "{text} {value}");
            }
        }
        assert!(owns("acme: V", md5), "too short for the hashes of lock files");
        assert!(owns("acme: V", uuid));
        for text in ["login(acme, \"V\")", "login('acme', 'V')"] {
            assert!(owns(text, sha1), "{text}");
        }
        assert!(!owns("[acme, \"V\"]", sha1), "a list");
        assert!(!owns("acme: V", sha1), "as in the lock files of CocoaPods");
    }
}
