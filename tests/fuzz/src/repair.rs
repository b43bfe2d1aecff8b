//! Checksums and lengths set right again, so that a change gets past them to what they guard.

use sha1::{Digest, Sha1};

/// Mends what a family's parser looks at before anything else.
pub fn repair(family: &str, bytes: &mut [u8]) {
    match family {
        "sevenz" => sevenz(bytes),
        "xz" => xz(bytes),
        "tar" => tar(bytes),
        "git-index" => trailer(bytes),
        _ => {}
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok()
}

/// The checksum of the header, then that of the start header, which holds it.
fn sevenz(bytes: &mut [u8]) {
    let header = || -> Option<u32> {
        let start = u64_at(bytes, 12)?.checked_add(32)?;
        Some(crc32fast::hash(bytes.get(start..start.checked_add(u64_at(bytes, 20)?)?)?))
    };
    let Some(sum) = header() else { return };
    bytes[28..32].copy_from_slice(&sum.to_le_bytes());
    let sum = crc32fast::hash(&bytes[12..32]);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
}

/// Stream header and first block header.
fn xz(bytes: &mut [u8]) {
    if bytes.len() < 16 {
        return;
    }
    let sum = crc32fast::hash(&bytes[6..8]);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    let end = 12 + (usize::from(bytes[12]) + 1) * 4;
    if bytes[12] != 0 && bytes.len() >= end {
        let sum = crc32fast::hash(&bytes[12..end - 4]);
        bytes[end - 4..end].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Every header that says `ustar`.
fn tar(bytes: &mut [u8]) {
    for header in bytes.chunks_exact_mut(512).filter(|header| &header[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// A SHA-1 of all that is before it.
fn trailer(bytes: &mut [u8]) {
    if let Some(at) = bytes.len().checked_sub(20) {
        let sum = Sha1::digest(&bytes[..at]);
        bytes[at..].copy_from_slice(&sum);
    }
}
