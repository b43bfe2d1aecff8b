//! The regex of a rule, run in a bounded window round an anchor.
//!
//! It is the engine inside the `regex` crate, used directly because only `regex-automata` takes both ends of a window and
//! anchored searches. Compiled on first use: most runs compile none.

use regex_automata::{
    Anchored, Input, MatchKind, PatternID,
    meta::{BuildError, Cache, Regex},
    util::{captures::Captures, syntax},
};

use regex_syntax::hir::{Hir, HirKind};

use crate::{
    model::Span,
    rules::{
        rule::Rule,
        shape::{self, ByteSet, has},
    },
};

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// The group that is the secret; none where the whole match is, which is found several times as fast.
    secret: Option<usize>,
    /// The bytes that a match can begin with.
    first: ByteSet,
}

/// From this many bytes on the states of a lazy DFA are worth their making.
const WIDE: usize = 512;

/// The places that searching needs; one per pattern and thread.
#[derive(Debug)]
pub(crate) struct PatternCache {
    cache: Cache,
    captures: Captures,
}

/// Memory that one compiled pattern may take: ten times what the largest built-in rule needs.
const SIZE_LIMIT: usize = 10 << 20;

impl Pattern {
    /// Compiles a rule's regex. No built-in rule fails; a user's is compiled when its file is read.
    pub(crate) fn of(rule: &Rule) -> Result<Self, Box<BuildError>> {
        let window = rule.keywords.iter().map(|keyword| keyword.before + keyword.after).max().unwrap_or(0);
        Self::new(&rule.pattern, window)
    }

    /// Compiles a regex that is to be run in windows of at most `window` bytes.
    fn new(pattern: &str, window: usize) -> Result<Self, Box<BuildError>> {
        let config = Regex::config()
            .match_kind(MatchKind::LeftmostFirst)
            .hybrid(window >= WIDE)
            .dfa(false)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex =
            Regex::builder().configure(config.utf8_empty(false)).syntax(syntax).build(pattern).map_err(Box::new)?;
        let hir = shape::parse(pattern).ok();
        let is_all = hir.as_ref().is_some_and(is_all_secret);
        let secret = if is_all { None } else { regex.group_info().to_index(PatternID::ZERO, "secret") };
        let first = hir.map(|hir| shape::first_bytes(&hir)).filter(|(_, empty)| !empty);
        Ok(Self { regex, secret, first: first.map_or([u64::MAX; 4], |(set, _)| set) })
    }

    /// Whether a match can begin with the byte.
    pub(crate) fn can_begin(&self, byte: u8) -> bool {
        has(&self.first, byte)
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub(crate) fn memory(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Room for searching.
    #[must_use]
    pub(crate) fn cache(&self) -> PatternCache {
        PatternCache { cache: self.regex.create_cache(), captures: self.regex.create_captures() }
    }

    /// The first match in `text[window]`, as (whole match, secret). Looking round sees the bytes outside the window.
    pub(crate) fn find(
        &self,
        text: &[u8],
        window: Span,
        anchored: bool,
        place: &mut PatternCache,
    ) -> Option<(Span, Span)> {
        let anchored = if anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(text).span(window.start..window.end).anchored(anchored);
        let Some(group) = self.secret else {
            let whole = self.regex.search_with(&mut place.cache, &input)?;
            let whole = Span::new(whole.start(), whole.end());
            return Some((whole, whole));
        };
        self.regex.search_captures_with(&mut place.cache, &input, &mut place.captures);
        let whole = place.captures.get_match()?;
        let secret = place.captures.get_group(group).unwrap_or_else(|| whole.span());
        Some((Span::new(whole.start(), whole.end()), Span::new(secret.start, secret.end)))
    }
}

/// Whether the secret is the whole of every match.
fn is_all_secret(hir: &Hir) -> bool {
    let parts = if let HirKind::Concat(parts) = hir.kind() { parts } else { std::slice::from_ref(hir) };
    // What takes no byte may stand beside it.
    let mut taking = parts.iter().filter(|part| !matches!(part.kind(), HirKind::Look(_) | HirKind::Empty));
    let first = taking.next();
    let is_group = first.is_some_and(
        |part| matches!(part.kind(), HirKind::Capture(capture) if capture.name.as_deref() == Some("secret")),
    );
    taking.next().is_none() && (is_group || shape::secret_group(hir).is_none())
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::model::Span;

    #[test]
    fn the_secret_is_the_group_of_that_name_or_all() {
        let found = |pattern: &str, window: usize| {
            let pattern = Pattern::new(pattern, window).unwrap();
            pattern.find(b"key=abc12;", Span::new(0, 10), false, &mut pattern.cache()).unwrap()
        };
        for window in [100, 10_000] {
            let (value, all) = (Span::new(4, 9), Span::new(0, 9));
            assert_eq!(found(r"\b(?<secret>abc[0-9]+)\b", window), (value, value));
            assert_eq!(found(r"(?<secret>abc[0-9]+)", window), (value, value));
            assert_eq!(found(r"abc[0-9]+", window), (value, value));
            assert_eq!(found(r"key=(?<secret>abc[0-9]+)", window), (all, value));
            assert_eq!(found(r"key=(?:(?<secret>abc[0-9]+)|x)", window), (all, value));
        }
    }
}
