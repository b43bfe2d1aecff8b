//! What a run reached: counters of edges, and operands of comparisons, as LLVM's SanitizerCoverage calls for them.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Most object files with counters.
const MODULES: usize = 4096;

struct Table<T, const N: usize>([UnsafeCell<T>; N]);

// SAFETY: modules are added before `main`, on one thread; pairs are noted by the only thread that runs a case while
// `NOTING` is on (a torn pair would be a useless mutation, no more).
unsafe impl<T, const N: usize> Sync for Table<T, N> {}

static STARTS: Table<(*mut u8, usize), MODULES> =
    Table([const { UnsafeCell::new((std::ptr::null_mut(), 0)) }; MODULES]);
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Called by each object file at its start.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    let at = COUNT.load(Relaxed);
    if start != end && at < MODULES {
        // SAFETY: see `Table`.
        unsafe { *STARTS.0[at].get() = (start, end as usize - start as usize) };
        COUNT.store(at + 1, Relaxed);
    }
}

fn modules() -> impl Iterator<Item = &'static mut [u8]> {
    // SAFETY: LLVM's counters live as long as the program, and only this thread looks at them between runs.
    (0..COUNT.load(Relaxed)).map(|at| unsafe {
        let (start, length) = *STARTS.0[at].get();
        std::slice::from_raw_parts_mut(start, length)
    })
}

/// Sets all counters to zero.
pub fn clear() {
    modules().for_each(|counters| counters.fill(0));
}

/// How often edges were passed, in steps, over all runs so far.
#[derive(Default)]
pub struct Seen {
    steps: Vec<u8>,
    /// The counters as they stood when the run had ended: what comes after it is counted, too.
    taken: Vec<u8>,
    /// Edges passed at all.
    pub edges: usize,
}

impl Seen {
    /// Takes down the counters, right behind the run.
    pub fn take(&mut self) {
        self.taken.clear();
        modules().for_each(|counters| self.taken.extend_from_slice(counters));
    }

    /// Adds the run that was taken: whether it passed an edge for the first time, or clearly more often than before.
    pub fn add(&mut self) -> bool {
        self.steps.resize(self.taken.len(), 0);
        let mut new = false;
        for (counters, steps) in self.taken.chunks(8).zip(self.steps.chunks_mut(8)) {
            if counters.iter().all(|count| *count == 0) {
                continue;
            }
            for (count, seen) in counters.iter().zip(steps).filter(|(count, _)| **count > 0) {
                self.edges += usize::from(*seen == 0);
                new |= *seen & step(*count) == 0;
                *seen |= step(*count);
            }
        }
        new
    }
}

fn step(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}

const PAIRS: usize = 1024;

/// Whether operands are written down.
pub static NOTING: AtomicBool = AtomicBool::new(false);
static NEXT: AtomicUsize = AtomicUsize::new(0);
static NOTED: Table<(u64, u64, u8), PAIRS> = Table([const { UnsafeCell::new((0, 0, 0)) }; PAIRS]);

fn note(left: u64, right: u64, width: u8) {
    if left != right && NOTING.load(Relaxed) {
        // SAFETY: see `Table`.
        unsafe { *NOTED.0[NEXT.fetch_add(1, Relaxed) % PAIRS].get() = (left, right, width) };
    }
}

/// Operands that were compared and differed, with their width in bytes.
pub fn pairs() -> Vec<(u64, u64, u8)> {
    let count = NEXT.swap(0, Relaxed).min(PAIRS);
    // SAFETY: see `Table`.
    (0..count).map(|at| unsafe { *NOTED.0[at].get() }).collect()
}

macro_rules! compared {
    ($($name:ident, $constant:ident: $kind:ty, $width:literal;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(left: $kind, right: $kind) {
            note(left.into(), right.into(), $width);
        }
        #[unsafe(no_mangle)]
        extern "C" fn $constant(left: $kind, right: $kind) {
            note(right.into(), left.into(), $width);
        }
    )*};
}

compared! {
    __sanitizer_cov_trace_cmp1, __sanitizer_cov_trace_const_cmp1: u8, 1;
    __sanitizer_cov_trace_cmp2, __sanitizer_cov_trace_const_cmp2: u16, 2;
    __sanitizer_cov_trace_cmp4, __sanitizer_cov_trace_const_cmp4: u32, 4;
    __sanitizer_cov_trace_cmp8, __sanitizer_cov_trace_const_cmp8: u64, 8;
}

/// `cases`: how many there are, their width in bits, then the cases.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_switch(value: u64, cases: *const u64) {
    if !NOTING.load(Relaxed) {
        return;
    }
    // SAFETY: LLVM's table is as long as its first word says.
    let (count, width, cases) = unsafe {
        let count = *cases as usize;
        (count, (*cases.add(1) / 8).max(1) as u8, std::slice::from_raw_parts(cases.add(2), count))
    };
    cases.iter().take(count.min(16)).for_each(|case| note(value, *case, width));
}
