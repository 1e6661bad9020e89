//! Directories in which nothing may be created or renamed.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::support::{Server, Value, wait_until};
use super::{MISCONF_RDB, assert_refused, last_transaction, restart, transact};

fn set_mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn snapshots_fail_in_a_read_only_directory_until_it_is_writable() {
    let mut server = Server::start_bound_by_modes(&["--save", "1 1"]);
    transact(&mut server.raw(), 1);
    wait_until("a save point", || {
        server.info("rdb_changes_since_last_save") == "0"
    });
    set_mode(server.dir(), 0o555);
    transact(&mut server.raw(), 2);
    wait_until("a save point fails", || {
        server.info("rdb_last_bgsave_status") == "err"
    });
    assert_refused(&server, MISCONF_RDB);
    assert_eq!(server.raw().call("SAVE"), Value::Error("ERR".into()));
    let log = server.log();
    assert!(log.contains("Failed opening the temp RDB file"), "{log}");
    assert!(log.contains("Permission denied"), "{log}");
    set_mode(server.dir(), 0o755);
    wait_until("the next one works", || {
        server.info("rdb_last_bgsave_status") == "ok"
    });
    transact(&mut server.raw(), 3);
    wait_until("it is saved", || {
        server.info("rdb_changes_since_last_save") == "0"
    });
    restart(&mut server);
    assert_eq!(last_transaction(&server), 3);
}

/// Its file is open: the log goes on, and only a rewrite fails.
#[test]
fn the_log_goes_on_in_a_read_only_directory() {
    for policy in ["always", "everysec"] {
        let args = ["--appendonly", "yes", "--appendfsync", policy];
        let mut server = Server::start_bound_by_modes(&args);
        wait_until("loaded", || server.info("loading") == "0");
        let dir = server.dir().join("appendonlydir");
        transact(&mut server.raw(), 1);
        set_mode(&dir, 0o555);
        let refusal = "ERR Can't execute an AOF background rewriting. Please check the server \
                       logs for more information.";
        assert_eq!(server.raw().call("BGREWRITEAOF").text(), refusal);
        assert_eq!(server.info("aof_last_bgrewrite_status"), "err");
        transact(&mut server.raw(), 2);
        assert_eq!(server.info("aof_last_write_status"), "ok");
        restart(&mut server);
        assert_eq!(last_transaction(&server), 2);
        set_mode(&dir, 0o755);
        server.raw().call("BGREWRITEAOF");
        wait_until("the rewrite works", || {
            server.info("aof_last_bgrewrite_status") == "ok"
                && server.info("aof_rewrite_in_progress") == "0"
        });
        transact(&mut server.raw(), 3);
        restart(&mut server);
        assert_eq!(last_transaction(&server), 3);
    }
}

#[test]
fn the_log_cannot_be_switched_on_in_a_read_only_directory() {
    let server = Server::start_bound_by_modes(&[]);
    set_mode(server.dir(), 0o555);
    let refusal = server.raw().call("CONFIG SET appendonly yes").text();
    let expected = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to \
                    turn on AOF. Check server logs.";
    assert_eq!(refusal, expected);
    assert_eq!(server.info("aof_enabled"), "0");
    transact(&mut server.raw(), 1);
    set_mode(server.dir(), 0o755);
    assert_eq!(server.raw().call("CONFIG SET appendonly yes").text(), "OK");
    wait_until("it has its base", || {
        server.info("aof_rewrite_in_progress") == "0" && server.info("aof_rewrite_scheduled") == "0"
    });
    assert_eq!(server.info("aof_last_bgrewrite_status"), "ok");
}
