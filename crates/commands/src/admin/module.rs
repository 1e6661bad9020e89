//! MODULE: there are none.
//!
//! Modules are shared libraries written against Redis's C interface, which Corewire does not have.
//! Listing works, so that tools which ask first are served; loading is an error.

use resp::{Args, ReplyWriter, errors};

use crate::command::flag::{ADMIN, LOADING, NO_ASYNC_LOADING, NOSCRIPT, PROTECTED_MODULE, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};

/// `MODULE`
pub const MODULE: Command = Command::container(
    "module",
    -2,
    &[
        &MODULE_HELP,
        &MODULE_LIST,
        &MODULE_LOAD,
        &MODULE_LOADEX,
        &MODULE_UNLOAD,
    ],
)
.group(Group::Server)
.since("4.0.0")
.docs(
    "Lists the modules, of which there are none.",
    "Depends on subcommand.",
);

/// `MODULE HELP`
pub const MODULE_HELP: Command = Command::new("help", 2, module_help)
    .group(Group::Server)
    .since("5.0.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE);

/// `MODULE LIST`
pub const MODULE_LIST: Command = Command::new("list", 2, module_list)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Lists the modules, of which there are none.", "O(1)")
    .flags(ADMIN | NOSCRIPT)
    .tips(&["nondeterministic_output_order"]);

/// `MODULE LOAD`
pub const MODULE_LOAD: Command = Command::new("load", -3, module_load)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Fails: there is no interface for modules.", "O(1)")
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED_MODULE)
    .args("path arg?*");

/// `MODULE LOADEX`
pub const MODULE_LOADEX: Command = Command::new("loadex", -3, module_load)
    .group(Group::Server)
    .since("7.0.0")
    .docs("Fails: there is no interface for modules.", "O(1)")
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED_MODULE)
    .args("path configs=CONFIG?**{name value} args=ARGS?*{arg}");

/// `MODULE UNLOAD`
pub const MODULE_UNLOAD: Command = Command::new("unload", 3, module_unload)
    .group(Group::Server)
    .since("4.0.0")
    .docs("Fails: there is no module to unload.", "O(1)")
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED_MODULE)
    .args("name");

fn module_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply(
        "MODULE",
        &[
            "LIST",
            "    List the modules: there are none.",
            "LOAD <path> [<arg> ...]",
            "    Fails: there is no interface for modules.",
            "LOADEX <path> [[CONFIG NAME VALUE]...] [ARGS ...]",
            "    Fails: there is no interface for modules.",
            "UNLOAD <name>",
            "    Fails: there is no module to unload.",
        ],
        out,
    );
    Ok(())
}

fn module_list(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.array(0);
    Ok(())
}

fn module_load(ctx: &mut Ctx<'_>, args: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    let path = String::from_utf8_lossy(args.at(2));
    let line = format!("Module {path} failed to load: Corewire has no interface for modules");
    super::host(ctx)?.log_warning(&line);
    Err(errors::debug::MODULE_LOAD)
}

fn module_unload(_: &mut Ctx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> CmdResult {
    Err(errors::debug::MODULE_UNLOAD)
}
