//! The judge on its own: walks a directory and writes what it proposes, judged, or the numbers to train on.
//!
//! `judge scan DIR OUT.jsonl` writes `{"path","line","secret","conf",…}` lines for the scorer; `judge dump DIR PREFIX`
//! writes `PREFIX.jsonl`, `PREFIX.f32` (one row of numbers per line of the former) and `PREFIX.words` (for each line a
//! count and so many buckets of words, `u16`); `judge time DIR` measures.

#![expect(clippy::print_stdout, reason = "it reports to whoever measures")]

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aho_corasick::{AhoCorasick, MatchKind};
use stanch::{
    detect::{
        generic::{self, Proposal},
        placeholder,
    },
    model::Span,
};

fn files(root: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, out);
        } else if path.is_file() {
            out.push(path);
        }
    }
}

fn anchors() -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .build(generic::keywords())
        .expect("keywords")
}

fn proposals(finder: &AhoCorasick, text: &[u8], out: &mut Vec<Proposal>) -> usize {
    out.clear();
    let mut hits = 0;
    for hit in finder.find_overlapping_iter(text) {
        hits += 1;
        generic::propose(text, Span::new(hit.start(), hit.end()), out);
    }
    hits
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let text = fs::read(path).ok()?;
    (text.len() < 20_000_000 && !text[..text.len().min(8000)].contains(&0)).then_some(text)
}

/// What the program never shows, whatever the judge says: a blank to be filled in where a machine's value should be.
fn is_refuted(p: &Proposal, text: &[u8]) -> bool {
    let made =
        ["generic-token", "generic-secret", "generic-api-key", "bearer-auth"].contains(&generic::rule_id(p.kind));
    made && placeholder::stated(p.value.of(text)).is_some()
}

fn write_all(mode: &str, root: &Path, to: &str) {
    let finder = anchors();
    let mut list = Vec::new();
    files(root, &mut list);
    let rows_path = if mode == "dump" { format!("{to}.jsonl") } else { to.to_owned() };
    let mut rows = BufWriter::new(fs::File::create(rows_path).expect("output"));
    let part = |name: &str| BufWriter::new(fs::File::create(format!("{to}.{name}")).expect("output"));
    let mut tables = (mode == "dump").then(|| (part("f32"), part("words")));
    if mode == "dump" {
        fs::write(format!("{to}.names"), generic::feature_names().join("\n")).expect("output");
    }
    let mut out = Vec::new();
    for path in &list {
        let Some(text) = read(path) else { continue };
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        proposals(&finder, &text, &mut out);
        out.sort_by_key(|p| (p.value.start, p.value.end));
        let mut line = 1;
        let mut at = 0;
        for p in &out {
            line += text[at..p.value.start].iter().filter(|&&b| b == b'\n').count();
            at = p.value.start;
            if is_refuted(p, &text) {
                continue;
            }
            let conf = if let Some((table, wording)) = &mut tables {
                let Some(row) = generic::features(&text, p, name.as_bytes()) else { continue };
                for x in row {
                    table.write_all(&x.to_le_bytes()).expect("output");
                }
                let said = generic::wording(&text, p);
                for bucket in std::iter::once(said.len() as u16).chain(said) {
                    wording.write_all(&bucket.to_le_bytes()).expect("output");
                }
                0.0
            } else {
                generic::judge(&text, p, name.as_bytes()).probability
            };
            let row = serde_json::json!({
                "path": format!("{name}"), "line": line, "conf": conf,
                "secret": String::from_utf8_lossy(p.value.of(&text)), "key": String::from_utf8_lossy(p.key.of(&text)),
                "kind": generic::rule_id(p.kind), "op": format!("{:?}", p.operator), "quote": format!("{:?}", p.quote),
                "for_low": generic::is_for_low(&text, p, name.as_bytes()), "guess": generic::is_guessable(&text, p),
            });
            writeln!(rows, "{row}").expect("output");
        }
    }
}

fn time(root: &Path) {
    let finder = anchors();
    let mut list = Vec::new();
    files(root, &mut list);
    let texts: Vec<_> = list.iter().filter_map(|p| Some((p, read(p)?))).collect();
    let bytes: usize = texts.iter().map(|t| t.1.len()).sum();
    let (mut hits, mut count, mut kept) = (0, 0, 0);
    let (mut find, mut propose, mut judge) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut spans = Vec::new();
    let mut out = Vec::new();
    for (path, text) in &texts {
        spans.clear();
        out.clear();
        let start = Instant::now();
        spans.extend(finder.find_overlapping_iter(text).map(|m| Span::new(m.start(), m.end())));
        find += start.elapsed();
        hits += spans.len();
        let start = Instant::now();
        for &span in &spans {
            generic::propose(text, span, &mut out);
        }
        propose += start.elapsed();
        count += out.len();
        let start = Instant::now();
        let name = path.to_string_lossy();
        for p in &out {
            kept += usize::from(generic::judge(text, p, name.as_bytes()).probability >= generic::MEDIUM);
        }
        judge += start.elapsed();
    }
    let ns = |d: Duration, n: usize| d.as_nanos() as f64 / n.max(1) as f64;
    let mb = bytes as f64 / 1e6;
    println!("files {} MB {mb:.1} anchors {hits} proposals {count} at medium {kept}", texts.len());
    println!("ns per anchor {:.1}, ns per proposal {:.1}", ns(propose, hits), ns(judge, count));
    println!(
        "ms per MB: find {:.3} propose {:.3} judge {:.3}",
        ns(find, 1) / 1e6 / mb,
        ns(propose, 1) / 1e6 / mb,
        ns(judge, 1) / 1e6 / mb
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [mode @ ("scan" | "dump"), root, to] => write_all(mode, Path::new(root), to),
        ["time", root] => time(Path::new(root)),
        _ => println!("judge scan DIR OUT.jsonl | judge dump DIR PREFIX | judge time DIR"),
    }
}
