//! DEBUG's switches: behaviour that only tests turn off or on.
//!
//! Those that are no directives are kept in [`Switches`], where their subjects look them up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::admin::host;
use crate::ctx::{CmdResult, Ctx};

/// From this many bytes on an element of a list gets a node of its own.
const PACKED_THRESHOLD_BYTES: u64 = 1 << 30;

/// What DEBUG can switch beyond the directives.
#[derive(Debug)]
pub struct Switches {
    /// Periodic tasks rest.
    pub pause_cron: AtomicBool,
    /// DEBUG SLEEP: replicas must not hear from us either, as if nothing happened at all.
    pub asleep: AtomicBool,
    /// Checksums of dumps are not looked at.
    pub skip_checksums: AtomicBool,
    /// Microseconds to wait before the append-only file is written.
    pub aof_flush_sleep_us: AtomicU64,
    /// Scripts may run commands that are flagged `noscript`.
    pub allow_noscript: AtomicBool,
    /// Bytes from which on an element of a list gets a node of its own.
    pub packed_threshold_bytes: AtomicU64,
    /// Nanoseconds from which on a command leaves its worker.
    pub away_threshold_ns: AtomicU64,
}

impl Switches {
    /// See [`Switches::away_threshold_ns`].
    #[inline]
    pub(crate) fn limit_ns(&self) -> u64 {
        self.away_threshold_ns.load(Relaxed)
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            pause_cron: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            skip_checksums: AtomicBool::new(false),
            aof_flush_sleep_us: AtomicU64::new(0),
            allow_noscript: AtomicBool::new(false),
            packed_threshold_bytes: AtomicU64::new(PACKED_THRESHOLD_BYTES),
            away_threshold_ns: AtomicU64::new(crate::cost::LIMIT_NS),
        }
    }
}

/// A number as C's `atoi` reads it: leading digits, else zero.
fn is_on(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    digits.into_iter().any(|digit| *digit != b'0')
}

fn set(switch: &AtomicBool, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    switch.store(is_on(args.at(2)), Relaxed);
    out.ok();
    Ok(())
}

pub(super) fn pause_cron(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    set(&ctx.server.debug.pause_cron, args, out)
}

pub(super) fn set_active_expire(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    set(&ctx.server.settings.active_expire, args, out)
}

pub(super) fn set_disable_deny_scripts(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    set(&ctx.server.debug.allow_noscript, args, out)
}

pub(super) fn set_skip_checksum_validation(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    set(&ctx.server.debug.skip_checksums, args, out)
}

pub(super) fn quicklist_packed_threshold(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let bytes = common::units::parse_memory(args.at(2)).filter(|bytes| *bytes < 1 << 32);
    let bytes = match bytes.ok_or(errors::debug::PACKED_THRESHOLD)? {
        0 => PACKED_THRESHOLD_BYTES,
        bytes => bytes,
    };
    ctx.server
        .debug
        .packed_threshold_bytes
        .store(bytes, Relaxed);
    out.ok();
    Ok(())
}

pub(super) fn away_threshold(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let ns = common::number::parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let ns = u64::try_from(ns).unwrap_or(crate::cost::LIMIT_NS);
    ctx.server.debug.away_threshold_ns.store(ns, Relaxed);
    out.ok();
    Ok(())
}

pub(super) fn aof_flush_sleep(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let us = common::number::parse_u64(args.at(2)).unwrap_or(0);
    ctx.server.debug.aof_flush_sleep_us.store(us, Relaxed);
    out.ok();
    Ok(())
}

pub(super) fn change_repl_id(
    ctx: &mut Ctx<'_>,
    _: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    if let Some(host) = ctx.server.host() {
        host.log_warning("Changing replication IDs after receiving DEBUG change-repl-id");
    }
    ctx.server.replication.change_id();
    out.ok();
    Ok(())
}

/// Clients are not evicted by memory: there are no pools to show.
pub(super) fn client_eviction(_: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    Err(errors::debug::NO_MAXMEMORY_CLIENTS)
}

pub(super) fn config_rewrite_force_all(
    ctx: &mut Ctx<'_>,
    _: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    host(ctx)?.config_rewrite(true)?;
    out.ok();
    Ok(())
}

/// `REPLYBUFFER PEAK-RESET-TIME` and `REPLYBUFFER RESIZING`.
pub(super) fn replybuffer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    if args.at(2).eq_ignore_ascii_case(b"peak-reset-time") {
        host(ctx)?.set_reply_peak_reset(peak_reset_ms(args.at(3))?);
    } else if !args.at(2).eq_ignore_ascii_case(b"resizing") {
        return Err(errors::subcommand_syntax("debug", args.at(1)));
    }
    // Reply buffers have no fixed size here, so that there is no resizing to turn off.
    out.ok();
    Ok(())
}

/// `None` is Redis's default; negative means never.
fn peak_reset_ms(text: &[u8]) -> Result<Option<i64>, ReplyError> {
    match text.to_ascii_lowercase().as_slice() {
        b"never" => Ok(Some(-1)),
        b"reset" => Ok(None),
        text => common::number::parse_i64(text)
            .map(Some)
            .ok_or(errors::NOT_INTEGER),
    }
}
