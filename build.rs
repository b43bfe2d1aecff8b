//! Compiles `patterns/*.toml` into a table that the program loads without parsing anything.

// The build script takes the very modules that read user files at run time, and uses only some of what they offer.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::exit,
    clippy::print_stderr,
    clippy::print_stdout
)]

use std::{collections::HashMap, env, fs, path::Path, process::exit};

use sha2::{Digest, Sha256};

/// What the judge of names and values has learned.
const JUDGE: [&str; 3] =
    ["src/detect/generic/weights.bin", "src/detect/generic/wording.bin", "src/detect/generic/text.bin"];

#[path = "src/rules"]
mod rules {
    pub mod around;
    pub mod compile;
    pub mod rule;
    pub mod shape;
    pub mod syntax;
    pub mod table;
}

#[path = "src/model"]
mod model {
    mod rule_info;
    pub use rule_info::{Exposure, Kind, RuleInfo, Severity};
}

#[path = "src/detect"]
mod detect {
    pub mod table;
    pub mod generic {
        pub mod keywords;
    }
    pub mod decode {
        pub mod marks;
    }
}

/// The tables of one anchor pass, so that the program need not build them.
fn anchors(table: &rules::table::Table, pass: rules::table::Pass) -> Vec<u8> {
    let mut keywords = Vec::new();
    for (number, word) in (0..).zip(table.keywords(pass)) {
        let around = table.around(pass, number, word.text);
        keywords.push(detect::table::Keyword { text: word.text, caseless: word.caseless, around });
    }
    if pass == rules::table::Pass::Everywhere {
        let word = |text: &'static str, caseless| detect::table::Keyword::anywhere(text.as_bytes(), caseless);
        keywords.extend(detect::generic::keywords::KEYWORDS.iter().map(|text| word(text, true)));
        keywords.extend(detect::decode::marks::MARKS.iter().map(|text| word(text, false)));
        keywords.push(word(detect::decode::marks::DATA, false));
    }
    detect::table::Table::build(&keywords).unwrap().to_bytes()
}

/// The digests of a list: 64 hex digits at the start of a line, then a comment.
fn digests(name: &str, list: u8) -> Vec<[u8; 33]> {
    let path = Path::new("patterns").join(name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(hex) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else { continue };
        // The second word of the well-known keys is their class.
        let made_for_tests = list == 1 && line.split_whitespace().nth(1) == Some("test");
        let mut record = [if made_for_tests { 2 } else { list }; 33];
        for (at, place) in record[..32].iter_mut().enumerate() {
            let byte = hex.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *place = byte.unwrap_or_else(|| fail(&path, number + 1, "no SHA-256 in hex"));
        }
        found.push(record);
    }
    found
}

fn fail(file: &Path, line: usize, why: &str) -> ! {
    eprintln!("{}:{line}: {why}", file.display());
    exit(1)
}

fn main() {
    println!("cargo::rerun-if-changed=patterns");
    println!("cargo::rerun-if-changed=src/rules");
    println!("cargo::rerun-if-changed=src/detect/table.rs");
    println!("cargo::rerun-if-changed=src/detect/gram.rs");
    println!("cargo::rerun-if-changed=src/detect/trigrams.txt");
    println!("cargo::rerun-if-changed=src/detect/generic/keywords.rs");
    println!("cargo::rerun-if-changed=src/detect/decode/marks.rs");
    JUDGE.iter().for_each(|name| println!("cargo::rerun-if-changed={name}"));
    let mut files: Vec<_> = fs::read_dir("patterns").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let mut all = Vec::new();
    let mut seen = HashMap::new();
    for path in files.iter().filter(|path| path.file_stem().is_some_and(|stem| stem != "verify")) {
        let text = fs::read_to_string(path).unwrap();
        let file = rules::syntax::parse(&text).unwrap_or_else(|(line, why)| fail(path, line, &why));
        let compiled = rules::compile::compile_file(&path.to_string_lossy(), &text, &file)
            .unwrap_or_else(|(line, why)| fail(path, line, &why));
        for (info, _) in &compiled {
            if let Some(other) = seen.insert(info.id.clone(), path.clone()) {
                fail(path, 1, &format!("rule `{}` is also in {}", info.id, other.display()));
            }
        }
        all.extend(compiled);
    }
    let out = env::var("OUT_DIR").unwrap();
    let out = Path::new(&out);
    let bytes = rules::table::build(&all);
    let table = rules::table::Table::new(bytes.clone().into());
    let weights = JUDGE.map(|name| fs::read(name).unwrap()).concat();
    fs::write(out.join("digests.bin"), [Sha256::digest(&bytes), Sha256::digest(weights)].concat()).unwrap();
    fs::write(out.join("rules.bin"), bytes).unwrap();
    let mut known = [digests("examples.txt", 0), digests("well-known.txt", 1)].concat();
    known.sort_unstable();
    known.dedup_by_key(|record| record[..32].to_vec());
    fs::write(out.join("known.bin"), known.concat()).unwrap();
    fs::write(out.join("everywhere.bin"), anchors(&table, rules::table::Pass::Everywhere)).unwrap();
    fs::write(out.join("named.bin"), anchors(&table, rules::table::Pass::Named)).unwrap();
    fs::write(out.join("before_runs.bin"), anchors(&table, rules::table::Pass::BeforeRuns)).unwrap();
}
