//! CLIENT and its subcommands.
//!
//! A subcommand sits beside its handler in one of the files; here is their list, and the help.

mod kill;
mod list;
mod name;
mod own;
mod pause;
mod tracking;

use resp::{Args, ReplyWriter};

use crate::command::flag::{LOADING, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};

pub(crate) use list::describe;
pub(crate) use name::set_name;

/// `CLIENT`
pub const CLIENT: Command = Command::container(
    "client",
    -2,
    &[
        &tracking::CLIENT_CACHING,
        &name::CLIENT_GETNAME,
        &tracking::CLIENT_GETREDIR,
        &CLIENT_HELP,
        &own::CLIENT_ID,
        &list::CLIENT_INFO,
        &kill::CLIENT_KILL,
        &list::CLIENT_LIST,
        &own::CLIENT_MAINT_NOTIFICATIONS,
        &own::CLIENT_NO_EVICT,
        &own::CLIENT_NO_TOUCH,
        &pause::CLIENT_PAUSE,
        &own::CLIENT_REPLY,
        &name::CLIENT_SETINFO,
        &name::CLIENT_SETNAME,
        &tracking::CLIENT_TRACKING,
        &tracking::CLIENT_TRACKINGINFO,
        &kill::CLIENT_UNBLOCK,
        &pause::CLIENT_UNPAUSE,
    ],
)
.group(Group::Connection)
.since("2.4.0")
.docs("Commands about client connections.", "");

/// `CLIENT HELP`
pub const CLIENT_HELP: Command = Command::new("help", 2, client_help)
    .group(Group::Connection)
    .since("5.0.0")
    .docs("Lists the subcommands.", "O(1)")
    .flags(LOADING | STALE)
    .categories(category::CONNECTION);

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Track the keys of the next command, or do not, in OPTIN and OPTOUT mode.",
    "GETNAME",
    "    Name of this connection.",
    "GETREDIR",
    "    Id of the client that invalidations are redirected to, 0 or -1.",
    "ID",
    "    Id of this connection.",
    "INFO",
    "    This connection, in the form of CLIENT LIST.",
    "KILL <ip:port>",
    "    Close the connection from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Close all connections that match:",
    "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
    "    * ID <client-id>, USER <username>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "    * MAXAGE <seconds>, SKIPME (YES|NO)",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [...]]",
    "    Connections, a line each.",
    "NO-EVICT (ON|OFF)",
    "    Protect this connection from client eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Let the commands of this connection leave the access times of keys alone.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Hold all clients, or those that write, for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Choose whether this connection gets replies.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Tell about the client library.",
    "SETNAME <name>",
    "    Name this connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tell this connection, or another, when keys change that it has read.",
    "TRACKINGINFO",
    "    How this connection tracks.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    End a client's blocking command.",
    "UNPAUSE",
    "    End the pause.",
];

fn client_help(_: &mut Ctx<'_>, _: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    crate::help::reply("CLIENT", HELP, out);
    Ok(())
}
