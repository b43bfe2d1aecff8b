//! Parsers under changed inputs, guided by what the changes reach: no panic, no endless run, no gigabyte.
//!
//! ```sh
//! mkdir seeds && STANCH_FUZZ_SEEDS=$PWD/seeds cargo test --lib -- --ignored seeds_are_written
//! cd tests/fuzz && cargo run --release -- ../../seeds 600           # every family, ten minutes of CPU each
//! cargo run --release -- ../../seeds 600 zip dex                    # only these
//! ```
//!
//! Each directory of the seeds is a family; one called `itself`, with any file in it, must end with a fault. Others are named
//! after what they hold (`git-index`, `git-objects`: see `targets.rs`). Inputs that reach something new are kept there, in `reached/`, and faults in
//! `faults/`. Rust's stable compiler does the counting (`.cargo/config.toml`), and there is nothing to install.

mod coverage;
mod memory;
mod mutate;
mod repair;
mod targets;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coverage::Seen;
use mutate::{Random, Stock};
use targets::Target;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Longer inputs are not changed: what they reach, shorter ones reach faster.
const LONGEST: usize = 64 << 10;

/// A case may use this much CPU time and memory.
const MOST_TIME: Duration = Duration::from_secs(2);
const MOST_MEMORY: usize = 1 << 30;

/// Without an end after this, a case hangs.
const HANGS: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seeds, seconds, families @ ..] = &arguments[..] else {
        eprintln!("usage: stanch-fuzz SEEDS SECONDS [FAMILY…]");
        std::process::exit(2);
    };
    let seconds = Duration::from_secs(seconds.parse().expect("SECONDS is a number"));
    let mut all: Vec<String> = families.to_vec();
    if all.is_empty() {
        let names = fs::read_dir(seeds).expect("SEEDS is a directory");
        all = names.flatten().map(|name| name.file_name().to_string_lossy().into_owned()).collect();
        all.sort();
    }
    let mut faults = 0;
    for family in &all {
        faults += Run::new(Path::new(seeds), family).run(seconds);
    }
    std::process::exit(i32::from(faults > 0));
}

/// The case at hand, for the watchman: its number, when it began, its bytes.
#[derive(Default)]
struct Case {
    number: AtomicU64,
    bytes: Mutex<Vec<u8>>,
}

/// One family.
struct Run {
    family: String,
    directory: PathBuf,
    scratch: PathBuf,
    target: Target,
    corpus: Vec<Vec<u8>>,
    seen: Seen,
    pairs: Vec<(u64, u64, u8)>,
    case: Arc<Case>,
    /// Faults by what they say, and how often.
    faults: HashMap<String, u64>,
    longest: Duration,
    largest: usize,
}

static SAID: Mutex<String> = Mutex::new(String::new());

impl Run {
    fn new(seeds: &Path, family: &str) -> Self {
        let directory = seeds.join(family);
        let scratch = Path::new("/dev/shm").join(format!("stanch-fuzz-{}", std::process::id()));
        fs::create_dir_all(scratch.join(".git/refs")).expect("/dev/shm can be written");
        fs::create_dir_all(scratch.join(".git/objects")).expect("/dev/shm can be written");
        fs::write(scratch.join(".git/HEAD"), "ref: refs/heads/main\n").expect("/dev/shm can be written");
        let target = Target::new(family, &scratch);
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
            let what = panic.payload_as_str().unwrap_or("?");
            *SAID.lock().unwrap_or_else(|broken| broken.into_inner()) = format!("panic at {place}: {what}");
        }));
        Self {
            family: family.to_owned(),
            directory,
            scratch,
            target,
            corpus: Vec::new(),
            seen: Seen::default(),
            pairs: Vec::new(),
            case: Arc::default(),
            faults: HashMap::new(),
            longest: Duration::ZERO,
            largest: 0,
        }
    }

    /// Runs for some CPU time; how many kinds of faults were found.
    fn run(mut self, time: Duration) -> usize {
        let start = cpu_time();
        self.watch();
        let mut cases = 0u64;
        for bytes in self.seeds() {
            self.one(&bytes, bytes.len() <= LONGEST);
            cases += 1;
        }
        let given = self.corpus.len();
        let nanos = std::time::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_nanos() as u64);
        let mut random = Random(nanos | 1);
        while cpu_time() - start < time && given > 0 {
            let mut bytes = self.corpus[self.pick(&mut random)].clone();
            let other = &self.corpus[random.below(self.corpus.len())];
            mutate::mutate(&mut bytes, &Stock { pairs: &self.pairs, other }, LONGEST, &mut random);
            repair::repair(&self.family, &mut bytes);
            self.one(&bytes, false);
            cases += 1;
        }
        self.case.number.store(u64::MAX, Relaxed);
        println!(
            "{}: {cases} cases in {:.0} s of CPU, {given} seeds, {} inputs, {} edges, longest {:.2} s, most {} MiB, {} faults",
            self.family,
            (cpu_time() - start).as_secs_f64(),
            self.corpus.len(),
            self.seen.edges,
            self.longest.as_secs_f64(),
            self.largest >> 20,
            self.faults.len()
        );
        for (fault, times) in &self.faults {
            println!("  {times} times: {fault}");
        }
        drop(fs::remove_dir_all(&self.scratch));
        self.faults.len()
    }

    /// Seeds, and what was reached before.
    fn seeds(&self) -> Vec<Vec<u8>> {
        let files =
            [self.directory.clone(), self.directory.join("reached")].into_iter().filter_map(|d| d.read_dir().ok());
        let mut paths: Vec<PathBuf> = files.flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter(|path| path.is_file()).filter_map(|path| fs::read(path).ok()).collect()
    }

    /// Which input is changed next: a late one every other time, and of two the shorter.
    fn pick(&self, random: &mut Random) -> usize {
        let count = self.corpus.len();
        if random.below(2) == 0 {
            return count - 1 - random.below(count.div_ceil(8));
        }
        let (one, other) = (random.below(count), random.below(count));
        if self.corpus[one].len() <= self.corpus[other].len() { one } else { other }
    }

    fn one(&mut self, bytes: &[u8], keep: bool) {
        self.case.bytes.lock().unwrap_or_else(|broken| broken.into_inner()).clone_from(&bytes.to_vec());
        self.case.number.fetch_add(1, Relaxed);
        coverage::clear();
        let (before, start) = (memory::start(), cpu_time());
        // Only what the parser compares, and not always: it costs more than the counters do.
        coverage::NOTING.store(self.case.number.load(Relaxed).is_multiple_of(8), Relaxed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.target.run(bytes)));
        coverage::NOTING.store(false, Relaxed);
        self.seen.take();
        let (time, memory) = (cpu_time() - start, memory::most(before));
        let noted = coverage::pairs();
        if !noted.is_empty() {
            self.pairs = noted;
        }
        let new = self.seen.add();
        (self.longest, self.largest) = (self.longest.max(time), self.largest.max(memory));
        match result {
            Err(_) => self.fault(bytes, SAID.lock().map(|said| said.clone()).unwrap_or_default()),
            Ok(Err(what)) => self.fault(bytes, what.split(|c: char| c.is_ascii_digit()).collect()),
            Ok(Ok(())) if time > MOST_TIME => self.fault(bytes, "slow".into()),
            Ok(Ok(())) if memory > MOST_MEMORY => self.fault(bytes, "large".into()),
            Ok(Ok(())) if keep => self.corpus.push(bytes.to_vec()),
            Ok(Ok(())) if new && time < MOST_TIME / 8 => {
                write(&self.directory.join("reached"), bytes);
                self.corpus.push(bytes.to_vec());
            }
            Ok(Ok(())) => {}
        }
    }

    fn fault(&mut self, bytes: &[u8], what: String) {
        let times = self.faults.entry(what).or_default();
        *times += 1;
        if *times <= 3 {
            write(&self.directory.join("faults"), bytes);
        }
    }

    /// Ends the program, with the input kept, when a case does not come to an end.
    fn watch(&self) {
        let (case, directory) = (Arc::clone(&self.case), self.directory.join("faults"));
        std::thread::spawn(move || {
            let (mut last, mut still) = (0, Duration::ZERO);
            loop {
                std::thread::sleep(Duration::from_secs(1));
                match case.number.load(Relaxed) {
                    u64::MAX => return,
                    number if number == last => still += Duration::from_secs(1),
                    number => (last, still) = (number, Duration::ZERO),
                }
                if still > HANGS {
                    write(&directory, &case.bytes.lock().unwrap_or_else(|broken| broken.into_inner()));
                    println!("hangs: {}", directory.display());
                    std::process::exit(3);
                }
            }
        });
    }
}

/// Writes an input under a name of its own.
fn write(directory: &Path, bytes: &[u8]) {
    drop(fs::create_dir_all(directory));
    drop(fs::write(directory.join(format!("{:08x}-{}", crc32fast::hash(bytes), bytes.len())), bytes));
}

/// What this thread has used.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes to the structure that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
