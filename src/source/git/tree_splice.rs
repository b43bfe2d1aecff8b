//! Trees that differ little from one before: only the entries between their common start and end are parsed.

use super::parts::{TreeEntry, tree_entries};

/// Where the entries of a tree start, and where the last one ends.
pub(super) type Starts = Vec<u32>;

/// What a tree keeps of the one it is compared with.
pub(super) struct Kept {
    /// Entries of the old tree that start before this are the first of the new one.
    pub(super) before: u32,
    /// Entries of the old tree from here on are the last of the new one.
    pub(super) from: u32,
    /// What to add to where they start.
    pub(super) shift: i64,
}

/// Compares a tree with an old one whose entries start at `old_starts`; calls `new` with each entry that is not kept,
/// and where it starts. An old tree without starts has nothing to keep.
pub(super) fn splice<'a>(
    old: &[u8],
    old_starts: &[u32],
    tree: &'a [u8],
    hash_len: usize,
    mut new: impl FnMut(u32, &TreeEntry<'a>),
) -> (Starts, Kept) {
    let old = if old_starts.is_empty() { &[] } else { old };
    let start = common_prefix(old, tree);
    let kept = old_starts.partition_point(|&at| at as usize <= start);
    let first = kept.checked_sub(1).map_or(0, |at| old_starts[at] as usize);
    let mut starts: Starts = Vec::with_capacity(old_starts.len() + 8);
    starts.extend(&old_starts[..kept.saturating_sub(1)]);
    let rest = old.len().min(tree.len()) - first;
    let same_end = common_suffix(&old[old.len() - rest..], &tree[tree.len() - rest..]);
    let shift = tree.len() as i64 - old.len() as i64;
    let mut all = Kept { before: first as u32, from: u32::MAX, shift };
    let mut at = first;
    let mut entries = tree_entries(&tree[first..], hash_len);
    loop {
        if tree.len() - at <= same_end {
            // The ends are equal, but only where an entry of both starts may we stop.
            let before = at as i64 - shift;
            if let Ok(found) = old_starts.binary_search(&(before as u32)) {
                all.from = before as u32;
                starts.extend(old_starts[found..].iter().map(|&at| (i64::from(at) + shift) as u32));
                break;
            }
        }
        starts.push(at as u32);
        let Some(entry) = entries.next() else { break };
        new(at as u32, &entry);
        at = entry.end_in(tree);
    }
    (starts, all)
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let ((a32, _), (b32, _)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let whole = a32.iter().zip(b32).take_while(|(a, b)| a == b).count() * 32;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let ((_, a32), (_, b32)) = (a.as_rchunks::<32>(), b.as_rchunks::<32>());
    let whole = a32.iter().rev().zip(b32.iter().rev()).take_while(|(a, b)| a == b).count() * 32;
    let (a, b) = (&a[..a.len() - whole], &b[..b.len() - whole]);
    whole + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
