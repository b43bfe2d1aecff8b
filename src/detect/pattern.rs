//! The regex of a rule, run in a bounded window round an anchor.
//!
//! It is the engine inside the `regex` crate, used directly because only `regex-automata` takes both ends of a window and
//! anchored searches. Compiled on first use: most runs compile none.

use regex_automata::{
    Anchored, Input, MatchKind, PatternID,
    meta::{BuildError, Cache, Regex},
    util::{captures::Captures, syntax},
};

use crate::model::Span;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    secret: usize,
}

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
    pub(crate) fn new(pattern: &str) -> Result<Self, Box<BuildError>> {
        // No lazy DFA: a window is a few hundred bytes, and building states for it costs more than it saves.
        let config = Regex::config()
            .match_kind(MatchKind::LeftmostFirst)
            .hybrid(false)
            .dfa(false)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex =
            Regex::builder().configure(config.utf8_empty(false)).syntax(syntax).build(pattern).map_err(Box::new)?;
        let secret = regex.group_info().to_index(PatternID::ZERO, "secret").unwrap_or(0);
        Ok(Self { regex, secret })
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
        self.regex.search_captures_with(&mut place.cache, &input, &mut place.captures);
        let whole = place.captures.get_match()?;
        let secret = place.captures.get_group(self.secret).unwrap_or_else(|| whole.span());
        Some((Span::new(whole.start(), whole.end()), Span::new(secret.start, secret.end)))
    }
}
