//! Commands from outside: whatever a client sends, the server neither panics nor stalls, and every
//! command gets exactly one well-formed reply of the client's protocol.
//!
//! Each input meets an empty server without sockets, files or a host around it. Values are kept
//! short, so that what a few thousand bytes can ask for is bounded. DEBUG and SHUTDOWN, which sleep
//! and end the process by design, are left out, and so are what replicas say without waiting for an
//! answer. An input ends where its client becomes a replica: the stream that follows is no reply.
#![no_main]

use commands::session::client_flag;
use commands::{FAMILIES, Origin, Outcome, Server, Session, Table};
use keyspace::{Keyspace, KeyspaceConfig};
use libfuzzer_sys::fuzz_target;
use resp::{ArgScratch, Args, Batch, Limits, Parsed, Parser, Proto, ReplyWriter};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Longest value and argument: LCS of two of them takes a few milliseconds.
const BULK_BYTES_MAX: u64 = 2048;
const COMMANDS_MAX: usize = 200;
const REPLY_BYTES_MAX: usize = 64 << 20;

fn empty_server() -> Server {
    let config = KeyspaceConfig {
        shards: 4,
        ..KeyspaceConfig::default()
    };
    let table = Table::new(FAMILIES, &[]).expect("a table without renamed commands");
    let server = Server::new(Arc::new(Keyspace::new(config)), table, 1);
    server
        .settings
        .proto_max_bulk_len
        .store(BULK_BYTES_MAX, Relaxed);
    server
}

struct Client {
    server: Server,
    session: Session,
    commands_left: usize,
}

impl Client {
    fn new() -> Self {
        Self {
            server: empty_server(),
            session: Session::detached(Origin::Client, 0),
            commands_left: COMMANDS_MAX,
        }
    }

    /// Runs what was parsed. False: the connection would be closed or wait now.
    fn run_batch(&mut self, batch: &Batch, input: &[u8]) -> bool {
        let go_on = (0..batch.len()).all(|i| {
            let mut scratch = ArgScratch::new();
            batch.slice(i, input, &mut scratch);
            let args = batch.args(i, &scratch);
            is_left_out(args) || self.run(args)
        });
        commands::batch_end(&self.server, &mut self.session);
        go_on
    }

    fn run(&mut self, args: Args<'_>) -> bool {
        let Some(left) = self.commands_left.checked_sub(1) else {
            return false;
        };
        self.commands_left = left;
        let before = (self.session.proto, self.session.reply_mode);
        let prepared = commands::prepare(&self.server, args);
        commands::prefetch(&self.server, &mut self.session, &[prepared], 0);
        let mut reply = Vec::new();
        let mut out = ReplyWriter::new(&mut reply, self.session.proto);
        let outcome = commands::dispatch(&self.server, &mut self.session, args, prepared, &mut out);
        match outcome {
            Outcome::Deferred => {
                assert!(reply.is_empty(), "a deferred command has done nothing");
                assert!(self.server.pause.is_possible(), "no shard can be busy");
                return false;
            }
            Outcome::Away => panic!("a session without a connection has nowhere to go"),
            Outcome::Blocked => return false,
            Outcome::Done | Outcome::Close => {}
        }
        if self.session.has_flag(client_flag::REPLICA) {
            return false;
        }
        let silent = [before.1, self.session.reply_mode]
            .iter()
            .any(|mode| *mode != commands::session::ReplyMode::On);
        if !(silent && reply.is_empty()) {
            let resp3 = [before.0, self.session.proto].contains(&Proto::Resp3);
            assert_well_formed(&reply, resp3, answers_often(args.at(0)));
        }
        outcome == Outcome::Done
    }
}

fn is_left_out(args: Args<'_>) -> bool {
    let is = |name: &[u8]| args.at(0).eq_ignore_ascii_case(name);
    is(b"debug") || is(b"shutdown") || is(b"replconf") && says_position(args)
}

/// Whether one of REPLCONF's options, which come in pairs, is never answered.
fn says_position(args: Args<'_>) -> bool {
    args.iter().skip(1).step_by(2).any(|option| {
        [&b"ack"[..], b"getack"]
            .iter()
            .any(|silent| option.eq_ignore_ascii_case(silent))
    })
}

/// SUBSCRIBE and its kin answer once for each channel, in a transaction too.
fn answers_often(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b"subscribe") || name == b"exec"
}

fn assert_well_formed(reply: &[u8], resp3: bool, often: bool) {
    assert!(reply.len() <= REPLY_BYTES_MAX, "{} bytes", reply.len());
    let mut rest = after_value(reply, resp3, 0);
    while let Some(more @ [_, ..]) = rest
        && often
    {
        rest = after_value(more, resp3, 0);
    }
    match rest {
        Some([]) => {}
        rest => panic!(
            "{:?}: {:?} is left",
            reply.escape_ascii().to_string(),
            rest.map(|rest| rest.escape_ascii().to_string())
        ),
    }
}

/// What follows the first value.
fn after_value(reply: &[u8], resp3: bool, depth: usize) -> Option<&[u8]> {
    let line_len = reply.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = (&reply[..line_len], &reply[line_len + 2..]);
    let (kind, line) = line.split_first()?;
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) || depth > 32 {
        return None;
    }
    let number = || std::str::from_utf8(line).ok()?.parse::<i64>().ok();
    match kind {
        b'+' | b'-' => Some(rest),
        b':' => number().map(|_| rest),
        b'$' | b'*' if line == b"-1" && !resp3 => Some(rest),
        b'$' => after_blob(rest, number()?),
        b'*' => after_values(rest, number()?, resp3, depth),
        _ if !resp3 => None,
        b'_' => line.is_empty().then_some(rest),
        b'#' => matches!(line, b"t" | b"f").then_some(rest),
        b',' => is_double(line).then_some(rest),
        b'(' => line
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'-'))
            .then_some(rest),
        b'=' | b'!' => after_blob(rest, number()?),
        b'~' | b'>' => after_values(rest, number()?, resp3, depth),
        b'%' => after_values(rest, number()?.checked_mul(2)?, resp3, depth),
        // An attribute goes before the value that it is about.
        b'|' => {
            let rest = after_values(rest, number()?.checked_mul(2)?, resp3, depth)?;
            after_value(rest, resp3, depth + 1)
        }
        _ => None,
    }
}

fn is_double(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line);
    text.is_ok_and(|text| text.parse::<f64>().is_ok())
}

fn after_blob(rest: &[u8], len: i64) -> Option<&[u8]> {
    let (_, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    rest.strip_prefix(b"\r\n")
}

fn after_values(rest: &[u8], count: i64, resp3: bool, depth: usize) -> Option<&[u8]> {
    (0..u64::try_from(count).ok()?).try_fold(rest, |rest, _| after_value(rest, resp3, depth + 1))
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        max_bulk_len: BULK_BYTES_MAX,
        ..Limits::default()
    };
    let mut client = Client::new();
    let (mut parser, mut batch) = (Parser::new(), Batch::new());
    let mut input = data;
    loop {
        batch.clear();
        let (consumed, parsed) = parser.parse(input, &limits, &mut batch);
        let go_on = client.run_batch(&batch, input);
        input = &input[consumed..];
        if !go_on || parsed != Parsed::Full {
            break;
        }
    }
    commands::disconnect(&client.server, client.session);
});
