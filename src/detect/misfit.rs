//! Values that stand where a provider's token would, and are none: cut short, mistyped, or made up.
//!
//! A provider makes its tokens alike, so what is named after one and has none of its formats is shown at *low* only. What
//! tells whose a value would be: its name, words on its line, the section, call, host or comment that it stands under, or
//! the literal that it begins with. A word that names another value says nothing of this one.

use super::{
    Detector,
    entropy::is_word,
    generic::{self, Proposal},
    overlap::ANYBODYS,
    verify::Scratch,
};
use crate::{
    model::{Kind, Span},
    rules::{rule::Gate, table::Pass},
};

/// A word of fewer bytes is met by chance in other lines than the value's.
const DISTINCT: usize = 4;

/// The shortest literal that tells whose a token is.
const PREFIX: usize = 4;

/// Whether a provider's word tells whose the proposed value would be.
pub(super) fn tells(text: &[u8], word: Span, proposal: &Proposal) -> bool {
    let value = proposal.value;
    // A name such as `app_key` is anybody's; the `key` in `keycloak` is none of its own.
    let anchor = proposal.anchor;
    let is_inside = word.contains(anchor) && text[anchor.end..word.end].first().is_some_and(u8::is_ascii_alphabetic);
    if word.overlaps(anchor) && !is_inside {
        return false;
    }
    let between = &text[word.end.min(value.end)..word.start.max(value.start)];
    if !between.contains(&b'\n') {
        return true;
    }
    if word.start > value.start {
        return matches!(text[word.start - 1], b'.' | b'/');
    }
    word.len() >= DISTINCT && !names_another(&text[word.end..value.start])
}

/// Whether a word with this behind it is in the name of something that is given a value at once: `…_url = "x`, `…: x`.
fn names_another(behind: &[u8]) -> bool {
    let skip = |bytes: &[u8], test: fn(u8) -> bool| bytes.iter().take_while(|&&b| test(b)).count();
    let behind = &behind[skip(behind, |b| is_word(b) || b == b'-' || b == b'.')..];
    let behind = &behind[skip(behind, |b| b" \t\"'`]".contains(&b))..];
    let signs = skip(behind, |b| b"=:>".contains(&b));
    let behind = &behind[signs..];
    let behind = &behind[skip(behind, |b| b" \t\"'`".contains(&b))..];
    signs > 0 && behind.first().is_some_and(|&b| is_word(b))
}

impl Detector {
    /// Whether a value begins as a provider's tokens do, and is none of them. Were it one, a rule in use would find it as
    /// well, and say more of it than the judge can; so only those are tried that are not.
    pub(super) fn is_cut(&self, text: &[u8], proposal: &Proposal, scratch: &mut Scratch) -> bool {
        let (anchor, value) = (proposal.anchor.start, proposal.value);
        let reach = Span::new(anchor.saturating_sub(generic::BEFORE), anchor + generic::AFTER);
        if value.end + 1 >= reach.end {
            return false;
        }
        let mut words = std::mem::take(&mut scratch.words);
        words.clear();
        self.anchors_of(Pass::Everywhere).find_all(text, value.start..value.start + 1, &mut words);
        let (mut cut, mut unsure) = (false, false);
        for found in words.iter().filter(|found| found.keyword < self.judged) {
            let word = self.word(found);
            let is_prefix = word.len() >= PREFIX && value.contains(word) && !word.of(text).starts_with(b"eyJ");
            for owner in self.rules().table().owners(Pass::Everywhere, found.keyword) {
                if !is_prefix || owner.gate != Gate::Keyword {
                    continue;
                }
                let info = &self.rules().get(owner.rule).info;
                cut |= info.kind == Kind::Secret && !ANYBODYS.contains(&info.provider.as_str());
                let window = Span::new(word.start.saturating_sub(owner.before + 1), word.start + owner.after + 2);
                unsure |= !self.is_asked(&owner)
                    && (!reach.contains(window) || self.verify_pattern(text, word, &owner, scratch).is_some());
            }
        }
        scratch.words = words;
        cut && !unsure
    }
}

#[cfg(test)]
mod tests {
    use super::tells;
    use crate::{detect::generic::Proposal, model::Span};

    /// Whether `acme` tells whose the value `V` of the name `key` is.
    fn is_told(text: &str) -> bool {
        let spot = |part: &str| text.find(part).map(|at| Span::new(at, at + part.len())).unwrap();
        let proposal = Proposal { anchor: spot("key"), value: spot("V"), ..Proposal::default() };
        tells(text.as_bytes(), spot("acme"), &proposal)
    }

    #[test]
    fn a_word_tells_whose_a_value_is_from_its_line_section_call_or_host() {
        for text in [
            "acme key = V",
            "key = V  # of acme",
            "acme:\n  key: V",
            "[acme]\nkey = V",
            "'acme' => [\n  'key' => V",
            "\"acme\": {\n  \"key\": V",
            "// acme credentials\nkey := V",
            "url = https://api.acme.com/v1\nkey = V",
            "service: acme\nenv: prod\nkey: V",
            "new Acme.acme(\n  key = V",
            "key: V\nHost: api.acme.com",
        ] {
            assert!(is_told(text), "{text}");
        }
    }

    #[test]
    fn a_word_of_a_provider_may_hold_a_telling_one() {
        for (text, word, telling, told) in [
            ("keycloak = V", "keycloak", "key", true),
            ("TICKETMASTER_ID = V", "TICKETMASTER", "TICKET", true),
            ("app_key = V", "app_key", "key", false),
            ("apikey = V", "apikey", "key", false),
        ] {
            let spot = |part: &str| text.find(part).map(|at| Span::new(at, at + part.len())).unwrap();
            let proposal = Proposal { anchor: spot(telling), value: spot("V"), ..Proposal::default() };
            assert_eq!(tells(text.as_bytes(), spot(word), &proposal), told, "{text}");
        }
    }

    #[test]
    fn a_word_that_names_another_value_says_nothing() {
        for text in
            ["acme_id = x1\nkey = V", "\"acme.id\": \"x1\",\n\"key\": V", "key = V\nacme_id = x1", "acme: x1\nkey: V"]
        {
            assert!(!is_told(text), "{text}");
        }
    }
}
