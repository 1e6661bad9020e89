//! CLIENT LIST and INFO: connections, a line each.
//!
//! A line is put together from what the network keeps of a connection and from the shared state of
//! its session, both read without stopping the client: values of one line may be a command apart.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group, category};
use crate::cost;
use crate::ctx::{CmdResult, Ctx};
use crate::host::{ClientBuffers, ClientView};
use crate::server::Server;
use crate::session::client_flag as f;
use crate::table::NO_COMMAND;

/// `CLIENT INFO`
pub const CLIENT_INFO: Command = Command::new("info", 2, client_info)
    .group(Group::Connection)
    .since("6.2.0")
    .docs(
        "Returns this connection, in the form of CLIENT LIST.",
        "O(1)",
    )
    .flags(NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output"]);

/// `CLIENT LIST`
pub const CLIENT_LIST: Command = Command::new("list", -2, client_list)
    .group(Group::Connection)
    .since("2.4.0")
    .docs("Returns the connections, a line each.", "O(N)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .categories(category::CONNECTION)
    .tips(&["nondeterministic_output"])
    .args(
        "normal_master_replica_pubsub=TYPE?^5.0.0(normal=NORMAL! | master=MASTER! | \
         replica=REPLICA! | pubsub=PUBSUB!) id=ID?^6.2.0{client-id:integer*}",
    );

/// The letters of the `flags` field, in Redis's order.
const LETTERS: [(u32, char); 14] = [
    (f::MONITOR, 'O'),
    (f::REPLICA, 'S'),
    (f::PRIMARY, 'M'),
    (f::PUBSUB, 'P'),
    (f::MULTI, 'x'),
    (f::BLOCKED, 'b'),
    (f::TRACKING, 't'),
    (f::TRACKING_BROKEN, 'R'),
    (f::TRACKING_BCAST, 'B'),
    (f::CLOSING, 'c'),
    (f::UNIX_SOCKET, 'U'),
    (f::READONLY, 'r'),
    (f::NO_EVICT, 'e'),
    (f::NO_TOUCH, 'T'),
];

fn flags(client: &dyn ClientView) -> String {
    let state = client.state();
    let mut bits = state.flags.load(Relaxed);
    if state.multi.load(Relaxed) >= 0 {
        bits |= f::MULTI;
    }
    let mut letters: String = LETTERS
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, letter)| letter)
        .collect();
    if state
        .watch
        .lock()
        .as_ref()
        .is_some_and(|dirty| dirty.load(Relaxed))
    {
        letters.push('d');
    }
    if letters.is_empty() {
        "N".into()
    } else {
        letters
    }
}

/// Appends a client's line, without a line end.
pub(crate) fn describe(server: &Server, client: &dyn ClientView, line: &mut String) {
    describe_with(server, client, client.buffers(), line);
}

/// The same of the client whose command with these arguments this is, if it is that one.
fn describe_to(ctx: &Ctx<'_>, args: Args<'_>, client: &dyn ClientView, line: &mut String) {
    let mut buffers = client.buffers();
    if client.id() == ctx.session.id {
        buffers.argv_mem = args.iter().map(|arg| arg.len() as u64).sum();
    }
    describe_with(ctx.server, client, buffers, line);
}

fn describe_with(
    server: &Server,
    client: &dyn ClientView,
    buffers: ClientBuffers,
    line: &mut String,
) {
    let state = client.state();
    let text = state.text.lock().clone();
    let command = match state.command.load(Relaxed) {
        NO_COMMAND => "NULL",
        id => &server.table.entry(id).full_name,
    };
    let events = if buffers.wants_write { "rw" } else { "r" };
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} \
         ssub={} multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} \
         oll={} omem={} tot-mem={} events={events} cmd={command} user={} redir={} resp={} \
         lib-name={} lib-ver={} tot-net-in={} tot-net-out={} \
         tot-cmds={}",
        client.id(),
        client.addr(),
        client.laddr(),
        client.fd(),
        text.name,
        client.age_s(),
        client.idle_s(),
        flags(client),
        state.db.load(Relaxed),
        state.subscriptions.load(Relaxed),
        state.pattern_subscriptions.load(Relaxed),
        state.shard_subscriptions.load(Relaxed),
        state.multi.load(Relaxed),
        buffers.qbuf,
        buffers.qbuf_free,
        buffers.argv_mem,
        state.multi_mem.load(Relaxed),
        buffers.rbs,
        buffers.rbp,
        buffers.obl,
        buffers.oll,
        buffers.omem,
        buffers.tot_mem,
        text.user,
        state.redirect.load(Relaxed),
        state.resp.load(Relaxed),
        text.lib_name,
        text.lib_ver,
        buffers.total_in,
        buffers.total_out,
        buffers.commands,
    );
}

fn client_info(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut line = String::new();
    if let Some(host) = ctx.server.host() {
        host.with_client(ctx.session.id, &mut |client| {
            describe_to(ctx, args, client, &mut line);
        });
    }
    line.push('\n');
    out.verbatim(b"txt", line.as_bytes());
    Ok(())
}

/// The class of that name.
///
/// # Errors
/// Unknown.
pub(super) fn class(name: &[u8]) -> Result<&'static str, ReplyError> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok("normal"),
        b"slave" | b"replica" => Ok("replica"),
        b"pubsub" => Ok("pubsub"),
        b"master" => Ok("master"),
        _ => Err(errors::client::unknown_type(name)),
    }
}

fn client_list(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let is = |name: &str| {
        args.get(2)
            .is_some_and(|w| w.eq_ignore_ascii_case(name.as_bytes()))
    };
    let mut only_class = None;
    let mut only_ids = None;
    if args.len() == 4 && is("TYPE") {
        only_class = Some(class(args.at(3))?);
    } else if args.len() > 3 && is("ID") {
        let ids = args
            .from(3)
            .iter()
            .map(common::number::parse_i64)
            .collect::<Option<Vec<_>>>();
        only_ids = Some(ids.ok_or(errors::client::INVALID_ID)?);
    } else if args.len() != 2 {
        return Err(errors::SYNTAX);
    }
    let mut lines = String::new();
    let (mut spent_ns, budget_ns) = (0, ctx.budget_ns());
    let mut add = |client: &dyn ClientView| {
        spent_ns += cost::CLIENT_NS;
        if spent_ns < budget_ns && only_class.is_none_or(|class| class == client.class()) {
            describe_to(ctx, args, client, &mut lines);
            lines.push('\n');
        }
    };
    if let Some(host) = ctx.server.host() {
        match only_ids {
            None => {
                host.each_client(&mut add);
                ctx.server.replication.seat().iter().for_each(|it| add(it));
            }
            Some(ids) => ids.iter().for_each(|id| {
                host.with_client(*id as u64, &mut add);
            }),
        }
    }
    if spent_ns >= budget_ns {
        ctx.leave()?;
    }
    out.verbatim(b"txt", lines.as_bytes());
    Ok(())
}
