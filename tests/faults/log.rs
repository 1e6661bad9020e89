//! The append-only file on a disk that fails.

use super::super::support::{Call, EIO, ENOSPC, FailingDisk, Server, wait_until};
use super::{assert_refused, is_done, last_transaction, left_over, restart};
use super::{send_transaction, transact};

const LOG: &str = "appendonlydir";
const MISCONF_EIO: &str = "MISCONF Errors writing to the AOF file: Input/output error";
const MISCONF_ENOSPC: &str = "MISCONF Errors writing to the AOF file: No space left on device";

fn start(disk: &FailingDisk, policy: &str) -> Server {
    let args = ["--appendonly", "yes", "--appendfsync", policy];
    let server = Server::start_on(
        disk,
        &[&args[..], &["--auto-aof-rewrite-percentage", "0"]].concat(),
    );
    wait_until("loaded", || server.info("loading") == "0");
    server
}

fn await_failure(server: &Server) {
    wait_until("the failure is seen", || {
        server.info("aof_last_write_status") == "err"
    });
}

fn await_recovery(server: &Server) {
    wait_until("it recovers", || {
        server.info("aof_last_write_status") == "ok"
    });
}

/// The disk fails in the middle of transactions, heals, fails again; the server is killed while it
/// fails and after it has healed.
fn fail_and_heal(policy: &str, (call, error): (Call, i32), misconf: &str) {
    let disk = FailingDisk::new();
    let mut server = start(&disk, policy);
    let mut acknowledged = 0;
    for is_killed_failing in [false, true] {
        let mut client = server.raw();
        for _ in 0..20 {
            acknowledged += 1;
            transact(&mut client, acknowledged);
        }
        // Up to here it is on disk, also with `everysec`.
        client.call("WAITAOF 1 0 0");
        disk.fail(call, LOG, error);
        // With `everysec` and a failing sync its reply comes; else when the disk has healed.
        send_transaction(&mut client, acknowledged + 1);
        await_failure(&server);
        assert_refused(&server, misconf);
        if is_killed_failing {
            server.freeze();
            disk.heal(call);
            restart(&mut server);
            let kept = last_transaction(&server);
            assert!(kept == acknowledged || kept == acknowledged + 1, "{kept}");
            continue;
        }
        disk.heal(call);
        await_recovery(&server);
        assert!(is_done(&mut client));
        acknowledged += 1;
        assert_eq!(server.raw().call("PING").text(), "PONG");
        acknowledged += 1;
        transact(&mut client, acknowledged);
        restart(&mut server);
        assert_eq!(last_transaction(&server), acknowledged);
    }
}

#[test]
fn a_sync_that_fails_refuses_changes_and_loses_nothing_with_always() {
    fail_and_heal("always", (Call::Sync, EIO), MISCONF_EIO);
}

#[test]
fn a_sync_that_fails_refuses_changes_and_loses_nothing_with_everysec() {
    fail_and_heal("everysec", (Call::Sync, EIO), MISCONF_EIO);
}

#[test]
fn a_write_that_fails_refuses_changes_and_loses_nothing_with_always() {
    fail_and_heal("always", (Call::Write, EIO), MISCONF_EIO);
}

#[test]
fn a_write_that_fails_refuses_changes_and_loses_nothing_with_everysec() {
    fail_and_heal("everysec", (Call::Write, EIO), MISCONF_EIO);
}

#[test]
fn a_full_disk_refuses_changes_and_loses_nothing_with_always() {
    fail_and_heal("always", (Call::ShortWrite(30), ENOSPC), MISCONF_ENOSPC);
}

#[test]
fn a_full_disk_refuses_changes_and_loses_nothing_with_everysec() {
    fail_and_heal("everysec", (Call::ShortWrite(30), ENOSPC), MISCONF_ENOSPC);
}

/// A part of a transaction is in the file and cannot even be cut off again, when the server dies.
#[test]
fn half_a_transaction_in_the_file_is_not_applied() {
    for policy in ["always", "everysec"] {
        let disk = FailingDisk::new();
        let mut server = start(&disk, policy);
        let mut client = server.raw();
        (1..=5).for_each(|n| transact(&mut client, n));
        disk.fail(Call::Truncate, LOG, EIO);
        // Up to and with the first of its writes.
        disk.fail(Call::ShortWrite(60), LOG, EIO);
        send_transaction(&mut client, 6);
        await_failure(&server);
        server.freeze();
        disk.heal(Call::ShortWrite(60));
        disk.heal(Call::Truncate);
        restart(&mut server);
        assert_eq!(last_transaction(&server), 5);
        let log = server.log();
        assert!(log.contains("!!! Truncating the AOF "), "{log}");
    }
}

/// What a rewrite needs fails; the log itself goes on.
#[test]
fn a_rewrite_that_fails_leaves_the_log_as_it_was() {
    let faults = [
        (Call::Open, "temp-rewriteaof"),
        (Call::Write, "temp-rewriteaof"),
        (Call::ShortWrite(100), "temp-rewriteaof"),
        (Call::Sync, "temp-rewriteaof"),
        (Call::Rename, "temp-rewriteaof"),
        (Call::Rename, ".base."),
        (Call::Write, "manifest"),
        (Call::Sync, "manifest"),
        (Call::Rename, "manifest"),
        (Call::Open, ".incr.aof"),
        (Call::SyncDir, LOG),
    ];
    for policy in ["always", "everysec"] {
        let disk = FailingDisk::new();
        let mut server = start(&disk, policy);
        let mut n = 0;
        for (call, part) in faults {
            let mut client = server.raw();
            n += 1;
            transact(&mut client, n);
            disk.fail(call, part, EIO);
            client.call("BGREWRITEAOF");
            wait_until("the rewrite fails", || {
                server.info("aof_last_bgrewrite_status") == "err"
                    && server.info("aof_rewrite_in_progress") == "0"
            });
            n += 1;
            transact(&mut client, n);
            disk.heal(call);
            if n % 4 == 0 {
                restart(&mut server);
                assert_eq!(last_transaction(&server), n, "{policy}: {call:?} of {part}");
            }
            server.raw().call("BGREWRITEAOF");
            wait_until("the rewrite works", || {
                server.info("aof_last_bgrewrite_status") == "ok"
                    && server.info("aof_rewrite_in_progress") == "0"
            });
            assert_eq!(left_over(&server.dir().join(LOG)), Vec::<String>::new());
            assert_eq!(left_over(server.dir()), Vec::<String>::new());
            restart(&mut server);
            assert_eq!(last_transaction(&server), n, "{policy}: {call:?} of {part}");
        }
    }
}
