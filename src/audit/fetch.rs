//! Clones ahead of the scan: a few at a time, and never more of them on the disk than that.

use std::{
    collections::BTreeMap,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::clone::{Clone, Cloner};

/// What became of a remote repository.
pub(crate) enum Fetched {
    /// Its refs are those that were known.
    Same(String),
    /// Its refs, and the clone.
    Cloned(String, Clone),
    /// Why it could not be cloned.
    Failed(String),
}

/// A repository to be fetched, and the refs it had when it was last scanned.
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a str,
    pub(crate) known: Option<String>,
}

#[derive(Default)]
struct Queue {
    /// The next to be begun.
    next: usize,
    /// The next to be taken.
    taken: usize,
    ready: BTreeMap<usize, Fetched>,
    over: bool,
}

/// Repositories that are being fetched, to be taken in their order.
pub(crate) struct Fetching<'a> {
    cloner: &'a Cloner,
    wanted: &'a [Wanted<'a>],
    stop: &'a AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Fetching<'_> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next repository; `None` when the audit was stopped, or there is no more.
    pub(crate) fn take(&self) -> Option<Fetched> {
        let mut queue = self.lock();
        let number = queue.taken;
        loop {
            if let Some(fetched) = queue.ready.remove(&number) {
                queue.taken += 1;
                self.changed.notify_all();
                return Some(fetched);
            }
            if number >= self.wanted.len() || self.stop.load(Ordering::Relaxed) {
                return None;
            }
            queue = self.wait(queue);
        }
    }

    fn wait<'q>(&self, queue: std::sync::MutexGuard<'q, Queue>) -> std::sync::MutexGuard<'q, Queue> {
        // Somebody who sets `stop` wakes nobody.
        let waited = self.changed.wait_timeout(queue, Duration::from_millis(200));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn work(&self, ahead: usize) {
        loop {
            let mut queue = self.lock();
            while !queue.over && queue.next < self.wanted.len() && queue.next >= queue.taken + ahead {
                queue = self.wait(queue);
            }
            let number = queue.next;
            if queue.over || number >= self.wanted.len() || self.stop.load(Ordering::Relaxed) {
                return;
            }
            queue.next += 1;
            drop(queue);
            let fetched = self.fetch(&self.wanted[number]);
            self.lock().ready.insert(number, fetched);
            self.changed.notify_all();
        }
    }

    fn fetch(&self, wanted: &Wanted<'_>) -> Fetched {
        let refs = match self.cloner.refs(wanted.url) {
            Ok(refs) => refs,
            Err(why) => return Fetched::Failed(why),
        };
        if wanted.known.as_ref() == Some(&refs) {
            return Fetched::Same(refs);
        }
        match self.cloner.clone(wanted.url, self.stop) {
            Ok(clone) => Fetched::Cloned(refs, clone),
            Err(why) => Fetched::Failed(why),
        }
    }
}

/// Fetches while `scan` takes. At most `cloner.jobs` clones are under way or wait, besides the one that is scanned.
pub(crate) fn fetching<T>(
    cloner: &Cloner,
    wanted: &[Wanted<'_>],
    stop: &AtomicBool,
    scan: impl FnOnce(&Fetching<'_>) -> T,
) -> T {
    let jobs = cloner.jobs.max(1);
    let fetching = Fetching { cloner, wanted, stop, queue: Mutex::default(), changed: Condvar::new() };
    thread::scope(|scope| {
        for _ in 0..jobs.min(wanted.len()) {
            scope.spawn(|| fetching.work(jobs));
        }
        let done = scan(&fetching);
        fetching.lock().over = true;
        fetching.changed.notify_all();
        done
    })
}
