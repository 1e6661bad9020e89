//! DEBUG of the process: sleep, crash, log.
//!
//! How the process ends is the host's business; this is what is asked of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use resp::{Args, ReplyWriter, errors};

use crate::admin::host;
use crate::ctx::{CmdResult, Ctx};
use crate::host::{Crash, ReloadRequest};

/// Holds every shard while it sleeps, so that all commands which touch keys wait, on all workers:
/// those are deferred, and their workers go on with PING and the like. The worker that sleeps
/// serves nobody; with a single worker the whole server stands still, as Redis does.
pub(super) fn sleep(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let asleep = &ctx.server.debug.asleep;
    asleep.store(true, Ordering::Relaxed);
    sleep_s(args.at(2));
    asleep.store(false, Ordering::Relaxed);
    out.ok();
    Ok(())
}

fn sleep_s(seconds: &[u8]) {
    // As strtod: what is no number is zero.
    let seconds = common::number::parse_f64(seconds).unwrap_or(0.0);
    if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
        std::thread::sleep(duration);
    }
}

/// Stands for a command that takes seconds on one key. The lock is taken some time after the
/// reply: the calling command itself holds every shard.
pub(super) fn hold_shard(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let keyspace = Arc::clone(&ctx.server.keyspace);
    let shard = keyspace.shard_of(keyspace.hash(args.at(2)));
    let seconds = args.at(3).to_vec();
    std::thread::spawn(move || {
        let _held = keyspace.lock_one(shard);
        sleep_s(&seconds);
    });
    out.ok();
    Ok(())
}

fn crash(ctx: &Ctx<'_>, how: Crash) -> CmdResult {
    Err(host(ctx)?.crash(how))
}

pub(super) fn segfault(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    crash(ctx, Crash::MemoryFault)
}

pub(super) fn panic(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    let text = format!("DEBUG PANIC called at Unix time {}", ctx.now_ms() / 1000);
    crash(ctx, Crash::Panic(text))
}

pub(super) fn assert(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    crash(
        ctx,
        Crash::Panic("assertion failed: 1 == 2, asked for by DEBUG ASSERT".to_owned()),
    )
}

pub(super) fn out_of_memory(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    crash(ctx, Crash::OutOfMemory)
}

fn again(ctx: &Ctx<'_>, args: Args<'_>, graceful: bool) -> CmdResult {
    let delay_ms = match args.get(2) {
        None => 0,
        Some(text) => common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)?,
    };
    crash(
        ctx,
        Crash::Restart {
            graceful,
            delay_ms: delay_ms.max(0) as u64,
        },
    )
}

pub(super) fn restart(ctx: &mut Ctx<'_>, args: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    again(ctx, args, true)
}

pub(super) fn crash_and_recover(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    _: &mut ReplyWriter<'_>,
) -> CmdResult {
    again(ctx, args, false)
}

pub(super) fn log(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let line = format!("DEBUG LOG: {}", String::from_utf8_lossy(args.at(2)));
    host(ctx)?.log_warning(&line);
    out.ok();
    Ok(())
}

pub(super) fn leak(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    Box::leak(Box::<[u8]>::from(args.at(2)));
    out.ok();
    Ok(())
}

pub(super) fn reload(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut request = ReloadRequest::default();
    for word in args.from(2).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => request.merge = true,
            b"noflush" => request.no_flush = true,
            b"nosave" => request.no_save = true,
            _ => return Err(errors::debug::RELOAD_OPTION),
        }
    }
    let (host, server) = (host(ctx)?, ctx.server);
    let result = host.reload(server, ctx.locked(), request);
    // Who waits for a key may find it other than it was.
    ctx.databases().for_each(|db| ctx.wake_all(db));
    result?;
    out.ok();
    Ok(())
}

/// The loading begins when this command has let go of the shards.
pub(super) fn loadaof(ctx: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    host(ctx)?.load_aof(Arc::clone(&ctx.session.link))?;
    ctx.wait_without_reply();
    Ok(())
}
