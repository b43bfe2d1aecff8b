//! The regex of a rule, run in a bounded window round an anchor.
//!
//! It is compiled on first use to a program of our own ([`program`], [`machine`]), which answers nearly all tries. What
//! a program cannot say, and tries that cost it too many steps, are left to the engine inside the `regex` crate, used
//! directly because only `regex-automata` takes both ends of a window and anchored searches. So time stays linear.

mod machine;
mod program;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use regex_automata::{
    Anchored, Input, MatchKind, PatternID,
    meta::{BuildError, Regex},
    util::syntax,
};
use regex_syntax::hir::{Hir, HirKind};

pub(crate) use self::machine::Machine;
use self::{
    machine::{NO_SECRET, Outcome},
    program::Program,
};
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
    source: String,
    program: Option<Program>,
    /// Compiled when it is needed.
    general: OnceLock<Option<General>>,
    /// Bytes that it looks at, at most.
    window: usize,
    /// The bytes that a match can begin with.
    first: ByteSet,
}

/// Steps that the machine may take for each byte of a window.
const STEPS: usize = 32;

/// From this many bytes on the states of a lazy DFA are worth their making.
const WIDE: usize = 512;

/// Memory that one pattern may take in the general engine: ten times what the largest built-in rule needs.
const SIZE_LIMIT: usize = 10 << 20;

impl Pattern {
    /// Compiles a rule's regex. No built-in rule fails; what is too large was refused when its file was read.
    pub(crate) fn of(rule: &Rule) -> Result<Self, Box<BuildError>> {
        let window = rule.keywords.iter().map(|keyword| keyword.before + keyword.after).max().unwrap_or(0);
        Self::new(&rule.pattern, window)
    }

    /// Compiles a regex that is to be run in windows of at most `window` bytes.
    fn new(source: &str, window: usize) -> Result<Self, Box<BuildError>> {
        let hir = shape::parse(source).ok();
        let program = hir.as_ref().and_then(Program::of);
        let general = if program.is_some() { OnceLock::new() } else { Some(General::new(source, window)?).into() };
        let first = hir.map(|hir| shape::first_bytes(&hir)).filter(|(_, empty)| !empty);
        let first = first.map_or([u64::MAX; 4], |(set, _)| set);
        Ok(Self { source: source.to_owned(), program, general, window, first })
    }

    /// Whether a match can begin with the byte.
    pub(crate) fn can_begin(&self, byte: u8) -> bool {
        has(&self.first, byte)
    }

    /// Whether it is left to the general engine.
    pub(crate) fn is_slow(&self) -> bool {
        self.program.is_none()
    }

    /// The first match in `text[window]`, as (whole match, secret). Looking round sees the bytes outside the window.
    pub(crate) fn find(
        &self,
        text: &[u8],
        window: Span,
        anchored: bool,
        machine: &mut Machine,
    ) -> Option<(Span, Span)> {
        let found = self.program.as_ref().and_then(|program| self.run(program, text, window, anchored, machine));
        found.unwrap_or_else(|| {
            let general = self.general.get_or_init(|| General::new(&self.source, self.window).ok());
            general.as_ref()?.find(text, window, anchored)
        })
    }

    /// What the program finds; `None` where it takes too many steps to say.
    fn run(
        &self,
        program: &Program,
        text: &[u8],
        window: Span,
        anchored: bool,
        machine: &mut Machine,
    ) -> Option<Option<(Span, Span)>> {
        let mut steps = STEPS * (window.len() + 16);
        let last = if anchored { window.start } else { window.end };
        let mut start = window.start;
        while start <= last {
            match machine.run(program, text, start, window.end, &mut steps) {
                Outcome::Found(end, secret) => {
                    let whole = Span::new(start, end);
                    return Some(Some((whole, if secret == NO_SECRET { whole } else { secret })));
                }
                Outcome::Exhausted => return None,
                Outcome::Nothing => start += 1,
            }
            // What cannot be empty begins with one of its first bytes.
            let rest = &text[start.min(last)..last];
            start += rest.iter().position(|&b| self.can_begin(b)).unwrap_or(rest.len());
        }
        Some(None)
    }
}

/// A pattern in the general engine.
#[derive(Debug)]
struct General {
    regex: Regex,
    /// The group that is the secret; none where the whole match is, which is found several times as fast.
    secret: Option<usize>,
}

impl General {
    fn new(source: &str, window: usize) -> Result<Self, Box<BuildError>> {
        let config = Regex::config()
            .match_kind(MatchKind::LeftmostFirst)
            .hybrid(window >= WIDE)
            .dfa(false)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex =
            Regex::builder().configure(config.utf8_empty(false)).syntax(syntax).build(source).map_err(Box::new)?;
        let is_all = shape::parse(source).is_ok_and(|hir| is_all_secret(&hir));
        let secret = if is_all { None } else { regex.group_info().to_index(PatternID::ZERO, "secret") };
        Ok(Self { regex, secret })
    }

    fn find(&self, text: &[u8], window: Span, anchored: bool) -> Option<(Span, Span)> {
        let anchored = if anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(text).span(window.start..window.end).anchored(anchored);
        let Some(group) = self.secret else {
            let whole = self.regex.search(&input)?;
            let whole = Span::new(whole.start(), whole.end());
            return Some((whole, whole));
        };
        let mut captures = self.regex.create_captures();
        self.regex.search_captures(&input, &mut captures);
        let whole = captures.get_match()?;
        let secret = captures.get_group(group).unwrap_or_else(|| whole.span());
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
