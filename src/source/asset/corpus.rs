//! Containers made at run time, for tests.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Beside, Budget, Lines, Nature, Unpacked, unpack};

/// What `work` gives, and for how long this thread was at work on it: what else the machine does makes no test fail.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = at_work();
    let made = work();
    (made, at_work() - before)
}

#[cfg(unix)]
fn at_work() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "asks the kernel for the time")]
    // SAFETY: the call only writes to the structure that it is given.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(code, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(not(unix))]
fn at_work() -> Duration {
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// What a unit was, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) text: Vec<u8>,
    pub(super) nature: Nature,
    /// Noun of the numbering, where there is one.
    pub(super) noun: Option<&'static str>,
}

/// Unpacks within a budget and writes everything down.
pub(super) fn walk(bytes: &[u8], budget: &Budget) -> (Vec<Seen>, Unpacked) {
    let mut seen = Vec::new();
    let unpacked = unpack(bytes, budget, Beside::named(b""), &mut |unit| {
        let path = unit.inside.iter().map(|part| part.to_string()).collect::<Vec<_>>().join("!");
        let noun = match unit.lines {
            Lines::Text => None,
            Lines::Numbered(numbering) => Some(numbering.noun()),
        };
        seen.push(Seen { path, text: unit.bytes.to_vec(), nature: unit.nature, noun });
        ControlFlow::Continue(())
    });
    (seen, unpacked)
}

/// Unpacks with the usual budget.
pub(super) fn all(bytes: &[u8]) -> (Vec<Seen>, Unpacked) {
    walk(bytes, &Budget::default())
}

/// The paths of the units that hold `needle`.
pub(super) fn paths_with(bytes: &[u8], needle: &str) -> Vec<String> {
    let (seen, _) = all(bytes);
    let holds = |seen: &Seen| memchr::memmem::find(&seen.text, needle.as_bytes()).is_some();
    seen.into_iter().filter(holds).map(|seen| seen.path).collect()
}

/// Paths and reasons of what was skipped.
pub(super) fn skipped(unpacked: &Unpacked) -> Vec<(String, String)> {
    let path = |inside: &[bstr::BString]| inside.iter().map(|part| part.to_string()).collect::<Vec<_>>().join("!");
    unpacked.skipped.iter().map(|(inside, reason)| (path(inside), reason.to_string())).collect()
}

/// A zip in which every member has the same method.
pub(super) fn zip_with(method: zip::CompressionMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, data) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip, deflated.
pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(zip::CompressionMethod::Deflated, members)
}

/// A tar.
pub(super) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, data) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        if name.contains("..") {
            // The builder refuses such names; an attacker does not.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        } else {
            builder.append_data(&mut header, name, *data).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// Gzip.
pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// Bzip2.
pub(super) fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// Zstandard.
pub(super) fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

/// An LZ4 frame.
pub(super) fn lz4(data: &[u8]) -> Vec<u8> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// Brotli, stored: a window of 16 bits, one meta-block of at most 65,536 bytes as they are, an empty last one (RFC 7932,
/// section 9).
pub(super) fn brotli(data: &[u8]) -> Vec<u8> {
    let header = (data.len() as u32 - 1) << 4 | 1 << 20;
    [&header.to_le_bytes()[..3], data, &[3]].concat()
}

/// Bytes that no compressor shortens and no parser knows: a linear congruential run.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

/// Xz.
pub(super) fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// A bare LZMA stream.
pub(super) fn lzma(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(6);
    let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// A 7z archive.
pub(super) fn sevenz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    for (name, data) in members {
        writer.push_archive_entry(sevenz_rust2::ArchiveEntry::new_file(name), Some(*data)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Unix archive, as of a Debian package.
pub(super) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, data) in members {
        writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100644, data.len()).unwrap();
        out.extend_from_slice(data);
        if data.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

/// A cpio archive of the new ASCII form.
pub(super) fn cpio(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in members.iter().chain([&("TRAILER!!!", &b""[..])]) {
        let (mode, length) = (0o100_644, name.len() + 1);
        write!(out, "070701{:08x}{mode:08x}", 1).unwrap();
        for field in [0, 0, 1, 0, data.len(), 0, 0, 0, 0, length, 0] {
            write!(out, "{field:08x}").unwrap();
        }
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

/// An RPM package with a payload compressed by gzip.
pub(super) fn rpm(members: &[(&str, &[u8])]) -> Vec<u8> {
    let header = |store: &[u8]| {
        let mut out = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        out.extend_from_slice(&1u32.to_be_bytes());
        out.extend_from_slice(&(store.len() as u32).to_be_bytes());
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(store);
        out
    };
    let mut out = vec![0xed, 0xab, 0xee, 0xdb, 3, 0];
    out.resize(96, 0);
    out.extend(header(b"sig"));
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(header(b"name\0a description\0post-install script\0"));
    out.extend(gzip(&cpio(members)));
    out
}

/// An ASAR archive of files at its top.
pub(super) fn asar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut files, mut data) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        files.push(format!("\"{name}\":{{\"size\":{},\"offset\":\"{}\"}}", bytes.len(), data.len()));
        data.extend_from_slice(bytes);
    }
    let json = format!("{{\"files\":{{\"lib\":{{\"files\":{{{}}}}}}}}}", files.join(","));
    let padded = json.len().next_multiple_of(4);
    let mut out = Vec::new();
    for word in [4, padded + 8, padded + 4, json.len()] {
        out.extend_from_slice(&(word as u32).to_le_bytes());
    }
    out.extend_from_slice(json.as_bytes());
    out.resize(16 + padded, 0);
    out.extend(data);
    out
}
