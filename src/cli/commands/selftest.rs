//! `stanch self-test`: whether this very program finds what it should, on this very machine. Reads and writes nothing.

use std::io::Write;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};
use stanch::{
    model::Outcome,
    report::{self, Format, Style},
    scan::Target,
    source::asset::Budget,
};

use crate::cli::{
    exit::Exit,
    run::{self, Run},
    settings::Resolved,
};

/// Letters and digits that nobody ever issued, the same on every run.
fn filler(seed: u8, alphabet: &[u8], count: usize) -> String {
    let mut text = String::new();
    let mut block = Sha256::digest([seed]);
    while text.len() < count {
        text.extend(block.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])));
        block = Sha256::digest(block);
    }
    text.truncate(count);
    text
}

/// A made-up AWS key id: made here, so that no key stands in the program.
fn sample() -> String {
    format!("{}{}", ["AK", "IA"].concat(), filler(7, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16))
}

/// Runs the command.
pub(crate) fn run() -> Result<Exit> {
    let key = sample();
    let plain = format!("# made up\naws_access_key_id = \"{key}\"\n");
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let packed = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(plain.as_bytes())?;
        packer.finish()?
    };
    let samples: [(&str, Vec<u8>, usize); 4] = [
        ("a plain text", plain.clone().into_bytes(), 1),
        ("a text in UTF-16", wide, 1),
        ("a compressed text", packed, 1),
        ("a text without secrets", b"aws_access_key_id = os.environ[\"KEY\"]\n".to_vec(), 0),
    ];
    let mut out = std::io::stdout().lock();
    for (what, bytes, expected) in samples {
        let outcome = scan(bytes)?;
        let found = outcome.findings.iter().filter(|finding| finding.secret.expose() == key.as_bytes()).count();
        ensure!(
            found == expected,
            "self-test: {what}: {found} found, {expected} expected; this program does not work here"
        );
        for &format in Format::ALL {
            let mut text = Vec::new();
            report::write(format, &outcome, &Style::default(), &mut text)?;
            let shown = memchr::memmem::find(&text, key.as_bytes()).is_some();
            ensure!(!shown, "self-test: {what}: the {format} report shows the secret");
        }
        writeln!(out, "good  {what}")?;
    }
    writeln!(out, "stanch {} works here", env!("CARGO_PKG_VERSION"))?;
    Ok(Exit::Clean)
}

fn scan(bytes: Vec<u8>) -> Result<Outcome> {
    let mut args = run::scan_args()?;
    args.config.no_config = true;
    args.config.config = None;
    args.baseline.clear();
    let mut resolved = Resolved::new(&args, std::path::Path::new("."))?;
    resolved.settings.budget = Budget::default();
    let Run { outcome, .. } = run::scan(resolved, &[Target::Bytes(bytes)], true, false);
    Ok(outcome)
}
