//! Carry anchors and verdicts from a delta's base to its child.
//!
//! Most versions of a file are copies of pieces of another version plus a few new bytes. A keyword that lies inside a
//! copied piece was already found in the base; its verdict still holds when everything the verdict looked at lies in the
//! same piece. So only new bytes are searched, and only anchors near a seam are judged again: what comes out is exactly
//! what a plain scan gives, because a verdict is a pure function of the bytes within its reach.

mod encoded;

use std::ops::Range;

use self::encoded::Encoded;
use crate::{
    detect::{ContextReach, Detector, Raw, Scratch, anchor::Anchor},
    model::Span,
    rules::around::BEHIND,
    source::git::objects::delta::{Copied as Piece, Delta},
};

/// What was found in one version, ready to be inherited by the next. Offsets ascend.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    anchors: Vec<Anchor>,
    /// Signs of what stands encoded, apart: few, and never judged.
    marks: Vec<Anchor>,
    /// How far the verdict on any of them looks, at most.
    reach: (usize, usize),
    /// By anchor.
    pub(crate) verified: Vec<Raw>,
    /// By the start of the provider's word.
    pub(crate) contexts: Vec<Raw>,
    /// What stands encoded.
    pub(crate) encoded: Encoded,
}

/// Lists that each version needs anew; kept for their memory.
#[derive(Default)]
pub(crate) struct Room {
    pieces: Vec<Piece>,
    anchor_seams: Vec<Range<usize>>,
    context_seams: Vec<Range<usize>>,
}

/// Shorter copied pieces are searched like new bytes: a seam costs more than they do. Measured; 150 to 300 differ little.
const SHORTEST_PIECE: usize = 200;

/// What never changes while a repository is scanned.
pub(crate) struct Heir<'d> {
    detector: &'d Detector,
    /// For each keyword, how far its verdict looks.
    reach: Vec<(usize, usize)>,
    context_reach: ContextReach,
    /// How far before and behind a seam an anchor may start that looks across it.
    margins: (usize, usize),
    /// Shorter copied pieces are searched like new bytes.
    shortest_piece: usize,
}

impl Piece {
    /// Where in the child an offset of the base is that lies in the piece.
    fn to_child(self, offset: usize) -> usize {
        offset - self.from + self.at
    }

    /// The other way.
    fn to_base(self, offset: usize) -> usize {
        offset - self.at + self.from
    }

    /// A match of the base, in the child.
    fn moved(self, mut raw: Raw) -> Raw {
        for offset in
            [&mut raw.anchor, &mut raw.matched.start, &mut raw.matched.end, &mut raw.secret.start, &mut raw.secret.end]
        {
            *offset = self.to_child(*offset);
        }
        raw
    }
}

/// All that inheriting goes by: what was found in the base, the version, and the pieces that both have.
#[derive(Clone, Copy)]
struct Descent<'a> {
    base: &'a Carried,
    version: &'a Version<'a>,
    pieces: &'a [Piece],
}

/// How much of what was found in the base has been read: pieces mostly stand in its order.
#[derive(Clone, Copy, Default)]
struct Read {
    anchors: usize,
    verified: usize,
}

impl Read {
    /// Goes to what starts at an offset of the base or behind it.
    fn seek(&mut self, base: &Carried, offset: usize) {
        self.anchors = sought(&base.anchors, self.anchors, |anchor| anchor.start < offset);
        self.verified = sought(&base.verified, self.verified, |raw| raw.anchor < offset);
    }
}

/// One version and the one it was made from.
pub(crate) struct Version<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) base_len: usize,
    pub(crate) delta: Delta<'a>,
}

impl Carried {
    /// How many keywords stand in the version.
    pub(crate) fn anchors(&self) -> usize {
        self.anchors.len() + self.marks.len()
    }
}

impl<'d> Heir<'d> {
    pub(crate) fn new(detector: &'d Detector) -> Self {
        let reach = (0..detector.keyword_count() as u32).map(|keyword| detector.reach(keyword)).collect();
        let longest = detector.longest_keyword().max(1);
        let (context_reach, margins) = (detector.context_reach(), (longest - 1 + BEHIND, 1));
        Self { detector, reach, context_reach, margins, shortest_piece: SHORTEST_PIECE }
    }

    /// Scans a text that has no base.
    pub(crate) fn plain(&self, text: &[u8], scratch: &mut Scratch) -> Carried {
        let mut carried = Carried { anchors: Vec::with_capacity(text.len() / 256 + 8), ..Carried::default() };
        self.fresh_anchors(text, 0..text.len(), scratch, &mut carried);
        self.detector.contexts(text, std::slice::from_ref(&(0..text.len())), scratch, &mut carried.contexts);
        self.encoded(text, scratch, &mut carried);
        carried
    }

    /// Scans a version, taking from its base what is already known. Falls back to a plain scan where little would be
    /// saved.
    pub(crate) fn inherit(
        &self,
        base: &Carried,
        version: &Version<'_>,
        room: &mut Room,
        scratch: &mut Scratch,
    ) -> Carried {
        self.cut(version, room);
        let fresh: usize = room.anchor_seams.iter().map(Range::len).sum();
        // Searching runs at gigabytes per second, so bookkeeping must save a quarter of it to be worth its while.
        if fresh * 4 > version.text.len() * 3 {
            return self.plain(version.text, scratch);
        }
        self.join(base, version, room, scratch)
    }

    /// Cuts a version to the pieces that it has from its base, and where anchors are looked for anew.
    fn cut(&self, version: &Version<'_>, room: &mut Room) {
        room.pieces.clear();
        room.pieces.extend(version.delta.copies().iter().filter(|piece| piece.len >= self.shortest_piece));
        let (before, after) = self.margins;
        seams(&room.pieces, version, |start| start.saturating_sub(before), after, &mut room.anchor_seams);
    }

    /// Whether a `data:` URL may stand in the text where this was found.
    pub(crate) fn may_carry(&self, carried: &Carried) -> bool {
        self.detector.may_carry(&carried.marks)
    }

    fn join(
        &self,
        base: &Carried,
        version: &Version<'_>,
        Room { pieces, anchor_seams, context_seams }: &mut Room,
        scratch: &mut Scratch,
    ) -> Carried {
        // A version mostly holds about as much as its base: one allocation each.
        let mut carried = Carried {
            anchors: Vec::with_capacity(base.anchors.len() + 8),
            marks: Vec::with_capacity(base.marks.len()),
            reach: base.reach,
            verified: Vec::with_capacity(base.verified.len()),
            contexts: Vec::with_capacity(base.contexts.len()),
            encoded: Encoded::default(),
        };
        let descent = Descent { base, version, pieces };
        self.inherit_anchors(descent, anchor_seams, scratch, &mut carried);
        let reach = &self.context_reach;
        seams(pieces, version, |start| reach.start(version.text, start), reach.before, context_seams);
        self.inherit_contexts(descent, context_seams, scratch, &mut carried);
        self.inherit_runs(descent, context_seams, scratch, &mut carried);
        self.inherit_clusters(descent, scratch, &mut carried);
        carried
    }

    fn inherit_anchors(
        &self,
        descent: Descent<'_>,
        seams: &[Range<usize>],
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        let text = descent.version.text;
        let mut seams = seams.iter().peekable();
        let (mut done, mut read) = (0, Read::default());
        for piece in descent.pieces {
            // The seam before a piece reaches a byte into it.
            while let Some(seam) = seams.next_if(|seam| seam.start <= piece.at) {
                self.fresh_anchors(text, seam.clone(), scratch, carried);
                done = seam.end;
            }
            let kept = done.max(piece.at)..seams.peek().map_or(piece.end(), |seam| seam.start.min(piece.end()));
            if !kept.is_empty() {
                self.copied_anchors(descent, *piece, kept.clone(), &mut read, scratch, carried);
            }
            done = done.max(kept.end);
        }
        for seam in seams {
            self.fresh_anchors(text, seam.clone(), scratch, carried);
        }
    }

    fn fresh_anchors(&self, text: &[u8], range: Range<usize>, scratch: &mut Scratch, carried: &mut Carried) {
        let mut at = carried.anchors.len();
        let met = at;
        self.detector.anchors(text, range, &mut carried.anchors);
        scratch.stats.anchors += (carried.anchors.len() - met) as u64;
        for next in met..carried.anchors.len() {
            let anchor = carried.anchors[next];
            if self.detector.is_mark(anchor.keyword) {
                carried.marks.push(anchor);
                continue;
            }
            carried.anchors[at] = anchor;
            at += 1;
            let (before, after) = self.reach[anchor.keyword as usize];
            carried.reach = (carried.reach.0.max(before), carried.reach.1.max(after));
            self.detector.verify(text, anchor, scratch, &mut carried.verified);
        }
        carried.anchors.truncate(at);
    }

    /// Takes over the anchors that start in `kept`, a part of `piece`.
    fn copied_anchors(
        &self,
        descent: Descent<'_>,
        piece: Piece,
        kept: Range<usize>,
        read: &mut Read,
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        let base = descent.base;
        let kept = piece.to_base(kept.start)..piece.to_base(kept.end);
        // Most stand so far from the piece's ends that nothing about them needs to be asked.
        let inner = local(descent.version, piece, base.reach);
        let start = inner.start.clamp(kept.start, kept.end);
        let end = inner.end.clamp(start, kept.end);
        read.seek(base, kept.start);
        self.anchors_near_seams(descent, piece, start, read, scratch, carried);
        read.seek(base, start);
        let inner = *read;
        read.seek(base, end);
        let here = |anchor: &Anchor| Anchor { start: piece.to_child(anchor.start), keyword: anchor.keyword };
        carried.anchors.extend(base.anchors[inner.anchors..read.anchors].iter().map(here));
        carried.verified.extend(base.verified[inner.verified..read.verified].iter().map(|raw| piece.moved(*raw)));
        self.anchors_near_seams(descent, piece, kept.end, read, scratch, carried);
        carried.marks.extend(within(&base.marks, kept, |mark| mark.start).iter().map(here));
    }

    /// The same for those of the base that start before `end` and are not read yet, where each one's own reach decides
    /// whether it is judged again.
    fn anchors_near_seams(
        &self,
        Descent { base, version, .. }: Descent<'_>,
        piece: Piece,
        end: usize,
        read: &mut Read,
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        for anchor in base.anchors[read.anchors..].iter().take_while(|anchor| anchor.start < end) {
            read.anchors += 1;
            let here = Anchor { start: piece.to_child(anchor.start), keyword: anchor.keyword };
            carried.anchors.push(here);
            if !local(version, piece, self.reach[anchor.keyword as usize]).contains(&anchor.start) {
                self.detector.verify(version.text, here, scratch, &mut carried.verified);
                continue;
            }
            let known = &base.verified[read.verified..];
            read.verified += known.iter().take_while(|raw| raw.anchor < anchor.start).count();
            let same = base.verified[read.verified..].iter().take_while(|raw| raw.anchor == anchor.start);
            carried.verified.extend(same.filter(|raw| raw.keyword == anchor.keyword).map(|raw| piece.moved(*raw)));
        }
    }

    /// What stands before runs: words and runs are looked for anew in the seams.
    fn inherit_contexts(
        &self,
        Descent { base, version, pieces }: Descent<'_>,
        seams: &[Range<usize>],
        scratch: &mut Scratch,
        carried: &mut Carried,
    ) {
        self.detector.contexts(version.text, seams, scratch, &mut carried.contexts);
        for piece in pieces {
            let within = within(&base.contexts, piece.from..piece.from + piece.len, |raw| raw.anchor);
            let known = within.iter().map(|raw| piece.moved(*raw));
            carried.contexts.extend(known.filter(|raw| is_outside(seams, Span::new(raw.anchor, raw.anchor + 1))));
        }
        carried.contexts.sort_by_key(Raw::place);
    }
}

/// Where a version differs from its base: what stands between pieces, be it nothing, and before the first and behind the
/// last, unless both texts begin or end alike there.
fn changes<'p>(pieces: &'p [Piece], version: &Version<'_>) -> impl Iterator<Item = Range<usize>> + use<'p> {
    let (len, base_len) = (version.text.len(), version.base_len);
    let starts = pieces.iter().map(|piece| piece.at).chain([len]);
    let ends = [0].into_iter().chain(pieces.iter().map(|piece| piece.end()));
    let first = pieces.first().is_some_and(|first| (first.at, first.from) == (0, 0));
    let last = pieces.last().is_some_and(|last| (last.end(), last.from + last.len) == (len, base_len));
    let count = pieces.len() + 1;
    let kept = move |at: usize| !(at == 0 && first || at + 1 == count && last);
    ends.zip(starts).enumerate().filter(move |(at, _)| kept(*at)).map(|(_, (end, start))| end..start)
}

/// Puts those ranges into `seams`, each from where `start` says of its start, with some bytes behind, merged.
fn seams(
    pieces: &[Piece],
    version: &Version<'_>,
    start: impl Fn(usize) -> usize,
    after: usize,
    seams: &mut Vec<Range<usize>>,
) {
    seams.clear();
    for change in changes(pieces, version) {
        let seam = start(change.start)..(change.end + after).min(version.text.len());
        match seams.last_mut() {
            Some(last) if seam.start <= last.end => last.end = last.end.max(seam.end),
            _ if seam.is_empty() => {}
            _ => seams.push(seam),
        }
    }
}

/// Whether a span shares no byte with any of the ranges, which ascend.
fn is_outside(ranges: &[Range<usize>], span: Span) -> bool {
    let at = ranges.partition_point(|range| range.end <= span.start);
    ranges.get(at).is_none_or(|range| span.end <= range.start)
}

/// Where in the base an anchor starts when all that a verdict of this reach looked at stands in the child, in one piece and
/// with the same text's ends.
fn local(version: &Version<'_>, piece: Piece, (before, after): (usize, usize)) -> Range<usize> {
    let starts_alike = piece.from == 0 && piece.at == 0;
    let ends_alike = piece.from + piece.len == version.base_len && piece.end() == version.text.len();
    let start = if starts_alike { 0 } else { piece.from + before };
    let end = if ends_alike { usize::MAX } else { (piece.from + piece.len + 1).saturating_sub(after) };
    start..end
}

/// The first place in a list for which `is_before` does not hold, from a guess on in steps that grow.
fn sought<T>(list: &[T], guess: usize, is_before: impl Fn(&T) -> bool) -> usize {
    if guess > 0 && list.get(guess - 1).is_none_or(|item| !is_before(item)) {
        return list.partition_point(is_before);
    }
    let (mut start, mut step) = (guess, 1);
    while list.get(start + step - 1).is_some_and(&is_before) {
        start += step;
        step *= 2;
    }
    let end = list.len().min(start + step - 1);
    start + list[start..end].partition_point(is_before)
}

/// Those of a list, which ascends, that start in a range.
fn within<T>(list: &[T], range: Range<usize>, start: impl Fn(&T) -> usize) -> &[T] {
    let rest = &list[list.partition_point(|item| start(item) < range.start)..];
    &rest[..rest.partition_point(|item| start(item) < range.end)]
}

#[cfg(test)]
mod tests;
