//! Sorted sets, as users' guides show them: section F of the list of behaviours that the project
//! serves; the ids stand with the tests.
//!
//! Where the two protocols answer in different shapes, both are looked at.

use redis::Commands;

use super::support::{RawClient, Server, Value};

/// A server with the guides' leaderboard.
fn leaderboard() -> (Server, RawClient) {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let add = "ZADD leaderboard 1500 alice 1200 bob 1800 carol 900 dave";
    assert_eq!(client.call(add), Value::Integer(4));
    (server, client)
}

/// F1.
#[test]
fn scores_are_added_under_conditions() {
    let (_server, mut client) = leaderboard();
    assert_eq!(
        client.call("ZADD leaderboard 1501 alice 1 erin"),
        Value::Integer(1)
    );
    assert_eq!(
        client.call("ZADD leaderboard CH 1502 alice"),
        Value::Integer(1)
    );
    assert_eq!(
        client.call("ZADD leaderboard NX 1 alice"),
        Value::Integer(0)
    );
    assert_eq!(
        client.call("ZADD leaderboard XX 1 frank"),
        Value::Integer(0)
    );
    assert_eq!(
        client.call("ZADD leaderboard GT CH 1 alice"),
        Value::Integer(0)
    );
    assert_eq!(
        client.call("ZADD leaderboard LT CH 1 alice"),
        Value::Integer(1)
    );
    assert_eq!(
        client.call("ZADD leaderboard INCR 2 alice"),
        Value::bulk("3")
    );
    assert_eq!(
        client.call("ZADD leaderboard NX XX 1 alice"),
        Value::error("ERR XX and NX options at the same time are not compatible")
    );
    assert_eq!(
        client.call("ZADD leaderboard x alice"),
        Value::error("ERR value is not a valid float")
    );
}

/// F2, F3, F4, F14.
#[test]
fn ranges_go_up_and_down_with_scores_in_either_shape() {
    let (server, mut client) = leaderboard();
    let up = Value::bulks(&["dave", "bob", "alice", "carol"]);
    assert_eq!(client.call("ZRANGE leaderboard 0 9"), up);
    let down = Value::bulks(&["carol", "alice", "bob", "dave"]);
    assert_eq!(client.call("ZRANGE leaderboard 0 9 REV"), down);
    let scored = Value::bulks(&["carol", "1800", "alice", "1500"]);
    for command in [
        "ZRANGE leaderboard 0 1 REV WITHSCORES",
        "ZREVRANGE leaderboard 0 1 WITHSCORES",
    ] {
        assert_eq!(client.call(command), scored, "{command}");
    }
    client.call("HELLO 3");
    let pair = |name: &str, score: &str| {
        Value::Array(vec![Value::bulk(name), Value::Line(',', score.to_owned())])
    };
    assert_eq!(
        client.call("ZRANGE leaderboard 0 1 REV WITHSCORES"),
        Value::Array(vec![pair("carol", "1800"), pair("alice", "1500")])
    );
    let mut library = server.client();
    let top: Vec<(String, f64)> = library
        .zrevrange_withscores("leaderboard", 0, 0)
        .expect("zrevrange");
    assert_eq!(top, [("carol".to_owned(), 1800.0)]);
}

/// F5.
#[test]
fn ranges_by_score_have_open_and_closed_ends() {
    let (_server, mut client) = leaderboard();
    let mut range = |ends: &str| {
        let by_score = client.call(&format!("ZRANGEBYSCORE leaderboard {ends}"));
        let range = client.call(&format!("ZRANGE leaderboard {ends} BYSCORE"));
        assert_eq!(by_score, range);
        by_score
    };
    assert_eq!(range("1000 2000"), Value::bulks(&["bob", "alice", "carol"]));
    assert_eq!(
        range("-inf +inf"),
        Value::bulks(&["dave", "bob", "alice", "carol"])
    );
    assert_eq!(
        range("900 +inf"),
        Value::bulks(&["dave", "bob", "alice", "carol"])
    );
    assert_eq!(range("(900 (1800"), Value::bulks(&["bob", "alice"]));
    assert_eq!(range("5000 6000"), Value::bulks(&[]));
    assert_eq!(
        client.call("ZRANGEBYSCORE leaderboard -inf +inf LIMIT 1 2"),
        Value::bulks(&["bob", "alice"])
    );
    assert_eq!(
        client.call("ZREVRANGEBYSCORE leaderboard +inf -inf LIMIT 0 1"),
        Value::bulks(&["carol"])
    );
    assert_eq!(
        client.call("ZRANGEBYSCORE leaderboard a b"),
        Value::error("ERR min or max is not a float")
    );
}

/// F6, F7, F8, F9.
#[test]
fn ranks_and_scores_are_looked_up() {
    let (_server, mut client) = leaderboard();
    assert_eq!(client.call("ZRANK leaderboard alice"), Value::Integer(2));
    assert_eq!(client.call("ZREVRANK leaderboard alice"), Value::Integer(1));
    assert_eq!(client.call("ZRANK leaderboard absent"), Value::Null);
    assert_eq!(client.call("ZREVRANK absent alice"), Value::Null);
    assert_eq!(client.call("ZSCORE leaderboard alice"), Value::bulk("1500"));
    assert_eq!(client.call("ZSCORE leaderboard absent"), Value::Null);
    assert_eq!(
        client.call("ZINCRBY leaderboard 100 alice"),
        Value::bulk("1600")
    );
    assert_eq!(
        client.call("ZMSCORE leaderboard bob absent"),
        Value::Array(vec![Value::bulk("1200"), Value::Null])
    );
    client.call("HELLO 3");
    let double = Value::Line(',', "1600".to_owned());
    assert_eq!(client.call("ZSCORE leaderboard alice"), double);
}

/// F10, F11, F15.
#[test]
fn members_are_counted_and_removed() {
    let (_server, mut client) = leaderboard();
    assert_eq!(
        client.call("ZCOUNT leaderboard 1000 2000"),
        Value::Integer(3)
    );
    assert_eq!(
        client.call("ZCOUNT leaderboard (1200 +inf"),
        Value::Integer(2)
    );
    assert_eq!(client.call("ZCARD leaderboard"), Value::Integer(4));
    assert_eq!(
        client.call("ZREM leaderboard dave absent"),
        Value::Integer(1)
    );
    assert_eq!(client.call("ZCARD leaderboard"), Value::Integer(3));
    assert_eq!(
        client.call("ZREM leaderboard alice bob carol"),
        Value::Integer(3)
    );
    assert_eq!(client.call("EXISTS leaderboard"), Value::Integer(0));
    assert_eq!(client.call("ZCARD leaderboard"), Value::Integer(0));
}

/// F12, F13.
#[test]
fn ranges_are_removed_by_score_and_rank() {
    let (_server, mut client) = leaderboard();
    assert_eq!(
        client.call("ZREMRANGEBYSCORE leaderboard -inf 500"),
        Value::Integer(0)
    );
    assert_eq!(
        client.call("ZREMRANGEBYSCORE leaderboard 0 1200"),
        Value::Integer(2)
    );
    for i in 0..150 {
        client.call(&format!("ZADD scores {i} m{i}"));
    }
    assert_eq!(
        client.call("ZREMRANGEBYRANK scores 100 -1"),
        Value::Integer(50)
    );
    assert_eq!(client.call("ZCARD scores"), Value::Integer(100));
    assert_eq!(
        client.call("ZREMRANGEBYRANK scores 0 -11"),
        Value::Integer(90)
    );
    assert_eq!(client.call("ZCARD scores"), Value::Integer(10));
    assert_eq!(
        client.call("ZREMRANGEBYRANK scores 0 -11"),
        Value::Integer(0)
    );
    assert_eq!(client.call("ZRANGE scores 0 0"), Value::bulks(&["m90"]));
}

/// F16, F18.
#[test]
fn times_are_scores_that_print_without_exponent() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("ZADD events:user:1 1700000000000 1700000000000-0.123456");
    client.call("ZADD events:user:1 1700000000000 1700000000000-0.654321");
    client.call("ZADD events:user:1 1700003600001 later");
    assert_eq!(client.call("ZCARD events:user:1"), Value::Integer(3));
    assert_eq!(
        client.call("ZSCORE events:user:1 1700000000000-0.123456"),
        Value::bulk("1700000000000")
    );
    assert_eq!(
        client.call("ZRANGEBYSCORE events:user:1 1700000000001 +inf"),
        Value::bulks(&["later"])
    );
    client.call("ZADD odd 0.5 a 1e21 b inf c -inf d 3.0 e");
    assert_eq!(
        client.call("ZRANGE odd 0 -1 WITHSCORES"),
        Value::bulks(&["d", "-inf", "a", "0.5", "e", "3", "b", "1e+21", "c", "inf"])
    );
}

/// F17, R11.
#[test]
fn small_sorted_sets_are_compact_up_to_the_configured_size() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let entries = client.call("CONFIG GET zset-max-ziplist-entries");
    assert_eq!(entries.elements()[1], Value::bulk("128"));
    for i in 0..128 {
        client.call(&format!("ZADD z {i} m{i}"));
    }
    assert_eq!(client.call("OBJECT ENCODING z"), Value::bulk("listpack"));
    client.call("ZADD z 128 m128");
    assert_eq!(client.call("OBJECT ENCODING z"), Value::bulk("skiplist"));
    assert_eq!(client.call("ZRANK z m128"), Value::Integer(128));
    client.call(&format!("ZADD short 1 {}", "x".repeat(64)));
    assert_eq!(
        client.call("OBJECT ENCODING short"),
        Value::bulk("listpack")
    );
    client.call(&format!("ZADD short 1 {}", "x".repeat(65)));
    assert_eq!(
        client.call("OBJECT ENCODING short"),
        Value::bulk("skiplist")
    );
}

/// ZPOPMIN, ZMPOP and the algebra: shapes that differ by count and protocol.
#[test]
fn members_are_popped_and_sets_combined() {
    let (_server, mut client) = leaderboard();
    assert_eq!(
        client.call("ZPOPMIN leaderboard"),
        Value::bulks(&["dave", "900"])
    );
    assert_eq!(
        client.call("ZPOPMAX leaderboard 1"),
        Value::bulks(&["carol", "1800"])
    );
    assert_eq!(client.call("ZPOPMIN absent"), Value::bulks(&[]));
    client.call("ZADD other 1 alice 2 zoe");
    assert_eq!(
        client.call("ZUNIONSTORE all 2 leaderboard other WEIGHTS 1 10"),
        Value::Integer(3)
    );
    assert_eq!(client.call("ZSCORE all alice"), Value::bulk("1510"));
    assert_eq!(
        client.call("ZINTER 2 leaderboard other"),
        Value::bulks(&["alice"])
    );
    assert_eq!(
        client.call("ZDIFF 2 other leaderboard"),
        Value::bulks(&["zoe"])
    );
    client.call("HELLO 3");
    let score = |text: &str| Value::Line(',', text.to_owned());
    assert_eq!(
        client.call("ZPOPMIN leaderboard"),
        Value::Array(vec![Value::bulk("bob"), score("1200")])
    );
    let pair = Value::Array(vec![Value::bulk("alice"), score("1500")]);
    assert_eq!(
        client.call("ZPOPMIN leaderboard 5"),
        Value::Array(vec![pair])
    );
}
