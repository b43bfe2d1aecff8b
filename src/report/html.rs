//! One self-contained HTML page: no network, a strict content policy, usable with 50,000 findings.
//!
//! The page's script and style are allowed by their hashes; data is JSON that the script reads, never markup. Without
//! scripts the page still shows the counts and the worst findings.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    grade::{Grade, grade},
    json::{Commit, Document, Finding, Occurrence, Original, Rule, Skipped, UnusedAllow},
    redact::visible,
    text::plural,
};
use crate::model::Exposure;

const PAGE: &str = include_str!("html/page.html");
const SCRIPT: &str = include_str!("html/app.js");
const STYLE: &str = include_str!("html/style.css");

/// Findings in the table for readers without scripts.
const STATIC: usize = 300;

/// What the page's script reads. Names are short and enumerations are numbers: there may be 50,000 findings.
#[derive(Serialize)]
struct Data<'a> {
    complete: bool,
    grade: Grade,
    rules: Vec<&'a Rule>,
    commits: Vec<&'a Commit>,
    findings: Vec<Row<'a>>,
    skipped: &'a [Skipped],
    unused_allows: &'a [UnusedAllow],
    #[serde(skip_serializing_if = "Option::is_none")]
    overview: Option<Overview>,
}

/// What the page of an audit says besides the findings. Control characters in its strings are made visible here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Overview {
    /// The page's title, for instance the organisation's name.
    pub title: String,
    /// Every repository.
    pub repositories: Vec<Repository>,
    /// By fingerprint, how far a secret has spread.
    pub spread: BTreeMap<String, Spread>,
    /// What changed since the audit before.
    pub trend: Option<Trend>,
}

/// A repository of an audit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Repository {
    /// Name, as in the paths of findings.
    pub name: String,
    /// 0 to 100.
    pub score: u8,
    /// `A` to `F`.
    pub letter: char,
    /// Number of leaks.
    pub leaks: u64,
    /// `complete`, or what is missing.
    pub state: String,
}

/// How far a secret has spread. Repositories are numbers in [`Overview::repositories`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Spread {
    /// Those that hold it.
    pub repositories: Vec<usize>,
    /// Those whose HEAD still has it.
    pub at_head: Vec<usize>,
    /// `dev`, `staging`, `prod`.
    pub environments: Vec<String>,
}

/// What changed since the audit before, in leaks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Trend {
    /// When that was, or its name.
    pub since: String,
    /// The score then.
    pub score_before: u8,
    /// Not there then.
    pub new: u64,
    /// There then as now.
    pub still: u64,
    /// There then and now, revoked since.
    pub rotated: u64,
    /// Gone since.
    pub fixed: u64,
}

impl Overview {
    fn visible(&self) -> Self {
        let seen = |text: &String| visible(text.as_bytes()).into_owned();
        let mut shown = self.clone();
        shown.title = seen(&shown.title);
        for repository in &mut shown.repositories {
            repository.name = seen(&repository.name);
            repository.state = seen(&repository.state);
        }
        if let Some(trend) = &mut shown.trend {
            trend.since = seen(&trend.since);
        }
        shown
    }
}

#[derive(Serialize)]
struct Row<'a> {
    /// Index of the rule.
    r: Option<usize>,
    /// Fingerprint.
    f: &'a str,
    /// Severity, from 0 for info.
    s: u8,
    /// Confidence, from 0 for low.
    c: u8,
    /// Exposure.
    x: &'static str,
    /// Verdict.
    v: &'a str,
    /// Why the verdict is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    vr: Option<&'a str>,
    /// The masked secret.
    k: &'a str,
    /// Kind.
    k2: &'static str,
    /// The masked partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pa: Option<&'a str>,
    /// Probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pr: Option<f64>,
    /// Notes.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    n: &'a [String],
    /// Whether it is information only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    i: bool,
    /// Why it is not reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<Reason<'a>>,
    /// Places.
    o: Vec<Spot<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    by: &'a str,
    origin: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Spot<'a> {
    /// Path, as shown.
    p: String,
    /// Line.
    l: u32,
    /// Column.
    c: u32,
    /// Excerpt, and where in it the secret is, and whether it is cut before (1) and after (2).
    t: &'a str,
    a: u32,
    b: u32,
    #[serde(skip_serializing_if = "is_zero")]
    y: u8,
    /// Exposure, where it is not private.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<&'static str>,
    /// Index of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    m: Option<usize>,
    /// What a source map says.
    #[serde(skip_serializing_if = "Option::is_none")]
    g: Option<&'a Original>,
    /// Encodings.
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<&'a [String]>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// Writes the page, with what an audit has to say besides. `out` should be buffered.
///
/// # Errors
/// Only those of `out`.
pub fn write(document: &Document, overview: Option<&Overview>, out: &mut dyn Write) -> io::Result<()> {
    let overview = overview.map(Overview::visible);
    let title = match &overview {
        Some(overview) if !overview.title.is_empty() => format!("{}: {}", overview.title, found(document)),
        _ => format!("stanch: {}", found(document)),
    };
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let Some((name, after)) = after.split_once("}}") else { break };
        match name {
            "CSP" => out.write_all(policy().as_bytes())?,
            "TITLE" => out.write_all(escaped(&title).as_bytes())?,
            "FACTS" => out.write_all(escaped(&facts(document, overview.is_some())).as_bytes())?,
            "STYLE" => out.write_all(STYLE.as_bytes())?,
            "SCRIPT" => out.write_all(SCRIPT.as_bytes())?,
            "NOSCRIPT" => fallback(document, out)?,
            _ => serde_json::to_writer(Unmarked(out), &data(document, overview.clone()))?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// Nothing from anywhere, and only this script and this style.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// JSON in which no byte can end the script element: `<`, `>` and `&` occur only in its strings.
struct Unmarked<'a>(&'a mut dyn Write);

impl Write for Unmarked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                _ => continue,
            };
            self.0.write_all(&bytes[from..at])?;
            self.0.write_all(escape)?;
            from = at + 1;
        }
        self.0.write_all(&bytes[from..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn data(document: &Document, overview: Option<Overview>) -> Data<'_> {
    let rules: Vec<&Rule> = document.rules.iter().collect();
    let numbers: HashMap<&str, usize> = rules.iter().enumerate().map(|(at, rule)| (rule.id.as_str(), at)).collect();
    let mut commits = Commits::default();
    let open = document.findings.iter().map(|finding| (finding, None));
    let hidden = document
        .suppressed
        .iter()
        .map(|entry| (&entry.finding, Some(Reason { by: &entry.by, origin: &entry.origin, reason: &entry.reason })));
    let findings = open.chain(hidden).map(|(finding, why)| row(finding, why, &numbers, &mut commits)).collect();
    Data {
        complete: document.complete,
        grade: grade(document),
        rules,
        commits: commits.list,
        findings,
        skipped: &document.skipped,
        unused_allows: &document.unused_allows,
        overview,
    }
}

/// Each commit once, however many places it has.
#[derive(Default)]
struct Commits<'a> {
    list: Vec<&'a Commit>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Commits<'a> {
    fn number(&mut self, commit: &'a Commit) -> usize {
        let next = self.list.len();
        // What became of the bytes is part of the entry, so the same id may occur with another fate.
        match self.numbers.get(commit.id.as_str()) {
            Some(&at) if self.list[at] == commit => at,
            _ => {
                self.numbers.insert(&commit.id, next);
                self.list.push(commit);
                next
            }
        }
    }
}

fn row<'a>(
    finding: &'a Finding,
    why: Option<Reason<'a>>,
    rules: &HashMap<&str, usize>,
    commits: &mut Commits<'a>,
) -> Row<'a> {
    Row {
        r: rules.get(finding.rule.as_str()).copied(),
        f: &finding.fingerprint,
        s: finding.severity as u8,
        c: finding.confidence as u8,
        x: finding.exposure.name(),
        v: &finding.verdict,
        vr: finding.verdict_reason.as_deref(),
        k: &finding.secret,
        k2: finding.kind.name(),
        pa: finding.partner.as_deref(),
        pr: finding.probability,
        n: &finding.notes,
        i: !finding.kind.is_leak(),
        u: why,
        o: finding.occurrences.iter().map(|at| spot(at, commits)).collect(),
    }
}

fn spot<'a>(at: &'a Occurrence, commits: &mut Commits<'a>) -> Spot<'a> {
    Spot {
        p: at.place.shown(),
        l: at.line,
        c: at.column,
        t: &at.excerpt.text,
        a: at.excerpt.start,
        b: at.excerpt.end,
        y: u8::from(at.excerpt.cut_before) | u8::from(at.excerpt.cut_after) << 1,
        x: (at.exposure != Exposure::Private).then(|| at.exposure.name()),
        m: at.place.commit.as_ref().map(|commit| commits.number(commit)),
        g: at.original.as_ref(),
        d: (!at.decoded.is_empty()).then_some(at.decoded.as_slice()),
    }
}

fn found(document: &Document) -> String {
    match document.summary.leaks {
        0 => "no leaks".to_owned(),
        number => plural(number, "leak", "leaks"),
    }
}

fn facts(document: &Document, is_audit: bool) -> String {
    let coverage = &document.coverage;
    let mut facts = vec![];
    facts.extend((!coverage.asked.is_empty()).then(|| coverage.asked.join(", ")));
    // What repositories share is in each of them and read once.
    facts.push(match is_audit {
        true => format!("{} in them", plural(coverage.items, "object", "objects")),
        false => format!("{} read", plural(coverage.items, "item", "items")),
    });
    facts.extend((coverage.commits > 0).then(|| plural(coverage.commits, "commit", "commits")));
    facts.extend(document.run.ended.clone());
    facts.extend((!document.run.version.is_empty()).then(|| format!("stanch {}", document.run.version)));
    facts.join(" · ")
}

fn fallback(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<&Finding> = document.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse((finding.kind.is_leak(), finding.severity, finding.confidence)));
    let state =
        if document.complete { "Everything asked for was read." } else { "Incomplete: not everything was read." };
    write!(out, "<div><p>{state}</p><table><tr><th>Severity<th>What<th>Where<th>Secret")?;
    for finding in findings.iter().take(STATIC) {
        let place = finding.occurrences.first().map(|at| format!("{}:{}", at.place.shown(), at.line));
        let name = format!("{} ({})", document.rule_name(&finding.rule), finding.rule);
        write!(out, "<tr><td>{}<td>{}", finding.severity.name(), escaped(&name))?;
        write!(out, "<td>{}<td>{}", escaped(&place.unwrap_or_default()), escaped(&finding.secret))?;
    }
    write!(out, "</table>")?;
    if findings.len() > STATIC {
        let more = plural((findings.len() - STATIC) as u64, "more finding needs", "more findings need");
        write!(out, "<p>{more} scripts to be shown.</p>")?;
    }
    write!(out, "</div>")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Overview, Repository, SCRIPT, STYLE, Trend};
    use crate::report::{Format, Style, sample, tests::rendered};

    #[test]
    fn the_page_asks_for_nothing_and_runs_only_its_own_script() {
        let mut outcome = sample::outcome();
        let note = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>";
        outcome.findings[0].notes.push(note.into());
        outcome.skipped[1].what = note.into();
        let page = rendered(Format::Html, &outcome, &Style::default());
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<img") && !page.contains("<!--"));
        assert!(!page.contains("{{"), "every slot is filled");
        let lower = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http://", "https://", " src=\"", "@import", "url(", "<link"] {
            assert!(!lower.contains(outside), "{outside}");
        }
        let start = page.find("id=\"data\">").expect("the data") + 10;
        let end = page[start..].find("</script>").expect("its end");
        let data: serde_json::Value = serde_json::from_str(&page[start..start + end]).expect("JSON");
        assert_eq!(data["findings"].as_array().map(Vec::len), Some(9));
        assert_eq!(data["findings"][0]["n"][1], note);
    }

    #[test]
    fn an_audit_adds_its_repositories() {
        let document = crate::report::document(&sample::outcome(), &Style::default());
        let name = "org/<b>\x1b[2J".to_owned();
        let repository = Repository { name: name.clone(), score: 46, letter: 'F', leaks: 4, state: "complete".into() };
        let trend = Trend { since: "2023-11-01".into(), score_before: 80, new: 3, still: 1, rotated: 0, fixed: 2 };
        let spread = std::collections::BTreeMap::new();
        let overview = Overview { title: name, repositories: vec![repository], spread, trend: Some(trend) };
        let mut bytes = Vec::new();
        super::write(&document, Some(&overview), &mut bytes).expect("a vector takes all");
        let page = String::from_utf8(bytes).expect("UTF-8");
        assert!(page.contains("<title>org/&lt;b&gt;\\x1b[2J: 4 leaks</title>"), "the title");
        assert!(page.contains(r#""name":"org/\u003cb\u003e\\x1b[2J""#) && !page.contains('\x1b'));
        if let Some(directory) = std::env::var_os("STANCH_SAMPLES") {
            std::fs::write(std::path::Path::new(&directory).join("audit.html"), &page).expect("a writable directory");
        }
    }

    #[test]
    fn nothing_in_the_page_makes_markup_of_text() {
        for word in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp", "import("]
        {
            assert!(!SCRIPT.contains(word), "{word}");
        }
        assert!(
            !SCRIPT.contains("</script")
                && !STYLE.contains("</style")
                && !STYLE.contains("{{")
                && !SCRIPT.contains("{{")
        );
    }
}
