//! The software watchdog: `watchdog-period`. When a thread has been running one command for longer
//! than the period, its stack is written to the log, as Redis does with SIGALRM.
//!
//! Threads note what they run with `running`; that costs one load while the watchdog is off. A
//! monitor thread looks at the notes and sends SIGALRM to the thread that is late; the handler
//! takes the addresses of the stack, and the monitor names and logs them.

use super::log::HandlerLog;
use super::signals::{Action, handle};
use super::trace::Trace;
use crate::config::Config;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The shortest period, twice that of periodic work at the default `hz`, as in Redis.
const PERIOD_MS_MIN: u64 = 200;
/// How long the monitor waits for a handler.
const HANDLER_WAIT: Duration = Duration::from_secs(1);

/// The period in milliseconds; 0 while the watchdog is off.
static PERIOD_MS: AtomicU64 = AtomicU64::new(0);
static MONITOR: Mutex<Option<Arc<Stop>>> = Mutex::new(None);
static THREADS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());
/// What a handler took, and whether it did.
static TAKEN: Mutex<Trace> = Mutex::new(Trace::empty());
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

/// What one thread is running.
struct Slot {
    /// `None` once the thread has ended: it must not be signalled then.
    thread: Mutex<Option<libc::pthread_t>>,
    now: Mutex<Option<Running>>,
}

#[derive(Clone, Copy)]
struct Running {
    command: &'static str,
    since: Instant,
    is_reported: bool,
}

/// Holds this thread's slot and gives it up when the thread ends.
struct Registration(Arc<Slot>);

impl Drop for Registration {
    fn drop(&mut self) {
        *self.0.thread.lock() = None;
        THREADS.lock().retain(|slot| !Arc::ptr_eq(slot, &self.0));
    }
}

thread_local! {
    static SLOT: Registration = register();
}

#[allow(unsafe_code, reason = "pthread_self(3), which std lacks")]
fn register() -> Registration {
    // SAFETY: takes nothing.
    let thread = unsafe { libc::pthread_self() };
    let slot = Arc::new(Slot {
        thread: Mutex::new(Some(thread)),
        now: Mutex::new(None),
    });
    THREADS.lock().push(slot.clone());
    Registration(slot)
}

/// A command that is running; dropping it ends the note.
#[must_use]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        SLOT.with(|slot| *slot.0.now.lock() = None);
    }
}

/// Notes that this thread runs `command` from now on. While the watchdog is off this is `None`, and
/// the command's name is not asked for.
#[inline]
pub fn running(command: impl FnOnce() -> &'static str) -> Option<Guard> {
    match PERIOD_MS.load(Ordering::Relaxed) {
        0 => None,
        _ => Some(note(command())),
    }
}

#[cold]
fn note(command: &'static str) -> Guard {
    let now = Running {
        command,
        since: Instant::now(),
        is_reported: false,
    };
    SLOT.with(|slot| *slot.0.now.lock() = Some(now));
    Guard(())
}

/// Follows `watchdog-period`.
pub fn install(config: &Config) -> io::Result<()> {
    follow(config)?;
    config.on_change(&["watchdog-period"], |config| {
        follow(config).map_err(|error| error.to_string())
    });
    Ok(())
}

fn follow(config: &Config) -> io::Result<()> {
    let mut monitor = MONITOR.lock();
    let asked = config.unsigned("watchdog-period");
    if asked == 0 {
        PERIOD_MS.store(0, Ordering::Relaxed);
        if let Some(stop) = monitor.take() {
            *stop.asked.lock() = true;
            stop.changed.notify_all();
        }
        return Ok(());
    }
    let period = asked.max(PERIOD_MS_MIN);
    if period != asked {
        let stored = config.overwrite("watchdog-period", period.to_string().as_bytes());
        debug_assert!(stored.is_ok(), "a number within bounds");
    }
    PERIOD_MS.store(period, Ordering::Relaxed);
    if monitor.is_none() {
        handle(libc::SIGALRM, Action::Call(on_alarm), libc::SA_RESTART)?;
        let stop = Arc::new(Stop::default());
        let theirs = stop.clone();
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&theirs))?;
        *monitor = Some(stop);
    }
    Ok(())
}

fn watch(stop: &Stop) {
    let mut asked = stop.asked.lock();
    while !*asked {
        let period = Duration::from_millis(PERIOD_MS.load(Ordering::Relaxed).max(PERIOD_MS_MIN));
        stop.changed.wait_for(&mut asked, period / 4);
        if !*asked {
            let slots: Vec<Arc<Slot>> = THREADS.lock().clone();
            slots.iter().for_each(|slot| look(slot, period));
        }
    }
}

/// Logs the stack of a thread that is late; once per command.
fn look(slot: &Slot, period: Duration) {
    let late = {
        let mut now = slot.now.lock();
        match &mut *now {
            Some(running) if !running.is_reported && running.since.elapsed() >= period => {
                running.is_reported = true;
                *running
            }
            _ => return,
        }
    };
    let trace = take_from(slot);
    let log = HandlerLog::open();
    log.line(format_args!("\n--- WATCHDOG TIMER EXPIRED ---"));
    let command = late.command;
    // Redis names the function that runs a command after it; people search logs for that name.
    let function = function_name(command);
    let late_ms = late.since.elapsed().as_millis();
    log.raw(format!("Running {command} ({function}) for {late_ms} ms\n").as_bytes());
    log.raw(b"\n------ STACK TRACE ------\n\nBacktrace:\n");
    match trace {
        Some(trace) => log.raw(trace.named().as_bytes()),
        None => log.raw(b"(none could be taken)\n"),
    }
    log.line(format_args!("--------\n"));
}

/// `debug|sleep` is run by `debugCommand`.
fn function_name(command: &str) -> String {
    let name = command.split(['|', ' ']).next().unwrap_or_default();
    format!("{}Command", name.to_ascii_lowercase())
}

/// The stack of the slot's thread.
#[allow(unsafe_code, reason = "pthread_kill(3), which std lacks")]
fn take_from(slot: &Slot) -> Option<Trace> {
    IS_TAKEN.store(false, Ordering::Release);
    {
        let thread = slot.thread.lock();
        // SAFETY: the thread is alive: it takes this lock, and clears the field, before it ends.
        let sent = unsafe { libc::pthread_kill((*thread)?, libc::SIGALRM) };
        if sent != 0 {
            return None;
        }
    }
    let deadline = Instant::now() + HANDLER_WAIT;
    while !IS_TAKEN.load(Ordering::Acquire) {
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(*TAKEN.lock())
}

extern "C" fn on_alarm(_: libc::c_int) {
    // The monitor reads only after this is done, so the lock is free but for a stray signal.
    if let Some(mut taken) = TAKEN.try_lock() {
        *taken = Trace::take();
    }
    IS_TAKEN.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_after_the_command() {
        assert_eq!(function_name("debug|sleep"), "debugCommand");
        assert_eq!(function_name("GET"), "getCommand");
    }

    #[test]
    fn a_thread_that_is_late_is_found_with_its_stack() {
        PERIOD_MS.store(1, Ordering::Relaxed);
        handle(libc::SIGALRM, Action::Call(on_alarm), libc::SA_RESTART).expect("handled");
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let guard = running(|| "debug|sleep");
            ready
                .send(SLOT.with(|slot| slot.0.clone()))
                .expect("received");
            ended.recv().expect("sent");
            drop(guard);
        });
        let slot = is_ready.recv().expect("sent");
        assert_eq!(slot.now.lock().map(|now| now.command), Some("debug|sleep"));
        let named = take_from(&slot).expect("alive").named();
        assert!(
            named.contains("a_thread_that_is_late_is_found_with_its_stack"),
            "{named}"
        );
        end.send(()).expect("received");
        thread.join().expect("no panic");
        assert!(slot.now.lock().is_none());
        assert!(
            take_from(&slot).is_none(),
            "an ended thread is not signalled"
        );
    }
}
