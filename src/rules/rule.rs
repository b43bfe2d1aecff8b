//! `Rule`: one compiled rule, as the detector uses it.

use serde::{Deserialize, Serialize};

use super::{
    shape::{ByteSet, Shape},
    syntax::{Near, Partner},
};

/// How a rule finds its candidates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Gate {
    /// A keyword, then the pattern round it.
    Keyword,
    /// A run of token characters, then a word before it.
    Context,
    /// The judge of names and values.
    Judge,
    /// What containers turn out to hold.
    Asset,
}

/// Everything of a rule but its metadata and its place in the tables.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// How it finds its candidates.
    pub gate: Gate,
    /// Keywords (or the words of a context row) with what the pattern demands round each.
    pub keywords: Vec<KeywordShape>,
    /// Whether keywords match in any case.
    pub caseless: bool,
    /// Whether the pattern fits anybody's credential.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anybodys: bool,
    /// Words, lower case, that name a provider all of whose tokens stand on literals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The regex; for context rows, the shape of the value.
    pub pattern: String,
    /// Name of the structural test; empty for none.
    pub checksum: String,
    /// Entropy that the secret must have, in bits per byte.
    pub min_entropy: f32,
    /// Digits that the secret must have.
    pub min_digits: u32,
    /// Literals, lower case, that reject a secret.
    pub stop: Vec<String>,
    /// Words of which one must stand near.
    pub near: Option<Near>,
    /// Globs of which one must match the path.
    pub paths: Vec<String>,
    /// The other part of the credential.
    pub partner: Option<Partner>,
    /// Name under which fingerprints are made.
    pub family: String,
    /// Context rows: words of which one must stand in the key as well, lower case.
    pub name_words: Vec<String>,
    /// The operating point from which it is shown: `high`, `medium`, `low`.
    pub confidence: String,
    /// Where it was written: `file:line`.
    pub origin: String,
    /// Whether the pattern has an upper bound, or says how far it looks.
    pub bounded: bool,
    /// Ids of rules that may report the same bytes, and say as much.
    pub twins: Vec<String>,
    /// Templates that match.
    pub examples: Vec<String>,
    /// Templates that do not.
    pub negative_examples: Vec<String>,
}

/// A keyword and what the pattern demands round it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeywordShape {
    /// The literal; lower case where the rule is caseless.
    pub text: String,
    /// See [`Shape`].
    pub before: usize,
    /// See [`Shape`].
    pub exact: bool,
    /// See [`Shape`].
    pub after: usize,
    /// See [`Shape`].
    pub follow_min: usize,
    /// See [`Shape`].
    pub follow: ByteSet,
    /// See [`Shape`].
    #[serde(default)]
    pub in_window: bool,
    /// See [`Shape`].
    #[serde(default)]
    pub bounded: bool,
}

impl KeywordShape {
    /// Puts the two together.
    #[must_use]
    pub fn new(text: String, shape: Shape) -> Self {
        let Shape { before, exact, after, follow_min, follow, in_window, bounded } = shape;
        Self { text, before, exact, after, follow_min, follow, in_window, bounded }
    }
}
