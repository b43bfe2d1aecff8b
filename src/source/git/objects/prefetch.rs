//! Asking for memory before it is needed.

/// Asks for the place `at` in a list, without waiting; for places outside, nothing happens.
#[inline]
pub(super) fn prefetch<T>(list: &[T], at: usize) {
    let Some(_place) = list.get(at) else { return };
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "a hint, given by pointer")]
    // SAFETY: a hint reads nothing, and every x86-64 processor knows it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(_place).cast());
    }
}
