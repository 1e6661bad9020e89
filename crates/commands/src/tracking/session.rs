//! A client's own side of tracking: its options, its prefixes, and the keys that it reads.
//!
//! It belongs to the client's worker; what others must see of it (the flags of CLIENT LIST, where
//! invalidations go) is kept in the table and in the client's shared state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyError, errors};

use super::{Tracker, Tracking};
use crate::command::flag;
use crate::ctx::Ctx;
use crate::keys;
use crate::session::{Session, client_flag};
use crate::table::CommandId;

/// What CLIENT TRACKING ON says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// BCAST.
    pub broadcast: bool,
    /// OPTIN: only what CLIENT CACHING YES precedes is tracked.
    pub opt_in: bool,
    /// OPTOUT: what CLIENT CACHING NO precedes is not tracked.
    pub opt_out: bool,
    /// NOLOOP.
    pub no_loop: bool,
    /// REDIRECT; 0 for none.
    pub redirect: u64,
}

/// The tracking of a client; one that does not track has none of these.
#[derive(Debug, Default)]
pub struct TrackingSession {
    pub(crate) options: Options,
    /// What is broadcast.
    pub(crate) prefixes: BTreeSet<Box<[u8]>>,
    /// CLIENT CACHING was given, by a subcommand of this container: it holds until another command
    /// has run.
    pub(crate) caching: Option<Option<CommandId>>,
}

/// What a prefix costs beside its text.
const PREFIX_BYTES: usize = 64;

/// Turns tracking on, or changes its options; prefixes are added to those there are.
pub(crate) fn turn_on(
    tracking: &Tracking,
    session: &mut Session,
    options: Options,
    prefixes: &[&[u8]],
) {
    let mut own = session.tracking.take().unwrap_or_default();
    forget(tracking, session.id, &own);
    own.options = options;
    if options.broadcast && prefixes.is_empty() {
        own.prefixes.insert([].into());
    }
    own.prefixes.extend(prefixes.iter().map(|p| Box::from(*p)));
    let tracker = Arc::new(Tracker {
        id: session.id,
        link: Arc::clone(&session.link),
        state: Arc::clone(&session.state),
        broadcast: options.broadcast,
        no_loop: options.no_loop,
        redirect: options.redirect,
    });
    announce(tracking, tracker, &own);
    use client_flag::{TRACKING, TRACKING_BCAST, TRACKING_BROKEN};
    session.set_flag(TRACKING_BROKEN, false);
    session.set_flag(TRACKING, true);
    session.set_flag(TRACKING_BCAST, options.broadcast);
    let memory: usize = own.prefixes.iter().map(|p| p.len() + PREFIX_BYTES).sum();
    let state = &session.state;
    state.tracking_mem.store(memory as u64, Relaxed);
    state.redirect.store(options.redirect as i64, Relaxed);
    session.tracking = Some(own);
}

/// Turns tracking off.
pub(crate) fn turn_off(tracking: &Tracking, session: &mut Session) {
    use client_flag::{TRACKING, TRACKING_BCAST, TRACKING_BROKEN};
    let Some(own) = session.tracking.take() else {
        return;
    };
    forget(tracking, session.id, &own);
    session.set_flag(TRACKING | TRACKING_BCAST | TRACKING_BROKEN, false);
    session.state.tracking_mem.store(0, Relaxed);
    session.state.redirect.store(-1, Relaxed);
}

/// The client is gone or starts afresh.
pub(crate) fn leave(tracking: &Tracking, session: &mut Session) {
    if session.tracking.is_some() {
        turn_off(tracking, session);
    }
}

fn announce(tracking: &Tracking, tracker: Arc<Tracker>, own: &TrackingSession) {
    let mut prefixes = tracking.prefixes.write();
    for prefix in &own.prefixes {
        let of_prefix = prefixes.entry(prefix.clone()).or_default();
        of_prefix.push(Arc::clone(&tracker));
    }
    tracking.prefix_count.store(prefixes.len(), Relaxed);
    drop(prefixes);
    if tracking.clients.insert(tracker.id, tracker).is_none() {
        tracking.client_count.fetch_add(1, Relaxed);
    }
}

fn forget(tracking: &Tracking, id: u64, own: &TrackingSession) {
    if tracking.clients.remove(&id).is_none() {
        return;
    }
    tracking.client_count.fetch_sub(1, Relaxed);
    let mut prefixes = tracking.prefixes.write();
    for prefix in &own.prefixes {
        if let Some(clients) = prefixes.get_mut(prefix) {
            clients.retain(|client| client.id != id);
            if clients.is_empty() {
                prefixes.remove(prefix);
            }
        }
    }
    tracking.prefix_count.store(prefixes.len(), Relaxed);
}

impl TrackingSession {
    /// Whether these prefixes can be added: no prefix of a client may be the beginning of another.
    ///
    /// # Errors
    /// The first two that overlap.
    pub(crate) fn check(own: Option<&Self>, new: &[&[u8]]) -> Result<(), ReplyError> {
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (at, prefix) in new.iter().enumerate() {
            let mut existing = own.iter().flat_map(|own| &own.prefixes);
            if let Some(other) = existing.find(|other| overlap(other, prefix)) {
                return Err(errors::client::prefix_overlaps_existing(prefix, other));
            }
            if let Some(other) = new[at + 1..].iter().find(|other| overlap(other, prefix)) {
                return Err(errors::client::prefix_overlaps_provided(prefix, other));
            }
        }
        Ok(())
    }

    fn remembers(&self) -> bool {
        let Options {
            broadcast,
            opt_in,
            opt_out,
            ..
        } = self.options;
        match self.caching {
            _ if broadcast => false,
            Some(_) => !opt_out,
            None => !opt_in,
        }
    }
}

/// Remembers the keys that the command, now done, has read. To be called with their shards locked.
#[cold]
pub(crate) fn remember(ctx: &Ctx<'_>, args: Args<'_>) {
    let tracks = ctx.session.tracking.as_ref().is_some_and(|t| t.remembers());
    if !tracks || !ctx.command.has(flag::READONLY) || ctx.command.has(flag::PUBSUB) {
        return;
    }
    let tracking = &ctx.server.tracking;
    keys::for_each(ctx.command, args, &mut |at, _| {
        tracking.note_read(args.at(at), ctx.session.id);
    });
}

/// A command that is not part of a transaction is over: CLIENT CACHING was for it.
#[cold]
pub(crate) fn end_command(ctx: &mut Ctx<'_>, id: CommandId) {
    if ctx.in_exec || ctx.session.transaction.is_some() {
        return;
    }
    let parent = ctx.server.table.entry(id).parent;
    if let Some(tracking) = &mut ctx.session.tracking
        && tracking.caching.is_some_and(|by| by != parent)
    {
        tracking.caching = None;
    }
}
