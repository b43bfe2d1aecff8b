//! Time and memory to decode every object of a repository: `cargo bench --bench pack -- REPO [THREADS] [KINDS]`.
//!
//! KINDS is `all` or `blobs` (the default). Compare with
//! `git -C REPO cat-file --batch-all-objects --batch --unordered >/dev/null`.

use std::path::PathBuf;
use std::time::Instant;

use stanch::source::git::object::{HashKind, KindSet};
use stanch::source::git::store::ObjectStore;
use stanch::source::git::walk::WalkOptions;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(repo) = args.next().map(PathBuf::from) else { return };
    let threads = args.next().map_or(1, |arg| arg.parse().expect("THREADS is a number"));
    let kinds = if args.next().as_deref() == Some("all") { KindSet::ALL } else { KindSet::BLOBS };
    let objects = [repo.join(".git/objects"), repo.join("objects")].into_iter().find(|dir| dir.is_dir());
    let cpu = cpu_seconds();
    let clock = Instant::now();
    let (store, mut problems) = ObjectStore::open(&objects.into_iter().collect::<Vec<_>>(), HashKind::Sha1);
    let opened = (cpu_seconds() - cpu, clock.elapsed());
    let open_memory = status("RssAnon:");
    let options = WalkOptions { kinds, threads, ..WalkOptions::default() };
    let visit = |(count, bytes, delta): &mut (u64, u64, u64), entry: &stanch::source::git::walk::Entry<'_>, _: Option<&()>| {
        *count += 1;
        *bytes += entry.data.len() as u64;
        *delta += u64::from(entry.from.is_some());
    };
    let (sums, more) = store.walk(&options, || (0, 0, 0), visit);
    problems.extend(more);
    let (cpu, wall) = (cpu_seconds() - cpu, clock.elapsed());
    let count: u64 = sums.iter().map(|sum| sum.0).sum();
    let bytes: u64 = sums.iter().map(|sum| sum.1).sum();
    let deltas: u64 = sums.iter().map(|sum| sum.2).sum();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "objects {} visited {count} deltas {deltas} expanded {megabytes:.0} MB | open {:.3} s cpu {:.3} s wall | all {cpu:.3} s cpu {:.3} s wall, \
         {:.0} MB/s per core | anon after open {open_memory} kB, at end {} kB, peak rss {} kB | problems {}",
        store.len(),
        opened.0,
        opened.1.as_secs_f64(),
        wall.as_secs_f64(),
        megabytes / cpu,
        status("RssAnon:"),
        status("VmHWM:"),
        problems.len()
    );
    for problem in problems.iter().take(5) {
        println!("{problem}");
    }
}

/// User and system time of all threads of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own: f64 = stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0);
    let times = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = times.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    (ticks / 100.0).max(own / 1e9)
}

fn status(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    line.trim().trim_end_matches(" kB").to_owned()
}
