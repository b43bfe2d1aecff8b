//! CSV (RFC 4180), a line per place, with a guard against formulas.

use std::io::{self, Write};

use super::json::{Document, Finding, Occurrence};

const HEADER: &str = "rule,name,kind,severity,confidence,probability,exposure,verdict,path,line,column,end_line,\
                      end_column,secret,partner,commit,author,email,date,fingerprint,decoded,suppressed_by,reason,original";

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{HEADER}\r\n")?;
    for finding in &document.findings {
        for occurrence in &finding.occurrences {
            row(document, finding, occurrence, ["", ""], out)?;
        }
    }
    for entry in &document.suppressed {
        let reason = if entry.reason.is_empty() { &entry.origin } else { &entry.reason };
        for occurrence in &entry.finding.occurrences {
            row(document, &entry.finding, occurrence, [&entry.by, reason], out)?;
        }
    }
    Ok(())
}

fn row(
    document: &Document,
    finding: &Finding,
    at: &Occurrence,
    suppressed: [&str; 2],
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = document.rule_name(&finding.rule);
    let probability = finding.probability.map(|p| p.to_string()).unwrap_or_default();
    let numbers = [at.line, at.column, at.end_line, at.end_column].map(|number| number.to_string());
    let [line, column, end_line, end_column] = &numbers;
    let (shown, decoded) = (at.place.shown(), at.decoded.join(" "));
    let original = at.original.as_ref();
    let original = original.map_or(String::new(), |at| format!("{}:{}:{}", at.path, at.line, at.column));
    let commit = at.place.commit.as_ref();
    let [id, author, email, date] = match commit {
        Some(commit) => [commit.id.as_str(), &commit.author, &commit.email, &commit.date],
        None => [""; 4],
    };
    let [by, reason] = suppressed;
    let fields = [
        &finding.rule,
        name,
        finding.kind.name(),
        finding.severity.name(),
        finding.confidence.name(),
        &probability,
        at.exposure.name(),
        &finding.verdict,
        &shown,
        line,
        column,
        end_line,
        end_column,
        &finding.secret,
        finding.partner.as_deref().unwrap_or_default(),
        id,
        author,
        email,
        date,
        &finding.fingerprint,
        &decoded,
        by,
        reason,
        &original,
    ];
    for (number, text) in fields.iter().enumerate() {
        write!(out, "{}{}", if number > 0 { "," } else { "" }, field(text))?;
    }
    write!(out, "\r\n")
}

/// Quoted where RFC 4180 asks for it. A field that a spreadsheet would take for a formula gets a `'` before it.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_and_no_formula() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(field("=1+1"), "\"'=1+1\"");
        assert_eq!(field("@x"), "\"'@x\"");
        assert_eq!(field("-----BEGIN"), "\"'-----BEGIN\"");
    }
}
