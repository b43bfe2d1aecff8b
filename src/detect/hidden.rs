//! What stands encoded in a text, cut so that a history scan can inherit it: each stretch for itself.

use std::sync::Arc;

use super::{
    Detector, Raw, Scratch,
    anchor::Anchor,
    decode::{self, Decoded},
    runs::Run,
};
use crate::model::Span;

/// A stretch of a text, and the secrets that stand encoded in it, as (rule, bytes).
#[derive(Clone, PartialEq, Debug)]
pub struct Hidden {
    /// A whole run of token characters, or a cluster of escapes.
    pub span: Span,
    /// At least one.
    pub secrets: Arc<[(u32, Box<[u8]>)]>,
}

/// All that was found in a text, kept so that it need not be looked for again.
#[derive(Debug)]
pub struct Known {
    /// In the text itself.
    pub matches: Box<[Raw]>,
    /// Runs that hide secrets.
    pub runs: Box<[Span]>,
    /// Clusters of escapes that do.
    pub clusters: Box<[Span]>,
}

impl Known {
    /// The texts that stand encoded.
    pub(super) fn decoded(&self, text: &[u8]) -> Vec<Decoded> {
        let runs = self.runs.iter().map(|run| Run { start: run.start, end: run.end });
        decode::decode_all(text, runs, self.clusters.iter().copied())
    }
}

impl Detector {
    /// What is hidden in the runs that [`Detector::contexts`] met last. Depends on the bytes of each run alone.
    pub fn hidden_in_runs(&self, text: &[u8], scratch: &mut Scratch, out: &mut Vec<Hidden>) {
        let runs = std::mem::take(&mut scratch.runs);
        let mut decoded = Vec::new();
        for run in &runs {
            decode::decode_run(text, *run, &mut decoded);
            out.extend(self.hidden(Span::new(run.start, run.end), decoded.drain(..), scratch));
        }
        scratch.runs = runs;
    }

    /// What is hidden in one of the [`Detector::clusters`]. Depends on its bytes alone.
    pub fn hidden_in_cluster(&self, text: &[u8], cluster: Span, scratch: &mut Scratch) -> Option<Hidden> {
        self.hidden(cluster, decode::unescape(text, cluster), scratch)
    }

    fn hidden(
        &self,
        span: Span,
        decoded: impl IntoIterator<Item = decode::Decoded>,
        scratch: &mut Scratch,
    ) -> Option<Hidden> {
        let mut secrets = Vec::new();
        for decoded in decoded {
            let mut give = |rule: u32, secret: &[u8]| secrets.push((rule, secret.into()));
            self.secrets_to(&decoded.text, scratch, decode::DEPTH - 1, &mut give);
        }
        (!secrets.is_empty()).then(|| Hidden { span, secrets: secrets.into() })
    }

    /// The places of a text where escapes stand together, told by the marks among its anchors.
    pub fn clusters(&self, text: &[u8], anchors: &[Anchor]) -> Vec<Span> {
        let marks = anchors.iter().filter(|anchor| (self.marks..self.data).contains(&anchor.keyword));
        decode::clusters(text.len(), marks.map(|mark| self.word(mark)))
    }
}
