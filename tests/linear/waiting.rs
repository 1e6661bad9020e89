//! Those who wait are served in the same step as the command that brings what they wait for.
//!
//! In the other histories a client that waits may as well have asked a moment later, so that a
//! server which lets others in before it serves those who wait would pass. Here it is known who
//! waits: the clients block one after the other, and only when the server shows the last of them
//! as blocked do the others begin to push, pop and look. From then on nobody may see an element in
//! a list that somebody waits for, elements go to those who wait in the order of their arrival, and
//! each gets what is first at the end that it asked for. When the others are through, those who
//! still wait are sent away with CLIENT UNBLOCK, which must find them waiting.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::checker::{Model, Seen, Verdict, check_from};
use super::workload::Random;
use crate::support::{RawClient, Server, Value, wait_until};

const LISTS: usize = 2;
const WAITERS: usize = 4;
const ACTIVE: usize = 4;
/// Operations of each active client.
const TURNS: usize = 5;
/// Histories with each number of workers, and the time after which fewer are enough.
const HISTORIES: u64 = 1500;
const SECONDS: u64 = 12;

#[derive(Clone, Debug)]
enum Command {
    /// To the right end.
    Push(usize, Vec<i64>),
    /// From the left end.
    Pop(usize),
    Range(usize),
    /// From the left end of one list to the right end of the other.
    Move(usize),
}

#[derive(Clone, Debug)]
enum Operation {
    Single(Command, Value),
    Exec(Vec<Command>, Vec<Value>),
    /// What a client that waited got in the end.
    Received(Value),
    /// A client that waits is sent away, or does not wait any longer.
    Unblocked(usize, Value),
}

/// Somebody who waits for the left end of the first of these lists that has an element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiter {
    client: usize,
    lists: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    lists: [VecDeque<i64>; LISTS],
    /// In the order of their arrival.
    waiters: VecDeque<Waiter>,
    /// What those got who do not wait any longer and have not noticed; `None`: nothing.
    answers: Vec<(usize, Option<(usize, i64)>)>,
}

fn number(value: i64) -> Value {
    Value::bulk(&value.to_string())
}

impl State {
    /// The reply; lists that have become ready are appended to `ready`.
    fn run(&mut self, command: &Command, ready: &mut Vec<usize>) -> Value {
        match command {
            Command::Push(list, values) => {
                self.lists[*list].extend(values);
                ready.push(*list);
                Value::Integer(self.lists[*list].len() as i64)
            }
            Command::Pop(list) => self.lists[*list].pop_front().map_or(Value::Null, number),
            Command::Range(list) => {
                Value::Array(self.lists[*list].iter().copied().map(number).collect())
            }
            Command::Move(from) => match self.lists[*from].pop_front() {
                None => Value::Null,
                Some(value) => {
                    self.lists[1 - from].push_back(value);
                    ready.push(1 - from);
                    number(value)
                }
            },
        }
    }

    /// What follows a command or EXEC: lists as they became ready, for each those who wait.
    fn serve(&mut self, ready: &[usize]) {
        for &list in ready {
            while !self.lists[list].is_empty() {
                let mut waiters = self.waiters.iter();
                let Some(first) = waiters.position(|waiter| waiter.lists.contains(&list)) else {
                    break;
                };
                let waiter = self.waiters.remove(first);
                if let (Some(waiter), Some(value)) = (waiter, self.lists[list].pop_front()) {
                    self.answers.push((waiter.client, Some((list, value))));
                }
            }
        }
    }

    fn leave(&mut self, client: usize) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|waiter| waiter.client != client);
        self.waiters.len() < before
    }
}

impl Model for State {
    type Operation = Operation;

    fn apply(&mut self, client: usize, operation: &Operation) -> bool {
        let mut ready = Vec::new();
        match operation {
            Operation::Single(command, reply) => {
                let fits = self.run(command, &mut ready) == *reply;
                self.serve(&ready);
                fits
            }
            Operation::Exec(commands, replies) => {
                let mut results = commands.iter().zip(replies);
                let fit = results.all(|(command, reply)| self.run(command, &mut ready) == *reply);
                self.serve(&ready);
                fit
            }
            Operation::Received(reply) => {
                let of = |(who, _): &(usize, _)| *who == client;
                let Some(at) = self.answers.iter().position(of) else {
                    return false;
                };
                let answer = self.answers.swap_remove(at).1;
                *reply
                    == answer.map_or(Value::Null, |(list, value)| {
                        Value::Array(vec![Value::bulk(&format!("l{list}")), number(value)])
                    })
            }
            Operation::Unblocked(client, reply) => {
                let waited = self.leave(*client);
                if waited {
                    self.answers.push((*client, None));
                }
                *reply == Value::Integer(i64::from(waited))
            }
        }
    }
}

fn command(random: &mut Random, values: &mut i64) -> Command {
    let list = random.below(LISTS);
    match random.below(8) {
        0..=2 => {
            let count = 1 + random.below(2);
            Command::Push(
                list,
                (0..count)
                    .map(|_| {
                        *values += 1;
                        *values
                    })
                    .collect(),
            )
        }
        3 => Command::Pop(list),
        4 => Command::Move(list),
        _ => Command::Range(list),
    }
}

fn words(command: &Command, prefix: &str) -> String {
    match command {
        Command::Push(list, values) => {
            let values: Vec<_> = values.iter().map(i64::to_string).collect();
            format!("RPUSH {prefix}l{list} {}", values.join(" "))
        }
        Command::Pop(list) => format!("LPOP {prefix}l{list}"),
        Command::Range(list) => format!("LRANGE {prefix}l{list} 0 -1"),
        Command::Move(from) => {
            format!("LMOVE {prefix}l{from} {prefix}l{} LEFT RIGHT", 1 - from)
        }
    }
}

/// The clients of a history, and what is known of them.
struct Group {
    waiters: Vec<(RawClient, i64)>,
    active: Vec<RawClient>,
    admin: RawClient,
    start: Instant,
}

impl Group {
    fn new(server: &Server) -> Self {
        let waiters = (0..WAITERS).map(|_| {
            let mut client = server.raw();
            let Value::Integer(id) = client.call("CLIENT ID") else {
                panic!("an id");
            };
            (client, id)
        });
        Self {
            waiters: waiters.collect(),
            active: (0..ACTIVE).map(|_| server.raw()).collect(),
            admin: server.raw(),
            start: Instant::now(),
        }
    }

    fn is_blocked(&mut self, id: i64) -> bool {
        let line = self.admin.call(&format!("CLIENT LIST ID {id}"));
        let line = line.text();
        line.split(' ')
            .any(|field| field.starts_with("flags=") && field.contains('b'))
    }

    /// Lets clients wait, one behind the other.
    fn block(&mut self, random: &mut Random, prefix: &str) -> State {
        let mut state = State::default();
        for client in 0..1 + random.below(WAITERS) {
            let first = random.below(LISTS);
            let lists = match random.below(3) {
                0 => vec![first, 1 - first],
                _ => vec![first],
            };
            let keys: Vec<_> = lists
                .iter()
                .map(|list| format!("{prefix}l{list}"))
                .collect();
            let (waiter, id) = &mut self.waiters[client];
            waiter.send(format!("BLPOP {} 0\r\n", keys.join(" ")).as_bytes());
            let id = *id;
            wait_until("a client waits", || self.is_blocked(id));
            state.waiters.push_back(Waiter { client, lists });
        }
        state
    }

    /// Runs one history: how it began, and what happened.
    fn run(&mut self, seed: u64) -> (State, Vec<Seen<Operation>>) {
        let mut random = Random::new(seed);
        let prefix = format!("w{seed}:");
        let state = self.block(&mut random, &prefix);
        let start = self.start;
        let begin_ns = start.elapsed().as_nanos() as u64;
        let (prefix, waiting) = (&prefix, state.waiters.len());
        let mut ids = Vec::new();
        let mut history: Vec<Seen<Operation>> = std::thread::scope(|scope| {
            let mut clients = Vec::new();
            for (client, (raw, id)) in self.waiters.iter_mut().take(waiting).enumerate() {
                ids.push(*id);
                clients.push(scope.spawn(move || {
                    let operation = Operation::Received(plain(raw.read(), prefix));
                    let end_ns = start.elapsed().as_nanos() as u64;
                    vec![Seen {
                        client,
                        begin_ns,
                        end_ns,
                        operation,
                    }]
                }));
            }
            let mut pushers = Vec::new();
            for (number, raw) in self.active.iter_mut().enumerate() {
                let random = Random::new(seed * 31 + 7 + number as u64);
                pushers.push(scope.spawn(move || act(raw, number, random, prefix, start)));
            }
            let pushers = pushers
                .into_iter()
                .map(|client| client.join().expect("it ends"));
            let mut seen: Vec<_> = pushers.flatten().collect();
            for (client, id) in ids.iter().enumerate() {
                let begin_ns = start.elapsed().as_nanos() as u64;
                let reply = self.admin.call(&format!("CLIENT UNBLOCK {id}"));
                let end_ns = start.elapsed().as_nanos() as u64;
                let operation = Operation::Unblocked(client, reply);
                seen.push(Seen {
                    client: usize::MAX,
                    begin_ns,
                    end_ns,
                    operation,
                });
            }
            let received = clients
                .into_iter()
                .map(|client| client.join().expect("it ends"));
            seen.extend(received.flatten());
            seen
        });
        self.admin.call(&format!("DEL {prefix}l0 {prefix}l1"));
        history.sort_by_key(|seen| seen.begin_ns);
        (state, history)
    }
}

/// A reply without the history's prefix.
fn plain(reply: Value, prefix: &str) -> Value {
    super::workload::plain(reply, prefix)
}

/// What one of those does who do not wait.
fn act(
    raw: &mut RawClient,
    number: usize,
    mut random: Random,
    prefix: &str,
    start: Instant,
) -> Vec<Seen<Operation>> {
    let mut values = (number as i64 + 1) * 1000;
    let mut seen = Vec::new();
    for _ in 0..TURNS {
        let operation = if random.below(5) == 0 {
            let commands: Vec<_> = (0..2).map(|_| command(&mut random, &mut values)).collect();
            raw.call("MULTI");
            commands
                .iter()
                .for_each(|it| drop(raw.call(&words(it, prefix))));
            let begin_ns = start.elapsed().as_nanos() as u64;
            let replies = raw.call("EXEC").elements().to_vec();
            (begin_ns, Operation::Exec(commands, replies))
        } else {
            let command = command(&mut random, &mut values);
            let begin_ns = start.elapsed().as_nanos() as u64;
            let reply = raw.call(&words(&command, prefix));
            (begin_ns, Operation::Single(command, reply))
        };
        seen.push(Seen {
            client: WAITERS + number,
            begin_ns: operation.0,
            end_ns: start.elapsed().as_nanos() as u64,
            operation: operation.1,
        });
    }
    seen
}

fn show(state: &State, history: &[Seen<Operation>]) -> String {
    let mut text = format!("{state:?}\n");
    for seen in history {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {} client {} {:?}",
            seen.begin_ns / 1000,
            seen.end_ns / 1000,
            seen.client,
            seen.operation
        );
    }
    text
}

fn got_something(seen: &Seen<Operation>) -> bool {
    matches!(&seen.operation, Operation::Received(reply) if *reply != Value::Null)
}

#[test]
fn nobody_comes_between_a_push_and_those_who_wait_for_it() {
    for workers in ["1", "4"] {
        let server = Server::start(&["--io-threads", workers]);
        let mut group = Group::new(&server);
        let deadline = Instant::now() + Duration::from_secs(SECONDS);
        let (mut count, mut served) = (0, 0);
        for seed in 0..HISTORIES {
            if Instant::now() > deadline {
                break;
            }
            let (state, history) = group.run(seed);
            let part: Vec<_> = history.iter().collect();
            let verdict = check_from(&state, &part);
            assert_ne!(
                verdict,
                Verdict::Violation,
                "seed {seed}:\n{}",
                show(&state, &history)
            );
            served += history.iter().filter(|seen| got_something(seen)).count();
            count += 1;
        }
        println!("{workers} workers: {count} histories, {served} served");
        assert!(count >= 50 && served > count / 2, "{count} {served}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(
        client: usize,
        (begin_ns, end_ns): (u64, u64),
        operation: Operation,
    ) -> Seen<Operation> {
        Seen {
            client,
            begin_ns,
            end_ns,
            operation,
        }
    }

    #[test]
    fn who_sees_what_somebody_waits_for_has_seen_too_much() {
        let waiter = |client| Waiter {
            client,
            lists: vec![0],
        };
        let state = State {
            waiters: [waiter(0), waiter(1)].into(),
            ..State::default()
        };
        let push = seen(
            4,
            (10, 20),
            Operation::Single(Command::Push(0, vec![7]), Value::Integer(1)),
        );
        let looks = |values: Vec<Value>| {
            seen(
                5,
                (11, 12),
                Operation::Single(Command::Range(0), Value::Array(values)),
            )
        };
        let received = |client| {
            let reply = Value::Array(vec![Value::bulk("l0"), number(7)]);
            seen(client, (0, 30), Operation::Received(reply))
        };
        let sent_away = |client| {
            let reply = Operation::Unblocked(client, Value::Integer(1));
            let away = seen(9, (40, 41), reply);
            [
                away,
                seen(client, (0, 50), Operation::Received(Value::Null)),
            ]
        };
        let check = |middle: Seen<Operation>, first: usize| {
            let [away, nothing] = sent_away(1 - first);
            let all = [&push, &middle, &received(first), &away, &nothing];
            check_from(&state, &all)
        };
        assert_eq!(check(looks(Vec::new()), 0), Verdict::Linearizable);
        assert_eq!(check(looks(vec![number(7)]), 0), Verdict::Violation);
        assert_eq!(
            check(looks(Vec::new()), 1),
            Verdict::Violation,
            "out of turn"
        );
    }
}
