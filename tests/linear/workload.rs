//! Groups of clients that run random commands, and note what they saw and when.
//!
//! Each history has keys of its own, so that it begins with nothing. A client that waited in vain
//! is noted as having asked when its time was over: then, not only when it began to wait, there
//! must have been nothing for it.

use std::fmt::Write;
use std::time::Instant;

use super::checker::Seen;
use super::model::{Command, End, FIRST_LIST, KEYS, Key, Operation, name};
use crate::support::{RawClient, Server, Value};

/// Clients of a group.
const CLIENTS: usize = 5;
/// Turns of each; one with WATCH counts as three operations.
const TURNS: usize = 4;
/// What clocks of whole milliseconds may be off by.
const MARGIN_NS: u64 = 2_000_000;

/// `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }

    fn end(&mut self) -> End {
        [End::Left, End::Right][self.below(2)]
    }

    fn list(&mut self) -> Key {
        FIRST_LIST + self.below(KEYS - FIRST_LIST)
    }

    fn timeout_ms(&mut self) -> u64 {
        [1, 3, 10, 25][self.below(4)]
    }
}

/// A random command; `value` gives numbers that occur once.
fn command(random: &mut Random, mut value: impl FnMut() -> i64) -> Command {
    match random.below(24) {
        0 | 1 => Command::Get(random.below(FIRST_LIST)),
        2 => Command::Set(random.below(FIRST_LIST), value()),
        3 => Command::Incr(random.below(FIRST_LIST)),
        4 => Command::Delete(random.below(KEYS)),
        5 => Command::GetBoth,
        6 => Command::SetBoth(value(), value()),
        7..=11 => Command::Push(random.list(), random.end(), value()),
        12 => Command::Pop(random.list(), random.end()),
        13 => Command::Range(random.list()),
        14 => Command::Move((random.list(), random.end()), (random.list(), random.end())),
        15 => match random.list() {
            FIRST_LIST => Command::Rename(FIRST_LIST, FIRST_LIST + 1),
            other => Command::Rename(other, FIRST_LIST),
        },
        16 => Command::PopOrWait(vec![random.list()], random.end(), random.timeout_ms()),
        17 => {
            let first = random.list();
            let second = KEYS - 1 - first + FIRST_LIST;
            Command::PopOrWait(vec![first, second], random.end(), random.timeout_ms())
        }
        18 => Command::Copy(0, 1),
        19 => Command::Copy(1, 0),
        20 => match random.list() {
            FIRST_LIST => Command::Copy(FIRST_LIST, FIRST_LIST + 1),
            other => Command::Copy(other, FIRST_LIST),
        },
        21 => Command::Sort(random.list(), random.list()),
        _ => Command::MoveOrWait(
            (random.list(), random.end()),
            (random.list(), random.end()),
            random.timeout_ms(),
        ),
    }
}

fn words(command: &Command, prefix: &str) -> Vec<String> {
    let key = |key: Key| format!("{prefix}{}", name(key));
    let side = |end: End| match end {
        End::Left => "LEFT".to_owned(),
        End::Right => "RIGHT".to_owned(),
    };
    let letter = |end: End| if end == End::Left { 'L' } else { 'R' };
    let seconds = |ms: u64| format!("{}", ms as f64 / 1000.0);
    match command {
        Command::Get(k) => vec!["GET".into(), key(*k)],
        Command::Set(k, v) => vec!["SET".into(), key(*k), v.to_string()],
        Command::Incr(k) => vec!["INCR".into(), key(*k)],
        Command::Delete(k) => vec!["DEL".into(), key(*k)],
        Command::GetBoth => vec!["MGET".into(), key(0), key(1)],
        Command::SetBoth(a, b) => {
            vec!["MSET".into(), key(0), a.to_string(), key(1), b.to_string()]
        }
        Command::Push(k, end, v) => vec![format!("{}PUSH", letter(*end)), key(*k), v.to_string()],
        Command::Pop(k, end) => vec![format!("{}POP", letter(*end)), key(*k)],
        Command::Range(k) => vec!["LRANGE".into(), key(*k), "0".into(), "-1".into()],
        Command::Move(from, to) => {
            vec![
                "LMOVE".into(),
                key(from.0),
                key(to.0),
                side(from.1),
                side(to.1),
            ]
        }
        Command::Rename(from, to) => vec!["RENAME".into(), key(*from), key(*to)],
        Command::Copy(from, to) => {
            vec!["COPY".into(), key(*from), key(*to), "REPLACE".into()]
        }
        Command::Sort(from, to) => {
            vec!["SORT".into(), key(*from), "STORE".into(), key(*to)]
        }
        Command::PopOrWait(keys, end, ms) => {
            let mut words = vec![format!("B{}POP", letter(*end))];
            words.extend(keys.iter().map(|k| key(*k)));
            words.push(seconds(*ms));
            words
        }
        Command::MoveOrWait(from, to, ms) => {
            let ends = [side(from.1), side(to.1), seconds(*ms)];
            let names = ["BLMOVE".into(), key(from.0), key(to.0)];
            names.into_iter().chain(ends).collect()
        }
    }
}

/// A reply with the history's prefix taken off key names.
pub(super) fn plain(reply: Value, prefix: &str) -> Value {
    match reply {
        Value::Bulk(text) => match text.strip_prefix(prefix.as_bytes()) {
            Some(rest) => Value::Bulk(rest.to_vec()),
            None => Value::Bulk(text),
        },
        Value::Array(values) => Value::Array(
            values
                .into_iter()
                .map(|value| plain(value, prefix))
                .collect(),
        ),
        other => other,
    }
}

/// One client at work on one history.
struct Turn<'g> {
    client: &'g mut RawClient,
    number: usize,
    prefix: &'g str,
    start: Instant,
    random: Random,
    values: i64,
    seen: Vec<Seen>,
}

impl Turn<'_> {
    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn command(&mut self) -> Command {
        let base = (self.number as i64 + 1) * 100_000;
        let values = &mut self.values;
        command(&mut self.random, || {
            *values += 100;
            base + *values
        })
    }

    fn call(&mut self, words: &[String]) -> Value {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        plain(self.client.call_args(&words), self.prefix)
    }

    fn note(&mut self, begin_ns: u64, operation: Operation) {
        let end_ns = self.now_ns();
        self.seen.push(Seen {
            client: self.number,
            begin_ns: begin_ns.min(end_ns),
            end_ns,
            operation,
        });
    }

    fn single(&mut self) {
        let command = self.command();
        let words = words(&command, self.prefix);
        let mut begin_ns = self.now_ns();
        let reply = self.call(&words);
        if let (Some(ms), Value::Null) = (command.timeout_ms(), &reply) {
            begin_ns += (ms * 1_000_000).saturating_sub(MARGIN_NS);
        }
        self.note(begin_ns, Operation::Single(command, reply));
    }

    fn transaction(&mut self, is_watched: bool) {
        if is_watched {
            let keys = 1 + self.random.below((1 << KEYS) - 1) as u32;
            let names = (0..KEYS).filter(|key| keys & 1 << key != 0);
            let names = names.map(|key| format!("{}{}", self.prefix, name(key)));
            let words: Vec<_> = std::iter::once("WATCH".to_owned()).chain(names).collect();
            let begin_ns = self.now_ns();
            self.call(&words);
            self.note(begin_ns, Operation::Watch(keys));
            self.single();
        }
        let commands: Vec<_> = (0..=self.random.below(3)).map(|_| self.command()).collect();
        self.call(&["MULTI".to_owned()]);
        for command in &commands {
            let words = words(command, self.prefix);
            self.call(&words);
        }
        let begin_ns = self.now_ns();
        let replies = match self.call(&["EXEC".to_owned()]) {
            Value::Null => None,
            reply => Some(reply.elements().to_vec()),
        };
        self.note(begin_ns, Operation::Exec(commands, replies));
    }

    fn run(mut self) -> Vec<Seen> {
        for _ in 0..TURNS {
            match self.random.below(8) {
                0 => self.transaction(true),
                1 => self.transaction(false),
                _ => self.single(),
            }
        }
        self.seen
    }
}

/// Clients that work on one history at a time.
pub(super) struct Group {
    clients: Vec<RawClient>,
}

impl Group {
    pub(super) fn new(server: &Server) -> Self {
        Self {
            clients: (0..CLIENTS).map(|_| server.raw()).collect(),
        }
    }

    /// Makes the history of a seed: what each client asks for. When, nobody knows beforehand.
    pub(super) fn run(&mut self, seed: u64) -> Vec<Seen> {
        let prefix = format!("h{seed}:");
        let start = Instant::now();
        let mut history: Vec<Seen> = std::thread::scope(|scope| {
            let clients = self.clients.iter_mut().enumerate();
            let running: Vec<_> = clients
                .map(|(number, client)| {
                    let turn = Turn {
                        client,
                        number,
                        prefix: &prefix,
                        start,
                        random: Random(seed * CLIENTS as u64 + number as u64),
                        values: 0,
                        seen: Vec::new(),
                    };
                    scope.spawn(move || turn.run())
                })
                .collect();
            let seen = running
                .into_iter()
                .map(|client| client.join().expect("it ends"));
            seen.flatten().collect()
        });
        history.sort_by_key(|seen| seen.begin_ns);
        let names: Vec<_> = (0..KEYS)
            .map(|key| format!("{prefix}{}", name(key)))
            .collect();
        self.clients[0].call(&format!("DEL {}", names.join(" ")));
        history
    }
}

/// A history, an operation a line.
pub(super) fn show(history: &[Seen]) -> String {
    let mut text = String::new();
    for seen in history {
        let (from_us, to_us) = (seen.begin_ns / 1000, seen.end_ns / 1000);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{from_us:>7} {to_us:>7} us  client {}  {:?}",
            seen.client, seen.operation
        );
    }
    text
}

/// The history as it would be if time ran the other way.
pub(super) fn backwards(history: &[Seen]) -> Vec<Seen> {
    let end_ns = history.iter().map(|seen| seen.end_ns).max().unwrap_or(0);
    let turn = |seen: &Seen| Seen {
        begin_ns: end_ns - seen.end_ns,
        end_ns: end_ns - seen.begin_ns,
        ..seen.clone()
    };
    history.iter().map(turn).collect()
}

/// What histories were made of.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) histories: usize,
    operations: usize,
    /// Pairs of neighbours that overlap.
    overlaps: usize,
    /// Commands that waited, and got something in the end.
    served: usize,
    timed_out: usize,
    transactions: usize,
    failed_transactions: usize,
}

impl Tally {
    pub(super) fn add(&mut self, history: &[Seen]) {
        self.histories += 1;
        self.operations += history.len();
        let overlaps = history.windows(2).filter(|w| w[1].begin_ns < w[0].end_ns);
        self.overlaps += overlaps.count();
        for seen in history {
            match &seen.operation {
                Operation::Single(command, reply) if command.timeout_ms().is_some() => {
                    // Half a millisecond is long for one that does not wait.
                    let waited = seen.end_ns - seen.begin_ns > 500_000;
                    self.timed_out += usize::from(*reply == Value::Null);
                    self.served += usize::from(waited && *reply != Value::Null);
                }
                Operation::Exec(_, replies) => {
                    self.transactions += 1;
                    self.failed_transactions += usize::from(replies.is_none());
                }
                _ => {}
            }
        }
    }

    /// Each kind of thing must have happened, or the histories show little.
    pub(super) fn assert_varied(&self) {
        assert!(self.histories >= 100, "{self:?}");
        assert!(self.overlaps * 4 > self.operations, "{self:?}");
        for count in [self.served, self.timed_out, self.failed_transactions] {
            assert!(count > 0, "{self:?}");
        }
    }
}
