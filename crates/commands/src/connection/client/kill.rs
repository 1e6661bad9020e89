//! CLIENT KILL and UNBLOCK.
//!
//! A filter that is not given matches everyone. The client that asks is spared unless it says
//! otherwise, and is then closed only after its reply.

use resp::{Args, ReplyError, ReplyWriter, errors};

use super::list::class;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, NOT_PAUSED, STALE};
use crate::command::{Command, Group, category};
use crate::ctx::{CmdResult, Ctx};
use crate::host::ClientView;

/// `CLIENT KILL`
pub const CLIENT_KILL: Command = Command::new("kill", -3, client_kill)
    .group(Group::Connection)
    .since("2.4.0")
    .docs("Closes connections.", "O(N)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NOT_PAUSED)
    .categories(category::CONNECTION)
    .args(
        "filter(ip:port~2.8.12 | new-format*(client-id:integer=ID?^2.8.12 | \
         normal_master_slave_pubsub=TYPE?^2.8.12(normal=NORMAL! | master=MASTER!^3.2.0 | \
         slave=SLAVE! | replica=REPLICA!^5.0.0 | pubsub=PUBSUB!) | username=USER? | \
         ip:port=ADDR? | ip:port=LADDR?^6.2.0 | yes/no=SKIPME? | maxage:integer=MAXAGE?^7.4.0))",
    );

/// `CLIENT UNBLOCK`
pub const CLIENT_UNBLOCK: Command = Command::new("unblock", -3, client_unblock)
    .group(Group::Connection)
    .since("5.0.0")
    .docs("Ends a client's blocking command.", "O(log N)")
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NOT_PAUSED)
    .categories(category::CONNECTION)
    .args("client-id:integer timeout_error?(timeout=TIMEOUT! | error=ERROR!)");

#[derive(Default)]
struct Filter {
    addr: Option<String>,
    laddr: Option<String>,
    class: Option<&'static str>,
    user: Option<String>,
    id: Option<u64>,
    max_age_s: Option<u64>,
    keeps_self: bool,
}

impl Filter {
    fn parse(args: Args<'_>) -> Result<Self, ReplyError> {
        let mut filter = Self {
            keeps_self: true,
            ..Self::default()
        };
        if !args.len().is_multiple_of(2) {
            return Err(errors::SYNTAX);
        }
        for at in (0..args.len()).step_by(2) {
            filter.option(args.at(at), args.at(at + 1))?;
        }
        Ok(filter)
    }

    fn option(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        let text = || String::from_utf8_lossy(value).into_owned();
        match name.to_ascii_lowercase().as_slice() {
            b"id" => {
                let id = common::number::parse_i64(value).filter(|id| *id > 0);
                self.id = Some(id.ok_or(errors::client::ID_NOT_POSITIVE)? as u64);
            }
            b"type" => self.class = Some(class(value)?),
            b"addr" => self.addr = Some(text()),
            b"laddr" => self.laddr = Some(text()),
            b"user" if value == acl::DEFAULT_USER.as_bytes() => self.user = Some(text()),
            b"user" => return Err(errors::client::no_such_user(value)),
            b"maxage" => {
                let age = common::number::parse_i64(value);
                let age = age.ok_or(errors::client::MAXAGE_NOT_INTEGER)?;
                let age = u64::try_from(age).ok().filter(|age| *age > 0);
                self.max_age_s = Some(age.ok_or(errors::client::MAXAGE_NOT_POSITIVE)?);
            }
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => self.keeps_self = true,
            b"skipme" if value.eq_ignore_ascii_case(b"no") => self.keeps_self = false,
            _ => return Err(errors::SYNTAX),
        }
        Ok(())
    }

    fn matches(&self, client: &dyn ClientView) -> bool {
        self.addr.as_ref().is_none_or(|addr| *addr == client.addr())
            && self
                .laddr
                .as_ref()
                .is_none_or(|laddr| *laddr == client.laddr())
            && self.class.is_none_or(|class| class == client.class())
            && self.id.is_none_or(|id| id == client.id())
            && self.max_age_s.is_none_or(|age| client.age_s() >= age)
            && self
                .user
                .as_ref()
                .is_none_or(|user| *user == client.state().text.lock().user)
    }
}

fn client_kill(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let old_form = args.len() == 3;
    let filter = if old_form {
        let addr = Some(String::from_utf8_lossy(args.at(2)).into_owned());
        Filter {
            addr,
            ..Filter::default()
        }
    } else {
        Filter::parse(args.from(2))?
    };
    let (mut killed, mut own) = (0, false);
    let own_id = ctx.session.id;
    if let Some(host) = ctx.server.host() {
        let mut kill = |client: &dyn ClientView| {
            if !filter.matches(client) || filter.keeps_self && client.id() == own_id {
                return;
            }
            killed += 1;
            if client.id() == own_id {
                own = true;
            } else {
                client.link().kill(false);
            }
        };
        host.each_client(&mut kill);
        ctx.server.replication.seat().iter().for_each(|it| kill(it));
    }
    match (old_form, killed) {
        (true, 0) => return Err(errors::client::NO_SUCH_CLIENT),
        (true, _) => out.ok(),
        (false, _) => out.integer(killed),
    }
    if own {
        ctx.close_after_reply();
    }
    Ok(())
}

fn client_unblock(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    if args.len() > 4 {
        return Err(errors::subcommand_syntax_of("CLIENT", args.at(1)));
    }
    let with_error = match args.get(3) {
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"TIMEOUT") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"ERROR") => true,
        Some(_) => return Err(errors::client::UNBLOCK_REASON),
    };
    let id = common::number::parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    let worker = ctx.session.worker;
    let done = u64::try_from(id).is_ok_and(|id| {
        crate::blocking::unblock(ctx.server, worker, id, with_error)
            || crate::replication::unblock(ctx.server, id, with_error)
    });
    out.integer(i64::from(done));
    Ok(())
}
