//! The same random commands to ours and to `redis-server`: replies and data must be the same.
//!
//! Commands of all types, with wrong types and wrong arguments, in RESP2 and RESP3, in pipelines
//! and transactions, come from templates (`grammar.rs`); what is random or has no order is compared
//! as far as it can be (`reply.rs`). Everything random comes from seeds; a difference is printed
//! with what came before it, and the next seed goes on. `COREWIRE_DIFFERENTIAL_SECONDS` makes it
//! run longer, from a seed of its own unless `COREWIRE_DIFFERENTIAL_SEED` gives one.
//!
//! Nothing is compared where Redis is not installed. Scripts, users and cluster mode are left out.

mod arguments;
mod grammar;
mod reply;
mod scripted;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

use common::random::{self, below};

use crate::support::{PATIENCE, RawClient, Server, Value};
use grammar::{Command, Compare, Grammar};

/// How long it runs, unless told otherwise, and how many seeds at most then.
const SECONDS: u64 = 15;
const SEEDS: u64 = 200;
/// Commands between two looks at the data.
const BATCH: usize = 20;
/// Batches of a seed: few enough keys to read, enough to fill them.
const BATCHES: usize = 40;
/// Differences after which it is enough.
const DIFFERENCES: usize = 40;

/// Ours and Redis, each with a client of either protocol.
struct Pair {
    servers: [Server; 2],
    clients: [[RawClient; 2]; 2],
}

/// What came of a seed.
#[derive(Default)]
struct Run {
    seed: u64,
    commands: Vec<Command>,
    /// What stands in each client's transaction.
    queued: [Vec<Command>; 2],
}

impl Pair {
    fn start() -> Option<Self> {
        let args = ["--enable-debug-command", "yes"];
        let redis = Server::start_redis(&args)?;
        let servers = [redis, Server::start(&args)];
        let client = |server: &Server| {
            let mut client = server.raw();
            // Nothing takes that long, but measurements may stop all servers of a machine.
            client.set_patience(PATIENCE * 7);
            client
        };
        let clients = servers
            .each_ref()
            .map(|server| [client(server), client(server)]);
        Some(Self { servers, clients })
    }

    /// Sends to both.
    fn call(&mut self, client: usize, command: &str) -> [Value; 2] {
        self.clients
            .each_mut()
            .map(|side| side[client].call(command))
    }

    fn clear(&mut self) {
        for client in [0, 1] {
            self.call(client, "RESET");
            self.call(client, &format!("HELLO {}", client + 2));
        }
        self.call(0, "FLUSHALL");
    }

    /// Sends to both at once, and reads so many replies of both.
    fn pipeline(&mut self, client: usize, commands: &[Command]) -> Vec<[Value; 2]> {
        for side in &mut self.clients {
            for command in commands {
                let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
                side[client].send_command(&args);
            }
        }
        let read = |_: &Command| self.clients.each_mut().map(|side| side[client].read());
        commands.iter().map(read).collect()
    }
}

#[test]
fn random_commands_are_answered_as_redis_answers_them() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let given = number("COREWIRE_DIFFERENTIAL_SECONDS");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let own = given.and(now.ok()).map_or(1, |time| time.as_secs() << 20);
    let first = number("COREWIRE_DIFFERENTIAL_SEED").unwrap_or(own);
    let deadline = Instant::now() + Duration::from_secs(given.unwrap_or(SECONDS));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/differential.txt");
    let grammar = Grammar::parse(&std::fs::read_to_string(path).expect("the templates"));
    let mut differences = BTreeMap::new();
    let (mut seed, mut count) = (first, 0);
    let seeds = given.map_or(SEEDS, |_| u64::MAX);
    while Instant::now() < deadline && seed - first < seeds && differences.len() < DIFFERENCES {
        let mut run = Run::default();
        run.seed = seed;
        if let Err((title, text)) = run.go(&mut pair, &grammar) {
            differences.entry(title).or_insert(text);
        }
        count += run.commands.len();
        seed += 1;
    }
    println!("{count} commands, {} seeds from {first}", seed - first);
    let all: String = differences.into_values().collect();
    assert!(
        all.is_empty(),
        "redis-server (-) and ours (+) differ:\n{all}"
    );
}

impl Run {
    /// Runs one seed up to the first difference: its title and its description.
    fn go(&mut self, pair: &mut Pair, grammar: &Grammar) -> Result<(), (String, String)> {
        random::seed(self.seed);
        pair.clear();
        for _ in 0..BATCHES {
            let client = below(2);
            let batch = batch(grammar);
            let start = self.commands.len();
            self.commands.extend_from_slice(&batch);
            let replies = pair.pipeline(client, &batch);
            for (at, [theirs, ours]) in replies.iter().enumerate() {
                let command = &batch[at];
                if let Some((title, text)) = self.difference(client, command, theirs, ours) {
                    self.commands.truncate(start + at);
                    return match self.has_sorted() && reply::differ_by_signed_zero(theirs, ours) {
                        true => Ok(()),
                        false => Err((title, self.describe(&text, command))),
                    };
                }
            }
            let [theirs, ours] = pair.call(0, "DEBUG DIGEST");
            // Within a transaction it is only queued.
            if theirs != ours {
                return self.describe_data(pair).map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    /// A title and the replies, if they are not the same.
    fn difference(
        &mut self,
        client: usize,
        command: &Command,
        theirs: &Value,
        ours: &Value,
    ) -> Option<(String, String)> {
        let queued = &mut self.queued[client];
        let (mut command, mut replies) = (command, [theirs, ours]);
        let transaction;
        let name = command.args[0].to_ascii_uppercase();
        let is_same = if theirs == ours && *theirs == Value::simple("QUEUED") {
            queued.push(command.clone());
            true
        } else if name == "EXEC" {
            transaction = std::mem::take(queued);
            let other = reply::first_other(theirs, ours, &transaction);
            if let Some(at) = other {
                command = &transaction[at];
                replies = replies.map(|reply| &reply.elements()[at]);
            }
            let is_array = matches!(theirs, Value::Array(_));
            other.is_none() && (is_array || theirs == ours)
        } else {
            if name == "DISCARD" && command.args.len() == 1 {
                queued.clear();
            }
            reply::is_same(theirs, ours, command.compare)
        };
        let [theirs, ours] = replies.map(reply::show);
        let title = format!("{} {theirs:.60}", command.args[0].to_uppercase());
        let text = format!("  {:?}\n  - {theirs}\n  + {ours}\n", command.args);
        (!is_same).then_some((title, text))
    }

    /// The last command's replies, after the commands before it on the same keys.
    fn describe(&self, replies: &str, command: &Command) -> String {
        let mut text = format!("\nseed {}\n", self.seed);
        self.tell_of(&command.args[1..], &mut text);
        text + replies
    }

    /// Whether a sorted set may be a skiplist in Redis where it is a listpack in ours: SORT turns
    /// what it reads into one, and only there a score of -0 stays what it is.
    fn has_sorted(&self) -> bool {
        let is_sort = |command: &Command| command.args[0].to_lowercase().starts_with("sort");
        self.commands.iter().any(is_sort)
    }

    /// The keys whose values differ, and what was done with them; nothing if only a zero's sign
    /// differs and may.
    fn describe_data(&self, pair: &mut Pair) -> Option<(String, String)> {
        let mut text = format!("\nseed {}: other data\n", self.seed);
        let mut title = String::from("data");
        let mut is_same = self.has_sorted();
        pair.call(0, "DISCARD");
        for db in 0..16 {
            pair.call(0, &format!("SELECT {db}"));
            let [theirs, ours] = pair.call(0, "KEYS *").map(|keys| keys.sorted());
            if theirs != ours {
                is_same = false;
                let _ = writeln!(text, "  db {db}: keys\n  - {theirs:?}\n  + {ours:?}");
            }
            for key in ours {
                let [theirs, ours] = pair.call(0, &format!("DEBUG DIGEST-VALUE {key}"));
                if theirs != ours {
                    let replies = pair.call(0, &look(&pair.servers[1], db, &key));
                    is_same &= reply::differ_by_signed_zero(&replies[0], &replies[1]);
                    let show = replies.each_ref().map(reply::show);
                    let _ = writeln!(text, "  db {db}, {key}:\n  - {}\n  + {}", show[0], show[1]);
                    self.tell_of(&[key], &mut text);
                    title = String::from("data of a key");
                }
            }
        }
        if title == "data" {
            // What it was is gone again, or it is not in the values.
            is_same = false;
            for command in self.commands.iter().rev().take(BATCH).rev() {
                let _ = writeln!(text, "  {:?}", command.args);
            }
        }
        (!is_same).then_some((title, text))
    }

    /// The last commands that have one of these arguments.
    fn tell_of(&self, args: &[String], text: &mut String) {
        let about: Vec<&Command> = self
            .commands
            .iter()
            .filter(|command| command.args.iter().any(|arg| args.contains(arg)))
            .collect();
        for command in &about[about.len().saturating_sub(15)..] {
            let _ = writeln!(text, "  {:?}", command.args);
        }
    }
}

/// A reply that does not come ends the test; this tells where.
impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("no reply in seed {} to one of these:", self.seed);
            for command in self.commands.iter().rev().take(BATCH + 6).rev() {
                println!("  {:?}", command.args);
            }
        }
    }
}

/// A seed once found the first: Redis's SORT had made a skiplist of the sorted set.
#[test]
fn a_score_of_negative_zero_keeps_its_sign_in_large_sets_only() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    for (protocol, zero, negative) in [
        (0, Value::bulk("0"), Value::bulk("-0")),
        (
            1,
            Value::Line(',', "0".to_owned()),
            Value::Line(',', "-0".to_owned()),
        ),
    ] {
        pair.clear();
        let sorted = [negative.clone(), zero.clone()];
        let mut expect = |command: &str, expected: [&Value; 2]| {
            let replies = pair.call(protocol, command);
            assert_eq!(replies.each_ref(), expected, "{command}");
        };
        let one = Value::Integer(1);
        expect("ZADD small -0 a", [&one; 2]);
        expect("ZSCORE small a", [&zero; 2]);
        expect("CONFIG SET zset-max-listpack-entries 0", [&Value::ok(); 2]);
        expect("ZADD large -0 a", [&one; 2]);
        expect("ZSCORE large a", [&negative; 2]);
        expect(
            "CONFIG SET zset-max-listpack-entries 128",
            [&Value::ok(); 2],
        );
        expect("ZADD sorted 1 a", [&one; 2]);
        expect(
            "SORT sorted ALPHA",
            [&Value::bulks(&["a"]), &Value::bulks(&["a"])],
        );
        expect("ZADD sorted -0 b", [&one; 2]);
        expect("ZSCORE sorted b", sorted.each_ref());
        assert!(reply::differ_by_signed_zero(&sorted[0], &sorted[1]));
    }
}

/// The command that shows what is in a key.
fn look(server: &Server, db: usize, key: &str) -> String {
    let mut client = server.raw();
    client.call(&format!("SELECT {db}"));
    match client.call(&format!("TYPE {key}")).text().as_str() {
        "hash" => format!("HGETALL {key}"),
        "list" => format!("LRANGE {key} 0 -1"),
        "set" => format!("SMEMBERS {key}"),
        "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
        "stream" => format!("XINFO STREAM {key} FULL"),
        _ => format!("GET {key}"),
    }
}

/// Commands for one client: some of them in transactions.
fn batch(grammar: &Grammar) -> Vec<Command> {
    let word = |word: &str| Command {
        args: vec![word.to_owned()],
        compare: Compare::Exact,
        needs_exec: false,
    };
    let mut commands = Vec::new();
    while commands.len() < BATCH {
        let command = grammar.command();
        if ends_transaction(&command) || !command.needs_exec && below(20) > 0 {
            commands.push(command);
            continue;
        }
        commands.push(word("MULTI"));
        commands.push(command);
        // After its end something that blocks would do so.
        let more = (0..below(4)).map(|_| grammar.command());
        commands.extend(more.filter(|command| !ends_transaction(command)));
        commands.push(word("EXEC"));
    }
    commands
}

fn ends_transaction(command: &Command) -> bool {
    ["exec", "discard"].contains(&command.args[0].to_lowercase().as_str())
}
