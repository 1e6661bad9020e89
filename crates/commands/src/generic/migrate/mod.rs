//! MIGRATE: moves keys to another server.
//!
//! Workers never wait for another server. The command runs twice: first it dumps the keys, hands
//! the dumps to a background thread ([`transfer`]) and is deferred, as if a shard were busy; when
//! the target has answered it runs again, removes what has arrived and replies. In between the
//! keys can be read, and who wants to change them waits ([`moving`]). If the client goes away
//! meanwhile, the cron does the second part.

mod connections;
mod moving;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::number::{I64Text, parse_i64};
use keyspace::{DbId, Event, ShardSet};
use parking_lot::{Condvar, Mutex};
use persistence::rdb::payload;
use resp::{Args, ReplyError, ReplyWriter, errors};

use self::connections::{Connections, Target};
use self::moving::Moving;
use self::transfer::Report;
use crate::call;
use crate::command::flag::WRITE;
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;
use crate::session::Session;

pub(crate) use self::transfer::Transfer;

/// `MIGRATE`
pub const MIGRATE: Command = Command::new("migrate", -6, migrate)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Moves keys to another server.", "O(N)")
    .flags(WRITE)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .tips(&["nondeterministic_output"])
    .keys(&[
        KeySpec::at(3, "RW access delete"),
        KeySpec::keyword("KEYS", -2, "RW access delete incomplete").range(-1, 1, 0),
    ])
    .key_finder(find_keys)
    .args(
        "host port:integer key_or_empty_string(key:key@0 | empty_string=\"\"!) \
         destination-db:integer timeout:integer copy=COPY!?^3.0.0 replace=REPLACE!?^3.0.0 \
         authentication?(password=AUTH?^4.0.7 | username_password=AUTH2?^6.0.0{username password}) \
         key:key@1=KEYS?*^3.0.6",
    );

/// Milliseconds to wait where the client gives none.
const TIMEOUT_MS: i64 = 1000;
/// Threads that talk to other servers, each to one at a time.
const THREADS_MAX: usize = 8;

#[derive(Default)]
struct Queue {
    transfers: VecDeque<Arc<Transfer>>,
    threads: usize,
    idle: usize,
}

/// What all MIGRATEs of a server share.
#[derive(Default)]
pub struct Migrations {
    connections: Connections,
    pub(crate) moving: Moving,
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Transfers whose clients are gone.
    orphans: Mutex<Vec<Arc<Transfer>>>,
}

impl Migrations {
    /// How many connections are kept (`migrate_cached_sockets`).
    pub fn cached_sockets(&self) -> usize {
        self.connections.len()
    }

    /// Hands a transfer to a background thread. `false`: there is none and none can be started.
    fn start(self: &Arc<Self>, transfer: &Arc<Transfer>) -> bool {
        let mut queue = self.queue.lock();
        if queue.idle <= queue.transfers.len() && queue.threads < THREADS_MAX {
            let this = Arc::clone(self);
            let thread = std::thread::Builder::new().name("migrate".into());
            if thread.spawn(move || this.serve()).is_ok() {
                queue.threads += 1;
            } else if queue.threads == 0 {
                return false;
            }
        }
        queue.transfers.push_back(Arc::clone(transfer));
        self.filled.notify_one();
        true
    }

    fn serve(&self) {
        let mut queue = self.queue.lock();
        loop {
            if let Some(transfer) = queue.transfers.pop_front() {
                drop(queue);
                transfer.run(self);
                queue = self.queue.lock();
            } else {
                queue.idle += 1;
                self.filled.wait(&mut queue);
                queue.idle -= 1;
            }
        }
    }

    /// Leaves a finished transfer to the cron.
    fn leave(&self, transfer: Arc<Transfer>) {
        self.orphans.lock().push(transfer);
    }
}

/// The client is gone, or its command refused by now: what is under way is left to the cron.
pub(crate) fn abandon(server: &Server, session: &mut Session) {
    if let Some(transfer) = session.migration.take() {
        transfer.is_orphan.store(true, SeqCst);
        if transfer.report.get().is_some() {
            server.migrations.leave(transfer);
        }
    }
}

/// Ends what clients have left behind, and closes connections that nobody uses. Not for workers:
/// waits for locks.
pub fn tick(server: &Server, now_ms: i64) {
    server.migrations.connections.close_unused(now_ms);
    let orphans = std::mem::take(&mut *server.migrations.orphans.lock());
    for transfer in orphans {
        // Left twice when client and thread ended at the same moment.
        if transfer.is_claimed.swap(true, SeqCst) {
            continue;
        }
        let mut shards = ShardSet::default();
        for key in &transfer.keys {
            shards.insert(server.keyspace.shard_of(server.keyspace.hash(key)));
        }
        let mut session = Session::detached(crate::Origin::Internal, usize::MAX);
        session.set_db(transfer.source_db);
        session.clock_us = now_ms * 1000;
        let locked = server.keyspace.lock(&shards);
        let mut ctx = call::internal_ctx(server, &mut session, locked);
        settle(&mut ctx, &transfer);
        call::drain(&mut ctx, Args::new(&[]));
    }
}

fn find_keys(args: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    match Words::parse(args) {
        Ok(words) if words.keys_at > 3 => {
            (words.keys_at..args.len()).for_each(|at| found(at, "RW access delete"));
        }
        _ if args.len() > 3 => found(3, "RW access delete"),
        _ => {}
    }
}

/// The words behind the timeout.
#[derive(Default)]
struct Words {
    copy: bool,
    replace: bool,
    /// Where the arguments of AUTH are, and how many.
    auth: Option<(usize, usize)>,
    /// The first key.
    keys_at: usize,
}

impl Words {
    fn parse(args: Args<'_>) -> Result<Self, ReplyError> {
        let mut this = Self {
            keys_at: 3,
            ..Self::default()
        };
        let mut at = 6;
        while let Some(word) = args.get(at) {
            at += 1;
            match word.to_ascii_lowercase().as_slice() {
                b"copy" => this.copy = true,
                b"replace" => this.replace = true,
                name @ (b"auth" | b"auth2") => {
                    let count = if name == b"auth" { 1 } else { 2 };
                    if at + count > args.len() {
                        return Err(errors::SYNTAX);
                    }
                    this.auth = Some((at, count));
                    at += count;
                }
                b"keys" if !args.at(3).is_empty() => {
                    return Err(errors::keys::MIGRATE_KEYS_EMPTY_KEY);
                }
                b"keys" => {
                    this.keys_at = at;
                    break;
                }
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(this)
    }

    fn keys<'a>(&self, args: Args<'a>) -> Args<'a> {
        if self.keys_at > 3 {
            args.from(self.keys_at)
        } else {
            Args::new(&args.as_slice()[3..4])
        }
    }
}

fn migrate(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let words = Words::parse(args);
    if let Some((first, count)) = words.as_ref().ok().and_then(|words| words.auth) {
        (first..first + count).for_each(|at| ctx.redact_arg(at));
    }
    if let Some(transfer) = ctx.session.migration.clone() {
        let Some(report) = transfer.report.get() else {
            // Woken for another reason.
            ctx.deferred = true;
            return Ok(());
        };
        ctx.session.migration = None;
        settle(ctx, &transfer);
        return match &report.error {
            None => {
                out.ok();
                Ok(())
            }
            Some(error) => Err(error.clone()),
        };
    }
    let words = words?;
    let timeout_ms = parse_i64(args.at(5)).ok_or(errors::NOT_INTEGER)?;
    let db = parse_i64(args.at(4)).ok_or(errors::NOT_INTEGER)?;
    // It would have to wait in the middle of the transaction.
    if ctx.in_transaction() {
        return Err(errors::NO_MULTI);
    }
    let (keys, restores) = dumps(ctx, &words, args);
    if keys.is_empty() {
        out.simple("NOKEY");
        return Ok(());
    }
    let timeout_ms = if timeout_ms <= 0 {
        TIMEOUT_MS
    } else {
        timeout_ms
    };
    begin(
        ctx,
        Transfer {
            target: target(args)?,
            timeout: Duration::from_millis(timeout_ms as u64),
            db,
            auth: words.auth.map(|(first, count)| auth(args, first, count)),
            restores,
            keys,
            source_db: ctx.db(),
            copy: words.copy,
            client: Arc::clone(&ctx.session.link),
            report: OnceLock::new(),
            is_orphan: AtomicBool::new(false),
            is_claimed: AtomicBool::new(false),
        },
    )
}

fn target(args: Args<'_>) -> Result<Target, ReplyError> {
    let host = std::str::from_utf8(args.at(1)).ok();
    let port = parse_i64(args.at(2)).and_then(|port| u16::try_from(port).ok());
    match (host, port) {
        (Some(host), Some(port)) => Ok(Target {
            host: host.to_owned(),
            port,
        }),
        _ => Err(errors::keys::MIGRATE_CONNECT),
    }
}

fn auth(args: Args<'_>, first: usize, count: usize) -> Vec<u8> {
    let mut command = Vec::new();
    let mut words: Vec<&[u8]> = vec![b"AUTH"];
    words.extend_from_slice(&args.as_slice()[first..first + count]);
    resp::write_command(&mut command, words);
    command
}

/// The keys that are there, and a RESTORE for each.
fn dumps(ctx: &Ctx<'_>, words: &Words, args: Args<'_>) -> (Vec<Box<[u8]>>, Vec<u8>) {
    let compression = super::dump::compression(ctx.server);
    let (mut keys, mut restores) = (Vec::new(), Vec::new());
    let mut bytes = Vec::new();
    for key in words.keys(args).iter() {
        let Some(entry) = ctx.read(key) else {
            continue;
        };
        bytes.clear();
        payload::write(&mut bytes, entry.value(), compression);
        let ttl = entry.expire_at().map_or(0, |at| (at - ctx.now_ms()).max(1));
        let ttl = I64Text::new(ttl);
        let command = [b"RESTORE", key, ttl.as_bytes(), &bytes, b"REPLACE"];
        let count = if words.replace { 5 } else { 4 };
        resp::write_command(&mut restores, command[..count].iter().copied());
        keys.push(key.into());
    }
    (keys, restores)
}

/// Sends it on its way, and puts the command off until it is through.
fn begin(ctx: &mut Ctx<'_>, transfer: Transfer) -> CmdResult {
    let transfer = Arc::new(transfer);
    let migrations = &ctx.server.migrations;
    if !transfer.copy {
        let moving = &migrations.moving;
        moving.begin(ctx.session.id, transfer.source_db, &transfer.keys);
    }
    ctx.session.migration = Some(Arc::clone(&transfer));
    if !migrations.start(&transfer) {
        ctx.session.migration = None;
        finish_moving(ctx.server, &transfer);
        return Err(errors::keys::MIGRATE_CONNECT);
    }
    ctx.deferred = true;
    Ok(())
}

fn finish_moving(server: &Server, transfer: &Transfer) {
    if !transfer.copy {
        let moving = &server.migrations.moving;
        moving.end(transfer.source_db, &transfer.keys);
    }
}

/// Removes the keys that have arrived. In the log that is a DEL.
fn settle(ctx: &mut Ctx<'_>, transfer: &Transfer) {
    transfer.is_claimed.store(true, SeqCst);
    ctx.no_propagation();
    let Some(report) = transfer.report.get().filter(|_| !transfer.copy) else {
        return;
    };
    let gone = remove(ctx, transfer.source_db, &arrived(transfer, report));
    if gone.len() > 1 {
        ctx.propagate_as(&gone);
    }
    finish_moving(ctx.server, transfer);
}

fn arrived<'a>(transfer: &'a Transfer, report: &Report) -> Vec<&'a [u8]> {
    let keys = transfer.keys.iter().zip(&report.arrived);
    keys.filter(|(_, arrived)| **arrived)
        .map(|(key, _)| &**key)
        .collect()
}

/// Removes keys; the command that says so in the log.
fn remove<'a>(ctx: &mut Ctx<'_>, db: DbId, keys: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut command: Vec<&[u8]> = vec![b"DEL"];
    for key in keys {
        let mut write = ctx.write_in(db, key);
        if write.remove() {
            write.commit(Event::generic("del"));
            command.push(key);
        } else {
            write.unchanged();
        }
    }
    command
}
