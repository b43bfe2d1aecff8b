//! What was found in one blob becomes candidates: the path's conditions, overlaps, partners, lines.

use super::{Detector, Fate, Raw, lines::Lines, overlap};
use crate::model::{Candidate, Note, Secret};

impl Detector {
    /// Turns what was found in one blob into candidates, sorted by place.
    #[must_use]
    pub fn finish(&self, text: &[u8], path: &[u8], mut found: Vec<Raw>) -> Vec<Candidate> {
        found.retain(|raw| self.is_wanted(raw, path));
        let found = overlap::resolve(self, found);
        let mut lines = Lines::new(text);
        let shown = found.into_iter().filter(|raw| raw.fate == Fate::Kept || self.options.explain);
        shown.map(|raw| self.candidate(text, &raw, &mut lines)).collect()
    }

    fn is_wanted(&self, raw: &Raw, path: &[u8]) -> bool {
        let loaded = self.rules().get(raw.rule);
        if loaded.confidence < self.options.confidence {
            return false;
        }
        let globs = &loaded.rule.paths;
        globs.is_empty() || globs.iter().any(|glob| path_matches(glob, path))
    }

    fn candidate(&self, text: &[u8], raw: &Raw, lines: &mut Lines<'_>) -> Candidate {
        let loaded = self.rules().get(raw.rule);
        let rejected = match raw.fate {
            Fate::Kept => None,
            Fate::Dropped(why) | Fate::Refuted(why) => Some(Note::from(why)),
        };
        Candidate {
            rule: loaded.info.clone(),
            family: loaded.rule.family.clone(),
            matched: raw.matched,
            location: lines.location(raw.secret),
            secret: Secret::new(raw.secret.of(text)),
            partner: None,
            severity: loaded.info.severity,
            confidence: loaded.confidence,
            probability: None,
            decoded: Vec::new(),
            notes: Vec::new(),
            rejected,
        }
    }
}

/// Whether a path, or its last parts, match a glob. A path that is not known matches none.
fn path_matches(glob: &str, path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    globset::Glob::new(glob)
        .is_ok_and(|glob| glob.compile_matcher().is_match(std::path::Path::new(std::ffi::OsStr::from_bytes(path))))
}
