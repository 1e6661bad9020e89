//! Disks that fail under a running server, in system calls of its process: while that lasts,
//! changes are refused and reads go on; when it ends, it recovers by itself; and whatever happens,
//! what was acknowledged is there after a kill, and no transaction by halves.

mod log;
mod read_only;
mod snapshots;

use super::support::{RawClient, Server, Value, wait_until};

const MISCONF_RDB: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently \
    unable to persist to disk. Commands that may modify the data set are disabled, because this \
    instance is configured to report errors during writes if RDB snapshotting fails \
    (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
    error.";

/// Sends a transaction that gives all of its keys the same number.
fn send_transaction(client: &mut RawClient, n: u64) {
    let text =
        format!("MULTI\r\nSET a {n}\r\nHSET b f {n}\r\nRPUSH c {n}\r\nSET d {n}\r\nEXEC\r\n");
    client.send(text.as_bytes());
}

/// Reads the replies of [`send_transaction`].
fn is_done(client: &mut RawClient) -> bool {
    (0..5).for_each(|_| drop(client.read()));
    matches!(client.read(), Value::Array(replies) if replies.len() == 4)
}

fn transact(client: &mut RawClient, n: u64) {
    send_transaction(client, n);
    assert!(is_done(client), "transaction {n}");
}

/// The number of the last transaction that the server has: it has all of it.
fn last_transaction(server: &Server) -> u64 {
    let mut client = server.raw();
    let n = client.call("GET a").text().parse().unwrap_or(0);
    if n > 0 {
        assert_eq!(client.call("HGET b f").text(), n.to_string());
        assert_eq!(client.call("LINDEX c -1").text(), n.to_string());
        assert_eq!(client.call("GET d").text(), n.to_string());
    }
    n
}

/// What clients see while nothing can be changed.
fn assert_refused(server: &Server, misconf: &str) {
    let mut client = server.raw();
    assert_eq!(client.call("SET x 1").text(), misconf);
    assert_eq!(client.call("PING").text(), misconf);
    assert_eq!(client.call("EXISTS x"), Value::Integer(0));
    // Reads go on, also in transactions; one that would write is not begun.
    for command in ["MULTI", "GET x", "EXEC"] {
        assert!(!matches!(client.call(command), Value::Error(_)));
    }
    client.call("MULTI");
    assert_eq!(client.call("SET x 1").text(), misconf);
    let discarded = "EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.call("EXEC").text(), discarded);
}

fn restart(server: &mut Server) {
    server.kill_and_restart();
    wait_until("loaded", || server.info("loading") == "0");
}

/// Names of a directory's files that are left over from what failed.
fn left_over(dir: &std::path::Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).expect("the directory is there");
    let names = names.map(|entry| entry.expect("a name").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp")).collect()
}
