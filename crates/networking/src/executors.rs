//! Threads for commands that would hold up their worker: it goes on with its other connections.
//!
//! A job takes along all that its command needs: the session, the input with the parsed batch, and
//! room for the reply. So nothing of it is copied, and it comes back the same way, through the
//! mailbox of the connection's worker, in line with whatever else is posted there. Threads are
//! started when jobs come, up to a limit, and stay. They run when no worker wants their processor
//! (`common::priority`); one that gets nothing for a while is lifted. What
//! takes long to free is freed here, too.

use std::collections::VecDeque;
use std::sync::Arc;

use common::priority::{self, Background, Rank};
use parking_lot::{Condvar, Mutex};
use resp::{ArgScratch, ReplyWriter};

use crate::connection::Parked;
use crate::mailbox::{Mail, Mailbox, flush_wakes, hold_wakes};
use crate::output::Spent;
use crate::{ClientAddress, Outcome, Service};

/// Threads at the same time. They never wait, so more than a few only share the processors; fewer
/// would let a short command wait behind several very long ones.
pub const EXECUTORS_MAX: usize = 8;
/// One of so many parts of a processor is for each; with less it is lifted.
const PART: u64 = 10;
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

struct State<S: Service> {
    tasks: VecDeque<Task<S>>,
    /// Which numbers are taken by threads.
    taken: [bool; EXECUTORS_MAX],
    idle: usize,
    stopping: bool,
}

/// See the file's comment.
pub(crate) struct Executors<S: Service> {
    service: Arc<S>,
    mailboxes: Vec<Arc<Mailbox>>,
    state: Mutex<State<S>>,
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
                idle: 0,
                stopping: false,
            }),
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
            tasks.into_iter().for_each(|task| self.perform(0, task));
        }
    }

    /// A thread's life.
    fn live(&self, number: usize) {
        let _held = hold_wakes();
        let background = Background::new(Rank::Lower, PART);
        let mut state = self.state.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                drop(state);
                background.aside(|| self.perform(number, task));
                flush_wakes();
                state = self.state.lock();
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
        priority::lift_all();
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
