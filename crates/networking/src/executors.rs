//! Threads for commands that would hold up their worker: it goes on with its other connections.
//!
//! A job takes along all that its command needs: the session, the input with the parsed batch, and
//! room for the reply. So nothing of it is copied, and it comes back the same way, through the
//! mailbox of the connection's worker, in line with whatever else is posted there. Threads are
//! started when jobs come, up to a limit, and stay. They run when no worker wants their processor
//! (`common::priority`); one that gets nothing for a while is lifted until its job is done. What
//! takes long to free is freed here, too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use common::clock::monotonic_us;
use common::priority::{self, Thread};
use parking_lot::{Condvar, Mutex};
use resp::{ArgScratch, ReplyWriter};

use crate::connection::Parked;
use crate::mailbox::{Mail, Mailbox, flush_wakes, hold_wakes};
use crate::output::Spent;
use crate::{ClientAddress, Outcome, Service};

/// Threads at the same time. They never wait, so more than a few only share the processors; fewer
/// would let a short command wait behind several very long ones.
pub const EXECUTORS_MAX: usize = 8;
/// How often it is looked whether they get on.
pub(crate) const LOOK_US: u64 = 50_000;
/// A thread is lifted when it had less than this part of a processor since the last look.
const LIFTED_BELOW: u64 = 10;
/// Blocks of memory from this size on are freed by these threads.
pub(crate) const FREE_BYTES_MIN: usize = 1 << 20;

/// A command on its way, with everything that belongs to it.
pub(crate) struct Job<S: Service> {
    pub(crate) to: ClientAddress,
    pub(crate) session: S::Session,
    /// The connection's input, and how much of it was executed before.
    pub(crate) input: Vec<u8>,
    pub(crate) done: usize,
    pub(crate) parked: Box<Parked>,
    pub(crate) reply: Vec<u8>,
    pub(crate) outcome: Outcome,
}

impl<S: Service> Job<S> {
    fn run(&mut self, service: &S, number: usize) {
        let (input, next) = (&self.input[self.done..], self.parked.step.next);
        let mut scratch = ArgScratch::new();
        self.parked.batch.slice(next, input, &mut scratch);
        let args = self.parked.batch.args(next, &scratch);
        let proto = service.proto(&self.session);
        let mut out = ReplyWriter::new(&mut self.reply, proto);
        self.outcome = service.dispatch_away(&mut self.session, number, args, &mut out);
    }
}

enum Task<S: Service> {
    Run(Box<Job<S>>),
    Free(Spent),
}

/// A thread that lives.
#[derive(Clone, Copy)]
struct Life {
    thread: Thread,
    has_task: bool,
    /// When it was looked at last, and the processor time that it had had then.
    at_us: u64,
    had_us: u64,
    is_lifted: bool,
}

impl Life {
    fn new(thread: Thread, has_task: bool) -> Self {
        Self {
            thread,
            has_task,
            at_us: monotonic_us(),
            had_us: thread.had_us(),
            is_lifted: false,
        }
    }

    /// Lifts it if it gets next to nothing.
    fn look(&mut self, now_us: u64) {
        let (passed_us, had_us) = (now_us - self.at_us, self.thread.had_us());
        let got_us = had_us.saturating_sub(self.had_us);
        // What is longer ago was a time without tasks.
        let counts = self.has_task || passed_us < 4 * LOOK_US;
        if counts && got_us.saturating_mul(LIFTED_BELOW) < passed_us {
            self.is_lifted |= self.thread.lift();
        }
        (self.at_us, self.had_us) = (now_us, had_us);
    }
}

struct State<S: Service> {
    tasks: VecDeque<Task<S>>,
    /// Which numbers are taken by threads.
    taken: [bool; EXECUTORS_MAX],
    lives: [Option<Life>; EXECUTORS_MAX],
    idle: usize,
    stopping: bool,
}

/// See the file's comment.
pub(crate) struct Executors<S: Service> {
    service: Arc<S>,
    mailboxes: Vec<Arc<Mailbox>>,
    state: Mutex<State<S>>,
    /// Tasks that are waiting or running.
    tasks: AtomicUsize,
    /// When to look at them next, monotonic.
    look_us: AtomicU64,
    /// There is work, or the end has come.
    work: Condvar,
    /// A thread has ended.
    ended: Condvar,
}

impl<S: Service> Executors<S> {
    pub(crate) fn new(service: Arc<S>, mailboxes: Vec<Arc<Mailbox>>) -> Self {
        Self {
            service,
            mailboxes,
            state: Mutex::new(State {
                tasks: VecDeque::new(),
                taken: [false; EXECUTORS_MAX],
                lives: [None; EXECUTORS_MAX],
                idle: 0,
                stopping: false,
            }),
            tasks: AtomicUsize::new(0),
            look_us: AtomicU64::new(0),
            work: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    /// Runs a job soon, and sends it back.
    pub(crate) fn run(self: &Arc<Self>, job: Box<Job<S>>) {
        self.add(Task::Run(job));
    }

    /// Drops something large.
    pub(crate) fn free(self: &Arc<Self>, what: Spent) {
        self.add(Task::Free(what));
    }

    fn add(self: &Arc<Self>, task: Task<S>) {
        self.tasks.fetch_add(1, Relaxed);
        let mut state = self.state.lock();
        state.tasks.push_back(task);
        if state.tasks.len() <= state.idle || state.stopping {
            self.work.notify_one();
            return;
        }
        let Some(number) = state.taken.iter().position(|taken| !taken) else {
            return;
        };
        state.taken[number] = true;
        let this = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name(format!("executor-{number}"))
            .spawn(move || this.live(number));
        if let Err(error) = thread {
            tracing::warn!("Starting a thread for long commands: {error}");
            state.taken[number] = false;
            if state.taken.iter().any(|taken| *taken) {
                return;
            }
            // Nobody else would do it.
            let tasks = std::mem::take(&mut state.tasks);
            drop(state);
            self.tasks.fetch_sub(tasks.len(), Relaxed);
            tasks.into_iter().for_each(|task| self.perform(0, task));
        }
    }

    /// Whether there are tasks, and so threads to be looked after.
    #[inline]
    pub(crate) fn are_busy(&self) -> bool {
        self.tasks.load(Relaxed) > 0
    }

    /// Lifts threads that get nothing. To be called often while they are busy.
    #[cold]
    pub(crate) fn look_after(&self) {
        let now_us = monotonic_us();
        if now_us < self.look_us.load(Relaxed) {
            return;
        }
        self.look_us.store(now_us + LOOK_US, Relaxed);
        let state = &mut *self.state.lock();
        let waiting = !state.tasks.is_empty();
        for life in state.lives.iter_mut().flatten() {
            if (life.has_task || waiting) && now_us >= life.at_us + LOOK_US {
                life.look(now_us);
            }
        }
    }

    /// A thread's life.
    fn live(&self, number: usize) {
        let _held = hold_wakes();
        let mut state = self.state.lock();
        // With the lock held: as soon as it is of low priority it is looked after.
        let thread = Thread::step_back();
        state.lives[number] = Some(Life::new(thread, false));
        loop {
            if let Some(task) = state.tasks.pop_front() {
                state.lives[number] = Some(Life::new(thread, true));
                drop(state);
                self.perform(number, task);
                priority::relax();
                flush_wakes();
                state = self.state.lock();
                self.tasks.fetch_sub(1, Relaxed);
                let life = state.lives[number].replace(Life::new(thread, false));
                if life.is_some_and(|life| life.is_lifted) && !state.stopping {
                    thread.give_way();
                }
                continue;
            }
            if state.stopping {
                break;
            }
            state.idle += 1;
            self.work.wait(&mut state);
            state.idle -= 1;
        }
        state.taken[number] = false;
        state.lives[number] = None;
        self.ended.notify_all();
    }

    fn perform(&self, number: usize, task: Task<S>) {
        let mut job = match task {
            Task::Run(job) => job,
            Task::Free(what) => return drop(what),
        };
        job.run(&*self.service, number);
        self.mailboxes[job.to.worker()].push(Mail::Returned(job.to, job));
    }

    /// Lets what runs end, and nothing else begin. The workers have ended.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        for life in state.lives.iter().flatten() {
            life.thread.lift();
        }
        let tasks = std::mem::take(&mut state.tasks);
        self.work.notify_all();
        while state.taken.iter().any(|taken| *taken) {
            self.ended.wait(&mut state);
        }
        drop(state);
        for task in tasks {
            if let Task::Run(job) = task {
                self.service.disconnect(job.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread of its own says of a life that has had nothing for a while.
    fn starved(has_task: bool, ago_us: u64) -> (Life, Life) {
        let life = std::thread::spawn(move || {
            let now_us = ago_us + 1_000_000;
            let mut life = Life::new(Thread::step_back(), has_task);
            let may_lift = life.thread.lift();
            life.is_lifted = may_lift;
            let able = life;
            (life.is_lifted, life.at_us, life.had_us) = (false, 1_000_000, life.thread.had_us());
            life.look(now_us);
            (able, life)
        });
        life.join().unwrap()
    }

    #[test]
    fn a_thread_that_gets_nothing_for_its_task_is_lifted_if_it_may_be() {
        let (able, life) = starved(true, 100 * LOOK_US);
        assert_eq!(life.is_lifted, able.is_lifted);
        let (able, life) = starved(false, 2 * LOOK_US);
        assert_eq!(
            life.is_lifted, able.is_lifted,
            "it cannot even take its task"
        );
    }

    #[test]
    fn a_thread_that_had_nothing_to_do_is_not_lifted() {
        assert!(!starved(false, 100 * LOOK_US).1.is_lifted);
    }

    #[test]
    fn a_thread_that_gets_on_is_not_lifted() {
        let mut life = Life::new(Thread::step_back(), true);
        let before_us = life.thread.had_us();
        while life.thread.had_us() - before_us < 1000 {}
        life.look(life.at_us + 5000);
        assert!(!life.is_lifted);
    }
}
