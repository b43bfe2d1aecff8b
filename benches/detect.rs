//! Bytes per second of the anchor pass and the run pass, beside the `aho-corasick` crate's DFA on the same keywords.
//!
//! `cargo bench --bench detect -- [--quick] [FILE ...]`: each file is one haystack. Without files, source code of the
//! local package registry is used. Passes are timed in turn; the best of several rounds is given, in GB per second of this
//! thread's processor time where Linux tells it, else of the clock.
//! `ANCHOR_KEYWORDS=FILE` takes another list of keywords, one per line.

#![expect(clippy::print_stdout, reason = "a bench reports by printing")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use stanch::detect::anchor::{Anchor, Anchors, Keyword};
use stanch::detect::runs::find_runs_at;
use stanch::detect::simd::Level;

const WANTED: usize = 128 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let files: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let own = std::env::var_os("ANCHOR_KEYWORDS").map(|path| fs::read_to_string(path).expect("keyword list"));
    let list = own.as_deref().unwrap_or(include_str!("keywords.txt"));
    let words: Vec<&str> = list.lines().filter(|word| word.len() >= 3).collect();
    let hays: Vec<(String, Vec<u8>)> = if files.is_empty() {
        vec![("registry sources".into(), registry())]
    } else {
        files.iter().map(|path| ((*path).clone(), fs::read(path).expect("a readable file"))).collect()
    };
    let rounds = if quick { 2 } else { 5 };
    tables(&words);
    for (name, hay) in &hays {
        println!("{name}: {:.1} MB, {} caseless keywords", hay.len() as f64 / 1e6, words.len());
        anchors(&words, hay, rounds, !quick);
        short_ranges(&words, hay);
        runs(hay, rounds);
    }
}

fn keywords<'a>(words: &'a [&str]) -> Vec<Keyword<'a>> {
    words.iter().map(|word| Keyword::anywhere(word.as_bytes(), true)).collect()
}

fn tables(words: &[&str]) {
    let keywords = keywords(words);
    let anchors = Anchors::build(&keywords).expect("keywords of three bytes or more");
    let bytes: &'static [u8] = anchors.to_bytes().leak();
    let times = |run: &dyn Fn()| best(20, clock, || (0..100).for_each(|_| run())) / 100.0;
    let build = times(&|| drop(black_box(Anchors::build(black_box(&keywords)))));
    let load = times(&|| drop(black_box(Anchors::from_static(black_box(bytes)))));
    println!("tables: {} bytes, build {:.3} ms, from_static {:.4} ms", bytes.len(), build * 1e3, load * 1e3);
}

fn anchors(words: &[&str], hay: &[u8], rounds: usize, oracle: bool) {
    let mut passes: Vec<(String, Box<dyn FnMut() -> usize>)> = Vec::new();
    for level in Level::all() {
        let anchors = Anchors::build(&keywords(words)).expect("keywords of three bytes or more").with_level(level);
        let mut out: Vec<Anchor> = Vec::new();
        passes.push((
            format!("{level:?}"),
            Box::new(move || {
                out.clear();
                anchors.find(hay, 0..hay.len(), &mut out);
                out.len()
            }),
        ));
    }
    if oracle {
        let mut builder = AhoCorasick::builder();
        let dfa = builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(words).expect("a DFA");
        passes.push(("aho-corasick DFA".into(), Box::new(move || dfa.find_overlapping_iter(hay).count())));
    }
    let mut times = vec![f64::INFINITY; passes.len()];
    let mut counts = vec![0; passes.len()];
    for _ in 0..rounds {
        for (i, (_, pass)) in passes.iter_mut().enumerate() {
            let start = seconds();
            counts[i] = black_box(pass());
            times[i] = times[i].min(seconds() - start);
        }
    }
    for (i, (name, _)) in passes.iter().enumerate() {
        println!("  {name:18} {:6.2} GB/s  {} anchors", hay.len() as f64 / times[i] / 1e9, counts[i]);
    }
    assert!(counts.iter().all(|&count| count == counts[0]), "the passes disagree");
}

fn short_ranges(words: &[&str], hay: &[u8]) {
    let anchors = Anchors::build(&keywords(words)).expect("keywords of three bytes or more");
    let part = &hay[..hay.len().min(4 << 20)];
    let mut out = Vec::new();
    let calls = part.len() / 1000;
    let time = best(5, clock, || {
        for call in 0..calls {
            out.clear();
            anchors.find(part, call * 1000..call * 1000 + 96, &mut out);
            black_box(&out);
        }
    });
    println!("  96-byte ranges     {:6.0} ns per call", time / calls as f64 * 1e9);
}

fn runs(hay: &[u8], rounds: usize) {
    for level in Level::all() {
        let mut out = Vec::new();
        let time = best(rounds, seconds, || {
            out.clear();
            find_runs_at(level, hay, 0..hay.len(), 0, 16, &mut out);
        });
        println!("  runs {level:?} {:10.2} GB/s  {} runs", hay.len() as f64 / time / 1e9, out.len());
    }
}

/// The shortest of so many runs, in seconds.
fn best(runs: usize, now: fn() -> f64, mut run: impl FnMut()) -> f64 {
    (0..runs)
        .map(|_| {
            let start = now();
            run();
            now() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// Seconds that this thread has run; told in steps of a few milliseconds.
fn seconds() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    match told.as_deref().and_then(|text| text.split(' ').next()).and_then(|first| first.parse::<f64>().ok()) {
        Some(nanoseconds) if nanoseconds > 0.0 => nanoseconds / 1e9,
        _ => clock(),
    }
}

fn clock() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

fn registry() -> Vec<u8> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"))).unwrap_or_default();
    let mut bytes = Vec::new();
    collect(&home.join("registry/src"), &mut bytes);
    bytes
}

fn collect(dir: &Path, bytes: &mut Vec<u8>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if bytes.len() >= WANTED {
            return;
        }
        if path.is_dir() {
            collect(&path, bytes);
        } else if path
            .extension()
            .is_some_and(|e| ["rs", "c", "h", "js", "json", "toml", "yml"].iter().any(|x| e == *x))
            && path.metadata().is_ok_and(|meta| meta.len() < 1 << 20)
        {
            bytes.extend(fs::read(&path).unwrap_or_default());
        }
    }
}
