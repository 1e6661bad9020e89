//! Runs commands without a socket: argv in, RESP out.

use std::sync::Arc;

use keyspace::{Keyspace, KeyspaceConfig};
use resp::{Args, ReplyWriter};

use crate::command::Command;
use crate::{FAMILIES, Origin, Outcome, Server, Session, Table};

/// All commands, each followed by its subcommands.
pub(crate) fn all_commands() -> impl Iterator<Item = &'static Command> {
    fn with_children(command: &&'static Command) -> Vec<&'static Command> {
        let children = command.subcommands.iter().flat_map(with_children);
        std::iter::once(*command).chain(children).collect()
    }
    FAMILIES.iter().copied().flatten().flat_map(with_children)
}

/// A server and one client of it.
pub(crate) struct Tester {
    pub(crate) server: Arc<Server>,
    pub(crate) session: Session,
}

impl Tester {
    /// An empty server.
    pub(crate) fn new() -> Self {
        let keyspace = Arc::new(Keyspace::new(KeyspaceConfig::default()));
        let table = Table::new(FAMILIES, &[]).unwrap();
        let server = Arc::new(Server::new(keyspace, table, 1));
        let mut session = Session::detached(Origin::Client, 0);
        session.authenticated = true;
        Self { server, session }
    }

    /// Runs one command given as words, the short way if it is open, and returns the reply as it
    /// goes over the wire.
    pub(crate) fn run(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.session.ahead = 2;
        self.session.is_open = crate::plain::is_open(&self.server, &self.session);
        let buffer = self.run_in_batch(args);
        crate::batch_end(&self.server, &mut self.session);
        buffer
    }

    /// [`run`](Self::run) in the middle of a read batch.
    pub(crate) fn run_in_batch(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut buffer = Vec::new();
        let args = Args::new(args);
        let prepared = crate::prepare(&self.server, args);
        let proto = self.session.proto;
        let mut out = ReplyWriter::new(&mut buffer, proto);
        let outcome = crate::dispatch(&self.server, &mut self.session, args, prepared, &mut out);
        assert_ne!(outcome, Outcome::Deferred);
        buffer
    }

    /// Runs one line of commands (words split at spaces; quotes as in redis.conf) and returns the
    /// reply with line ends shown as `\n` and bytes that are not ASCII escaped.
    pub(crate) fn line(&mut self, line: &str) -> String {
        let words = resp::split_args(line.as_bytes()).expect("balanced quotes");
        let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
        let mut text = String::new();
        for byte in self.run(&words) {
            match byte {
                b'\r' => {}
                b'\n' | b' '..=b'~' => text.push(byte.into()),
                other => text.push_str(&other.escape_ascii().to_string()),
            }
        }
        text.trim_end().to_owned()
    }
}

/// Runs lines of commands on an empty server; the replies one after the other.
pub(crate) fn check(lines: &str, expected: &expect_test::Expect) {
    check_with(Tester::new(), lines, expected);
}

/// [`check`] with a client that speaks RESP3.
pub(crate) fn check_resp3(lines: &str, expected: &expect_test::Expect) {
    let mut tester = Tester::new();
    tester.session.proto = resp::Proto::Resp3;
    check_with(tester, lines, expected);
}

fn check_with(mut tester: Tester, lines: &str, expected: &expect_test::Expect) {
    let replies: Vec<_> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| tester.line(line))
        .collect();
    expected.assert_eq(&replies.join("\n"));
}

/// Runs lines of commands on an empty server; what goes to the log, a command per line.
pub(crate) fn check_log(lines: &str, expected: &expect_test::Expect) {
    let mut tester = Tester::new();
    let mut log = tester.server.log.read_from_end();
    for line in lines.lines() {
        tester.line(line);
    }
    let mut bytes = Vec::new();
    log.read(&mut bytes);
    let mut commands = String::new();
    for word in String::from_utf8_lossy(&bytes).split("\r\n") {
        match word.as_bytes() {
            [] | [b'$', ..] => {}
            [b'*', ..] => commands.push('\n'),
            _ => commands.extend([" ", word]),
        }
    }
    let commands: Vec<_> = commands.lines().map(str::trim).skip(1).collect();
    expected.assert_eq(&commands.join("\n"));
}
