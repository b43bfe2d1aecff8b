//! The compiled form of a set of rules: bytes that need no work at start-up. The build script writes one for the
//! built-in rules; user files are put into one at run time. Little-endian throughout.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    around::Around,
    compile::Compiled,
    rule::{Gate, KeywordShape, Rule},
    shape::ByteSet,
};
use crate::model::RuleInfo;

/// Bytes of one [`Owner`] record.
const OWNER: usize = 52;
/// Marks a rule of the judge that is for one provider's credentials of another rule's kind.
const PROVIDERS: u32 = 1 << 31;
/// Bytes of the header: nine section lengths.
const HEADER: usize = 36;

/// That a keyword belongs to a rule, and what the rule demands round it.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Index of the rule.
    pub rule: u32,
    /// How the rule finds its candidates.
    pub gate: Gate,
    /// See [`super::rule::KeywordShape`].
    pub exact: bool,
    /// See [`super::rule::KeywordShape`].
    pub before: usize,
    /// See [`super::rule::KeywordShape`].
    pub after: usize,
    /// See [`super::rule::KeywordShape`].
    pub follow_min: usize,
    /// See [`super::rule::KeywordShape`].
    pub follow: ByteSet,
    /// See [`super::shape::Shape`].
    pub in_window: bool,
    /// See [`super::shape::Shape`].
    pub bounded: bool,
    /// See [`super::rule::Rule`].
    pub anybodys: bool,
    /// The operating point from which the rule is shown.
    pub confidence: u8,
    /// Bytes round a match in which a telling word must stand; 0 where none must.
    pub near: usize,
}

/// Which of the anchor passes a keyword belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    /// Looked for everywhere.
    Everywhere,
    /// Looked for only in front of a run of token characters.
    BeforeRuns,
    /// Looked for only round what the judge of names and values proposes.
    Named,
}

impl Pass {
    /// The section with its keywords; their owners are in the next.
    fn section(self) -> usize {
        match self {
            Self::Everywhere => 2,
            Self::BeforeRuns => 4,
            Self::Named => 7,
        }
    }
}

/// A keyword as the anchor pass takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeywordText<'t> {
    /// The literal.
    pub text: &'t [u8],
    /// Whether it matches in any case.
    pub caseless: bool,
}

/// The table. Sections: rule texts, their ends, then for each pass the keywords, their owners' ends, the owners; and the judge's rules.
pub struct Table {
    bytes: Cow<'static, [u8]>,
    sections: [(usize, usize); 9],
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

impl Table {
    /// Takes the bytes that [`build`] made.
    #[must_use]
    pub fn new(bytes: Cow<'static, [u8]>) -> Self {
        let mut sections = [(0, 0); 9];
        let mut at = HEADER;
        for (number, section) in sections.iter_mut().enumerate() {
            let length = u32_at(&bytes, number * 4) as usize;
            *section = (at, at + length);
            at += length;
        }
        Self { bytes, sections }
    }

    fn section(&self, number: usize) -> &[u8] {
        let (start, end) = self.sections[number];
        &self.bytes[start..end]
    }

    /// All bytes, to be digested.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.section(1).len() / 4
    }

    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads one rule.
    #[must_use]
    pub fn rule(&self, index: u32) -> Compiled {
        let (texts, ends) = (self.section(0), self.section(1));
        let at = index as usize * 4;
        let start = if index == 0 { 0 } else { u32_at(ends, at - 4) as usize };
        let text = &texts[start..u32_at(ends, at) as usize];
        serde_json::from_slice::<(RuleInfo, Rule)>(text).expect("the table was written from rules")
    }

    /// The keywords of a pass, in the order of their numbers.
    pub fn keywords(&self, pass: Pass) -> impl Iterator<Item = KeywordText<'_>> {
        let mut bytes = self.section(pass.section());
        std::iter::from_fn(move || {
            let [caseless, length, rest @ ..] = bytes else { return None };
            let (text, rest) = rest.split_at(usize::from(*length));
            bytes = rest;
            Some(KeywordText { text, caseless: *caseless == 1 })
        })
    }

    /// The rules that a keyword belongs to.
    pub fn owners(&self, pass: Pass, keyword: u32) -> impl Iterator<Item = Owner> + '_ {
        let bytes = self.section(pass.section() + 1);
        let count = u32_at(bytes, 0) as usize;
        let at = 4 + keyword as usize * 4;
        let start = if keyword == 0 { 0 } else { u32_at(bytes, at - 4) as usize };
        let records = &bytes[4 + count * 4..];
        records[start * OWNER..u32_at(bytes, at) as usize * OWNER].chunks_exact(OWNER).map(read_owner)
    }

    /// What may stand round a keyword, the text of which is given, where one of its rules comes true.
    #[must_use]
    pub fn around(&self, pass: Pass, keyword: u32, text: &[u8]) -> Around {
        match pass {
            Pass::Everywhere | Pass::BeforeRuns => Around::of(text, self.owners(pass, keyword)),
            Pass::Named => Around::ANYTHING,
        }
    }

    /// Indexes of the rules that the judge reports under: anybody's, or those that are for one provider's credentials.
    pub fn judge_rules(&self, providers: bool) -> impl Iterator<Item = u32> + '_ {
        let all = self.section(6).chunks_exact(4).map(|raw| u32_at(raw, 0));
        all.filter(move |entry| (entry & PROVIDERS != 0) == providers).map(|entry| entry & !PROVIDERS)
    }
}

fn read_owner(raw: &[u8]) -> Owner {
    let mut follow = [0; 4];
    for (word, bytes) in follow.iter_mut().zip(raw[20..].chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        *word = u64::from_le_bytes(eight);
    }
    let flags = u32_at(raw, 4);
    Owner {
        rule: u32_at(raw, 0),
        gate: if flags & 2 == 2 { Gate::Context } else { Gate::Keyword },
        exact: flags & 1 == 1,
        before: u32_at(raw, 8) as usize,
        after: u32_at(raw, 12) as usize,
        follow_min: u32_at(raw, 16) as usize,
        follow,
        in_window: flags & 4 == 4,
        bounded: flags & 64 == 64,
        anybodys: flags & 8 == 8,
        confidence: (flags >> 4 & 3) as u8,
        near: (flags >> 8) as usize,
    }
}

type Owners = BTreeMap<(Vec<u8>, bool), Vec<u8>>;

/// Writes the table of a set of rules.
#[must_use]
pub fn build(rules: &[Compiled]) -> Vec<u8> {
    let (mut texts, mut ends, mut judged) = (Vec::new(), Vec::new(), Vec::new());
    let (mut everywhere, mut before_runs, mut named) = (Owners::new(), Owners::new(), Owners::new());
    for (index, (info, rule)) in rules.iter().enumerate() {
        texts.extend(serde_json::to_vec(&(info, rule)).expect("rules are plain data"));
        ends.extend((texts.len() as u32).to_le_bytes());
        if rule.gate == Gate::Judge {
            let providers = if rule.family == info.id { 0 } else { PROVIDERS };
            judged.extend((index as u32 | providers).to_le_bytes());
        }
        for keyword in &rule.keywords {
            let value_first = rule.gate == Gate::Context && keyword.exact;
            let owners = if value_first { &mut before_runs } else { &mut everywhere };
            let record = owners.entry((keyword.text.clone().into_bytes(), rule.caseless)).or_default();
            write_owner(index as u32, rule, keyword, record);
        }
        for name in &rule.names {
            let record = named.entry((name.clone().into_bytes(), true)).or_default();
            write_owner(index as u32, rule, &KeywordShape::default(), record);
        }
    }
    let (keywords, owners) = write_owners(&everywhere);
    let (words, word_owners) = write_owners(&before_runs);
    let (names, name_owners) = write_owners(&named);
    let sections = [texts, ends, keywords, owners, words, word_owners, judged, names, name_owners];
    let mut bytes: Vec<u8> = sections.iter().flat_map(|section| (section.len() as u32).to_le_bytes()).collect();
    bytes.extend(sections.concat());
    bytes
}

fn write_owner(index: u32, rule: &Rule, keyword: &KeywordShape, record: &mut Vec<u8>) {
    let near = rule.near.as_ref().map_or(0, |near| near.within as u32);
    let confidence = ["low", "medium", "high"].iter().position(|name| *name == rule.confidence).unwrap_or(2) as u32;
    let (exact, context) = (u32::from(keyword.exact), u32::from(rule.gate == Gate::Context));
    let (window, anybodys) = (u32::from(keyword.in_window), u32::from(rule.anybodys));
    let bounded = u32::from(keyword.bounded);
    let flags = exact | context << 1 | window << 2 | anybodys << 3 | confidence << 4 | bounded << 6 | near << 8;
    for number in [index, flags, keyword.before as u32, keyword.after as u32, keyword.follow_min as u32] {
        record.extend(number.to_le_bytes());
    }
    keyword.follow.iter().for_each(|word| record.extend(word.to_le_bytes()));
}

fn write_owners(owners: &Owners) -> (Vec<u8>, Vec<u8>) {
    let (mut keywords, mut ends, mut records) = (Vec::new(), Vec::new(), Vec::<u8>::new());
    for ((text, caseless), owned) in owners {
        keywords.extend([u8::from(*caseless), text.len() as u8]);
        keywords.extend(text);
        records.extend(owned);
        ends.extend(((records.len() / OWNER) as u32).to_le_bytes());
    }
    let mut all = (owners.len() as u32).to_le_bytes().to_vec();
    all.extend(ends);
    all.extend(records);
    (keywords, all)
}
