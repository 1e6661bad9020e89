//! The crash report: what is logged when the server dies of a signal or of a Rust panic, in Redis's
//! frame, so that tools that look for it find it.
//!
//! The handler itself only notes what happened, takes the addresses of its stack, and waits: a
//! thread started for this purpose names the addresses and writes the report, because that
//! allocates. If the dying thread held a lock that the report needs, a timer ends the wait.

use super::log::HandlerLog;
use super::signals::{Action, exit_now, handle};
use super::trace::Trace;
use crate::config::Config;
use crate::version::{COREWIRE_VERSION, REDIS_VERSION};
use parking_lot::Mutex;
use std::cell::Cell;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Signals that mean a crash.
const SIGNALS: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];
/// Seconds after which a report that does not get on is cut short.
const SECONDS_MAX: u32 = 10;
/// Bytes of the stack on which handlers run, where `prepare_thread` was called.
const HANDLER_STACK_LEN: usize = 128 << 10;
/// Bytes of stack that taking a trace may need.
const TRACE_STACK_LEN: usize = 32 << 10;

const START: &str = "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";
const END: &str = "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n\
    \x20      Please report the crash to the maintainers of Corewire, with this text.\n\n\
    \x20      Some other issues could be detected by corewire-server --check-system\n";

/// A titled part of the report, such as the output of INFO.
type Part = (&'static str, Box<dyn Fn() -> String + Send + Sync>);

static PARTS: Mutex<Vec<Arc<Part>>> = Mutex::new(Vec::new());
static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
/// Whether a thread is reporting already; a second crash waits for the first report.
static REPORTING: AtomicBool = AtomicBool::new(false);
/// The pipe that wakes the reporting thread.
static WAKE: AtomicI32 = AtomicI32::new(-1);
static CRASH: Crash = Crash {
    signal: AtomicI32::new(0),
    code: AtomicI32::new(0),
    address: AtomicUsize::new(0),
    sender: AtomicI64::new(-1),
    sender_user: AtomicI64::new(-1),
    instruction: AtomicUsize::new(0),
    traced: AtomicBool::new(false),
};
/// The pid file to remove: a C string that is never freed, or null.
static PID_FILE: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());
static TRACE: Mutex<Trace> = Mutex::new(Trace::empty());

/// What the handler saw.
struct Crash {
    signal: AtomicI32,
    code: AtomicI32,
    address: AtomicUsize,
    sender: AtomicI64,
    sender_user: AtomicI64,
    instruction: AtomicUsize,
    traced: AtomicBool,
}

/// Adds a part to the report: its title in capitals, and what makes its text.
pub fn add_part(title: &'static str, text: impl Fn() -> String + Send + Sync + 'static) {
    PARTS.lock().push(Arc::new((title, Box::new(text))));
}

/// Makes crashes and panics write reports as `crash-log-enabled` says. Panics end the process, in
/// whatever thread they happen: a broken invariant must not serve data.
pub fn install(config: &Arc<Config>) -> io::Result<()> {
    if CONFIG.set(config.clone()).is_err() {
        return Ok(());
    }
    std::panic::set_hook(Box::new(on_panic));
    let wake = start_reporter()?;
    WAKE.store(wake, Ordering::Release);
    prepare_thread();
    follow(config)?;
    config.on_change(&["crash-log-enabled"], |config| {
        follow(config).map_err(|error| error.to_string())
    });
    Ok(())
}

fn follow(config: &Config) -> io::Result<()> {
    let enabled = config.bool("crash-log-enabled");
    for signal in SIGNALS {
        match enabled {
            true => handle(
                signal,
                Action::Inform(on_crash),
                libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_ONSTACK,
            )?,
            false => handle(signal, Action::Default, 0)?,
        }
    }
    Ok(())
}

thread_local! {
    /// Whether this thread has its stack for handlers.
    static IS_PREPARED: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread a stack of its own for handlers, once, so that a report of an overflown stack
/// has a back-trace. For the threads that run commands: the one that std gives them is too small.
#[allow(unsafe_code, reason = "sigaltstack(2), which std lacks")]
pub fn prepare_thread() {
    if IS_PREPARED.replace(true) {
        return;
    }
    let stack = Box::leak(vec![0u8; HANDLER_STACK_LEN].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: HANDLER_STACK_LEN,
    };
    // SAFETY: the memory is leaked, so it outlives every use; it serves this thread only.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}

/// Names the pid file of a daemon, which a crash removes.
pub fn set_pid_file(path: &Path) {
    if let Ok(path) = CString::new(path.as_os_str().as_bytes()) {
        // Leaked: a handler may read it at any time.
        PID_FILE.store(path.into_raw(), Ordering::Release);
    }
}

/// Crashes on purpose: `DEBUG SEGFAULT`.
#[allow(unsafe_code, reason = "to crash is what is asked for")]
pub fn segfault() -> ! {
    // SAFETY: not sound by intention: page zero is never mapped, so this ends in SIGSEGV.
    unsafe { std::ptr::without_provenance_mut::<u8>(1).write_volatile(b'x') };
    std::process::abort()
}

/// Starts the thread that writes reports; returns the descriptor that wakes it.
fn start_reporter() -> io::Result<libc::c_int> {
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    let (mut reader, writer) = io::pipe()?;
    std::thread::Builder::new()
        .name("crash-report".to_owned())
        .spawn(move || {
            if reader.read_exact(&mut [0]).is_ok() {
                report_crash();
            }
        })?;
    Ok(writer.into_raw_fd())
}

extern "C" fn on_crash(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    if REPORTING.swap(true, Ordering::AcqRel) {
        wait_for_the_end();
    }
    note(signal, info, context);
    if let Some(mut trace) = TRACE.try_lock().filter(|_| stack_suffices()) {
        *trace = Trace::take();
        CRASH.traced.store(true, Ordering::Release);
    }
    // If the report gets stuck, this ends it.
    let _ = handle(libc::SIGALRM, Action::Call(on_timeout), 0);
    wake_reporter();
    wait_for_the_end();
}

#[allow(
    unsafe_code,
    reason = "reading what the kernel passes to a handler by pointer"
)]
fn note(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes valid pointers to a handler installed with SA_SIGINFO; address and
    // sender share a union, and either is plain data.
    unsafe {
        CRASH.code.store((*info).si_code, Ordering::Relaxed);
        CRASH
            .address
            .store((*info).si_addr().addr(), Ordering::Relaxed);
        if (*info).si_code == libc::SI_USER {
            CRASH
                .sender
                .store((*info).si_pid().into(), Ordering::Relaxed);
            CRASH
                .sender_user
                .store((*info).si_uid().into(), Ordering::Relaxed);
        }
        #[cfg(target_arch = "x86_64")]
        {
            let context = context.cast::<libc::ucontext_t>();
            let instruction = (*context).uc_mcontext.gregs[libc::REG_RIP as usize];
            CRASH
                .instruction
                .store(instruction as usize, Ordering::Relaxed);
        }
        #[cfg(target_arch = "aarch64")]
        {
            let context = context.cast::<libc::ucontext_t>();
            CRASH
                .instruction
                .store((*context).uc_mcontext.pc as usize, Ordering::Relaxed);
        }
    }
    CRASH.signal.store(signal, Ordering::Release);
}

/// Whether the stack that the handler runs on is large enough for taking a trace.
#[allow(unsafe_code, reason = "sigaltstack(2), which std lacks")]
fn stack_suffices() -> bool {
    // SAFETY: plain data for which zeros are valid; asking changes nothing.
    let stack = unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut stack);
        stack
    };
    stack.ss_flags & libc::SS_ONSTACK == 0 || stack.ss_size >= TRACE_STACK_LEN
}

#[allow(unsafe_code, reason = "alarm(2) and write(2) in a signal handler")]
fn wake_reporter() {
    // SAFETY: both are async-signal-safe and take plain data.
    unsafe {
        libc::alarm(SECONDS_MAX);
        libc::write(WAKE.load(Ordering::Acquire), b"!".as_ptr().cast(), 1);
    }
}

/// Waits for the reporting thread to end the process.
#[allow(unsafe_code, reason = "pause(2), which std lacks")]
fn wait_for_the_end() -> ! {
    loop {
        // SAFETY: async-signal-safe, takes nothing.
        unsafe { libc::pause() };
    }
}

extern "C" fn on_timeout(_: libc::c_int) {
    HandlerLog::open().raw(b"\n(The report could not be completed.)\n");
    finish();
}

/// Writes the report of a crash; runs in the reporting thread.
fn report_crash() {
    let log = HandlerLog::open();
    let signal = CRASH.signal.load(Ordering::Acquire);
    let code = CRASH.code.load(Ordering::Relaxed);
    log.raw(START.as_bytes());
    log.line(format_args!(
        "Redis {REDIS_VERSION} crashed by signal: {signal}, si_code: {code}"
    ));
    log.line(format_args!("Corewire {COREWIRE_VERSION}"));
    if matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
        let address = CRASH.address.load(Ordering::Relaxed);
        log.line(format_args!("Accessing address: {address:#x}"));
    }
    let sender = CRASH.sender.load(Ordering::Relaxed);
    if sender != -1 {
        let user = CRASH.sender_user.load(Ordering::Relaxed);
        log.line(format_args!("Killed by PID: {sender}, UID: {user}"));
    }
    let instruction = CRASH.instruction.load(Ordering::Relaxed);
    if instruction != 0 {
        log.line(format_args!(
            "Crashed running the instruction at: {instruction:#x}"
        ));
    }
    log.raw(b"\n------ STACK TRACE ------\n\nBacktrace:\n");
    let trace = *TRACE.lock();
    // The bare addresses first: naming them may fail.
    for address in trace.frames() {
        log.raw(format!("{address:#x} ").as_bytes());
    }
    log.raw(b"\n");
    log.raw(trace.named().as_bytes());
    if !CRASH.traced.load(Ordering::Acquire) {
        log.raw(b"(none could be taken)\n");
    }
    write_parts(&log);
    finish();
}

/// INFO, clients and whatever else was added, and the directives that matter in a report.
fn write_parts(log: &HandlerLog) {
    let parts: Vec<Arc<Part>> = PARTS.lock().clone();
    for part in parts {
        let (title, text) = &*part;
        log.raw(format!("\n------ {title} ------\n{}", text()).as_bytes());
    }
    if let Some(config) = CONFIG.get() {
        log.raw(b"\n------ CONFIG DEBUG OUTPUT ------\n");
        log.raw(config.debug_lines().as_bytes());
        if config.bool("crash-memcheck-enabled") {
            log.raw(b"\n------ FAST MEMORY TEST ------\n");
            log.raw(b"Not done: test the machine's memory with a tool for that.\n");
        }
    }
}

/// Ends the report and the process, by the signal that began it. Safe in a signal handler.
#[allow(unsafe_code, reason = "raise(3) and unlink(2) in a signal handler")]
fn finish() -> ! {
    HandlerLog::open().raw(END.as_bytes());
    let pid_file = PID_FILE.load(Ordering::Acquire);
    if !pid_file.is_null() {
        // SAFETY: a C string that is never freed; unlink is async-signal-safe.
        unsafe { libc::unlink(pid_file) };
    }
    let signal = CRASH.signal.load(Ordering::Acquire);
    let _ = handle(signal, Action::Default, 0);
    // To this very thread: a signal to the process may come only after the exit below.
    // SAFETY: async-signal-safe; the signal's default action ends the process.
    unsafe { libc::raise(signal) };
    exit_now(1)
}

/// The panic hook: a report, then the end.
fn on_panic(panic: &std::panic::PanicHookInfo<'_>) {
    if REPORTING.swap(true, Ordering::AcqRel) {
        wait_for_the_end();
    }
    let log = HandlerLog::open();
    let place = panic
        .location()
        .map_or("?".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
    let message = panic.payload_as_str().unwrap_or("no message");
    log.raw(START.as_bytes());
    log.line(format_args!(
        "------------------------------------------------"
    ));
    log.line(format_args!(
        "!!! Software Failure. Press left mouse button to continue"
    ));
    log.line(format_args!("Guru Meditation: {message} #{place}"));
    let config = CONFIG.get();
    // A report that gets stuck must still end the process.
    let _ = handle(libc::SIGALRM, Action::Call(on_timeout), 0);
    CRASH.signal.store(libc::SIGABRT, Ordering::Release);
    set_alarm();
    if config.is_none_or(|config| config.bool("crash-log-enabled")) {
        log.raw(b"\n------ STACK TRACE ------\n\nBacktrace:\n");
        log.raw(Trace::take().named().as_bytes());
        write_parts(&log);
    }
    if config.is_some_and(|config| config.bool("use-exit-on-panic")) {
        log.raw(END.as_bytes());
        exit_now(1);
    }
    finish();
}

#[allow(unsafe_code, reason = "alarm(2), which std lacks")]
fn set_alarm() {
    // SAFETY: takes a plain number.
    unsafe { libc::alarm(SECONDS_MAX) };
}

#[cfg(test)]
mod tests;
