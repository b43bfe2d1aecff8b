//! Changed samples of every container: no panic, no more time or memory than the budget allows.

use std::time::Duration;

use proptest::prelude::*;

use super::binary::tests as binary;
use super::corpus::{self, timed, walk};
use super::{Beside, Budget, Container, recognise};

/// One change: where (as a share of the length), what kind, which value.
type Change = (u16, u8, u8);

fn changed(sample: &[u8], changes: &[Change]) -> Vec<u8> {
    const WORTH_TRYING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x10];
    let mut bytes = sample.to_vec();
    for (place, kind, value) in changes {
        if bytes.is_empty() {
            return bytes;
        }
        let at = usize::from(*place) * bytes.len() / (1 << 16);
        match kind % 8 {
            0 => bytes[at] = *value,
            1 => bytes[at] ^= 1 << (value % 8),
            2 => bytes[at] = WORTH_TRYING[usize::from(value % 8)],
            3 => bytes.truncate(at.max(16)),
            4 => drop(bytes.drain(at..(at + usize::from(*value)).min(sample.len()).min(bytes.len()).max(at))),
            5 => bytes.insert(at, *value),
            6 => {
                let piece = bytes[at..bytes.len().min(at + usize::from(*value))].to_vec();
                bytes.splice(at..at, piece);
            }
            // A word of ones: counts and offsets that lead nowhere.
            _ => {
                let end = bytes.len().min(at + 4);
                bytes[at..end].fill(WORTH_TRYING[usize::from(value % 8)]);
            }
        }
    }
    bytes
}

fn survives(sample: &[u8], changes: &[Change]) {
    let bytes = changed(sample, changes);
    let budget = Budget { expanded: 16 << 20, time: Duration::from_secs(2), ..Budget::default() };
    let ((_, unpacked), spent) = timed(|| walk(&bytes, &budget));
    assert!(spent < Duration::from_secs(20), "{spent:?}");
    assert!(unpacked.bytes <= (16 << 20) + 64 * bytes.len() as u64, "{}", unpacked.bytes);
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(any::<Change>(), 1..12)
}

const TEXT: &[u8] = b"some text that repeats, some text that repeats, and key = the-word-to-find\n";

fn map() -> Vec<u8> {
    let map = br#"{"version":3,"sources":["a.js",null,"b.js"],"sourcesContent":["x = 1;\n",null,"y = \"\u00e9\ud83d\ude00\""],
        "names":["x"],"mappings":"AAAA,SAAS;AACT,ICAC,UAAU;;gBDFZ","sourceRoot":"src"}"#;
    map.to_vec()
}

/// A bundle whose map is asked for every place.
fn bundle() -> Vec<u8> {
    let map = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, map());
    format!("var x=1;\nvar y=\"\u{e9}\u{1f600}\";f(x,y);\n//# sourceMappingURL=data:application/json;base64,{map}")
        .into_bytes()
}

macro_rules! fuzz {
    ($($name:ident: $sample:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(changes in changes()) {
                    thread_local!(static SAMPLE: Vec<u8> = $sample);
                    SAMPLE.with(|sample| survives(sample, &changes));
                }
            )*
        }

        /// Samples for `tests/fuzz`, which is guided by coverage: a directory each below `STANCH_FUZZ_SEEDS`.
        #[test]
        #[ignore = "needs STANCH_FUZZ_SEEDS"]
        fn seeds_are_written() {
            let seeds = std::env::var_os("STANCH_FUZZ_SEEDS").expect("STANCH_FUZZ_SEEDS is set");
            $(
                let family = stringify!($name).rsplit_once("_surviv").unwrap().0.replace('_', "-");
                let directory = std::path::Path::new(&seeds).join(family);
                std::fs::create_dir_all(&directory).unwrap();
                std::fs::write(directory.join("made"), $sample).unwrap();
            )*
        }
    };
}

/// Few in the usual run; `PROPTEST_CASES` for a long one.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

fuzz! {
    zip_survives: corpus::zip(&[("a.txt", TEXT), ("b/c.txt", TEXT), ("d.zip", &corpus::zip(&[("e", TEXT)]))]);
    zip_methods_survive: zip_methods();
    tar_survives: corpus::tar(&[("a.txt", TEXT), (&"long/".repeat(40), TEXT)]);
    gzip_survives: corpus::gzip(&corpus::tar(&[("a.txt", TEXT)]));
    bzip2_survives: corpus::bzip2(TEXT);
    zstd_survives: corpus::zstd(TEXT);
    lz4_survives: corpus::lz4(TEXT);
    brotli_survives: corpus::zip_with(zip::CompressionMethod::Stored, &[("a.br", &corpus::brotli(&TEXT.repeat(60)))]);
    xz_survives: corpus::xz(TEXT);
    lzma_survives: corpus::lzma(TEXT);
    sevenz_survives: corpus::sevenz(&[("a.txt", TEXT), ("b.txt", TEXT)]);
    ar_survives: corpus::ar(&[("a.txt", TEXT), ("data.tar.gz", &corpus::gzip(&corpus::tar(&[("x", TEXT)])))]);
    rpm_survives: corpus::rpm(&[("./a.txt", TEXT)]);
    cpio_survives: corpus::cpio(&[("a.txt", TEXT), ("b.txt", TEXT)]);
    asar_survives: corpus::asar(&[("a.js", TEXT), ("b.js", TEXT)]);
    dex_survives: binary::dex(&["one string", "two strings", "three"]);
    dex_container_survives: binary::dex_container(&["one string", "two strings", "three"]);
    resources_survive: binary::resources(true);
    wide_resources_survive: binary::resources(false);
    binary_xml_survives: binary::binary_xml();
    class_survives: binary::class(&["Main", "java/lang/Object", "value"]);
    hermes_survives: binary::hermes(84, &["one string", "ünïcode", &"long".repeat(100)]);
    unity_survives: binary::unity(&["one literal", "another"]);
    protobuf_survives: corpus::zip_with(zip::CompressionMethod::Stored, &[("resources.pb", &binary::protobuf())]);
    plist_survives: binary::plist();
    pyc_survives: binary::pyc();
    sqlite_survives: binary::sqlite();
    pdf_survives: binary::pdf();
    map_survives: map();
    bundle_survives: bundle();
}

fn zip_methods() -> Vec<u8> {
    let mut out = Vec::new();
    for method in [zip::CompressionMethod::Bzip2, zip::CompressionMethod::Xz, zip::CompressionMethod::Stored] {
        out.extend(corpus::zip(&[("inner", &corpus::zip_with(method, &[("a", TEXT)]))]));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_map_answers_for_any_place(offsets in prop::collection::vec(any::<u16>(), 0..20), changes in changes()) {
        let text = b"var x=1;\nvar y=\"\xc3\xa9\";\n//# sourceMappingURL=x.map";
        let json = changed(&map(), &changes);
        let offsets: Vec<usize> = offsets.iter().map(|at| usize::from(*at) % 64).collect();
        super::unpack(text, &Budget::default(), Beside { path: b"x", read: &|_| Some(json.clone()) }, &mut |unit| {
            if let Some(map) = unit.map {
                assert_eq!(map.originals(&offsets).len(), offsets.len());
            }
            std::ops::ControlFlow::Continue(())
        });
    }

    #[test]
    fn bytes_of_no_kind_are_text(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = walk(&bytes, &Budget::default());
    }
}

#[test]
fn samples_are_what_they_are_meant_to_be() {
    for (sample, kind) in [
        (corpus::xz(TEXT), Container::Xz),
        (corpus::lzma(TEXT), Container::Lzma),
        (corpus::sevenz(&[("a", TEXT)]), Container::SevenZip),
        (corpus::ar(&[("a", TEXT)]), Container::Ar),
        (corpus::rpm(&[("a", TEXT)]), Container::Rpm),
        (corpus::cpio(&[("a", TEXT)]), Container::Cpio),
        (corpus::asar(&[("a", TEXT)]), Container::Asar),
        (map(), Container::SourceMap),
        (bundle(), Container::Bundle),
    ] {
        assert_eq!(recognise(&sample), Some(kind));
        let (seen, unpacked) = corpus::all(&sample);
        assert_eq!(corpus::skipped(&unpacked), [], "{kind:?}");
        let needle: &[u8] =
            if matches!(kind, Container::SourceMap | Container::Bundle) { b"x = 1" } else { b"the-word-to-find" };
        assert!(seen.iter().any(|seen| memchr::memmem::find(&seen.text, needle).is_some()), "{kind:?}");
        for cut in 0..sample.len() {
            let _ = corpus::all(&sample[..cut]);
        }
    }
}
