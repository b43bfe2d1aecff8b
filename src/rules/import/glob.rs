//! A regex over paths as globs, where it says no more than globs can say; exactly, or not at all.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::super::shape;

/// Globs of one regex, at most.
const MOST: usize = 64;

/// The globs that together match just the paths in which the regex matches somewhere; `None` if no globs do. In our globs
/// `*` and `?` match `/` as well.
pub(super) fn globs(regex: &str) -> Option<Vec<String>> {
    let hir = shape::parse(regex).ok()?;
    let mut found = Vec::new();
    for branch in branches(&hir)? {
        let start = matches!(branch.first(), Some(Piece::Start));
        let end = matches!(branch.last(), Some(Piece::End));
        let inner = &branch[usize::from(start)..branch.len() - usize::from(end)];
        let mut glob = if start { String::new() } else { "*".to_owned() };
        for piece in inner {
            match piece {
                Piece::Text(text) => glob.push_str(text),
                Piece::Anything if glob.ends_with('*') => {}
                Piece::Anything => glob.push('*'),
                // An anchor within cannot be said.
                Piece::Start | Piece::End => return None,
            }
        }
        if !end && !glob.ends_with('*') {
            glob.push('*');
        }
        found.push(glob);
    }
    found.sort();
    found.dedup();
    Some(found)
}

#[derive(Clone)]
enum Piece {
    Start,
    End,
    /// Part of a glob.
    Text(String),
    Anything,
}

/// The alternatives of a pattern, each as pieces that follow one another.
fn branches(hir: &Hir) -> Option<Vec<Vec<Piece>>> {
    let one = |piece: Piece| Some(vec![vec![piece]]);
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Look(Look::Start | Look::StartLF | Look::StartCRLF) => one(Piece::Start),
        HirKind::Look(Look::End | Look::EndLF | Look::EndCRLF) => one(Piece::End),
        HirKind::Look(_) => None,
        HirKind::Literal(literal) => one(Piece::Text(escaped(std::str::from_utf8(&literal.0).ok()?))),
        HirKind::Class(class) => one(Piece::Text(set(class)?)),
        HirKind::Capture(capture) => branches(&capture.sub),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(branches(part)?);
            }
            (all.len() <= MOST).then_some(all)
        }
        HirKind::Concat(parts) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                all = product(&all, &branches(part)?)?;
            }
            Some(all)
        }
        HirKind::Repetition(repetition) => {
            if is_anything(&repetition.sub) && repetition.max.is_none() {
                let mut pieces: Vec<Piece> = (0..repetition.min).map(|_| Piece::Text("?".to_owned())).collect();
                pieces.push(Piece::Anything);
                return Some(vec![pieces]);
            }
            let most = repetition.max.filter(|most| *most <= 8)?;
            let once = branches(&repetition.sub)?;
            let (mut all, mut run) = (Vec::new(), vec![Vec::new()]);
            for count in 0..=most {
                if count >= repetition.min {
                    all.extend(run.iter().cloned());
                }
                if count < most {
                    run = product(&run, &once)?;
                }
            }
            (all.len() <= MOST).then_some(all)
        }
    }
}

fn product(one: &[Vec<Piece>], other: &[Vec<Piece>]) -> Option<Vec<Vec<Piece>>> {
    if one.len() * other.len() > MOST {
        return None;
    }
    Some(one.iter().flat_map(|first| other.iter().map(|second| [&first[..], second].concat())).collect())
}

/// Whether it is `.`, with or without line ends: no path that matters has any.
fn is_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().map(|range| usize::from(range.end() - range.start()) + 1).sum::<usize>() >= 254
        }
        HirKind::Capture(capture) => is_anything(&capture.sub),
        _ => false,
    }
}

fn set(class: &Class) -> Option<String> {
    let Class::Bytes(class) = class else { return None };
    let count: usize = class.ranges().iter().map(|range| usize::from(range.end() - range.start()) + 1).sum();
    if count >= 254 {
        return Some("?".to_owned());
    }
    let mut text = "[".to_owned();
    for range in class.ranges() {
        let (start, end) = (range.start(), range.end());
        // A set of a glob knows no escapes, so odd bytes cannot be said.
        if !start.is_ascii_alphanumeric() && !b"_. /".contains(&start)
            || !end.is_ascii()
            || !end.is_ascii_alphanumeric() && end != start
        {
            return None;
        }
        text.push(char::from(start));
        if end > start {
            text.push('-');
            text.push(char::from(end));
        }
    }
    text.push(']');
    Some(text)
}

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]{}\\!,".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
