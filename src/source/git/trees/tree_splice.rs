//! Trees that differ little from one before: only the entries that differ are parsed.

use std::cmp::Ordering;

use super::super::parts::{TreeEntry, tree_entries};

/// Where the entries of a tree start, and where the last one ends.
pub(super) type Starts = Vec<u32>;

/// Compares a tree with an old one whose entries start at `old_starts`; calls `new` with each entry that is not kept,
/// and where it starts. An old tree without starts has nothing to keep. Right for any two trees, fast for sorted ones.
pub(super) fn splice<'a>(
    old: &[u8],
    old_starts: &[u32],
    tree: &'a [u8],
    hash_len: usize,
    mut new: impl FnMut(u32, &TreeEntry<'a>),
) -> Starts {
    let mut starts: Starts = Vec::with_capacity(old_starts.len() + 8);
    let (mut at, mut next) = (0, 0);
    loop {
        let rest = old_starts.get(next).map_or(&[][..], |&start| &old[start as usize..]);
        let same = common_prefix(rest, &tree[at..]);
        if same > hash_len {
            // Whole entries only: what starts where both have an entry and has the same bytes is the same entry.
            let start = old_starts[next];
            let shift = at as i64 - i64::from(start);
            let end = next + old_starts[next..].partition_point(|&other| other as usize <= start as usize + same) - 1;
            if end > next {
                starts.extend(old_starts[next..end].iter().map(|&at| (i64::from(at) + shift) as u32));
                at += (old_starts[end] - start) as usize;
                next = end;
            }
        }
        let Some(entry) = tree_entries(&tree[at..], hash_len).next() else { break };
        // Names are nearly in order: an old entry of an earlier name is gone, one of a later name may come yet.
        let rest = old_starts.get(next).map_or(&[][..], |&start| &old[start as usize..]);
        let order = tree_entries(rest, hash_len).next().map_or(Ordering::Less, |other| entry.name.cmp(other.name));
        next += usize::from(order != Ordering::Less);
        if order != Ordering::Greater {
            new(at as u32, &entry);
            starts.push(at as u32);
            at = entry.end_in(tree);
        }
    }
    starts.push(at as u32);
    starts
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let ((a32, _), (b32, _)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let whole = a32.iter().zip(b32).take_while(|(a, b)| a == b).count() * 32;
    let ((a8, _), (b8, _)) = (a[whole..].as_chunks::<8>(), b[whole..].as_chunks::<8>());
    let whole = whole + a8.iter().zip(b8).take_while(|(a, b)| a == b).count() * 8;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, u8)]) -> Vec<u8> {
        let bytes = |(name, id): &(&str, u8)| [format!("100644 {name}\0").as_bytes(), &[*id; 20]].concat();
        entries.iter().flat_map(bytes).collect()
    }

    fn starts(data: &[u8]) -> Starts {
        splice(&[], &[], data, 20, |_, _| {})
    }

    #[test]
    fn only_entries_that_differ_are_new() {
        let old = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)];
        type Case<'a> = (&'a [(&'a str, u8)], &'a [&'a str]);
        let cases: [Case<'_>; 6] = [
            (&old, &[]),
            (&[("a", 1), ("b", 9), ("c", 3), ("d", 4), ("e", 9), ("f", 6)], &["b", "e"]),
            (&[("a", 1), ("aa", 9), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 7)], &["aa", "g"]),
            (&[("b", 2), ("d", 4), ("f", 6)], &[]),
            (&[("b", 9), ("bb", 1), ("e", 5)], &["b", "bb"]),
            (&[], &[]),
        ];
        let old = tree(&old);
        for (new, want) in cases {
            let new = tree(new);
            let mut found = Vec::new();
            let at = splice(&old, &starts(&old), &new, 20, |_, entry| found.push(entry.name.to_string()));
            assert_eq!(found, want);
            assert_eq!(at, starts(&new));
        }
    }
}
