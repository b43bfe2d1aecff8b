//! The end of the text report: what is no leak, what was not shown, what to do, and the counts.

use std::{collections::BTreeMap, io};

use super::{super::json::Skipped, Page};
use crate::model::{Exposure, Severity};

/// Skipped items that are listed; all are in the machine formats.
const SKIPPED: usize = 20;
/// Containers that are listed although nobody asked for just them; `--explain` lists all.
const CONTAINERS: usize = 5;
/// Pieces of information that are listed.
const INFORMATION: usize = 50;

impl Page<'_> {
    fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint.bold(text);
        writeln!(self.out, "{text}")
    }

    fn more(&mut self, total: usize, shown: usize) -> io::Result<()> {
        match total.saturating_sub(shown) {
            0 => writeln!(self.out),
            more => writeln!(self.out, "  and {} more\n", grouped(more as u64)),
        }
    }

    pub(super) fn information(&mut self) -> io::Result<()> {
        let facts: Vec<_> = self.document.findings.iter().filter(|finding| !finding.kind.is_leak()).collect();
        if facts.is_empty() {
            return Ok(());
        }
        self.heading("For information: public by design, or no secret alone")?;
        for finding in facts.iter().take(INFORMATION) {
            let Some(first) = finding.occurrences.first() else { continue };
            let place = format!("{}:{}:{}", first.place.shown(), first.line, first.column);
            let others = match finding.occurrences.len() as u64 - 1 {
                0 => String::new(),
                more => format!(" and {}", plural(more, "more place", "more places")),
            };
            let (name, kind) = (self.rule_name(&finding.rule), finding.kind.name());
            writeln!(self.out, "  {place}  {name} {} ({}, {kind}){others}", finding.secret, finding.rule)?;
            if finding.exposure == Exposure::Shipped && !finding.notes.is_empty() {
                writeln!(self.out, "    {}", finding.notes.join("; "))?;
            }
        }
        self.more(facts.len(), INFORMATION)
    }

    /// Only counted in the summary, unless asked to explain.
    pub(super) fn suppressed(&mut self) -> io::Result<()> {
        if !self.style.explain || self.document.suppressed.is_empty() {
            return Ok(());
        }
        self.heading("Not reported")?;
        for entry in &self.document.suppressed {
            let Some(first) = entry.finding.occurrences.first() else { continue };
            let place = format!("{}:{}:{}", first.place.shown(), first.line, first.column);
            let why = [entry.by.as_str(), &entry.origin, &entry.reason];
            let why: Vec<_> = why.into_iter().filter(|part| !part.is_empty()).collect();
            let (rule, secret) = (&entry.finding.rule, &entry.finding.secret);
            writeln!(self.out, "  {place}  {rule} {secret}  {}", why.join(": "))?;
        }
        writeln!(self.out)
    }

    pub(super) fn unused_allows(&mut self) -> io::Result<()> {
        if self.document.unused_allows.is_empty() {
            return Ok(());
        }
        self.heading("Allow entries to clean up")?;
        for entry in &self.document.unused_allows {
            writeln!(self.out, "  {}: {}", entry.entry, entry.why)?;
        }
        writeln!(self.out)
    }

    pub(super) fn skipped(&mut self) -> io::Result<()> {
        let listed = |skipped: &&Skipped| skipped.incomplete || self.style.explain;
        let (mut listed, others): (Vec<_>, Vec<_>) = self.document.skipped.iter().partition(listed);
        listed.sort_by_key(|s| (!s.asked, !s.incomplete));
        self.items("Not scanned", &listed, SKIPPED)?;
        // Links and devices are no loss; what a container hides may be one.
        let others: Vec<_> = others.into_iter().filter(|skipped| skipped.reason == "container").collect();
        self.items("Not read to the end, and nobody asked for just these", &others, CONTAINERS)
    }

    fn items(&mut self, heading: &str, items: &[&Skipped], most: usize) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.heading(heading)?;
        for item in items.iter().take(most) {
            writeln!(self.out, "  {}: {}", item.what, item.detail)?;
        }
        self.more(items.len(), most)
    }

    /// Each advice once, for all rules that give it, worst first.
    pub(super) fn remediation(&mut self) -> io::Result<()> {
        let mut advice: BTreeMap<&str, BTreeMap<&str, (Severity, u64)>> = BTreeMap::new();
        for finding in self.document.findings.iter().filter(|finding| finding.kind.is_leak()) {
            let Some(rule) = self.rules.get(finding.rule.as_str()).filter(|rule| !rule.remediation.is_empty()) else {
                continue;
            };
            let rules = advice.entry(&rule.remediation).or_default();
            let entry = rules.entry(&finding.rule).or_insert((finding.severity, 0));
            *entry = (entry.0.max(finding.severity), entry.1 + 1);
        }
        if advice.is_empty() {
            return Ok(());
        }
        let worst = |rules: &BTreeMap<&str, (Severity, u64)>| rules.values().map(|(severity, _)| *severity).max();
        let mut advice: Vec<_> = advice.into_iter().collect();
        advice.sort_by(|(_, a), (_, b)| worst(b).cmp(&worst(a)).then_with(|| a.keys().cmp(b.keys())));
        self.heading("What to do")?;
        for (text, rules) in advice {
            let name = |(id, (severity, number)): (&&str, &(Severity, u64))| {
                let times = if *number > 1 { format!(" ({})", grouped(*number)) } else { String::new() };
                format!("{}{times}", self.paint.severity(*severity, id))
            };
            let names: Vec<String> = rules.iter().map(name).collect();
            writeln!(self.out, "  {}", names.join(", "))?;
            let room = if self.style.width == 0 { usize::MAX } else { self.style.width.saturating_sub(4).max(40) };
            for line in wrapped(text, room) {
                writeln!(self.out, "    {line}")?;
            }
        }
        writeln!(self.out)
    }

    pub(super) fn summary(&mut self) -> io::Result<()> {
        let summary = &self.document.summary;
        let leaks = match summary.leaks {
            0 => self.paint.good("No leaks"),
            number => {
                let worst = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
                let counts = worst.map(|s| (s, summary.by_severity.get(s.name()).copied().unwrap_or(0)));
                let parts = counts.iter().filter(|(_, n)| *n > 0);
                let parts: Vec<_> =
                    parts.map(|(s, n)| self.paint.severity(*s, &format!("{} {}", grouped(*n), s.name()))).collect();
                let places = plural(summary.places, "place", "places");
                format!("{} in {places} ({})", self.paint.bold(&plural(number, "leak", "leaks")), parts.join(", "))
            }
        };
        let mut rest = Vec::new();
        if summary.information > 0 {
            rest.push(format!("{} for information", grouped(summary.information)));
        }
        let suppressed = summary.suppressed.iter().filter(|(by, _)| self.style.explain || *by != "rejected");
        for (by, number) in suppressed {
            let words = match by.as_str() {
                "inline" => "allowed by comments",
                "allowlist" => "allowed by configuration",
                "baseline" => "known from the baseline",
                _ => "rejected",
            };
            rest.push(format!("{} {words}", grouped(*number)));
        }
        let rest: String = rest.iter().map(|part| format!(", {part}")).collect();
        writeln!(self.out, "{leaks}{rest}")?;
        let state = if self.document.complete {
            "complete".to_owned()
        } else {
            let number = self.document.skipped.iter().filter(|skipped| skipped.incomplete).count() as u64;
            let text = format!("INCOMPLETE: {} not scanned", plural(number, "item", "items"));
            self.paint.severity(Severity::High, &text)
        };
        let read = read_words(&self.document.coverage);
        writeln!(self.out, "{read}; {state}")
    }
}

fn read_words(coverage: &super::super::json::Coverage) -> String {
    let mut words = format!("Read {}", plural(coverage.items, "item", "items"));
    if coverage.members > 0 {
        words.push_str(&format!(" ({} more inside containers)", grouped(coverage.members)));
    }
    if coverage.commits > 0 {
        words.push_str(&format!(" in {}", plural(coverage.commits, "commit", "commits")));
    }
    format!("{words}, {}", size(coverage.bytes))
}

/// Bytes in the largest decimal unit that leaves a number of at least 1.
fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { plural(bytes, "byte", "bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// `1 leak`, `1,200 leaks`.
#[must_use]
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Thousands apart.
pub(in super::super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if super::columns(line) + 1 + super::columns(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{grouped, size, wrapped};

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(999_960), "1.0 MB");
        assert_eq!(size(u64::MAX), "18.4 EB");
    }

    #[test]
    fn text_is_wrapped_at_words() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("longword x", 3), ["longword", "x"]);
    }
}
