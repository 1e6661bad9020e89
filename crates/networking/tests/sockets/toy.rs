//! A service that exercises every outcome and message, with as little behind it as possible.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use networking::{BatchInfo, Client, ClientClass, ConnInfo, Handle, Message, Outcome, Service};
use resp::{Args, Proto, ReplyError, ReplyWriter};

/// The service; tests look at its fields.
#[derive(Default)]
pub(crate) struct Toy {
    pub(crate) handle: OnceLock<Handle<()>>,
    values: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
    /// While it is closed, `DEFER` defers, and `FAR` commands wait on their executors.
    pub(crate) gate_open: AtomicBool,
    parked: Mutex<Vec<Arc<Client<()>>>>,
    /// `FAR` commands that are on executors.
    pub(crate) far: AtomicUsize,
    pub(crate) disconnected: AtomicUsize,
    pub(crate) dispatched: AtomicUsize,
    pub(crate) largest_batch: AtomicUsize,
    pub(crate) settled: AtomicU64,
}

/// A client's session.
pub(crate) struct Session {
    client: Arc<Client<()>>,
    class: ClientClass,
    hold: bool,
    /// The executor that it is on.
    away: Option<usize>,
}

impl Toy {
    pub(crate) fn handle(&self) -> &Handle<()> {
        self.handle.get().expect("attached at start")
    }

    /// Opens the gate for all `DEFER`s.
    pub(crate) fn open_gate(&self) {
        self.gate_open.store(true, SeqCst);
        self.parked
            .lock()
            .unwrap()
            .drain(..)
            .for_each(|client| client.post(Message::Resume));
    }

    /// Clients whose command is deferred.
    pub(crate) fn parked(&self) -> usize {
        self.parked.lock().unwrap().len()
    }

    fn client(&self, id: &[u8]) -> Option<Arc<Client<()>>> {
        self.handle().registry().get(number(id))
    }

    fn post(&self, id: &[u8], message: Message, out: &mut ReplyWriter<'_>) -> Outcome {
        match self.client(id) {
            Some(client) => {
                client.post(message);
                out.ok();
            }
            None => out.error(&ReplyError::err("no such client")),
        }
        Outcome::Done
    }

    fn defer(&self, session: &Session, out: &mut ReplyWriter<'_>) -> Outcome {
        // Under the lock of `parked`, so that an opening gate cannot be missed.
        let mut parked = self.parked.lock().unwrap();
        if self.gate_open.load(SeqCst) {
            out.ok();
            return Outcome::Done;
        }
        parked.push(Arc::clone(&session.client));
        Outcome::Deferred
    }

    /// Runs a command on an executor, once the gate is open.
    fn far(&self, session: &mut Session, inner: Args<'_>, out: &mut ReplyWriter<'_>) -> Outcome {
        if session.away.is_none() {
            return Outcome::Away;
        }
        self.far.fetch_add(1, SeqCst);
        while !self.gate_open.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let outcome = self.dispatch(session, inner, inner.len() as u32, out);
        self.far.fetch_sub(1, SeqCst);
        outcome
    }

    fn data(&self, args: Args<'_>, out: &mut ReplyWriter<'_>) -> Outcome {
        match args.at(0) {
            b"GET" => match self.values.lock().unwrap().get(args.at(1)) {
                Some(value) => out.bulk(value),
                None => out.null(),
            },
            b"SET" => {
                self.values
                    .lock()
                    .unwrap()
                    .insert(args.at(1).to_vec(), args.at(2).to_vec());
                out.ok();
            }
            b"LEN" => out.integer(args.iter().map(|arg| arg.len() as i64).sum()),
            b"BIG" => out.bulk(&vec![b'x'; number(args.at(1)) as usize]),
            b"ECHO" => out.bulk(args.at(1)),
            _ => out.simple("PONG"),
        }
        Outcome::Done
    }
}

fn number(text: &[u8]) -> u64 {
    common::number::parse_u64(text).expect("a number")
}

impl Service for Toy {
    type Session = Session;
    type Shared = ();
    type Prepared = u32;

    fn attach(&self, network: Handle<()>) {
        assert!(self.handle.set(network).is_ok());
    }

    fn new_shared(&self, _: &ConnInfo) {}

    fn connect(&self, client: &Arc<Client<()>>) -> Session {
        Session {
            client: Arc::clone(client),
            class: ClientClass::Normal,
            hold: false,
            away: None,
        }
    }

    fn prepare(&self, _: &Session, args: Args<'_>) -> u32 {
        args.len() as u32
    }

    fn prefetch(&self, _: &mut Session, _: &[u32], _: usize) -> usize {
        usize::MAX
    }

    fn lend(&self, session: &mut Session) -> Session {
        let stand_in = Session {
            client: Arc::clone(&session.client),
            class: session.class,
            hold: session.hold,
            away: None,
        };
        std::mem::replace(session, stand_in)
    }

    fn dispatch_away(
        &self,
        session: &mut Session,
        executor: usize,
        args: Args<'_>,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        session.away = Some(executor);
        let outcome = self.dispatch(session, args, args.len() as u32, out);
        session.away = None;
        outcome
    }

    fn dispatch(
        &self,
        session: &mut Session,
        args: Args<'_>,
        prepared: u32,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        self.dispatched.fetch_add(1, SeqCst);
        assert_eq!(
            prepared as usize,
            args.len(),
            "prepared for another command"
        );
        let id = args.get(1).unwrap_or_default();
        match args.at(0) {
            b"ID" => out.integer(session.client.id() as i64),
            b"FAR" => return self.far(session, args.from(1), out),
            b"DEFER" => return self.defer(session, out),
            b"SLOW" => {
                std::thread::sleep(Duration::from_millis(number(id)));
                out.ok();
            }
            b"BLOCK" => {
                let at_ms = common::clock::now_ms() + number(id) as i64;
                session.client.wake_at(at_ms);
                return Outcome::Blocked;
            }
            b"WAIT" => return Outcome::Blocked,
            b"WAKE" => return self.post(id, Message::Unblock(Box::new(args.at(2).to_vec())), out),
            b"REPLY" => {
                return self.post(id, Message::Reply(Bytes::copy_from_slice(args.at(2))), out);
            }
            b"TELL" => return self.post(id, Message::Custom(Box::new(args.at(2).to_vec())), out),
            b"PUSH" => {
                let payload = Bytes::copy_from_slice(args.at(2));
                let Some(client) = self.client(id) else {
                    out.error(&ReplyError::err("no such client"));
                    return Outcome::Done;
                };
                let to = client.address();
                self.handle()
                    .post()
                    .many(to.worker(), Arc::from([to, to]), payload);
                out.ok();
            }
            b"KILL" => match self.client(id) {
                Some(client) => {
                    client.kill();
                    out.ok();
                }
                None => out.error(&ReplyError::err("no such client")),
            },
            b"PUBSUB" => {
                session.class = ClientClass::Pubsub;
                out.ok();
            }
            b"HOLD" => {
                session.hold = true;
                out.ok();
            }
            b"QUIT" => {
                out.ok();
                return Outcome::Close;
            }
            b"DIE" => return Outcome::CloseNow,
            _ => return self.data(args, out),
        }
        Outcome::Done
    }

    fn resume(
        &self,
        session: &mut Session,
        message: Message,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        session.client.wake_at(i64::MAX);
        let text = |any: Box<dyn Any + Send>| *any.downcast::<Vec<u8>>().expect("a text");
        match message {
            Message::Unblock(any) | Message::Custom(any) => out.bulk(&text(any)),
            Message::Timeout => out.null_array(),
            other => panic!("{other:?} is not for the service"),
        }
        Outcome::Done
    }

    fn batch_end(&self, _: &mut Session, info: BatchInfo) {
        self.largest_batch.fetch_max(info.commands as usize, SeqCst);
    }

    fn disconnect(&self, _: Session) {
        self.disconnected.fetch_add(1, SeqCst);
    }

    fn authenticated(&self, _: &Session) -> bool {
        true
    }

    fn class(&self, session: &Session) -> ClientClass {
        session.class
    }

    fn proto(&self, _: &Session) -> Proto {
        Proto::Resp2
    }

    fn settle(&self, _worker: usize) -> u64 {
        self.settled.load(SeqCst)
    }

    fn may_flush(&self, session: &mut Session, is_new: bool) -> bool {
        let held = is_new && session.hold;
        session.hold = false;
        !held
    }
}
