//! Tests of the whole walk: nesting, budgets and hostile archives.

use std::ops::ControlFlow;
use std::time::Duration;

use super::corpus::{all, bzip2, gzip, noise, paths_with, skipped, tar, timed, walk, zip, zip_with, zstd};
use super::{Beside, Budget, Nature, unpack};

const WORD: &str = "the-word-to-find";

#[test]
fn plain_text_is_handed_over_as_it_is() {
    let (seen, unpacked) = all(b"just some text\n");
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].path.as_str(), seen[0].nature), ("", Nature::Stored));
    assert_eq!(seen[0].text, b"just some text\n");
    assert!(unpacked.skipped.is_empty());
}

#[test]
fn members_are_found_through_every_kind_of_archive() {
    let text = format!("a = {WORD}\n");
    let text = text.as_bytes();
    let tarred = tar(&[("src/a.txt", text)]);
    for (what, bytes, path) in [
        ("zip", zip(&[("src/a.txt", text)]), "src/a.txt"),
        ("tar", tarred.clone(), "src/a.txt"),
        ("tgz", gzip(&tarred), "src/a.txt"),
        ("tbz", bzip2(&tarred), "src/a.txt"),
        ("tzst", zstd(&tarred), "src/a.txt"),
        ("lz4", super::corpus::lz4(&tarred), "src/a.txt"),
        ("two lz4", [super::corpus::lz4(b"first\n"), super::corpus::lz4(text)].concat(), ""),
        ("gz", gzip(text), ""),
        ("nested", zip(&[("x/b.tgz", &gzip(&tarred))]), "x/b.tgz!src/a.txt"),
        ("thrice", zip(&[("b.zip", &zip(&[("c.jar", &zip(&[("a.txt", text)]))]))]), "b.zip!c.jar!a.txt"),
    ] {
        assert_eq!(paths_with(&bytes, WORD), [path], "{what}");
        assert_eq!(skipped(&all(&bytes).1), [], "{what}");
    }
}

#[test]
fn brotli_is_what_is_called_so_and_unpacks() {
    let text = format!("{WORD}\n{}", "x".repeat(4090 - WORD.len()));
    let bytes = super::corpus::brotli(text.as_bytes());
    let inside = |path: &str, bytes: &[u8]| {
        let mut holds = false;
        let unpacked = unpack(bytes, &Budget::default(), Beside::named(path.as_bytes()), &mut |unit| {
            holds |= unit.bytes.starts_with(WORD.as_bytes());
            ControlFlow::Continue(())
        });
        (holds, skipped(&unpacked).len())
    };
    assert_eq!(inside("dist/app.js.br", &bytes), (true, 0));
    assert_eq!(inside("app.js", &bytes), (false, 0));
    assert_eq!(paths_with(&zip(&[("a/app.js.br", &bytes)]), WORD), ["a/app.js.br"]);
    assert_eq!(inside("app.js.br", &bytes[..3000]), (true, 1));
    // Where nobody knows a name it must hold text.
    assert_eq!(inside("", &bytes), (true, 0));
    assert_eq!(inside("", &super::corpus::brotli(&[1; 500])), (false, 0));
    // A text of that name, say in Breton, is text.
    assert_eq!(inside("messages.br", text.as_bytes()), (true, 0));
    assert_eq!(inside("noise.br", &[&[0xff; 40][..], WORD.as_bytes()].concat()), (false, 0));
}

#[test]
fn every_method_of_zip_is_read() {
    use zip::CompressionMethod as Method;
    let text = format!("{}{WORD}", "some text that repeats\n".repeat(100));
    for method in [Method::Stored, Method::Deflated, Method::Bzip2, Method::Xz] {
        let bytes = zip_with(method, &[("a.txt", text.as_bytes())]);
        assert_eq!(paths_with(&bytes, WORD), ["a.txt"], "{method:?}");
        assert_eq!(skipped(&all(&bytes).1), [], "{method:?}");
    }
}

#[test]
fn a_zip_with_ppmd_is_read() {
    let text = format!("{}{WORD}", "some text that repeats\n".repeat(100));
    for (restore, number) in [(ppmd_rust::RestoreMethod::Restart, 0u16), (ppmd_rust::RestoreMethod::CutOff, 1)] {
        let mut encoder = ppmd_rust::Ppmd8Encoder::new(Vec::new(), 8, 16 << 20, restore).unwrap();
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        let parameters = (7 | 15 << 4 | number << 12).to_le_bytes();
        let packed = [&parameters[..], &encoder.finish(false).unwrap()].concat();
        // A stored member, made to be what it is.
        let mut bytes = zip_with(zip::CompressionMethod::Stored, &[("a.txt", &packed)]);
        for (mark, method) in [(&b"PK\x03\x04"[..], 8), (b"PK\x01\x02", 10)] {
            let at = memchr::memmem::find(&bytes, mark).unwrap() + method;
            bytes[at] = 98;
            bytes[at + 6..at + 10].copy_from_slice(&crc32fast::hash(text.as_bytes()).to_le_bytes());
            bytes[at + 14..at + 18].copy_from_slice(&(text.len() as u32).to_le_bytes());
        }
        assert_eq!(paths_with(&bytes, WORD), ["a.txt"], "{number}");
        assert_eq!(skipped(&all(&bytes).1), [], "{number}");
    }
}

#[test]
fn a_header_before_a_zip_is_passed_over() {
    let inner = zip(&[("manifest.json", WORD.as_bytes())]);
    let crx3 = [b"Cr24\x03\0\0\0\x04\0\0\0sign", &inner[..]].concat();
    let crx2 = [b"Cr24\x02\0\0\0\x03\0\0\0\x04\0\0\0keysign", &inner[..]].concat();
    let zipapp = [b"#!/usr/bin/env python3\n", &inner[..]].concat();
    for bytes in [crx3, crx2, zipapp] {
        assert_eq!(paths_with(&bytes, WORD), ["manifest.json"]);
        assert_eq!(skipped(&all(&bytes).1), []);
    }
}

#[test]
fn a_wrong_checksum_is_listed_and_the_member_still_read() {
    let mut bytes = zip_with(zip::CompressionMethod::Stored, &[("a.txt", WORD.as_bytes()), ("b.txt", b"fine")]);
    let at = memchr::memmem::find(&bytes, b"word").unwrap();
    bytes[at] = b'W';
    assert_eq!(paths_with(&bytes, "the-Word"), ["a.txt"]);
    assert_eq!(skipped(&all(&bytes).1), [("a.txt".into(), "container: the checksum is wrong".into())]);
}

#[test]
fn an_encrypted_member_is_listed() {
    let mut bytes = zip(&[("a.txt", &noise(500))]);
    for (mark, offset) in [(&b"PK\x03\x04"[..], 6), (b"PK\x01\x02", 8)] {
        let at = memchr::memmem::find(&bytes, mark).unwrap();
        bytes[at + offset] |= 1;
    }
    // The flag alone hides nothing: Android ignores it, and so do we where the checksum is right.
    assert_eq!(all(&bytes).0.len(), 1);
    let data = 30 + 5;
    bytes[data..data + 50].copy_from_slice(&noise(50));
    assert_eq!(skipped(&all(&bytes).1), [("a.txt".into(), "container: encrypted".into())]);
}

#[test]
fn a_path_that_escapes_is_listed_and_still_read() {
    let text = WORD.as_bytes();
    for bytes in [zip(&[("../../etc/passwd", text)]), tar(&[("../../etc/passwd", text)])] {
        assert_eq!(paths_with(&bytes, WORD), ["../../etc/passwd"]);
        let why = "container: the member's path leads out of the archive";
        assert_eq!(skipped(&all(&bytes).1), [("../../etc/passwd".into(), why.into())]);
    }
}

#[test]
fn a_zip_without_its_directory_is_read_from_local_headers() {
    let bytes = zip(&[("a.txt", WORD.as_bytes()), ("b.txt", b"another")]);
    let cut = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    let (seen, unpacked) = all(&bytes[..cut]);
    assert_eq!(seen.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), ["a.txt", "b.txt"]);
    assert_eq!(unpacked.skipped.len(), 1);
}

#[test]
fn a_bomb_is_stopped_at_its_ratio() {
    let zeros = vec![0; 40 << 20];
    for bytes in [zip(&[("bomb", &zeros)]), gzip(&zeros), bzip2(&zeros), gzip(&tar(&[("bomb", &zeros)]))] {
        let (_, unpacked) = all(&bytes);
        let reasons = skipped(&unpacked);
        assert!(reasons.iter().any(|(_, why)| why.contains("200 times")), "{reasons:?}");
        assert!(unpacked.bytes <= 33 << 20);
    }
}

#[test]
fn expanded_bytes_are_bounded_over_all_levels() {
    let budget = Budget { expanded: 1 << 20, ..Budget::default() };
    let text = "x".repeat(600 << 10);
    let members: Vec<(String, &[u8])> = (0..10).map(|i| (format!("{i}.txt"), text.as_bytes())).collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, data)| (name.as_str(), *data)).collect();
    for bytes in [zip(&members), gzip(&tar(&members))] {
        let (_, unpacked) = walk(&bytes, &budget);
        assert!(unpacked.bytes <= 1 << 20);
        assert!(skipped(&unpacked)[0].1.contains("more than 1048576 bytes"), "{:?}", skipped(&unpacked));
    }
}

#[test]
fn stored_members_that_overlap_are_charged() {
    // Two thousand directory entries for one member of 1 MiB: 2 GiB if nobody counts.
    let member = zip_with(zip::CompressionMethod::Stored, &[("a.bin", &noise(1 << 20))]);
    let start = memchr::memmem::rfind(&member, b"PK\x01\x02").unwrap();
    let end = memchr::memmem::rfind(&member, b"PK\x05\x06").unwrap();
    let mut bytes = member[..start].to_vec();
    for _ in 0..2000 {
        bytes.extend_from_slice(&member[start..end]);
    }
    let size = (bytes.len() - start) as u32;
    let mut tail = member[end..].to_vec();
    tail[8..10].copy_from_slice(&2000u16.to_le_bytes());
    tail[10..12].copy_from_slice(&2000u16.to_le_bytes());
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&tail);
    let (_, unpacked) = walk(&bytes, &Budget { expanded: 64 << 20, ..Budget::default() });
    assert!(unpacked.bytes <= (64 << 20) + (4 << 20));
    assert!(skipped(&unpacked)[0].1.contains("bytes when unpacked"));
}

#[test]
fn nesting_ends_at_the_depth() {
    let mut bytes = zip(&[("core.txt", WORD.as_bytes())]);
    for _ in 0..100 {
        bytes = zip(&[("z", &bytes)]);
    }
    let (_, unpacked) = all(&bytes);
    assert_eq!(unpacked.skipped.len(), 1);
    assert_eq!(unpacked.skipped[0].0.len(), 8);
    assert!(unpacked.skipped[0].1.to_string().contains("nested more than 8 deep"));
    let deep = Budget { depth: 1000, ..Budget::default() };
    assert!(walk(&bytes, &deep).1.skipped[0].1.to_string().contains("nested more than 32 deep"));
}

#[test]
fn members_are_bounded() {
    let members: Vec<(String, &[u8])> = (0..500).map(|i| (format!("{i}"), &b"x"[..])).collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, data)| (name.as_str(), *data)).collect();
    let budget = Budget { members: 100, ..Budget::default() };
    for bytes in [zip(&members), tar(&members), gzip(&tar(&members))] {
        let (seen, unpacked) = walk(&bytes, &budget);
        assert_eq!(seen.len(), 100);
        assert_eq!(unpacked.skipped.len(), 1);
    }
}

#[test]
fn a_visitor_can_end_the_walk() {
    let bytes = zip(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    let mut seen = 0;
    let unpacked = unpack(&bytes, &Budget::default(), Beside::named(b""), &mut |_| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(seen, 2);
    assert_eq!(unpacked.skipped[0].1, crate::model::SkipReason::Interrupted);
}

#[test]
fn archives_cut_at_every_byte_do_no_harm() {
    let text = format!("{WORD} {}", "abc".repeat(20));
    let text = text.as_bytes();
    let tarred = tar(&[("a.txt", text)]);
    for bytes in [zip(&[("a.txt", text), ("b.txt", b"b")]), tarred.clone(), gzip(&tarred), bzip2(text), zstd(text)] {
        for cut in 0..bytes.len() {
            let _ = all(&bytes[..cut]);
        }
    }
}

#[test]
fn time_is_bounded() {
    let members: Vec<(String, Vec<u8>)> = (0..2000).map(|i| (format!("{i}"), vec![b'x'; 20_000])).collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, data)| (name.as_str(), &data[..])).collect();
    let bytes = zip(&members);
    let budget = Budget { time: Duration::ZERO, ..Budget::default() };
    let ((seen, unpacked), spent) = timed(|| walk(&bytes, &budget));
    assert!(seen.len() <= 64 && spent < Duration::from_secs(5), "{spent:?}");
    assert!(skipped(&unpacked)[0].1.contains("to unpack"));
}

#[test]
fn what_was_read_before_a_budget_ran_out_is_handed_over() {
    let text = format!("{WORD}\n{}", "x".repeat(2 << 20));
    let budget = Budget { expanded: 1 << 20, ..Budget::default() };
    for bytes in [gzip(text.as_bytes()), zip(&[("a.txt", text.as_bytes())])] {
        let (seen, unpacked) = walk(&bytes, &budget);
        assert!(seen.iter().any(|seen| seen.text.starts_with(WORD.as_bytes())));
        assert_eq!(unpacked.skipped.len(), 1);
    }
    // Text that carries more than it may is text all the same.
    let inner = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, zip(&[("a", &noise(2000))]));
    let html = format!("{WORD} data:application/zip;base64,{inner}");
    let (seen, _) = walk(html.as_bytes(), &Budget { expanded: 100, ..Budget::default() });
    assert_eq!(seen.iter().filter(|seen| seen.nature == Nature::Stored).count(), 1);
}

#[test]
fn streams_of_nothing_end() {
    for (first, empty) in [(gzip(b"x"), gzip(b"")), (bzip2(b"x"), bzip2(b"")), (zstd(b"x"), zstd(b""))] {
        let bytes = [first, empty.repeat(20_000)].concat();
        let ((_, unpacked), spent) = timed(|| all(&bytes));
        assert!(spent < Duration::from_secs(30), "{spent:?}");
        assert!(skipped(&unpacked)[0].1.contains("empty streams"), "{:?}", skipped(&unpacked));
    }
}

#[test]
fn layers_and_configuration_of_an_image_are_read() {
    let layer = tar(&[("app/.env", format!("KEY={WORD}\n").as_bytes())]);
    let config =
        format!("{{\"config\":{{\"Env\":[\"KEY={WORD}\"]}},\"history\":[{{\"created_by\":\"ENV KEY={WORD}\"}}]}}");
    let docker = tar(&[("0123/layer.tar", &layer), ("4567.json", config.as_bytes())]);
    assert_eq!(paths_with(&docker, WORD), ["0123/layer.tar!app/.env", "4567.json"]);
    let oci =
        tar(&[("blobs/sha256/89ab", &gzip(&layer)), ("blobs/sha256/cdef", config.as_bytes()), ("oci-layout", b"{}")]);
    assert_eq!(paths_with(&oci, WORD), ["blobs/sha256/89ab!app/.env", "blobs/sha256/cdef"]);
}

#[test]
fn packages_of_systems_and_languages_are_read() {
    use super::corpus::{ar, asar, rpm, xz};
    let text = WORD.as_bytes();
    let deb = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &gzip(&tar(&[("./postinst", text)]))),
        ("data.tar.xz", &xz(&tar(&[("./etc/x.conf", text)]))),
    ]);
    assert_eq!(paths_with(&deb, WORD), ["control.tar.gz!postinst", "data.tar.xz!etc/x.conf"]);
    assert_eq!(paths_with(&rpm(&[("./etc/x.conf", text)]), WORD), ["./etc/x.conf"]);
    assert_eq!(paths_with(&asar(&[("main.js", text)]), WORD), ["lib/main.js"]);
    let gem = tar(&[("metadata.gz", &gzip(text)), ("data.tar.gz", &gzip(&tar(&[("lib/x.rb", text)])))]);
    assert_eq!(paths_with(&gem, WORD), ["metadata.gz", "data.tar.gz!lib/x.rb"]);
}
