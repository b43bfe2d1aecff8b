//! What keeps a file that is cut short while it is mapped from ending the process.
//!
//! The kernel answers a read behind a file's new end with SIGBUS. The handler puts pages of zeros in the place of what is
//! gone and notes it; a fault anywhere else goes to whoever handled the signal before.
#![expect(unsafe_code, reason = "handles a signal")]

use std::{
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// An address range that is watched; free while `start` is zero.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    cut: AtomicBool,
}

/// More files are not mapped at a time, or are not watched.
static SLOTS: [Slot; 1024] =
    [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), cut: AtomicBool::new(false) } }; 1024];

/// Who handled the signal before, and the size of a page.
static BEFORE: OnceLock<Option<(libc::sigaction, usize)>> = OnceLock::new();

/// Watches a mapping until it is dropped.
pub(super) struct Watch(&'static Slot);

impl Watch {
    /// Begins to watch; `None` where that cannot be.
    pub(super) fn new(map: &[u8]) -> Option<Self> {
        BEFORE.get_or_init(install).as_ref()?;
        let start = map.as_ptr() as usize;
        let slot = SLOTS
            .iter()
            .find(|slot| slot.start.compare_exchange(0, start, Ordering::AcqRel, Ordering::Relaxed).is_ok())?;
        slot.cut.store(false, Ordering::Relaxed);
        slot.end.store(start + map.len(), Ordering::Release);
        Some(Self(slot))
    }

    /// Whether zeros had to stand in.
    pub(super) fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.end.store(0, Ordering::Release);
        self.0.start.store(0, Ordering::Release);
    }
}

fn install() -> Option<(libc::sigaction, usize)> {
    // SAFETY: plain calls; the structures are made of integers, for which zeros are valid.
    unsafe {
        let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).ok().filter(|page| page.is_power_of_two())?;
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_bus_error as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut before: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(libc::SIGBUS, &action, &mut before) == 0).then_some((before, page))
    }
}

/// Does only what a signal handler may: loads and stores of atomics, and system calls.
extern "C" fn on_bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands over a valid `info` for SIGBUS.
    let address = unsafe { (*info).si_addr() } as usize;
    let Some(Some((before, page))) = BEFORE.get() else { return give_up(signal) };
    for slot in &SLOTS {
        let (start, end) = (slot.start.load(Ordering::Acquire), slot.end.load(Ordering::Acquire));
        if start != 0 && (start..end).contains(&address) && put_zeros(address & !(page - 1), end) {
            return slot.cut.store(true, Ordering::Release);
        }
    }
    if before.sa_flags & libc::SA_SIGINFO != 0 && before.sa_sigaction > libc::SIG_IGN {
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: it was installed as a handler of this form.
        let handler: Handler = unsafe { std::mem::transmute(before.sa_sigaction) };
        return handler(signal, info, context);
    }
    give_up(signal);
}

/// Maps pages of zeros over the rest of a mapping of ours.
fn put_zeros(from: usize, end: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the range belongs to a mapping that is watched, and so not yet given back.
    let put = unsafe { libc::mmap(from as *mut libc::c_void, end - from, libc::PROT_READ, flags, -1, 0) };
    put != libc::MAP_FAILED && !ptr::eq(put, ptr::null())
}

/// The fault, met again, ends the process.
fn give_up(signal: libc::c_int) {
    // SAFETY: a plain call, allowed in a handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
