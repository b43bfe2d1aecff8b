//! A foreign regex as ours: the group that is the secret gets its name, and the literals that every match holds are found,
//! because our search begins at them.

use regex_syntax::{
    ast::{self, Ast, GroupKind},
    hir::{Class, Hir, HirKind},
};

use super::super::shape;

/// More literals than these would be no filter.
const MOST: usize = 48;
/// Bytes round a literal for a pattern without an upper bound: a private key of 4,096 bits in PEM takes about 3.3 KiB.
const WINDOW: usize = 8192;

/// A pattern that can be used.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) pattern: String,
    pub(super) keywords: Vec<String>,
    pub(super) caseless: bool,
    pub(super) window: Option<usize>,
    pub(super) notes: Vec<String>,
}

/// Carries a pattern over; the error says why it cannot be.
pub(super) fn carry(pattern: &str, group: Option<u32>) -> Result<Carried, String> {
    let mut notes = Vec::new();
    let named = name_group(pattern, group, &mut notes)?;
    let hir = shape::parse(&named)
        .map_err(|error| format!("its regex is not ours: {}", error.lines().last().unwrap_or_default()))?;
    let exact = required(&hir, false);
    let folded = required(&hir, true).filter(|literals| shortest(literals) >= 3);
    let Some(folded) = folded else {
        return Err("no text of three characters occurs in every match, and our search begins at such texts".to_owned());
    };
    // Exact texts are the better filter, unless there are many of them only because case does not matter.
    let exact =
        exact.filter(|literals| literals.len() <= folded.len() && shortest(literals) >= shortest(&folded).min(4));
    let caseless = exact.is_none();
    let keywords = exact
        .unwrap_or(folded)
        .into_iter()
        .map(|literal| String::from_utf8(literal).map_err(|_| "its texts are no UTF-8".to_owned()));
    let keywords = keywords.collect::<Result<Vec<_>, _>>()?;
    let least = hir.properties().minimum_len().unwrap_or(0);
    let window = match hir.properties().maximum_len() {
        Some(most) if most <= shape::DEFAULT_WINDOW => None,
        Some(most) => Some(most.min(shape::MAX_WINDOW)),
        None => Some(WINDOW.max(least.saturating_mul(2)).min(shape::MAX_WINDOW)),
    };
    if hir.properties().maximum_len().is_none_or(|most| most > shape::MAX_WINDOW) {
        notes.push(format!("has no upper bound; here a match reaches at most {} bytes", window.unwrap_or_default()));
    }
    Ok(Carried { pattern: named, keywords, caseless, window, notes })
}

/// Names the group that is the secret `secret`.
fn name_group(pattern: &str, group: Option<u32>, notes: &mut Vec<String>) -> Result<String, String> {
    let tree =
        ast::parse::Parser::new().parse(pattern).map_err(|error| format!("its regex is not ours: {}", error.kind()))?;
    let mut groups = Vec::new();
    collect(&tree, &mut groups);
    groups.sort_by_key(|group| group.number);
    let named = groups.iter().find(|group| matches!(group.name.as_deref(), Some("secret")));
    let token =
        groups.iter().find(|group| group.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("token")));
    let chosen = match group {
        Some(0) => return Ok(pattern.to_owned()),
        Some(number) => {
            Some(groups.iter().find(|group| group.number == number).ok_or(format!("has no group {number}"))?)
        }
        None => named.or(token).or(groups.first()),
    };
    let Some(chosen) = chosen else { return Ok(pattern.to_owned()) };
    if group.is_none() && named.is_none() && token.is_none() && groups.len() > 1 {
        notes.push(format!("the first of its {} groups is taken for the secret", groups.len()));
    }
    if let Some(other) = named.filter(|other| other.number != chosen.number) {
        return Err(format!("group {} is called `secret`, but group {} is the secret", other.number, chosen.number));
    }
    let (start, end, text) = match chosen.span_of_name {
        Some((start, end)) => (start, end, "secret"),
        None => (chosen.start + 1, chosen.start + 1, "?<secret>"),
    };
    Ok(format!("{}{text}{}", &pattern[..start], &pattern[end..]))
}

struct Group {
    number: u32,
    name: Option<String>,
    start: usize,
    span_of_name: Option<(usize, usize)>,
}

fn collect(tree: &Ast, groups: &mut Vec<Group>) {
    match tree {
        Ast::Group(group) => {
            let start = group.span.start.offset;
            match &group.kind {
                GroupKind::CaptureIndex(number) => {
                    groups.push(Group { number: *number, name: None, start, span_of_name: None })
                }
                GroupKind::CaptureName { name, .. } => groups.push(Group {
                    number: name.index,
                    name: Some(name.name.clone()),
                    start,
                    span_of_name: Some((name.span.start.offset, name.span.end.offset)),
                }),
                GroupKind::NonCapturing(_) => {}
            }
            collect(&group.ast, groups);
        }
        Ast::Repetition(repetition) => collect(&repetition.ast, groups),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|part| collect(part, groups)),
        Ast::Concat(concat) => concat.asts.iter().for_each(|part| collect(part, groups)),
        _ => {}
    }
}

type Literals = Vec<Vec<u8>>;

fn shortest(literals: &Literals) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or(0)
}

/// The better filter: longer texts, then fewer.
fn better(one: Option<Literals>, other: Option<Literals>) -> Option<Literals> {
    let worth = |literals: &Literals| (shortest(literals).min(8), std::cmp::Reverse(literals.len()));
    match (one, other) {
        (Some(one), Some(other)) => Some(if worth(&other) > worth(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

fn tidy(mut literals: Literals) -> Option<Literals> {
    literals.sort();
    literals.dedup();
    (literals.len() <= MOST && shortest(&literals) >= 1).then_some(literals)
}

/// Texts of which one occurs in every match.
fn required(hir: &Hir, fold: bool) -> Option<Literals> {
    match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub, fold),
        HirKind::Repetition(repetition) if repetition.min >= 1 => {
            better(whole(hir, fold).and_then(tidy), required(&repetition.sub, fold))
        }
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(required(part, fold)?);
            }
            tidy(all)
        }
        HirKind::Concat(parts) => {
            let mut best = None;
            let mut run: Literals = vec![Vec::new()];
            for part in parts {
                match whole(part, fold).and_then(|next| product(&run, &next)) {
                    Some(longer) => run = longer,
                    None => {
                        best = better(best, tidy(std::mem::replace(&mut run, vec![Vec::new()])));
                        best = better(best, required(part, fold));
                        // A text may begin with this part even where it could not go on with it.
                        if let Some(next) = whole(part, fold) {
                            run = next;
                        }
                    }
                }
            }
            better(best, tidy(run))
        }
        _ => whole(hir, fold).and_then(tidy),
    }
}

/// All that a pattern can match, where that is little.
fn whole(hir: &Hir, fold: bool) -> Option<Literals> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![if fold { literal.0.to_ascii_lowercase() } else { literal.0.to_vec() }]),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let mut bytes: Vec<u8> =
                bytes.map(|byte| if fold { byte.to_ascii_lowercase() } else { byte }).take(64).collect();
            bytes.sort_unstable();
            bytes.dedup();
            (bytes.len() <= 4).then(|| bytes.into_iter().map(|byte| vec![byte]).collect())
        }
        HirKind::Class(Class::Unicode(_)) => None,
        HirKind::Capture(capture) => whole(&capture.sub, fold),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(whole(part, fold)?);
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST).then_some(all)
        }
        HirKind::Concat(parts) => {
            let mut run: Literals = vec![Vec::new()];
            for part in parts {
                run = product(&run, &whole(part, fold)?)?;
            }
            Some(run)
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.filter(|most| *most <= 4)?;
            let one = whole(&repetition.sub, fold)?;
            let mut all: Literals = Vec::new();
            let mut run: Literals = vec![Vec::new()];
            for count in 0..=most {
                if count >= repetition.min {
                    all.extend(run.iter().cloned());
                }
                if count < most {
                    run = product(&run, &one)?;
                }
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST).then_some(all)
        }
    }
}

fn product(one: &Literals, other: &Literals) -> Option<Literals> {
    if one.len() * other.len() > MOST || shortest(one) > 64 {
        return None;
    }
    let mut all: Literals = Vec::with_capacity(one.len() * other.len());
    for first in one {
        all.extend(other.iter().map(|second| [&first[..], second].concat()));
    }
    all.sort();
    all.dedup();
    Some(all)
}
