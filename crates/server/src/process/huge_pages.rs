//! Transparent huge pages: forbidden, or left to a large server where `disable-thp no` asks for
//! them.
//!
//! The allocator asks for them, and the kernel then hands out 2 MB at the first touch, or puts them
//! together later. Whoever touches one first clears all of it, and whoever needs a page that is
//! being moved into one waits: 5 to 15 ms at a time were seen on a virtual machine (a 99.9th
//! percentile of 7 ms instead of 1 with five million keys), for a few percent of the processor time
//! of reads in much data. In a small server they are a large part of all memory besides: 17 MB in
//! an empty one.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Memory in use from which on they waste little: the 4 MB seen here are 2% of it.
const FROM_BYTES: usize = 256 << 20;

/// Whether they are off because of [`hold_back`] alone.
static HELD_BACK: AtomicBool = AtomicBool::new(false);

/// Does without them for now, unless whoever started the process has decided that already. To be
/// called before much memory is touched.
pub fn hold_back() {
    if !are_disabled() && set_disabled(true) {
        HELD_BACK.store(true, Relaxed);
    }
}

/// Lets the kernel hand them out from now on if `used` bytes of memory are many.
pub fn follow(used: usize) {
    if used >= FROM_BYTES && HELD_BACK.swap(false, Relaxed) {
        set_disabled(false);
    }
}

/// Does without them for good; whether the kernel agreed.
pub fn forbid() -> bool {
    HELD_BACK.store(false, Relaxed);
    set_disabled(true)
}

#[allow(unsafe_code, reason = "prctl(2), which std lacks")]
fn are_disabled() -> bool {
    // SAFETY: takes plain numbers and reads a flag of this process.
    unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 }
}

#[allow(unsafe_code, reason = "prctl(2), which std lacks")]
fn set_disabled(disabled: bool) -> bool {
    // SAFETY: takes plain numbers and changes a flag of this process alone.
    unsafe {
        libc::prctl(
            libc::PR_SET_THP_DISABLE,
            libc::c_ulong::from(disabled),
            0,
            0,
            0,
        ) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// The flag is the whole process's.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[test]
    fn they_come_back_when_there_is_much_data() {
        let _alone = ONE_AT_A_TIME.lock();
        set_disabled(false);
        hold_back();
        assert!(are_disabled());
        follow(FROM_BYTES - 1);
        assert!(are_disabled());
        follow(FROM_BYTES);
        assert!(!are_disabled());
    }

    #[test]
    fn what_is_forbidden_stays_so() {
        let _alone = ONE_AT_A_TIME.lock();
        set_disabled(false);
        hold_back();
        assert!(forbid());
        follow(usize::MAX);
        assert!(are_disabled());
        hold_back();
        follow(usize::MAX);
        assert!(are_disabled());
        set_disabled(false);
    }
}
