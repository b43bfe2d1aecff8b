//! The whole pipeline: bytes from sources, through the detector and the filter, to one sorted outcome.

mod beside;
mod changes;
mod excerpt;
mod history;
mod inherit;
mod outcome;
mod shipped;
mod worker;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use self::{outcome::Collector, worker::Worker};
use crate::{
    detect::{Detector, Options},
    filter::Allowlist,
    model::{BlobId, Exposure, FingerprintKey, Outcome, SkipReason, Skipped},
    rules::RuleSet,
    source::{
        asset::Budget,
        git::changes::range::RangeQuery,
        tree::{self, Item, TreeOptions},
    },
};

/// What to scan.
#[derive(Clone, Debug)]
pub enum Target {
    /// Files and directories.
    Tree(Vec<PathBuf>),
    /// Every object of a repository.
    History(PathBuf),
    /// The index, of the repository at the path or else the one that git's environment names; all that its changed files
    /// hold, or only what the change brings.
    Staged(Option<PathBuf>, bool),
    /// The commits of a range, in the repository at the path or else the one that git's environment names.
    Range(Option<PathBuf>, RangeQuery),
    /// Objects by id, wherever they stand, in the repository that git's environment names.
    Objects(Vec<BlobId>),
    /// Bytes that were handed in, standard input for instance.
    Bytes(Vec<u8>),
}

/// How to scan.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the detector is to show.
    pub detect: Options,
    /// How to walk.
    pub tree: TreeOptions,
    /// Files with more bytes are not read.
    pub max_file_size: u64,
    /// How far containers are unpacked.
    pub budget: Budget,
    /// Bytes of objects that a history scan may hold at a time.
    pub memory: u64,
    /// Whether a history scan inherits what was found from a delta's base; off, every object is scanned plainly.
    pub inherit: bool,
    /// Where what is scanned can be read from.
    pub exposure: Exposure,
    /// Now, in seconds since 1970: what has expired is worth less. `None` to take nothing as expired.
    pub now: Option<i64>,
    /// Makes the fingerprints.
    pub fingerprint_key: FingerprintKey,
}

impl Settings {
    /// Threads to use.
    fn threads(&self) -> usize {
        match self.tree.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// Hears how far a scan is, from any thread.
pub trait Observer: Sync {
    /// So many more items and bytes have been scanned.
    fn scanned(&self, items: u64, bytes: u64);
    /// So many more candidates have been found.
    fn found(&self, _candidates: u64) {}
}

/// Everything a scan shares between its threads.
pub struct Scanner<'s> {
    detector: Arc<Detector>,
    allowlist: &'s Allowlist,
    settings: &'s Settings,
    observer: &'s dyn Observer,
    stop: &'s AtomicBool,
    /// The rule of shipped source maps, where it is in use; looked up when the first map is met.
    map_rule: OnceLock<Option<u32>>,
}

impl<'s> Scanner<'s> {
    /// Puts a scan together. Setting `stop` ends it early; the outcome is then incomplete.
    #[must_use]
    pub fn new(
        rules: Arc<RuleSet>,
        allowlist: &'s Allowlist,
        settings: &'s Settings,
        observer: &'s dyn Observer,
        stop: &'s AtomicBool,
    ) -> Self {
        Self::with(Arc::new(Detector::new(rules, settings.detect)), allowlist, settings, observer, stop)
    }

    /// The same with a detector that others use as well, made with the options of these settings: what it has compiled for
    /// one scan serves the next.
    #[must_use]
    pub fn with(
        detector: Arc<Detector>,
        allowlist: &'s Allowlist,
        settings: &'s Settings,
        observer: &'s dyn Observer,
        stop: &'s AtomicBool,
    ) -> Self {
        Self { detector, allowlist, settings, observer, stop, map_rule: OnceLock::new() }
    }

    /// Scans the targets. The same input gives the same outcome, for any number of threads.
    #[must_use]
    pub fn scan(&self, targets: &[Target]) -> Outcome {
        let collector = Mutex::new(Collector::default());
        for target in targets {
            match target {
                Target::Tree(roots) => self.scan_tree(roots, &collector),
                Target::History(path) => drop(self.scan_history(path, &[], &collector)),
                Target::Staged(path, whole) => self.scan_staged(path.as_deref(), *whole, &collector),
                Target::Range(path, query) => self.scan_range(path.as_deref(), query, &collector),
                Target::Objects(ids) => self.scan_objects(ids, &collector),
                Target::Bytes(bytes) => self.worker(&collector).bytes(bytes),
            }
        }
        self.finish(collector)
    }

    /// Scans every object of a repository but for blobs that are known to hold nothing, from a scan with the same rules and
    /// settings, and tells which others hold nothing. The outcome is that of a whole scan, save that damage to what is
    /// known is not met.
    #[must_use]
    pub fn scan_unknown(&self, repository: &Path, known: &[BlobId]) -> (Outcome, Vec<BlobId>) {
        let collector = Mutex::new(Collector::default());
        let clean = self.scan_history(repository, known, &collector);
        (self.finish(collector), clean)
    }

    fn finish(&self, collector: Mutex<Collector>) -> Outcome {
        let mut collector = collector.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.is_stopped() {
            collector.skip(Skipped { what: "the rest".into(), reason: SkipReason::Interrupted, asked: true });
        }
        collector.finish(self.allowlist, &self.settings.fingerprint_key)
    }

    fn scan_tree(&self, roots: &[PathBuf], collector: &Mutex<Collector>) {
        collector.lock().expect("no holder panics").ask(format!("tree {}", names(roots)));
        tree::walk(roots, &self.settings.tree, || {
            let mut worker = self.worker(collector);
            move |item| {
                match item {
                    Item::File(file) => worker.file(&file),
                    Item::Skipped(skipped) => worker.skip(skipped),
                }
                !self.is_stopped()
            }
        });
    }

    /// Whether somebody asked to end early.
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Threads for what is not walked by its source's own.
    fn pool(&self) -> rayon::ThreadPool {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.settings.threads()).build();
        pool.expect("the system lets us start a few threads")
    }

    fn worker<'c>(&'c self, collector: &'c Mutex<Collector>) -> Worker<'c> {
        Worker::new(self, collector)
    }
}

fn names(roots: &[PathBuf]) -> String {
    roots.iter().map(|root| tree::shown(root).to_string()).collect::<Vec<_>>().join(" ")
}
