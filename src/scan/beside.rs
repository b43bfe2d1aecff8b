//! What lies beside a bundle: the source map it names or keeps quiet about, read from where the bundle itself came from.

use super::Scanner;
use crate::{
    model::{Candidate, Confidence, LineColumn, Location, Provenance, Secret, Span},
    source::{asset::MapNote, git::Repo, read},
};

/// Bytes of the names of originals that are told of a map.
const NAMES: usize = 120;

impl Scanner<'_> {
    /// Reads a file by a reference relative to a bundle: from the tree of its commit, from the index, or from the bundle's
    /// directory and below.
    pub(super) fn beside(&self, bundle: &Provenance, repo: Option<&Repo>, reference: &[u8]) -> Option<Vec<u8>> {
        let limit = self.settings.max_file_size;
        match bundle {
            Provenance::File { path } => read::beside(path, reference, limit),
            Provenance::Staged { path, .. } => repo?.staged_beside(path, reference, limit),
            Provenance::History { path, commit: Some(commit), .. } => repo?.beside(&commit.id, path, reference, limit),
            _ => None,
        }
    }

    /// That a source map carries sources, as something to report; `None` where that rule is not in use.
    pub(super) fn map_candidate(&self, note: &MapNote) -> Option<Candidate> {
        let rules = self.detector.rules();
        let enabled = || rules.find("shipped-source-map").filter(|&index| rules.is_enabled(index));
        let index = (*self.map_rule.get_or_init(enabled))?;
        let loaded = rules.get(index);
        let start = LineColumn { line: 1, column: 1 };
        Some(Candidate {
            rule: loaded.info.clone(),
            index,
            family: loaded.rule.family.clone(),
            matched: Span::default(),
            location: Location { span: Span::default(), start, end: start },
            secret: Secret::new(&fact(note)),
            partner: None,
            severity: loaded.info.severity,
            confidence: Confidence::High,
            probability: None,
            expires: None,
            decoded: Vec::new(),
            notes: Vec::new(),
            rejected: None,
        })
    }
}

/// `3 of 5 sources: src/a.ts, src/b.ts, …`.
fn fact(note: &MapNote) -> Vec<u8> {
    let names = bstr::join(", ", &note.names);
    let more = if note.with_content > note.names.len() as u64 { ", …" } else { "" };
    let mut fact = format!("{} of {} sources: ", note.with_content, note.sources).into_bytes();
    fact.extend_from_slice(&names[..names.len().min(NAMES)]);
    fact.extend_from_slice(more.as_bytes());
    fact
}
