//! Ten lines for a hook that blocks: where, what, how to fix it, how to allow it.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use super::{
    Style,
    json::{Document, Finding},
    text::{Paint, columns, plural},
};

/// Leaks that are listed, so that all takes ten lines at most.
const LEAKS: usize = 5;
/// Widest path before its start is cut: the file's name is at its end.
const PATH: usize = 60;

pub(super) fn write(what: &str, document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { color: style.color };
    let mut leaks: Vec<&Finding> = document.findings.iter().filter(|finding| finding.kind.is_leak()).collect();
    leaks.sort_by_key(|finding| Reverse((finding.severity, finding.confidence)));
    let number = plural(leaks.len() as u64, "leak", "leaks");
    writeln!(out, "{}", paint.bold(&format!("stanch: {what}: {number}")))?;
    let shown = if leaks.len() == LEAKS + 1 { LEAKS + 1 } else { LEAKS };
    let places: Vec<String> = leaks.iter().take(shown).map(|finding| place(finding)).collect();
    let wide = places.iter().map(|place| columns(place)).max().unwrap_or(0);
    for (finding, place) in leaks.iter().zip(&places) {
        let gap = " ".repeat(wide - columns(place));
        let severity = paint.severity(finding.severity, &format!("{:<8}", finding.severity.name()));
        let (name, id, secret) = (document.rule_name(&finding.rule), &finding.rule, &finding.secret);
        writeln!(out, "  {place}{gap}  {severity}  {name} ({id})  {secret}")?;
    }
    if leaks.len() > shown {
        writeln!(out, "  and {}", plural((leaks.len() - shown) as u64, "more", "more"))?;
    }
    if !document.complete {
        let missed = document.skipped.iter().filter(|skipped| skipped.incomplete).count() as u64;
        writeln!(out, "Incomplete: {} not scanned", plural(missed, "item", "items"))?;
    }
    if !leaks.is_empty() {
        writeln!(out, "Fix:   take it out of the file, stage that; revoke it if anyone else may have seen it")?;
        writeln!(out, "Allow: put  stanch:allow RULE REASON  in a comment on the line, if it is no secret")?;
    }
    Ok(())
}

fn place(finding: &Finding) -> String {
    let Some(first) = finding.occurrences.first() else { return String::new() };
    let place = format!("{}:{}:{}", first.place.shown(), first.line, first.column);
    let length = place.chars().count();
    if length <= PATH {
        return place;
    }
    let tail: String = place.chars().skip(length - (PATH - 3)).collect();
    format!("...{tail}")
}

#[cfg(test)]
mod tests {
    use crate::report::{Style, sample, write_brief};

    #[test]
    fn a_blocked_commit_is_told_in_ten_lines() {
        let mut outcome = sample::outcome();
        let copies = outcome.findings.clone();
        outcome.findings.extend(copies);
        let mut bytes = Vec::new();
        write_brief("commit blocked", &outcome, &Style::default(), &mut bytes).expect("a vector takes all");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.starts_with("stanch: commit blocked: 8 leaks\n  src/prod.env:12:18  "), "{text}");
        assert!(text.contains("and 3 more") && text.contains("stanch:allow") && text.contains("revoke"), "{text}");
        assert!(!text.contains("Stripe"), "information does not block");
        for (secret, shown) in sample::secrets() {
            assert!(!text.contains(&secret[shown..shown + 6]), "{text}");
        }
    }
}
