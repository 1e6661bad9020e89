//! CONFIG: directives while the server runs, and the reset of statistics.
//!
//! Names, values and the configuration file belong to the host; this is only the commands' side.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

/// `CONFIG`
pub const CONFIG: Command = Command::container(
    "config",
    -2,
    &[
        &CONFIG_GET,
        &CONFIG_HELP,
        &CONFIG_RESETSTAT,
        &CONFIG_REWRITE,
        &CONFIG_SET,
    ],
)
.group(Group::Server)
.since("2.0.0")
.docs(
    "Reads and changes the configuration.",
    "Depends on subcommand.",
);

/// `CONFIG GET`
pub const CONFIG_GET: Command = Command::new("get", -3, config_get)
    .group(Group::Server)
    .since("2.0.0")
    .docs(
        "Returns the directives whose names match.",
        "O(N) where N is the number of patterns",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .args("parameter*{parameter}");

/// `CONFIG HELP`
pub const CONFIG_HELP: Command = Command::new("help", 2, config_help)
    .group(Group::Server)
    .since("5.0.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `CONFIG RESETSTAT`
pub const CONFIG_RESETSTAT: Command = Command::new("resetstat", 2, config_resetstat)
    .group(Group::Server)
    .since("2.0.0")
    .docs(
        "Sets the statistics that INFO reports back to zero.",
        "O(1)",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE);

/// `CONFIG REWRITE`
pub const CONFIG_REWRITE: Command = Command::new("rewrite", 2, config_rewrite)
    .group(Group::Server)
    .since("2.8.0")
    .docs("Brings the configuration file up to date.", "O(1)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE);

/// `CONFIG SET`
pub const CONFIG_SET: Command = Command::new("set", -4, config_set)
    .group(Group::Server)
    .since("2.0.0")
    .docs(
        "Changes directives, all of them or none.",
        "O(N) where N is the number of directives",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args("parameter_value*{parameter value}");

fn config_get(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let found = super::host(ctx)?.config_get(args.from(2).as_slice());
    out.map(found.len());
    for (name, value) in found {
        out.bulk(&name);
        out.bulk(&value);
    }
    Ok(())
}

fn config_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    The directives whose names match, with values.",
            "SET <directive> <value> [<directive> <value> ...]",
            "    Change directives.",
            "RESETSTAT",
            "    Set the statistics of INFO back to zero.",
            "REWRITE",
            "    Bring the configuration file up to date.",
        ],
        out,
    );
    Ok(())
}

fn config_resetstat(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    ctx.server.stats.reset();
    ctx.server.eviction.reset();
    ctx.server.replication.reset_stats();
    super::host(ctx)?.reset_stats();
    out.ok();
    Ok(())
}

fn config_rewrite(ctx: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    super::host(ctx)?.config_rewrite(false)?;
    out.ok();
    Ok(())
}

fn config_set(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let host = super::host(ctx)?;
    if !args.len().is_multiple_of(2) {
        return Err(errors::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..args.len())
        .step_by(2)
        .map(|at| (args.at(at), args.at(at + 1)))
        .collect();
    for at in (2..args.len()).step_by(2) {
        if host.config_is_sensitive(args.at(at)) {
            ctx.redact_arg(at + 1);
        }
    }
    host.config_set(&pairs, ctx.session.is_local)?;
    out.ok();
    Ok(())
}
