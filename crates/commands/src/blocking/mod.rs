//! Clients that wait in a command for something to happen: BLPOP and its kin, XREAD with BLOCK.
//!
//! A command that finds nothing leaves a [`Wait`] with each of its keys, under the locks under
//! which it looked, so that no change can fall between the look and the registration. Whoever
//! changes a key with waiters serves them before it lets go of the key's lock (`serve.rs`). A wait
//! is claimed once, by compare-and-swap: by the one who serves it, by its timeout, by CLIENT
//! UNBLOCK or by the end of its client (`end.rs`); the claimer alone answers. What needs a shard
//! that is busy just then is left to the [`Attendant`].
//!
//! Nothing is lost: a key is either without waiters that could be served, or locked, or on the list
//! of someone who is going to serve it.

mod attendant;
mod end;
mod serve;
#[cfg(test)]
mod tests;
mod wait;

pub use attendant::{Attendant, attend};
pub use end::unblock_all;
pub(crate) use end::{abandon, timed_out, unblock};
pub(crate) use serve::serve;
pub use wait::Wait;
pub(crate) use wait::Want;

use std::sync::Arc;

use common::number::parse_f64;
use resp::{Args, ReplyError, errors};

use crate::ctx::Ctx;
use crate::origin::Origin;
use crate::session::{Session, client_flag};

/// When a wait ends by itself: Unix time in milliseconds, `None` for never.
pub(crate) type Deadline = Option<i64>;

/// Reads a timeout in seconds, 0 for none.
///
/// # Errors
/// Not a number, negative, or beyond what a clock can tell.
pub(crate) fn parse_seconds(text: &[u8]) -> Result<Deadline, ReplyError> {
    let seconds = parse_f64(text).ok_or(errors::TIMEOUT_NOT_FLOAT)?;
    if seconds.is_nan() {
        return Err(errors::TIMEOUT_NOT_FLOAT);
    }
    let ms = (seconds * 1000.0).ceil();
    if ms >= i64::MAX as f64 {
        return Err(errors::TIMEOUT_OUT_OF_RANGE);
    }
    deadline(ms as i64)
}

/// Reads a timeout in milliseconds, 0 for none.
///
/// # Errors
/// As [`parse_seconds`].
pub(crate) fn parse_milliseconds(text: &[u8]) -> Result<Deadline, ReplyError> {
    deadline(common::number::parse_i64(text).ok_or(errors::TIMEOUT_NOT_INTEGER)?)
}

fn deadline(ms: i64) -> Result<Deadline, ReplyError> {
    match ms {
        0 => Ok(None),
        ..0 => Err(errors::TIMEOUT_NEGATIVE),
        _ => match common::clock::now_ms().checked_add(ms) {
            Some(at) => Ok(Some(at)),
            None => Err(errors::TIMEOUT_OUT_OF_RANGE),
        },
    }
}

impl Ctx<'_> {
    /// Whether the command may wait. In a transaction, and for senders other than clients, it must
    /// answer at once, as if its time had run out.
    pub(crate) fn may_block(&self) -> bool {
        !self.in_exec && self.session.origin == Origin::Client
    }

    /// Makes the client wait for these keys, which are locked. The command has no reply yet.
    pub(crate) fn block<'k>(
        &mut self,
        args: Args<'_>,
        keys: impl Iterator<Item = &'k [u8]>,
        want: Want,
        deadline: Deadline,
    ) {
        let room = self.server.settings.slowlog_room();
        let wait = Arc::new(Wait::new(
            self.session,
            crate::slowlog::shorten(args, room),
            keys,
            want,
            deadline.is_some(),
        ));
        for key in &wait.keys {
            let shard = self.server.keyspace.shard_of(self.hash(key));
            if let Some(db) = self.locked.db_mut(shard, wait.db) {
                db.add_waiter(key, Arc::clone(&wait) as Arc<dyn keyspace::Waiter>);
            }
        }
        if let Some(at_ms) = deadline {
            self.session.link.wake_at(at_ms);
        }
        self.server.blocking.began(&wait);
        *self.session.state.wait.lock() = Some(wait);
        self.session.set_flag(client_flag::BLOCKED, true);
        self.wait_without_reply();
    }

    /// Everyone who waits for a key of these databases is to be looked at: what the locked shards
    /// hold was exchanged as a whole.
    pub(crate) fn wake_all(&mut self, db: keyspace::DbId) {
        let keys = self.locked.dbs(db).flat_map(keyspace::Db::waited_keys);
        let keys = keys.map(|key| keyspace::DbKey {
            db,
            key: key.into(),
        });
        self.effects.ready.extend(keys);
    }
}

/// All data was replaced past the commands: those who wait for keys are served from what is there
/// now. Waits for locks: not for workers.
pub fn data_replaced(server: &crate::Server) {
    let mut session = Session::detached(Origin::Internal, usize::MAX);
    let locked = server.keyspace.lock_all();
    let mut ctx = crate::call::internal_ctx(server, &mut session, locked);
    ctx.databases().for_each(|db| ctx.wake_all(db));
    if !ctx.effects.ready.is_empty() {
        serve(ctx);
    }
}
