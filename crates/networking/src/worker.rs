//! A worker: the thread that owns a share of the connections and runs their commands.
//!
//! Its loop waits for sockets, mail and timers, and gives turns to the connections concerned.
//! Mail that a turn causes for this same worker is taken as soon as the turn ends, so that with one
//! worker things happen in the order of the commands that caused them. Slots that become free are
//! used again only in the next round: an event of this one may still name them.

mod lingering;
mod slots;

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::clock::now_ms;
use common::priority;
use mio::{Events, Poll, Token};

use self::lingering::Lingering;
use self::slots::Slots;
use crate::acceptor::NewConn;
use crate::connection::{Connection, Next};
use crate::context::Cx;
use crate::executors::{Executors, Job};
use crate::mailbox::{Mail, Mailbox, flush_wakes, hold_wakes};
use crate::network::Shared;
use crate::{Client, ClientAddress, NetStats, Service};

/// The mailbox's waker.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Events taken from the system at once.
const EVENTS: usize = 1024;
/// How often connections are looked after, normally and while some have unsent output.
const LOOK_MS: i64 = 1000;
const LOOK_SOON_MS: i64 = 100;

/// See the file's comment.
pub(crate) struct Worker<S: Service> {
    index: usize,
    poll: Poll,
    shared: Arc<Shared<S::Shared>>,
    mailbox: Arc<Mailbox>,
    cx: Cx<S>,
    slots: Slots<S>,
    lingering: Lingering,
    /// Connections that need a turn.
    ready: VecDeque<u32>,
    /// Room for the mail being read.
    mail: Vec<Mail>,
    /// When to look after all connections, and when to call the service, Unix ms.
    next_look_ms: i64,
    next_tick_ms: i64,
    /// What the service last said of replies that are held back.
    settled: u64,
    stopping: bool,
}

impl<S: Service> Worker<S> {
    pub(crate) fn new(
        index: usize,
        poll: Poll,
        service: Arc<S>,
        shared: Arc<Shared<S::Shared>>,
        (stats, executors): (Arc<NetStats>, Arc<Executors<S>>),
    ) -> io::Result<Self> {
        let registry = poll.registry().try_clone()?;
        let mailbox = Arc::clone(&shared.mailboxes[index]);
        let cx = Cx::new(service, Arc::clone(&shared), stats, registry, executors);
        Ok(Self {
            index,
            poll,
            shared,
            mailbox,
            cx,
            slots: Slots::default(),
            lingering: Lingering::default(),
            ready: VecDeque::new(),
            mail: Vec::new(),
            next_look_ms: i64::MAX,
            next_tick_ms: i64::MIN,
            settled: 0,
            stopping: false,
        })
    }

    /// The thread's life.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let _held = hold_wakes();
        while !self.stopping {
            self.wait(&mut events);
            for event in &events {
                self.on_event(event);
                self.take_mail();
            }
            self.take_mail();
            self.run_ready();
            if !self.cx.withheld.is_empty() {
                self.settle();
            }
            self.cx.service.round_end();
            if priority::are_aside() {
                priority::look_after();
            }
            self.run_timers();
            self.slots.recycle();
        }
        self.end();
    }

    /// Waits until there is something to do, which may be at once.
    fn wait(&mut self, events: &mut Events) {
        flush_wakes();
        let idle = self.ready.is_empty() && !self.cx.unsettled;
        let sleeps = idle && self.mailbox.fall_asleep();
        let timeout = if sleeps {
            self.until_next()
        } else {
            Some(Duration::ZERO)
        };
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            Err(error) => {
                tracing::warn!("Polling connections: {error}");
                events.clear();
            }
        }
        if sleeps {
            self.mailbox.wake_up();
        }
        self.cx.now_ms = now_ms();
    }

    /// The time until the next timer, look or tick.
    fn until_next(&self) -> Option<Duration> {
        let next = self
            .next_look_ms
            .min(self.next_tick_ms)
            .min(self.cx.timers.next_ms());
        let wait_ms = |next: i64| next.saturating_sub(now_ms()).max(0);
        let wait = (next != i64::MAX).then(|| Duration::from_millis(wait_ms(next) as u64));
        let look = Duration::from_micros(priority::LOOK_US);
        match priority::are_aside() {
            true => Some(wait.map_or(look, |wait| wait.min(look))),
            false => wait,
        }
    }

    fn on_event(&mut self, event: &mio::event::Event) {
        let token = event.token();
        if token == WAKER {
            return;
        }
        if Lingering::owns(token) {
            self.lingering.on_event(token, &mut self.cx.read_buffer);
            return;
        }
        let slot = token.0 as u32;
        if let Some(connection) = self.slots.get_mut(slot) {
            connection.on_event(event);
            self.turn(slot);
        }
    }

    /// Gives a connection its turn.
    fn turn(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        match connection.turn(&mut self.cx) {
            Next::Wait if connection.has_output() => {
                self.next_look_ms = self.next_look_ms.min(self.cx.now_ms + LOOK_SOON_MS);
            }
            Next::Wait => {}
            Next::Again => self.queue(slot),
            next @ (Next::Close | Next::Linger) => self.close(slot, next == Next::Linger),
        }
    }

    /// Notes that a connection needs a turn.
    fn queue(&mut self, slot: u32) {
        if let Some(connection) = self.slots.get_mut(slot)
            && !std::mem::replace(&mut connection.queued, true)
        {
            self.ready.push_back(slot);
        }
    }

    /// Gives turns to those that waited for one; not to those that join them now.
    fn run_ready(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else {
                break;
            };
            if let Some(connection) = self.slots.get_mut(slot) {
                connection.queued = false;
                self.turn(slot);
            }
            self.take_mail();
        }
    }

    /// Sees to it that replies which are held back can leave, and sends those that may.
    fn settle(&mut self) {
        self.cx.unsettled = false;
        let settled = self.cx.service.settle(self.index);
        if std::mem::replace(&mut self.settled, settled) == settled {
            return;
        }
        let mut waiting = take(&mut self.cx.withheld);
        waiting.retain(|address| {
            let Some(connection) = self.slots.get_mut(address.slot) else {
                return false;
            };
            if connection.id() != address.id {
                return false;
            }
            let goes = connection.is_let_go(&self.cx);
            if goes {
                self.turn(address.slot);
            } else {
                self.cx.unsettled = true;
            }
            !goes
        });
        self.cx.withheld.append(&mut waiting);
    }

    fn take_mail(&mut self) {
        if !self.mailbox.has_mail() {
            return;
        }
        let mut mail = take(&mut self.mail);
        self.mailbox.take(&mut mail);
        for mail in mail.drain(..) {
            match mail {
                Mail::One(to, message) => {
                    self.with_client(to, |connection, cx| connection.deliver(cx, message));
                }
                Mail::Many(to, payload) => {
                    self.mailbox.delivered(to.len());
                    for to in to.iter() {
                        self.with_client(*to, |connection, cx| {
                            connection.push(cx, payload.clone());
                        });
                    }
                }
                Mail::Connection(new) => self.adopt(*new),
                // The end of every round looks after these.
                Mail::Settle => {}
                Mail::Returned(to, job) => self.take_back(to, job),
                Mail::Stop => self.stopping = true,
            }
        }
        self.mail = mail;
        flush_wakes();
    }

    /// Does something to a connection, if it is still there, that calls for a turn.
    fn with_client(&mut self, to: ClientAddress, f: impl FnOnce(&mut Connection<S>, &mut Cx<S>)) {
        if let Some(connection) = self.slots.get_mut(to.slot)
            && connection.id() == to.id
        {
            f(connection, &mut self.cx);
            self.queue(to.slot);
        }
    }

    /// A command has come back from an executor, perhaps to nobody.
    #[cold]
    fn take_back(&mut self, to: ClientAddress, job: Box<dyn Any + Send>) {
        let Ok(job) = job.downcast::<Job<S>>() else {
            return;
        };
        match self.slots.get_mut(to.slot) {
            Some(connection) if connection.id() == to.id => {
                connection.take_back(&mut self.cx, *job);
                self.queue(to.slot);
            }
            _ => self.cx.service.disconnect(job.session),
        }
    }

    /// Makes an accepted socket a client.
    fn adopt(&mut self, new: NewConn) {
        let slot = self.slots.reserve();
        let address = ClientAddress {
            id: new.info.id,
            worker: self.index as u32,
            slot,
        };
        let shared = self.cx.service.new_shared(&new.info);
        let (mailbox, settings) = (Arc::clone(&self.mailbox), Arc::clone(&self.cx.settings));
        let client = Arc::new(Client::new(address, new.info, shared, mailbox, settings));
        self.shared.registry.insert(Arc::clone(&client));
        let connection = Connection::new(&self.cx, client, new.transport);
        let connection = self.slots.put(slot, connection);
        let registered = connection.register(&self.cx);
        self.next_look_ms = self.next_look_ms.min(self.cx.now_ms + LOOK_MS);
        if let Err(error) = registered {
            tracing::warn!("Error registering fd event for the new client: {error}");
            self.close(slot, false);
        }
    }

    fn close(&mut self, slot: u32, linger: bool) {
        let Some(connection) = self.slots.remove(slot) else {
            return;
        };
        let (client, transport) = connection.end(&mut self.cx);
        self.shared.memory.forget(&client);
        self.shared.registry.remove(client.id());
        self.shared.loads[self.index].fetch_sub(1, Relaxed);
        if linger && !self.stopping {
            self.lingering.add(transport, &self.cx.poll, self.cx.now_ms);
            self.next_look_ms = self.next_look_ms.min(self.cx.now_ms + LOOK_SOON_MS);
        }
    }

    /// What time calls for.
    fn run_timers(&mut self) {
        let now_ms = self.cx.now_ms;
        while let Some(timer) = self.cx.timers.pop_due(now_ms) {
            let Some(connection) = self.slots.get_mut(timer.slot) else {
                continue;
            };
            if connection.id() == timer.id && connection.on_timer(&mut self.cx, timer.at_ms) {
                self.queue(timer.slot);
            }
        }
        if self.next_tick_ms <= now_ms {
            self.next_tick_ms = self.cx.service.tick(self.index, now_ms);
        }
        if self.next_look_ms <= now_ms {
            self.look_after_all();
        }
    }

    fn look_after_all(&mut self) {
        let mut soon = self.lingering.sweep(self.cx.now_ms);
        for slot in 0..self.slots.len() {
            let Some(connection) = self.slots.get_mut(slot) else {
                continue;
            };
            soon |= connection.has_output();
            if connection.look_after(&self.cx) {
                self.queue(slot);
            }
        }
        let again_ms = match soon {
            true => LOOK_SOON_MS,
            false if self.slots.is_empty() => i64::MAX - self.cx.now_ms,
            false => LOOK_MS,
        };
        self.next_look_ms = self.cx.now_ms + again_ms;
    }

    /// Sends what can be sent, and closes everything.
    fn end(&mut self) {
        for slot in 0..self.slots.len() {
            if let Some(connection) = self.slots.get_mut(slot) {
                connection.last_flush(&mut self.cx);
                self.close(slot, false);
            }
        }
    }
}
