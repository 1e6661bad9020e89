//! Several clients of one server, without sockets: who is served, with what, in which order, and
//! what the log says of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use expect_test::{Expect, expect};
use parking_lot::Mutex;

use super::timed_out;
use crate::session::{ClientLink, client_flag};
use crate::testing::Tester;
use crate::{Origin, Outcome, Session};

/// Everybody's replies, in the order in which they were sent.
type Screen = Arc<Mutex<Vec<String>>>;

struct Link {
    name: char,
    screen: Screen,
}

impl ClientLink for Link {
    fn resume(&self) {}
    fn unblock(&self, reply: Bytes) {
        let text = String::from_utf8_lossy(&reply).replace("\r\n", " ");
        let line = format!("{} <- {}", self.name, text.trim_end());
        self.screen.lock().push(line);
    }
    fn push(&self, _: Bytes) {}
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
}

/// Clients A, B, … of one server.
struct Clients {
    tester: Tester,
    others: Vec<(char, Session)>,
    screen: Screen,
}

impl Clients {
    fn new() -> Self {
        Self {
            tester: Tester::new(),
            others: Vec::new(),
            screen: Screen::default(),
        }
    }

    /// Exchanges the tester's session with that of the named client.
    fn swap(&mut self, name: char) {
        let at = self.others.iter().position(|(known, _)| *known == name);
        let at = at.unwrap_or_else(|| {
            let mut session = Session::detached(Origin::Client, 0);
            session.link = Arc::new(Link {
                name,
                screen: Arc::clone(&self.screen),
            });
            self.others.push((name, session));
            self.others.len() - 1
        });
        std::mem::swap(&mut self.others[at].1, &mut self.tester.session);
    }

    fn run(&mut self, name: char, line: &str) -> String {
        self.swap(name);
        let reply = self.tester.line(line).replace('\n', " ");
        self.swap(name);
        reply
    }

    fn with<R>(&mut self, name: char, f: impl FnOnce(&crate::Server, &mut Session) -> R) -> R {
        self.swap(name);
        let result = f(&self.tester.server, &mut self.tester.session);
        self.swap(name);
        result
    }

    /// Lines of `A: COMMAND`; what each client gets, and when.
    fn play(&mut self, script: &str) {
        for line in script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let (name, command) = line.split_once(": ").unwrap();
            let name = name.chars().next().unwrap();
            let at = self.screen.lock().len();
            let reply = self.run(name, command);
            if !reply.is_empty() {
                self.screen.lock().insert(at, format!("{name} <- {reply}"));
            }
        }
    }

    fn shown(&self) -> String {
        self.screen.lock().join("\n")
    }

    fn is_blocked(&mut self, name: char) -> bool {
        self.with(name, |_, session| session.has_flag(client_flag::BLOCKED))
    }
}

fn check(script: &str, expected: &Expect) {
    let mut clients = Clients::new();
    clients.play(script);
    expected.assert_eq(&clients.shown());
}

/// What the log has after a script, a command per line.
fn check_log(script: &str, expected: &Expect) {
    let mut clients = Clients::new();
    let mut log = clients.tester.server.log.read_from_end();
    clients.play(script);
    let mut bytes = Vec::new();
    log.read(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = String::new();
    for word in text.split("\r\n").filter(|word| !word.is_empty()) {
        match word.as_bytes()[0] {
            b'$' if word.len() > 1 => {}
            b'*' => lines.push('\n'),
            b'1' if word.len() == 13 => lines.push_str("NOW "),
            _ => lines.extend([word, " "]),
        }
    }
    let lines: Vec<_> = lines.lines().map(str::trim_end).skip(2).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    check(
        "A: BLPOP k 0\nB: BRPOP k 0\nC: BLPOP k 0\nX: RPUSH k 1 2\nX: RPUSH k 3",
        &expect![[r#"
            X <- :2
            A <- *2 $1 k $1 1
            B <- *2 $1 k $1 2
            X <- :1
            C <- *2 $1 k $1 3"#]],
    );
}

#[test]
fn the_first_key_that_becomes_ready_counts_and_the_others_are_left() {
    check(
        "A: BLPOP k1 k2 k3 0\nX: MULTI\nX: RPUSH k3 c\nX: RPUSH k1 a\nX: EXEC\nX: LLEN k1\n\
         X: LLEN k3\nB: BLPOP k1 0\nB: BLPOP k2 0\nX: RPUSH k2 z",
        &expect![[r#"
            X <- +OK
            X <- +QUEUED
            X <- +QUEUED
            X <- *2 :1 :1
            A <- *2 $2 k3 $1 c
            X <- :1
            X <- :0
            B <- *2 $2 k1 $1 a
            X <- :1
            B <- *2 $2 k2 $1 z"#]],
    );
}

#[test]
fn moves_wake_who_waits_for_their_destination() {
    check(
        "A: BLMOVE a b LEFT RIGHT 0\nB: BRPOPLPUSH b c 0\nC: BLPOP c 0\nX: RPUSH a 1\n\
         X: EXISTS a b c",
        &expect![[r#"
            X <- :1
            A <- $1 1
            B <- $1 1
            C <- *2 $1 c $1 1
            X <- :0"#]],
    );
}

#[test]
fn a_move_to_a_wrong_type_fails_and_leaves_the_element_to_the_next() {
    check(
        "X: SET b 1\nA: BLMOVE a b LEFT LEFT 0\nB: BLPOP a 0\nX: RPUSH a 1",
        &expect![[r#"
            X <- +OK
            X <- :1
            A <- -WRONGTYPE Operation against a key holding the wrong kind of value
            B <- *2 $1 a $1 1"#]],
    );
}

#[test]
fn circular_and_self_referential_moves_end() {
    check(
        "A: BRPOPLPUSH a b 0\nB: BRPOPLPUSH b a 0\nX: RPUSH a foo\nX: LRANGE a 0 -1\n\
         C: BRPOPLPUSH k k 0\nX: RPUSH k foo\nX: LRANGE k 0 -1",
        &expect![[r#"
            X <- :1
            A <- $3 foo
            B <- $3 foo
            X <- *1 $3 foo
            X <- :1
            C <- $3 foo
            X <- *1 $3 foo"#]],
    );
}

#[test]
fn what_is_gone_when_the_transaction_ends_wakes_nobody() {
    let mut clients = Clients::new();
    clients.play("A: BLPOP k 0\nX: MULTI\nX: RPUSH k 1\nX: DEL k\nX: SET k v\nX: EXEC");
    assert!(clients.is_blocked('A'));
    clients.play("X: DEL k\nX: SADD k m\nX: DEL k");
    assert!(clients.is_blocked('A'));
    clients.play("X: RPUSH k 2");
    assert!(!clients.is_blocked('A'));
}

#[test]
fn what_takes_the_place_of_a_key_wakes_too() {
    for (command, value) in [
        ("RENAME src k", "1"),
        ("COPY src k", "1"),
        ("SORT src STORE k", "1"),
        ("SWAPDB 0 1", "2"),
    ] {
        let mut clients = Clients::new();
        clients.play("X: RPUSH src 1\nX: SELECT 1\nX: RPUSH k 2\nX: SELECT 0\nA: BLPOP k 0");
        clients.run('X', command);
        let expected = format!("A <- *2 $1 k $1 {value}");
        assert_eq!(clients.screen.lock().last(), Some(&expected), "{command}");
    }
    check(
        "A: SELECT 1\nA: BLPOP k 0\nX: RPUSH k 1\nX: MOVE k 1",
        &expect![[r#"
            A <- +OK
            X <- :1
            X <- :1
            A <- *2 $1 k $1 1"#]],
    );
}

#[test]
fn sorted_sets_are_popped_from_the_end_that_was_asked_for() {
    check(
        "A: BZPOPMIN z 0\nB: BZPOPMAX z 0\nC: BZMPOP 0 2 y z MAX COUNT 5\nD: BLPOP z 0\n\
         X: ZADD z 1 a 2 b 3 c 4 d\nX: EXISTS z",
        &expect![[r#"
            X <- :4
            A <- *3 $1 z $1 a $1 1
            B <- *3 $1 z $1 d $1 4
            C <- *2 $1 z *2 *2 $1 c $1 3 *2 $1 b $1 2
            X <- :0"#]],
    );
}

#[test]
fn many_elements_at_once() {
    check(
        "A: BLMPOP 0 2 a b RIGHT COUNT 2\nX: RPUSH b 1 2 3\nB: BLMPOP 0 1 b LEFT",
        &expect![[r#"
            X <- :3
            A <- *2 $1 b *2 $1 3 $1 2
            B <- *2 $1 b *1 $1 1"#]],
    );
}

#[test]
fn streams_wake_all_their_readers_and_one_of_a_group() {
    check(
        "X: XADD s 1-1 f v\nX: XGROUP CREATE s g $\nA: XREAD BLOCK 0 STREAMS t s 0 $\n\
         B: XREAD COUNT 1 BLOCK 0 STREAMS s 1\nC: XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n\
         D: XREADGROUP GROUP g d BLOCK 0 STREAMS s >\nX: XADD s 2-1 f w\nX: XADD s 3-1 f x",
        &expect![[r#"
            X <- $3 1-1
            X <- +OK
            B <- *1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v
            X <- $3 2-1
            A <- *1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 w
            C <- *1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 w
            X <- $3 3-1
            D <- *1 *2 $1 s *1 *2 $3 3-1 *2 $1 f $1 x"#]],
    );
}

#[test]
fn readers_of_a_group_learn_that_it_or_its_stream_is_gone() {
    for (command, reply) in [
        ("DEL s", "UNBLOCKED the stream key no longer exists"),
        ("SET s 1", "UNBLOCKED the stream key no longer exists"),
        ("FLUSHALL", "UNBLOCKED the stream key no longer exists"),
        ("FLUSHDB", "UNBLOCKED the stream key no longer exists"),
        ("SWAPDB 0 1", "UNBLOCKED the stream key no longer exists"),
        ("RENAME s t", "UNBLOCKED the stream key no longer exists"),
        (
            "XGROUP DESTROY s g",
            "NOGROUP the consumer group this client was blocked on no longer exists",
        ),
    ] {
        let mut clients = Clients::new();
        clients.play(
            "X: XGROUP CREATE s g $ MKSTREAM\nB: XREAD BLOCK 0 STREAMS s $\n\
             A: XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
        );
        clients.run('X', command);
        let expected = format!("A <- -{reply}");
        assert_eq!(clients.screen.lock().last(), Some(&expected), "{command}");
        assert!(clients.is_blocked('B'), "{command}");
    }
}

#[test]
fn a_transaction_never_waits() {
    check(
        "X: MULTI\nX: BLPOP k 0\nX: BLMOVE a b LEFT LEFT 0\nX: BZPOPMIN z 0\n\
         X: XREAD BLOCK 0 STREAMS s $\nX: BLMPOP 0 1 k LEFT\nX: EXEC",
        &expect![[r#"
            X <- +OK
            X <- +QUEUED
            X <- +QUEUED
            X <- +QUEUED
            X <- +QUEUED
            X <- +QUEUED
            X <- *5 *-1 $-1 *-1 *-1 *-1"#]],
    );
}

#[test]
fn timeouts_must_make_sense() {
    check(
        "X: BLPOP k -1\nX: BLPOP k abc\nX: BLPOP k 1e300\nX: BLMPOP -0.1 1 k LEFT\n\
         X: BLMOVE a b LEFT LEFT nan\nX: XREAD BLOCK -1 STREAMS s $\n\
         X: XREAD BLOCK 0.5 STREAMS s $\nX: BLPOP k 9223372036854775",
        &expect![[r#"
            X <- -ERR timeout is negative
            X <- -ERR timeout is not a float or out of range
            X <- -ERR timeout is out of range
            X <- -ERR timeout is negative
            X <- -ERR timeout is not a float or out of range
            X <- -ERR timeout is negative
            X <- -ERR timeout is not an integer or out of range
            X <- -ERR timeout is out of range"#]],
    );
}

#[test]
fn who_has_timed_out_or_gone_is_not_served() {
    let mut clients = Clients::new();
    clients.play("A: BLPOP k 1\nB: BLPOP k 0\nC: BLPOP k j 0");
    let mut reply = Vec::new();
    let outcome = clients.with('A', |server, session| {
        let mut out = resp::ReplyWriter::new(&mut reply, session.proto);
        timed_out(server, session, &mut out)
    });
    assert_eq!((outcome, &reply[..]), (Outcome::Done, &b"*-1\r\n"[..]));
    clients.with('B', |server, session| {
        super::abandon(server, &session.state);
    });
    clients.play("X: RPUSH k 1");
    // Served already: its reply is on the way.
    let outcome = clients.with('C', |server, session| {
        timed_out(
            server,
            session,
            &mut resp::ReplyWriter::new(&mut reply, session.proto),
        )
    });
    assert_eq!(outcome, Outcome::Blocked);
    assert_eq!(clients.shown(), "X <- :1\nC <- *2 $1 k $1 1");
    let hash = clients.tester.server.keyspace.hash(b"j");
    let shard = clients.tester.server.keyspace.shard_of(hash);
    let locked = clients.tester.server.keyspace.lock_one(shard);
    let left = locked
        .db(shard, keyspace::DbId(0))
        .map(|db| db.waited_keys().count());
    assert_eq!(left, Some(0), "nobody is registered any more");
}

/// The time of A's wait is over, while nobody gets at that key; then the attendant does its work,
/// until A is told something.
fn times_out_behind_a_busy_key(clients: &mut Clients, script: &str, busy: &[u8]) {
    let server = Arc::clone(&clients.tester.server);
    let shard = server.keyspace.shard_of(server.keyspace.hash(busy));
    let locked = server.keyspace.lock_one(shard);
    clients.play(script);
    let mut reply = Vec::new();
    let outcome = clients.with('A', |server, session| {
        let mut out = resp::ReplyWriter::new(&mut reply, session.proto);
        timed_out(server, session, &mut out)
    });
    assert_eq!((outcome, &reply[..]), (Outcome::Blocked, &b""[..]));
    drop(locked);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| super::attend(&server, &stop));
        while clients.is_blocked('A') || server.blocking.chores() > 0 {
            std::thread::yield_now();
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn who_is_about_to_be_served_does_not_time_out() {
    let mut clients = Clients::new();
    let shard_of = |clients: &Clients, key: &str| {
        let keyspace = &clients.tester.server.keyspace;
        keyspace.shard_of(keyspace.hash(key.as_bytes()))
    };
    let source = shard_of(&clients, "k");
    let mut names = (0..).map(|n| format!("d{n}"));
    let to = names.find(|to| shard_of(&clients, to) != source).unwrap();
    clients.play(&format!("A: BLMOVE k {to} LEFT LEFT 1\nB: BLPOP k 1"));
    times_out_behind_a_busy_key(&mut clients, "X: RPUSH k 1 2", to.as_bytes());
    clients.play(&format!("X: LRANGE {to} 0 -1\nX: EXISTS k"));
    let mut lines: Vec<_> = clients.shown().lines().map(str::to_owned).collect();
    // The attendant's thread tells one after the other.
    lines[1..3].sort();
    let expected = [
        "X <- :2",
        "A <- $1 1",
        "B <- *2 $1 k $1 2",
        "X <- *1 $1 1",
        "X <- :0",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_wait_times_out_when_its_key_is_free_again() {
    let mut clients = Clients::new();
    clients.play("A: BLPOP k 1");
    times_out_behind_a_busy_key(&mut clients, "", b"k");
    clients.play("X: RPUSH k 1\nX: LLEN k");
    assert_eq!(clients.shown(), "A <- *-1\nX <- :1\nX <- :1");
}

#[test]
fn replies_are_in_the_waiters_protocol_and_may_be_switched_off() {
    let mut clients = Clients::new();
    clients.run('A', "HELLO 3");
    clients.play(
        "A: BZPOPMIN z 0\nB: CLIENT REPLY OFF\nB: BLPOP k 0\nX: ZADD z 1.5 m\nX: RPUSH k 1\n\
         X: LLEN k",
    );
    let expected = expect![[r#"
        X <- :1
        A <- *3 $1 z $1 m ,1.5
        X <- :1
        B <- 
        X <- :0"#]];
    expected.assert_eq(&clients.shown());
}

#[test]
fn the_log_has_pops_behind_the_push_that_they_took_from() {
    check_log(
        "A: BLPOP a 0\nB: BLMPOP 0 1 a LEFT COUNT 10\nC: BLMOVE b c LEFT RIGHT 0\n\
         D: BRPOPLPUSH c d 0\nX: MULTI\nX: RPUSH a 1 2 3\nX: RPUSH b 4\nX: EXEC\n\
         E: BZPOPMAX z 0\nX: ZADD z 1 m\n\
         X: RPUSH q 1 2\nX: BLPOP q 0\nX: BLMOVE q q2 LEFT LEFT 0",
        &expect![[r#"
            MULTI
            RPUSH a 1 2 3
            RPUSH b 4
            EXEC
            LPOP a
            LPOP a 2
            LMOVE b c LEFT RIGHT
            RPOPLPUSH c d
            ZADD z 1 m
            ZPOPMAX z
            RPUSH q 1 2
            LPOP q
            LMOVE q q2 LEFT LEFT"#]],
    );
}

#[test]
fn the_log_has_deliveries_as_one_unit() {
    check_log(
        "X: XGROUP CREATE s g $ MKSTREAM\nA: XREADGROUP GROUP g c BLOCK 0 STREAMS s >\n\
         X: MULTI\nX: XADD s 1-1 f 1\nX: XADD s 2-1 f 2\nX: EXEC",
        &expect![[r#"
            XGROUP CREATE s g $ MKSTREAM
            MULTI
            XADD s 1-1 f 1
            XADD s 2-1 f 2
            EXEC
            MULTI
            XCLAIM s g c 0 1-1 TIME NOW RETRYCOUNT 1 FORCE JUSTID LASTID 1-1
            XCLAIM s g c 0 2-1 TIME NOW RETRYCOUNT 1 FORCE JUSTID LASTID 2-1
            EXEC"#]],
    );
}

#[test]
fn a_wait_counts_as_one_call_and_a_failure_when_it_ends_in_an_error() {
    let mut clients = Clients::new();
    clients.play("X: SET b 1\nA: BRPOPLPUSH a b 0\nX: LPUSH a 1");
    let server = &clients.tester.server;
    let totals = server.stats.totals(server.table.find(b"brpoplpush"));
    assert_eq!((totals.calls, totals.failed), (1, 1));
    assert_eq!(server.blocking.chores(), 0);
    assert_eq!(server.stats.error_replies.load(Relaxed), 1);
}
