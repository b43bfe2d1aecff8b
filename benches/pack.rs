//! Time and memory to decode every object of a repository: `cargo bench --bench pack -- REPO [THREADS] [MODE]`.
//!
//! MODE is `blobs` (the default), `all` kinds, `check` (all, and compare each id with the SHA-1 of what was read),
//! `read` (all, one by one in the order of their ids), or `origins` (trees and commits only: the first commit of one blob
//! in fifty). Compare with
//! `git -C REPO cat-file --batch-all-objects --batch --unordered >/dev/null`.

#![expect(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};
use stanch::source::git::objects::object::{HashKind, KindSet, ObjectIx, ObjectKind, Problem};
use stanch::source::git::objects::read::ReadCache;
use stanch::source::git::objects::store::ObjectStore;
use stanch::source::git::objects::walk::{Entry, WalkOptions};
use stanch::source::git::origin::commit_rows::{CommitReader, CommitRows};
use stanch::source::git::trees::tree_index::TreeIndex;
use stanch::source::git::{Known, Repo, Wanted, introduce_known};

#[derive(Clone, Copy, Default)]
struct Sum {
    objects: u64,
    bytes: u64,
    deltas: u64,
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(repo) = args.next().map(PathBuf::from) else { return };
    let threads = args.next().map_or(1, |arg| arg.parse().expect("THREADS is a number"));
    let mode = args.next().unwrap_or_default();
    let objects = [repo.join(".git/objects"), repo.join("objects")].into_iter().find(|dir| dir.is_dir());
    let most_anonymous = sample_anonymous();
    let (cpu, clock) = (cpu_seconds(), Instant::now());
    let (store, mut problems) = ObjectStore::open(&objects.into_iter().collect::<Vec<_>>(), HashKind::Sha1);
    let opened = (cpu_seconds() - cpu, clock.elapsed().as_secs_f64());
    let open_memory = status("RssAnon:");
    let (sum, more) = match &*mode {
        "read" => read_all(&store),
        "origins" => origins(&store, &repo, threads),
        _ => walk_all(&store, threads, &mode),
    };
    let (cpu, wall) = (cpu_seconds() - cpu, clock.elapsed().as_secs_f64());
    problems.extend(more);
    let (megabytes, len) = (sum.bytes as f64 / 1e6, store.len());
    println!("objects {len} visited {} deltas {} problems {}", sum.objects, sum.deltas, problems.len());
    println!("open {:.3} s cpu {:.3} s wall", opened.0, opened.1);
    println!("all {cpu:.3} s cpu {wall:.3} s wall, {megabytes:.0} MB expanded, {:.0} MB/s per core", megabytes / cpu);
    let most = most_anonymous.load(Ordering::Relaxed);
    println!("anonymous after open {open_memory} kB, peak {most} kB (sampled), peak rss {} kB", status("VmHWM:"));
    for problem in problems.iter().take(5) {
        println!("{problem}");
    }
}

fn walk_all(store: &ObjectStore, threads: usize, mode: &str) -> (Sum, Vec<Problem>) {
    let kinds = if matches!(mode, "all" | "check") { KindSet::ALL } else { KindSet::BLOBS };
    let options = WalkOptions { kinds, threads, ..WalkOptions::default() };
    let visit = |sum: &mut Sum, entry: &Entry<'_>, _: Option<&()>| {
        sum.objects += 1;
        sum.bytes += entry.data.len() as u64;
        sum.deltas += u64::from(entry.from.is_some());
        if mode == "check" {
            let mut hasher = Sha1::new();
            hasher.update(format!("{} {}\0", entry.kind, entry.data.len()));
            hasher.update(entry.data);
            assert_eq!(hasher.finalize().as_slice(), store.id(entry.ix).as_bytes());
        }
    };
    let (sums, problems) = store.walk(&options, Sum::default, visit);
    let add =
        |a: Sum, b: Sum| Sum { objects: a.objects + b.objects, bytes: a.bytes + b.bytes, deltas: a.deltas + b.deltas };
    (sums.into_iter().fold(Sum::default(), add), problems)
}

fn origins(store: &ObjectStore, repo: &Path, threads: usize) -> (Sum, Vec<Problem>) {
    let options = WalkOptions { kinds: KindSet::COMMITS, threads, ..WalkOptions::default() };
    let start = cpu_seconds();
    let (parts, mut problems) = store.walk(
        &options,
        || CommitReader::new(store),
        |reader, entry, _: Option<&()>| {
            reader.add(entry.ix, entry.data);
        },
    );
    let mut commits = CommitRows::default();
    parts.into_iter().for_each(|part| commits.append(part.finish()));
    let read_commits = cpu_seconds();
    let blobs = (0..store.len() as u32).map(ObjectIx).filter(|&ix| store.kind(ix) == Some(ObjectKind::Blob));
    let blobs: Vec<ObjectIx> = blobs.step_by(50).collect();
    let scan = TreeIndex::read(store, &options, &blobs.iter().copied().collect(), || (), |(), _| false);
    let read_trees = cpu_seconds();
    problems.extend(scan.problems);
    let repo = Repo::at(repo).expect("a repository");
    let scope = repo.scope(Vec::new()).expect("its refs can be listed");
    let listed_refs = cpu_seconds();
    let wanted: Vec<Wanted> = blobs.iter().map(|&ix| Wanted::Blob(store.id(ix))).collect();
    let known = Known { store, trees: &scan.index, commits: &commits };
    let source = repo.objects().expect("its objects can be read");
    let introduced = introduce_known(known, source, &scope, &wanted, |origins| (0..origins.len()).collect());
    let found = introduced.origins.iter().filter(|origin| origin.commit.is_some()).count();
    println!(
        "commits {} {:.3} s, trees {} {:.3} s",
        commits.len(),
        read_commits - start,
        scan.index.trees(),
        read_trees - read_commits
    );
    println!(
        "refs {} {:.3} s, origins {found} of {} {:.3} s",
        scope.tips.len(),
        listed_refs - read_trees,
        wanted.len(),
        cpu_seconds() - listed_refs
    );
    println!("index {} bytes, {:.1} per object", scan.index.bytes(), scan.index.bytes() as f64 / store.len() as f64);
    (Sum { objects: scan.index.trees() as u64, bytes: scan.bytes, deltas: 0 }, problems)
}

fn read_all(store: &ObjectStore) -> (Sum, Vec<Problem>) {
    let mut cache = ReadCache::new(store, 64 << 20, 1 << 30);
    let (mut sum, mut problems) = (Sum::default(), Vec::new());
    for ix in 0..store.len() as u32 {
        match cache.read(ObjectIx(ix)) {
            Ok((_, data)) => {
                sum.objects += 1;
                sum.bytes += data.len() as u64;
            }
            Err(problem) => problems.push(problem),
        }
    }
    (sum, problems)
}

/// The most anonymous memory seen so far, in kB.
fn sample_anonymous() -> Arc<AtomicU64> {
    let most = Arc::new(AtomicU64::new(0));
    let sampled = Arc::clone(&most);
    std::thread::spawn(move || {
        loop {
            sampled.fetch_max(status("RssAnon:").parse().unwrap_or(0), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    most
}

/// User and system time of all threads of this process, to a hundredth; finer while only this one works.
fn cpu_seconds() -> f64 {
    let own = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own: f64 = own.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0);
    let times = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = times.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    (ticks / 100.0).max(own / 1e9)
}

fn status(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    line.trim().trim_end_matches(" kB").to_owned()
}
