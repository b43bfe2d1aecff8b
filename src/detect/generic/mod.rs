//! The judge of names and values: finds pairs of a key and a value, and says how likely the value is a credential.
//!
//! Three steps, each a pure function of the bytes of a bounded window (and of the path, where one is known):
//! [`propose`] reads what stands at an anchor, lexing without parsing; `features` turns a proposal into numbers;
//! `model` is a table of gradient-boosted trees, learned by `benches/train/train.py` from those same numbers.

mod assign;
mod bare;
#[cfg(test)]
mod cases;
mod code;
mod context;
mod entropy;
mod extract;
mod features;
mod forest;
mod forms;
mod guess;
mod keywords;
mod lex;
mod memory;
mod model;
mod names;
mod operating;
mod purposes;
mod refuse;
mod shapes;
mod tally;
mod text;
mod wording;
mod words;

pub use lex::Quote;
pub use memory::Memory;
pub use operating::{HIGH, LOW, MEDIUM};

use crate::model::{Confidence, Span};
use features::Numbers;

/// The most that is said of what is for *low* only.
pub const FOR_LOW: f32 = MEDIUM * 0.98;
/// The most that is said of what a guess finds: never shown at *high*.
pub const FOR_MEDIUM: f32 = HIGH * 0.98;
/// How many bytes before an anchor a proposal and its judgement may depend on.
pub const BEFORE: usize = 240;
/// How many bytes after an anchor a proposal and its judgement may depend on.
pub const AFTER: usize = 512;

/// What a proposal's value would be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum ProposalKind {
    /// The key says password.
    #[default]
    Password,
    /// The key says secret.
    Secret,
    /// The key says token.
    Token,
    /// The key says key.
    Key,
    /// The key says authorisation or credential.
    Auth,
    /// User information of a URL.
    UrlCredential,
    /// `Basic …`.
    BasicAuth,
    /// `Bearer …`.
    BearerAuth,
    /// An option of a command.
    CommandLine,
    /// `IDENTIFIED BY …`.
    Sql,
    /// No key: a string that looks random.
    HighEntropy,
}

impl ProposalKind {
    /// Whether a provider makes such values, all alike. A password is whatever somebody chose.
    pub(super) fn is_made(self) -> bool {
        matches!(self, Self::Secret | Self::Token | Self::Key | Self::Auth | Self::BearerAuth)
    }
}

/// What joins the key and the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Operator {
    /// `=`
    #[default]
    Assign,
    /// `:`
    Colon,
    /// `=>`
    Arrow,
    /// `:=`
    Walrus,
    /// `==`, `!=`
    Compare,
    /// `||`, `??`, `or`
    Fallback,
    /// `${X:-…}`
    Default,
    /// `("key", "value")`
    Argument,
    /// `key("value")`
    Call,
    /// `name="key" value="…"`
    Sibling,
    /// `?key=value&`
    Query,
    /// `key "value"`
    Space,
    /// `--key value`
    Flag,
    /// `<key>value</key>`
    Element,
    /// `| key | value |`
    Cell,
    /// `key is "value"`
    Prose,
    /// `user:value@host`
    Userinfo,
    /// `Bearer value`
    Scheme,
}

/// A value that could be a credential, and what was seen round it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Proposal {
    /// The anchor that it was read from.
    pub anchor: Span,
    /// The whole name of the key.
    pub key: Span,
    /// The value without its quotes.
    pub value: Span,
    /// What the key promises.
    pub kind: ProposalKind,
    /// What joins key and value.
    pub operator: Operator,
    /// How the value is quoted.
    pub quote: Quote,
    /// The call that the literal is an argument of (`Some`, `os.getenv`); empty where there is none.
    pub wrapper: Span,
}

/// The judge's answer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Judged {
    /// Calibrated probability that the value is a real credential.
    pub probability: f32,
}

/// Anchors to look for, caseless in ASCII: names that announce a secret, and marks such as `://`.
#[must_use]
pub fn keywords() -> &'static [&'static str] {
    keywords::KEYWORDS
}

/// Reads the pairs that belong to the keyword at `anchor`, and appends them to `out`. Looks at no byte outside
/// `anchor.start - BEFORE .. anchor.end + AFTER`.
pub fn propose(hay: &[u8], anchor: Span, out: &mut Vec<Proposal>) {
    extract::propose(hay, anchor, out);
}

/// How likely `proposal` is a real credential. `path` may be empty.
#[must_use]
pub fn judge(hay: &[u8], proposal: &Proposal, path: &[u8]) -> Judged {
    judge_for(hay, proposal, path, Confidence::Low)
}

/// As [`judge`], and 0 as soon as it is plain that the proposal does not even come near the operating point.
#[must_use]
pub fn judge_for(hay: &[u8], proposal: &Proposal, path: &[u8], point: Confidence) -> Judged {
    let likely = near(hay, proposal, || weigh(hay, proposal, path, point));
    Judged { probability: lowered(hay, proposal, path, likely) }
}

/// The same for a file whose path is not known yet; what will be shown at *low* only may seem likelier here.
#[must_use]
pub fn near_for(hay: &[u8], proposal: &Proposal, point: Confidence) -> f32 {
    near(hay, proposal, || weigh(hay, proposal, b"", point))
}

/// What the model says, where nothing refuses the proposal.
fn near(hay: &[u8], proposal: &Proposal, weigh: impl FnOnce() -> f32) -> f32 {
    if refuse::at_sight(hay, proposal) {
        return 0.0;
    }
    match weigh() {
        likely if likely > 0.0 && refuse::by_form(hay, proposal) => 0.0,
        likely => likely,
    }
}

/// The same, or less for what is for *low* only.
fn lowered(hay: &[u8], proposal: &Proposal, path: &[u8], likely: f32) -> f32 {
    if likely > FOR_LOW && refuse::for_low(hay, proposal, path) { FOR_LOW } else { likely }
}

/// What the model says; it looks at what [`context::seen`] names.
fn weigh(hay: &[u8], proposal: &Proposal, path: &[u8], point: Confidence) -> f32 {
    let mut numbers = Numbers::of(hay, proposal);
    if has_chance(&mut numbers, point) { weigh_there(numbers, hay, proposal, path, point) } else { 0.0 }
}

/// Whether the pair alone, wherever it stands, may come near the operating point; its numbers are known then.
fn has_chance(numbers: &mut Numbers<'_>, point: Confidence) -> bool {
    numbers.add_cheap();
    if !model::passes_gate(numbers.all(), point) {
        return false;
    }
    numbers.add_pair();
    model::passes_second_gate(numbers.all(), point)
}

/// What the model says of a pair, the numbers of which are known, where it stands.
fn weigh_there(mut numbers: Numbers<'_>, hay: &[u8], proposal: &Proposal, path: &[u8], point: Confidence) -> f32 {
    numbers.add_context(path);
    let Some(margin) = model::margin(numbers.all(), point) else { return 0.0 };
    if guess::is_guessable(hay, proposal) {
        return model::calibrated(margin, model::GUESSES).min(FOR_MEDIUM);
    }
    model::calibrated(margin, model::group(proposal.kind))
}

/// For *low* only: how likely `value`, in a string literal or a configuration file, without a telling name, is a
/// credential because it looks random. Always below [`MEDIUM`]. Without a path, any file may be a configuration file.
#[must_use]
pub fn high_entropy(hay: &[u8], value: Span, path: Option<&[u8]>) -> Option<f32> {
    entropy::judge(hay, value, path).map(|j| j.probability)
}

/// The value to ask [`high_entropy`] about in a run of token characters; none where the run is longer than it looks at.
#[must_use]
pub fn value_of_run(hay: &[u8], run: Span) -> Option<Span> {
    (run.len() <= entropy::LONGEST).then(|| entropy::value(hay, run))
}

/// How far [`high_entropy`] looks before and after the start of a run.
pub const RANDOM_REACH: (usize, usize) = (entropy::NEAR + 1, entropy::LONGEST + entropy::NEAR + 2);

/// Share of a value that words of four letters and more cover: hardly any of what was made at random.
#[must_use]
pub fn share_of_words(value: &[u8]) -> f32 {
    text::vocabulary(value).covered
}

/// What decided, most important first.
#[must_use]
pub fn explain(hay: &[u8], proposal: &Proposal, path: &[u8]) -> Vec<String> {
    model::explain(&features::vector(hay, proposal, path))
}

/// The numbers that the model sees, for training; their names are [`feature_names`].
#[must_use]
pub fn features(hay: &[u8], proposal: &Proposal, path: &[u8]) -> Option<Vec<f32>> {
    let refused = refuse::at_sight(hay, proposal) || refuse::by_form(hay, proposal);
    (!refused).then(|| features::vector(hay, proposal, path)[..features::COUNT].to_vec())
}

/// Whether the proposal is shown at *low* only, however likely, for training.
#[must_use]
pub fn is_for_low(hay: &[u8], proposal: &Proposal, path: &[u8]) -> bool {
    refuse::for_low(hay, proposal, path)
}

/// Whether a guess finds the value, for training: such values are calibrated apart, and never shown at *high*.
#[must_use]
pub fn is_guessable(hay: &[u8], proposal: &Proposal) -> bool {
    guess::is_guessable(hay, proposal)
}

/// The words round a proposal, as buckets of the linear model, for training.
#[must_use]
pub fn wording(hay: &[u8], proposal: &Proposal) -> Vec<u16> {
    context::wording(hay, proposal)
}

/// Names of the numbers of [`features`].
#[must_use]
pub fn feature_names() -> Vec<String> {
    features::names()
}

/// The rule that reports proposals of this kind.
#[must_use]
pub fn rule_id(kind: ProposalKind) -> &'static str {
    match kind {
        ProposalKind::Password => "generic-password",
        ProposalKind::Secret => "generic-secret",
        ProposalKind::Token => "generic-token",
        ProposalKind::Key | ProposalKind::Auth => "generic-api-key",
        ProposalKind::UrlCredential => "url-credentials",
        ProposalKind::BasicAuth => "basic-auth",
        ProposalKind::BearerAuth => "bearer-auth",
        ProposalKind::CommandLine => "cli-password",
        ProposalKind::Sql => "sql-password",
        ProposalKind::HighEntropy => "high-entropy",
    }
}
