//! Applying the primary's stream: each command through the one entrance, in order.
//!
//! A transaction is queued and runs at its EXEC under all its locks, so that nobody sees a part of
//! it. A command that finds a shard busy waits for it; the role may end meanwhile, and then the
//! command is not run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ::replication::handshake::command;
use bytes::Bytes;
use commands::aof::Gate;
use commands::session::ClientLink;
use commands::{Outcome, Session};
use common::clock::now_ms;
use parking_lot::{Condvar, Mutex};
use resp::{ArgScratch, Args, Batch, Limits, Parsed, Parser, Proto, ReplyWriter};

use super::Context;
use super::wire::{Lost, Wire};

/// How often our progress is told unasked.
const ACK_MS: i64 = 1000;
/// The longest wait for a busy shard before it is tried again unasked.
const BUSY: Duration = Duration::from_millis(20);

/// Tells this thread that a shard is free.
#[derive(Default)]
struct Resumed {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl ClientLink for Resumed {
    fn resume(&self) {
        *self.flag.lock() = true;
        self.changed.notify_all();
    }
    fn unblock(&self, _: Bytes) {}
    fn push(&self, _: Bytes) {}
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
}

impl Resumed {
    fn wait(&self) {
        let mut flag = self.flag.lock();
        if !*flag {
            self.changed.wait_for(&mut flag, BUSY);
        }
        *flag = false;
    }
}

/// What applies the stream.
struct Applier<'c> {
    context: &'c Context,
    generation: u64,
    session: Session,
    resumed: Arc<Resumed>,
    reply: Vec<u8>,
    next_ack_ms: i64,
    disk: OnDisk,
}

/// Applies the stream until the link or the role ends.
pub(super) fn apply(context: &Context, generation: u64, wire: &mut Wire<'_>) -> Result<(), Lost> {
    let resumed = Arc::<Resumed>::default();
    let mut session = context.server.replication.session();
    session.link = Arc::clone(&resumed) as Arc<dyn ClientLink>;
    let replication = &context.server.replication;
    replication.take_seat(generation, wire.ends(), &session.state);
    let mut applier = Applier {
        context,
        generation,
        session,
        resumed,
        reply: Vec::new(),
        next_ack_ms: 0,
        disk: OnDisk::default(),
    };
    let (mut parser, mut batch) = (Parser::new(), Batch::new());
    loop {
        applier.acknowledge_if_due(wire)?;
        execute(&mut applier, wire, &mut parser, &mut batch)?;
        let read = match parser.large_target() {
            Some(target) => {
                let read = wire.read_into(target);
                parser.large_filled(*read.as_ref().unwrap_or(&0));
                read
            }
            None => wire.read(),
        };
        match read {
            Ok(0) if wire.is_over() => return Err(Lost::Over),
            Ok(0) if wire.is_silent() => {
                tracing::error!("MASTER timeout: no data nor PING received...");
                return Err(Lost::Down);
            }
            Ok(_) => {}
            Err(error) => return Err(wire.lost("Connection with master lost", &error)),
        }
    }
}

/// Executes the whole commands that have been read.
fn execute(
    applier: &mut Applier<'_>,
    wire: &mut Wire<'_>,
    parser: &mut Parser,
    batch: &mut Batch,
) -> Result<(), Lost> {
    let (input, mut used) = wire.take();
    let done = loop {
        batch.clear();
        let rest = &input[used..];
        let limits = Limits {
            max_bulk_len: u64::MAX,
            ..Limits::default()
        };
        let (consumed, parsed) = parser.parse(rest, &limits, batch);
        if let Err(lost) = execute_batch(applier, wire, batch, rest) {
            break Err(lost);
        }
        used += consumed;
        applier.after_batch(input.len() - used);
        match parsed {
            Parsed::Full => {}
            Parsed::NeedMore => break Ok(()),
            Parsed::Error(error) => {
                tracing::error!("Protocol error ({}) from master", error.log_text());
                break Err(Lost::Down);
            }
        }
    };
    wire.put_back(input, used);
    done
}

fn execute_batch(
    applier: &mut Applier<'_>,
    wire: &mut Wire<'_>,
    batch: &Batch,
    input: &[u8],
) -> Result<(), Lost> {
    let mut scratch = ArgScratch::new();
    batch.slice(0, input, &mut scratch);
    let mut begin = 0;
    for i in 0..batch.len() {
        let args = batch.args(i, &scratch);
        let raw = &input[begin..batch.end(i)];
        begin = batch.end(i);
        if raw.len() == encoded_len(args) {
            applier.run(args, raw)?;
        } else {
            // A part of it was read earlier. There is one way to write it.
            applier.run(args, &command(args.as_slice()))?;
        }
        if std::mem::take(&mut applier.session.ack_wanted) {
            applier.acknowledge(wire)?;
        }
    }
    Ok(())
}

/// Bytes of a command in the stream.
fn encoded_len(args: Args<'_>) -> usize {
    let digits = |n: usize| n.checked_ilog10().unwrap_or(0) as usize + 1;
    let words = args.iter().map(|arg| digits(arg.len()) + arg.len() + 5);
    digits(args.len()) + 3 + words.sum::<usize>()
}

impl Applier<'_> {
    /// Runs one command, however long it has to wait for its shards.
    fn run(&mut self, args: Args<'_>, raw: &[u8]) -> Result<(), Lost> {
        let server = &self.context.server;
        self.session.arrived(raw);
        let prepared = commands::prepare(server, args);
        loop {
            self.reply.clear();
            let mut out = ReplyWriter::new(&mut self.reply, Proto::Resp2);
            let session = &mut self.session;
            let dispatch = || commands::dispatch(server, session, args, prepared, &mut out);
            match server.replication.apply(self.generation, dispatch) {
                None => return Err(Lost::Over),
                Some(Outcome::Deferred) if self.context.is_stopping() => return Err(Lost::Over),
                Some(Outcome::Deferred) => self.resumed.wait(),
                Some(_) => break,
            }
        }
        commands::replication::settle(server, &mut self.session);
        if self.reply.first() == Some(&b'-') {
            self.complain(args);
        }
        Ok(())
    }

    /// The primary sent something that we cannot do: the data may differ from here on.
    fn complain(&self, args: Args<'_>) {
        let error = String::from_utf8_lossy(&self.reply);
        let name = String::from_utf8_lossy(args.at(0)).to_ascii_lowercase();
        tracing::error!(
            "== CRITICAL == This replica is sending an error to its master: '{}' after \
             processing the command '{name}'",
            error.trim_end()
        );
    }

    fn after_batch(&mut self, unread: usize) {
        let server = &self.context.server;
        commands::batch_end(server, &mut self.session);
        let unapplied = unread + self.session.kept_back();
        server
            .replication
            .set_unapplied(self.generation, unapplied as u64);
        server.log.wake();
    }

    fn acknowledge_if_due(&mut self, wire: &mut Wire<'_>) -> Result<(), Lost> {
        if now_ms() < self.next_ack_ms {
            return Ok(());
        }
        self.acknowledge(wire)
    }

    fn acknowledge(&mut self, wire: &mut Wire<'_>) -> Result<(), Lost> {
        self.next_ack_ms = now_ms() + ACK_MS;
        let server = &self.context.server;
        let offset = server.log.replicated();
        let on_disk = self.disk.advance(&server.aof, offset, server.log.end());
        let (offset, on_disk) = (offset.to_string(), on_disk.map(|at| at.to_string()));
        let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", offset.as_bytes()];
        if let Some(on_disk) = &on_disk {
            words.extend([&b"FACK"[..], on_disk.as_bytes()]);
        }
        wire.send(&command(&words))
    }
}

/// How much of the stream is in the append-only file and on disk. The file's progress is in offsets
/// of the log, which has more than the stream: the pairs seen at acknowledgements tell them apart.
#[derive(Default)]
struct OnDisk {
    /// Offsets of the stream, and of the log not before them, that are not on disk yet.
    ahead: VecDeque<(u64, u64)>,
    offset: Option<u64>,
}

impl OnDisk {
    /// The stream is at `offset`, the log at `end`; what can be acknowledged as on disk, if there
    /// is a file that has our data.
    fn advance(&mut self, gate: &Gate, offset: u64, end: u64) -> Option<u64> {
        if !gate.is_enabled() || !gate.is_whole() {
            *self = Self::default();
            return None;
        }
        if self.ahead.back() != Some(&(offset, end)) {
            self.ahead.push_back((offset, end));
        }
        while let Some(at) = self.ahead.pop_front_if(|at| gate.is_safe(at.1)) {
            self.offset = Some(at.0);
        }
        self.offset
    }
}
