//! MONITOR: clients that see every command as it is run.
//!
//! The line is built once and posted to each monitor. Commands for administrators are not shown,
//! nor what is marked as a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use resp::Args;

use crate::command::flag::{ADMIN, SKIP_MONITOR};
use crate::ctx::Ctx;
use crate::origin::Origin;
use crate::session::{ClientLink, Session, client_flag};

/// The clients that watch.
#[derive(Default)]
pub struct Monitors {
    count: AtomicUsize,
    links: Mutex<Vec<(u64, Arc<dyn ClientLink>)>>,
}

impl Monitors {
    /// Whether anybody watches: all that the hot path asks.
    #[inline]
    pub fn are_there(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Adds a client.
    pub fn add(&self, id: u64, link: Arc<dyn ClientLink>) {
        let mut links = self.links.lock();
        links.push((id, link));
        self.count.store(links.len(), Ordering::Relaxed);
    }

    /// Removes a client, if it is one of them.
    pub fn remove(&self, id: u64) {
        let mut links = self.links.lock();
        links.retain(|(known, _)| *known != id);
        self.count.store(links.len(), Ordering::Relaxed);
    }

    /// Removes a client that ends or starts afresh.
    pub(crate) fn remove_if(&self, session: &Session) {
        if session.has_flag(client_flag::MONITOR) {
            self.remove(session.id);
        }
    }

    fn push(&self, line: Vec<u8>) {
        let line = Bytes::from(line);
        for (_, link) in self.links.lock().iter() {
            link.push(line.clone());
        }
    }
}

/// Shows a command that has been run to those who watch.
#[cold]
pub(crate) fn show(ctx: &Ctx<'_>, start_us: i64, args: Args<'_>) {
    if ctx.command().flags & (ADMIN | SKIP_MONITOR) != 0 {
        return;
    }
    let mut line = format!("+{}.{:06} ", start_us / 1_000_000, start_us % 1_000_000).into_bytes();
    line.extend_from_slice(format!("[{} {}]", ctx.db().0, source(ctx)).as_bytes());
    for arg in ctx.shown_args(args) {
        line.push(b' ');
        quote(arg, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    ctx.server.monitors.push(line);
}

/// Who sent the command, as Redis writes it.
fn source(ctx: &Ctx<'_>) -> String {
    let address = &ctx.session.address;
    match ctx.session.origin {
        Origin::Script => "lua".to_owned(),
        _ if ctx.session.has_flag(client_flag::UNIX_SOCKET) => {
            format!("unix:{}", address.strip_suffix(":0").unwrap_or(address))
        }
        _ => address.to_string(),
    }
}

/// Appends a text between quotes, what cannot be printed escaped as in redis.conf.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            other => out.extend_from_slice(format!("\\x{other:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tester;

    /// Keeps what is pushed.
    #[derive(Default)]
    struct Screen(Mutex<Vec<u8>>);

    impl ClientLink for Screen {
        fn resume(&self) {}
        fn unblock(&self, _: Bytes) {}
        fn push(&self, payload: Bytes) {
            self.0.lock().extend_from_slice(&payload);
        }
        fn kill(&self, _: bool) {}
        fn wake_at(&self, _: i64) {}
    }

    #[test]
    fn commands_are_shown_but_for_admins_and_secrets() {
        let mut tester = Tester::new();
        let screen = Arc::new(Screen::default());
        tester
            .server
            .monitors
            .add(7, Arc::clone(&screen) as Arc<dyn ClientLink>);
        tester.run(&[b"SET", b"k\"", b"a\nb\xff"]);
        tester.run(&[b"SLOWLOG", b"LEN"]);
        tester.run(&[b"AUTH", b"secret"]);
        tester.server.monitors.remove(7);
        tester.run(&[b"GET", b"k"]);
        let shown = String::from_utf8(screen.0.lock().clone()).unwrap();
        let lines: Vec<&str> = shown
            .lines()
            .map(|line| &line[line.find('[').unwrap()..])
            .collect();
        assert_eq!(
            lines,
            [
                r#"[0 ] "SET" "k\"" "a\nb\xff""#,
                r#"[0 ] "AUTH" "(redacted)""#,
            ]
        );
    }
}
