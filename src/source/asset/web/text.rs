//! Text that carries other text: bundles with a map, and `data:` URLs anywhere.

use std::sync::LazyLock;

use memchr::memmem;

use super::encoded::{self, data_url};
use super::origin::BundleMap;
use super::{Beside, sourcemap};
use crate::source::asset::recognise::{map_comment, recognise};
use crate::source::asset::unit::{Lines, Nature};
use crate::source::asset::walk::Walk;

const BASE64: &[u8] = b";base64,";

/// Looks for it; made once, since most texts are short.
static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(BASE64));

/// How far before `;base64,` its `data:` may stand: a media type and its parameters.
const MOST_TYPE: usize = 128;

/// Shorter contents hold no key and no file.
const LEAST: usize = 16;

/// A script or style sheet that ends in a comment naming its map.
pub(in super::super) fn bundle(walk: &mut Walk<'_>, bytes: &[u8], nature: Nature, beside: Beside<'_>) {
    let Some(range) = map_comment(bytes) else { return text(walk, bytes, nature, None) };
    let reference = &bytes[range.clone()];
    let ledger = walk.ledger;
    let Some((_, json)) = data_url(reference) else {
        let map = BundleMap::named(bytes, reference, beside, ledger);
        return text(walk, bytes, nature, Some(&map));
    };
    if let Err(spent) = ledger.expand(json.len() as u64) {
        walk.spend(spent);
        return walk.text(bytes, nature, None);
    }
    // What the comment holds is read as a map; what stands before it keeps its offsets.
    let listed = sourcemap::originals(walk, &json);
    if let Some(blanked) = &listed {
        walk.within(b"source map", |walk| walk.text(blanked, Nature::Unpacked, None));
    }
    let map = BundleMap::inline(bytes, json, ledger);
    let before = if listed.is_some() { &bytes[..range.start] } else { bytes };
    text(walk, before, nature, Some(&map));
}

/// Text, and what the `data:` URLs within hold.
pub(in super::super) fn text(walk: &mut Walk<'_>, bytes: &[u8], nature: Nature, map: Option<&BundleMap<'_>>) {
    if walk.hand(bytes, Lines::Text, nature, map) && carries_data(bytes) {
        walk.deeper(|walk| contents(walk, bytes));
    }
}

fn contents(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut from = 0;
    for mark in MARK.find_iter(bytes) {
        if mark < from || walk.is_stopped() {
            continue;
        }
        let body = &bytes[mark + BASE64.len()..];
        let length = base64_length(body);
        from = mark + BASE64.len() + length;
        if let Some(start) = url(bytes, mark).filter(|_| length >= LEAST) {
            content(walk, start, &body[..length]);
        }
    }
}

/// How much of a content is decoded to see what it is.
const HEAD: usize = 2048;

/// Whether a `data:` URL within holds what only we can open. Pictures do not, nor does plain text: decoding base64 where
/// it stands is the detector's.
#[must_use]
pub fn carries_data(bytes: &[u8]) -> bool {
    MARK.find_iter(bytes).any(|mark| {
        let Some(start) = url(bytes, mark) else { return false };
        let body = &bytes[mark + BASE64.len()..];
        let length = base64_length(&body[..body.len().min(HEAD)]);
        let kind = &bytes[start..mark];
        // A script may end in a comment that names its map, which the head does not show.
        [&b"script"[..], b"css"].iter().any(|name| memmem::find(kind, name).is_some())
            || encoded::base64(&body[..length - length % 4]).is_some_and(|head| recognise(&head).is_some())
    })
}

fn base64_length(body: &[u8]) -> usize {
    body.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'%')).count()
}

/// Where the `data:` URL with its `;base64,` at `mark` starts, unless it holds pictures, sound or fonts.
fn url(bytes: &[u8], mark: usize) -> Option<usize> {
    let from = mark.saturating_sub(MOST_TYPE);
    let start = from + memmem::rfind(&bytes[from..mark], b"data:")?;
    let kind = &bytes[start + 5..mark];
    let picture = kind.starts_with(b"image/") && !kind.starts_with(b"image/svg");
    let dull =
        [&b"font/"[..], b"audio/", b"video/", b"application/font", b"application/x-font", b"application/vnd.ms-font"];
    (!picture && !dull.iter().any(|dull| kind.starts_with(dull))).then_some(start)
}

fn content(walk: &mut Walk<'_>, start: usize, body: &[u8]) {
    let Some(content) = encoded::base64(body) else { return };
    // Plain text in base64 is the detector's to decode where it stands; here it is what only we can open.
    if recognise(&content).is_none() {
        return;
    }
    if !walk.count() {
        return;
    }
    if let Err(spent) = walk.ledger.expand(content.len() as u64) {
        return walk.spend(spent);
    }
    walk.member(format!("data: URL at byte {start}").as_bytes(), &content);
}
