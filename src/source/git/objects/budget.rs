//! How much object data the workers of a walk hold together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A number of bytes to share.
pub(super) struct Budget {
    limit: u64,
    held: AtomicU64,
    /// Whoever holds it may go over the limit.
    turn: Mutex<()>,
}

/// The right to go over the limit until it is dropped.
pub(super) type Turn<'a> = MutexGuard<'a, ()>;

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, held: AtomicU64::new(0), turn: Mutex::new(()) }
    }

    /// Counts `bytes` as held.
    ///
    /// If that is over the limit, waits for the one worker that may be over it to come to the end of its subtree.
    /// Workers that wait hold what they held; the one that does not wait needs nothing of them, so it comes to an end.
    pub(super) fn take<'a>(&'a self, bytes: u64, turn: &mut Option<Turn<'a>>) {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.limit && turn.is_none() {
            *turn = Some(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Counts `bytes` as free again.
    pub(super) fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes held now.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::Budget;

    #[test]
    fn one_at_a_time_goes_over_the_limit_and_all_come_to_an_end() {
        let budget = Budget::new(100);
        let over = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut turn = None;
                        for _ in 0..4 {
                            let had = turn.is_some();
                            budget.take(60, &mut turn);
                            if turn.is_some() && !had {
                                assert_eq!(over.fetch_add(1, Ordering::SeqCst), 0);
                            }
                        }
                        assert!(turn.is_some());
                        thread::yield_now();
                        over.fetch_sub(1, Ordering::SeqCst);
                        budget.give_back(240);
                    }
                });
            }
        });
        assert_eq!(budget.held(), 0);
    }
}
