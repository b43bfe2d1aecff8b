//! The work of a walk, shared among its threads.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::walker::Base;

/// Something for one worker to do.
pub(super) enum Task<S> {
    /// A run of roots, and all below them.
    Roots(Range<u32>),
    /// A child of a base, by its place among the children, and all below it.
    Child(Arc<Base<S>>, usize),
}

/// Tasks to do. Workers may add some while they work, so it is empty only when no one works any more.
pub(super) struct Queue<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
    /// Workers that wait, less the tasks that they could have.
    hungry: AtomicUsize,
}

struct State<S> {
    tasks: VecDeque<Task<S>>,
    busy: usize,
    waiting: usize,
}

/// Held while a worker works on a task.
pub(super) struct Busy<'a, S>(&'a Queue<S>);

impl<S> Drop for Busy<'_, S> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.busy -= 1;
        if std::thread::panicking() {
            state.tasks.clear();
        }
        if state.busy == 0 {
            self.0.changed.notify_all();
        }
    }
}

impl<S> Queue<S> {
    pub(super) fn new(tasks: Vec<Task<S>>) -> Self {
        let state = State { tasks: tasks.into(), busy: 0, waiting: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), hungry: AtomicUsize::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; waits while others may still add some. `None` when all is done.
    pub(super) fn take(&self) -> Option<(Task<S>, Busy<'_, S>)> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                state.busy += 1;
                self.note_hunger(&state);
                return Some((task, Busy(self)));
            }
            if state.busy == 0 {
                return None;
            }
            state.waiting += 1;
            self.note_hunger(&state);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// Whether some worker has nothing to do.
    #[inline]
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Adds a task for a worker that has nothing to do.
    pub(super) fn give(&self, task: Task<S>) {
        let mut state = self.lock();
        state.tasks.push_back(task);
        self.note_hunger(&state);
        self.changed.notify_one();
    }

    fn note_hunger(&self, state: &State<S>) {
        self.hungry.store(state.waiting.saturating_sub(state.tasks.len()), Ordering::Relaxed);
    }
}
