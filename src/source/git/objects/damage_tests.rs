//! Damaged repositories: what is lost is named, the rest is read.

use std::fs;
use std::path::Path;

use super::object::{HashKind, ObjectKind, Problem};
use super::read::ReadCache;
use super::store_tests::{Objects, Random, Repo, walk_all};
use super::walk::WalkOptions;
use crate::model::BlobId;

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Every object is read right, or is named by a problem.
fn check_damaged(repo: &Repo, expected: &Objects, threads: usize) -> Vec<Problem> {
    let (store, mut problems) = repo.open();
    let (found, more) = walk_all(&store, &WalkOptions { threads, ..WalkOptions::default() });
    problems.extend(more);
    let mut cache = ReadCache::new(&store, 1 << 20, 1 << 30);
    for (id, expected) in expected {
        let named = problems.iter().any(|problem| problem.id == Some(*id));
        match found.get(id) {
            Some(found) => assert!(found == expected || named, "{id}"),
            None => assert!(named || problems.iter().any(|problem| problem.id.is_none()), "{id} is lost in silence"),
        }
        if let Some(ix) = store.lookup(id) {
            let read = cache.read(ix);
            assert!(read.is_err() || read.unwrap() == *expected, "{id}");
        }
    }
    assert!(!problems.is_empty());
    problems
}

#[test]
fn a_truncated_pack_loses_only_its_end() {
    let repo = Repo::with_history(HashKind::Sha1, 40);
    repo.git(&["repack", "-adfq"]);
    let expected = repo.as_git_reads_it();
    let pack = repo.files("pack").pop().unwrap();
    let len = fs::metadata(&pack).unwrap().len() as usize;
    for keep in [len - 1, len - 30, len / 2, 40, 12] {
        rewrite(&pack, |bytes| bytes.truncate(keep));
        let problems = check_damaged(&repo, &expected, 2);
        assert!(problems.iter().any(|problem| problem.to_string().contains("cut short")));
    }
    let (store, _) = repo.open();
    assert_eq!(walk_all(&store, &WalkOptions::default()).0.len(), 0);
    for keep in [11, 0] {
        rewrite(&pack, |bytes| bytes.truncate(keep));
        check_damaged(&repo, &expected, 1);
    }
}

#[test]
fn flipped_bits_lose_what_depends_on_them() {
    let repo = Repo::with_history(HashKind::Sha1, 30);
    repo.git(&["repack", "-adfq"]);
    let expected = repo.as_git_reads_it();
    let pack = repo.files("pack").pop().unwrap();
    let sound = fs::read(&pack).unwrap();
    let mut random = Random(7);
    for _ in 0..60 {
        rewrite(&pack, |bytes| {
            bytes.clone_from(&sound);
            for _ in 0..3 {
                let at = 12 + random.below(bytes.len() as u64 - 32) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
        });
        let (store, mut problems) = repo.open();
        let (found, more) = walk_all(&store, &WalkOptions { threads: 2, ..WalkOptions::default() });
        problems.extend(more);
        let lost = expected.keys().filter(|id| !found.contains_key(id));
        for id in lost {
            assert!(problems.iter().any(|problem| problem.id == Some(*id)), "{id} is lost in silence");
        }
    }
}

#[test]
fn bad_indexes_are_named() {
    let repo = Repo::with_history(HashKind::Sha1, 20);
    repo.git(&["repack", "-adfq"]);
    let expected = repo.as_git_reads_it();
    let index = repo.files("idx").pop().unwrap();
    let sound = fs::read(&index).unwrap();
    let damage: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes.truncate(100),
        |bytes| bytes.truncate(bytes.len() - 100),
        |bytes| bytes[7] = 9,
        |bytes| bytes[8..12].fill(0xff),
        |bytes| bytes[1032] = 0xff,
        Vec::clear,
    ];
    for damage in damage {
        rewrite(&index, |bytes| {
            bytes.clone_from(&sound);
            damage(bytes);
        });
        check_damaged(&repo, &expected, 1);
    }
    // Offsets that point anywhere.
    rewrite(&index, |bytes| {
        bytes.clone_from(&sound);
        let offsets = bytes.len() - 40 - 4 * expected.len();
        bytes[offsets..offsets + 8].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 13]);
    });
    check_damaged(&repo, &expected, 1);
    fs::remove_file(&index).unwrap();
    check_damaged(&repo, &expected, 1);
}

#[test]
fn damaged_loose_objects() {
    let repo = Repo::new(HashKind::Sha1);
    let mut expected = Objects::new();
    for n in 0..6 {
        let data = format!("loose {n}").repeat(20).into_bytes();
        repo.feed(&["hash-object", "-w", "--stdin"], &data);
        expected.insert(BlobId::of(&data), (ObjectKind::Blob, data));
    }
    let path = |at: usize| super::loose::path(&repo.objects_dir(), expected.keys().nth(at).unwrap());
    rewrite(&path(0), |bytes| bytes.truncate(10));
    rewrite(&path(1), Vec::clear);
    rewrite(&path(2), |bytes| bytes[12] ^= 0x55);
    rewrite(&path(3), |bytes| *bytes = b"not zlib at all".to_vec());
    let problems = check_damaged(&repo, &expected, 1);
    assert_eq!(problems.len(), 4);
}

#[test]
fn a_sound_copy_stands_in_for_a_damaged_one() {
    let repo = Repo::with_history(HashKind::Sha1, 30);
    repo.git(&["repack", "-adfq"]);
    let expected = repo.as_git_reads_it();
    let pack = repo.files("pack").pop().unwrap();
    // The same objects under another name.
    for end in ["pack", "idx"] {
        let copy = pack.with_file_name("pack-0000000000000000000000000000000000000000").with_extension(end);
        fs::copy(pack.with_extension(end), copy).unwrap();
    }
    for victim in repo.files("pack") {
        let sound = fs::read(&victim).unwrap();
        rewrite(&victim, |bytes| {
            let at = bytes.len() / 2;
            bytes[at..at + 40].fill(0);
        });
        let (store, mut problems) = repo.open();
        let (found, more) = walk_all(&store, &WalkOptions { threads: 2, ..WalkOptions::default() });
        problems.extend(more);
        assert_eq!(problems, []);
        assert!(found == expected);
        rewrite(&victim, |bytes| *bytes = sound);
    }
}

/// Whatever is done to the files, reading ends and does not panic. `STANCH_DAMAGE_ROUNDS` makes it try harder.
#[test]
fn any_damage_is_survived() {
    let repo = Repo::with_history(HashKind::Sha1, 25);
    repo.git(&["-c", "pack.writeReverseIndex=true", "repack", "-adfq"]);
    repo.import(3, 2);
    repo.feed(&["hash-object", "-w", "--stdin"], &b"loose".repeat(50));
    let mut files: Vec<_> = ["pack", "idx", "rev"].iter().flat_map(|end| repo.files(end)).collect();
    files.push(super::loose::path(&repo.objects_dir(), &BlobId::of(&b"loose".repeat(50))));
    let sound: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let rounds = std::env::var("STANCH_DAMAGE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    let mut random = Random(rounds);
    for _ in 0..rounds {
        for _ in 0..=random.below(2) {
            let victim = random.below(files.len() as u64) as usize;
            rewrite(&files[victim], |bytes| damage(bytes, &mut random));
        }
        let (store, _) = repo.open();
        let options = WalkOptions { threads: 2, memory: 1 << 22, ..WalkOptions::default() };
        let (found, problems) = walk_all(&store, &options);
        assert!(found.len() + problems.len() >= store.len());
        let mut cache = ReadCache::new(&store, 1 << 16, 1 << 22);
        for id in found.keys() {
            let ix = store.lookup(id).unwrap();
            assert_eq!(cache.read(ix).unwrap(), found[id]);
        }
        for (file, sound) in files.iter().zip(&sound) {
            rewrite(file, |bytes| bytes.clone_from(sound));
        }
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len() as u64) as usize;
    let end = (at + 1 + random.below(12) as usize).min(bytes.len());
    match random.below(8) {
        0..4 => bytes[at] ^= 1 << random.below(8),
        4 => bytes[at..end].fill(0),
        5 => bytes[at..end].fill(0xff),
        6 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, [random.next() as u8; 3])),
    }
}
