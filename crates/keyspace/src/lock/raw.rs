//! The lock under a shard: taken with one atomic exchange, released with a plain store.
//!
//! Commands hold it for a fraction of a microsecond, three times each, so the second exchange and
//! the fence that an ordinary mutex needs to release are felt. They are there to see who waits;
//! here the one who waits pays instead: it registers, then has the kernel put a full barrier into
//! every thread of the process (membarrier(2)), then tries once more. Either that finds the lock
//! free, or the holder's look at `has_parked`, which comes after its release, finds the one who
//! waits. Where the system has no such call, releasing fences.

use super::Waker;
use parking_lot::lock_api::{GuardNoSend, Mutex, MutexGuard, RawMutex};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, compiler_fence, fence};

/// Attempts before a busy shard is given up.
const SPINS: u32 = 100;

/// A value under such a lock.
pub(super) type ShardMutex<T> = Mutex<RawShardLock, T>;
/// The value, locked.
pub(super) type ShardMutexGuard<'a, T> = MutexGuard<'a, RawShardLock, T>;

/// See the module's text.
pub(super) struct RawShardLock {
    is_locked: AtomicBool,
    has_parked: AtomicBool,
    parked: parking_lot::Mutex<Vec<Arc<dyn Waker>>>,
}

/// Takes the lock if it is free, or becomes so while this spins briefly.
#[inline]
pub(super) fn spin<T>(mutex: &ShardMutex<T>) -> Option<ShardMutexGuard<'_, T>> {
    mutex.try_lock().or_else(|| spin_on(mutex))
}

#[cold]
fn spin_on<T>(mutex: &ShardMutex<T>) -> Option<ShardMutexGuard<'_, T>> {
    for _ in 1..SPINS {
        std::hint::spin_loop();
        if !mutex.is_locked()
            && let Some(guard) = mutex.try_lock()
        {
            return Some(guard);
        }
    }
    None
}

/// Registers a waker; if the lock is free after all, it is taken, and the waker taken back
/// (or already called, which is harmless).
#[cold]
pub(super) fn park<'a, T>(
    mutex: &'a ShardMutex<T>,
    waker: &Arc<dyn Waker>,
) -> Option<ShardMutexGuard<'a, T>> {
    #[allow(unsafe_code, reason = "lock_api gives its lock away like this only")]
    // SAFETY: it is not unlocked through this reference.
    let lock = unsafe { mutex.raw() };
    lock.register(waker);
    let guard = mutex.try_lock()?;
    lock.unregister(waker);
    Some(guard)
}

impl RawShardLock {
    fn register(&self, waker: &Arc<dyn Waker>) {
        self.parked.lock().push(Arc::clone(waker));
        self.has_parked.store(true, SeqCst);
        barrier::heavy();
    }

    fn unregister(&self, waker: &Arc<dyn Waker>) {
        self.parked.lock().retain(|w| !Arc::ptr_eq(w, waker));
    }

    #[cold]
    #[inline(never)]
    fn wake_parked(&self) {
        self.has_parked.store(false, SeqCst);
        let wakers = std::mem::take(&mut *self.parked.lock());
        for waker in wakers {
            waker.wake();
        }
    }
}

/// Wakes a thread that waits in [`RawMutex::lock`].
struct ThreadWaker(std::thread::Thread);

impl Waker for ThreadWaker {
    fn wake(&self) {
        self.0.unpark();
    }
}

#[allow(
    unsafe_code,
    reason = "what lock_api asks of a lock; the mutex around it is lock_api's"
)]
// SAFETY: whoever changed `is_locked` from false to true has the lock until it stores false; the
// exchange acquires what the store released.
unsafe impl RawMutex for RawShardLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "as lock_api has it")]
    const INIT: Self = Self {
        is_locked: AtomicBool::new(false),
        has_parked: AtomicBool::new(false),
        parked: parking_lot::Mutex::new(Vec::new()),
    };

    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        for _ in 0..SPINS {
            if self.try_lock() {
                return;
            }
            std::hint::spin_loop();
        }
        let waker: Arc<dyn Waker> = Arc::new(ThreadWaker(std::thread::current()));
        loop {
            self.register(&waker);
            let is_ours = self.try_lock();
            if is_ours {
                return self.unregister(&waker);
            }
            // May return for no reason: then it registers twice, which is harmless.
            std::thread::park();
            if self.try_lock() {
                return self.unregister(&waker);
            }
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        let exchanged = self
            .is_locked
            .compare_exchange(false, true, Acquire, Relaxed);
        exchanged.is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.is_locked.store(false, Release);
        barrier::light();
        if self.has_parked.load(Relaxed) {
            self.wake_parked();
        }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.is_locked.load(Relaxed)
    }
}

/// A full barrier in two halves: of two threads that each store, pass their half, and load what
/// the other stored, one at least sees the other's store.
pub(super) mod barrier {
    use super::{AtomicBool, Relaxed, SeqCst, compiler_fence, fence};
    use std::sync::Once;

    /// Whether the heavy half does the work of both.
    static IS_ASYMMETRIC: AtomicBool = AtomicBool::new(false);

    /// The half that is passed often.
    #[inline]
    pub(in crate::lock) fn light() {
        if IS_ASYMMETRIC.load(Relaxed) {
            compiler_fence(SeqCst);
        } else {
            fence(SeqCst);
        }
    }

    /// The half that is passed rarely.
    #[cold]
    pub(in crate::lock) fn heavy() {
        prepare();
        fence(SeqCst);
        if IS_ASYMMETRIC.load(Relaxed) {
            let done = membarrier(PRIVATE_EXPEDITED);
            assert!(done, "a registered process may issue barriers");
        }
    }

    /// Asks the system, once, whether it has the barrier.
    pub(in crate::lock) fn prepare() {
        static ASKED: Once = Once::new();
        ASKED.call_once(|| IS_ASYMMETRIC.store(membarrier(REGISTER_PRIVATE_EXPEDITED), Relaxed));
    }

    const PRIVATE_EXPEDITED: i32 = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;

    #[cfg(all(target_os = "linux", not(miri)))]
    #[allow(unsafe_code, reason = "membarrier(2), which libc does not wrap")]
    fn membarrier(command: i32) -> bool {
        // SAFETY: takes plain numbers, and changes nothing but the order of memory accesses.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    fn membarrier(_: i32) -> bool {
        false
    }
}
