//! Carry what stands encoded: runs of token characters, and clusters of escapes.
//!
//! What is hidden in a run or a cluster depends on its bytes alone. A run that shares no byte with the surroundings of a
//! seam stood in the base, whole, between the same neighbours. A cluster that lies in one piece is the base's if the base had
//! one at just that place.

use std::ops::Range;

use super::{Carried, Descent, Heir, is_outside};
use crate::{
    detect::{Hidden, Scratch, run_range},
    model::Span,
};

/// What stands encoded in one version. Offsets ascend.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Encoded {
    runs: Vec<Hidden>,
    /// All of them, whether anything is hidden there or not.
    clusters: Vec<Span>,
    in_clusters: Vec<Hidden>,
}

impl Encoded {
    /// The secrets, as (rule, bytes).
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let hidden = self.runs.iter().chain(&self.in_clusters);
        hidden.flat_map(|hidden| hidden.secrets.iter().map(|(rule, secret)| (*rule, &**secret)))
    }

    /// The runs that hide something, and the clusters that do.
    pub(crate) fn places(&self) -> [Box<[Span]>; 2] {
        [&self.runs, &self.in_clusters].map(|all| all.iter().map(|hidden| hidden.span).collect())
    }
}

impl Heir<'_> {
    /// Looks at everything that stands encoded in a text whose anchors and runs have just been found.
    pub(super) fn encoded(&self, text: &[u8], scratch: &mut Scratch, carried: &mut Carried) {
        let encoded = &mut carried.encoded;
        self.detector.hidden_in_runs(text, scratch, &mut encoded.runs);
        encoded.clusters = self.detector.clusters(text, &carried.marks);
        for cluster in &encoded.clusters {
            encoded.in_clusters.extend(self.detector.hidden_in_cluster(text, *cluster, scratch));
        }
    }

    /// Runs near `fresh`, where contexts have just been looked for, are decoded; what the others hide is taken over.
    pub(super) fn inherit_runs(
        &self,
        Descent { base, version, pieces }: Descent<'_>,
        fresh: &[Range<usize>],
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        let runs = &mut carried.encoded.runs;
        self.detector.hidden_in_runs(version.text, scratch, runs);
        let looked: Vec<Range<usize>> = fresh.iter().map(|range| run_range(version.text.len(), range)).collect();
        for piece in pieces {
            let first = base.encoded.runs.partition_point(|hidden| hidden.span.start < piece.from);
            let within =
                base.encoded.runs[first..].iter().take_while(|hidden| hidden.span.end <= piece.from + piece.len);
            let known = within.map(|hidden| Hidden {
                span: Span::new(piece.to_child(hidden.span.start), piece.to_child(hidden.span.end)),
                secrets: hidden.secrets.clone(),
            });
            runs.extend(known.filter(|hidden| is_outside(&looked, hidden.span)));
        }
        runs.sort_by_key(|hidden| hidden.span.start);
    }

    /// Clusters that the base does not have are decoded; what the others hide is taken over.
    pub(super) fn inherit_clusters(
        &self,
        Descent { base, version, pieces }: Descent<'_>,
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        let encoded = &mut carried.encoded;
        encoded.clusters = self.detector.clusters(version.text, &carried.marks);
        for cluster in &encoded.clusters {
            let at = pieces.partition_point(|piece| piece.end() < cluster.end);
            let in_base = pieces
                .get(at)
                .filter(|piece| piece.at <= cluster.start)
                .map(|piece| Span::new(piece.to_base(cluster.start), piece.to_base(cluster.end)));
            let Some(known) = in_base.filter(|span| base.encoded.clusters.binary_search(span).is_ok()) else {
                encoded.in_clusters.extend(self.detector.hidden_in_cluster(version.text, *cluster, scratch));
                continue;
            };
            let hidden = base.encoded.in_clusters.binary_search_by_key(&known, |hidden| hidden.span);
            encoded.in_clusters.extend(hidden.ok().map(|at| {
                let secrets = base.encoded.in_clusters[at].secrets.clone();
                Hidden { span: *cluster, secrets }
            }));
        }
    }
}
