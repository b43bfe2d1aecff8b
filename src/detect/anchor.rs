//! STUB
use aho_corasick::{AhoCorasick, MatchKind};
#[derive(Debug, Clone, Copy)]
pub struct Keyword<'a> { pub text: &'a [u8], pub caseless: bool }
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor { pub start: usize, pub keyword: u32 }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run { pub start: usize, pub end: usize }
pub struct Anchors { ac: AhoCorasick, k: Vec<(Vec<u8>, bool)> }
impl Anchors {
    pub fn build(k: &[Keyword<'_>]) -> Result<Self, String> {
        Ok(Self { ac: AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(k.iter().map(|k| k.text)).map_err(|e| e.to_string())?, k: k.iter().map(|k| (k.text.to_vec(), k.caseless)).collect() })
    }
    pub fn find(&self, hay: &[u8], range: std::ops::Range<usize>, out: &mut Vec<Anchor>) {
        let end = (range.end + 64).min(hay.len());
        let from = out.len();
        for m in self.ac.find_overlapping_iter(&hay[range.start..end]) {
            let s = m.start() + range.start;
            let (t, c) = &self.k[m.pattern().as_usize()];
            if s < range.end && (*c || &hay[s..s + t.len()] == &t[..]) { out.push(Anchor { start: s, keyword: m.pattern().as_u32() }); }
        }
        out[from..].sort();
    }
}
pub fn find_runs(hay: &[u8], range: std::ops::Range<usize>, min: usize, out: &mut Vec<Run>) {
    let tok = |b: u8| b.is_ascii_alphanumeric() || b"_+/.-".contains(&b);
    let mut i = range.start;
    while i > 0 && tok(hay[i - 1]) { i -= 1; }
    while i < range.end {
        if !tok(hay[i]) { i += 1; continue; }
        let s = i;
        while i < hay.len() && tok(hay[i]) { i += 1; }
        if i - s >= min && hay[s..i].iter().any(u8::is_ascii_digit) { out.push(Run { start: s, end: i }); }
    }
}
