//! Snapshots on a disk that fails.

use super::super::support::{Call, EIO, ENOSPC, EROFS, FailingDisk, Server, wait_until};
use super::{MISCONF_RDB, assert_refused, last_transaction, left_over, restart, transact};

fn bgsave(server: &Server) -> String {
    assert_eq!(
        server.raw().call("BGSAVE").text(),
        "Background saving started"
    );
    wait_until("the snapshot ends", || {
        server.info("rdb_bgsave_in_progress") == "0"
    });
    server.info("rdb_last_bgsave_status")
}

#[test]
fn a_snapshot_that_fails_refuses_changes_and_leaves_the_old_one() {
    let faults = [
        (Call::Open, EROFS, "temp-bg-"),
        (Call::Write, EIO, "temp-bg-"),
        (Call::ShortWrite(20), ENOSPC, "temp-bg-"),
        (Call::Sync, EIO, "temp-bg-"),
        (Call::Rename, EIO, "dump.rdb"),
    ];
    let disk = FailingDisk::new();
    let mut server = Server::start_on(&disk, &["--save", "3600 1000000"]);
    let mut n = 0;
    for (call, error, part) in faults {
        n += 1;
        transact(&mut server.raw(), n);
        assert_eq!(bgsave(&server), "ok");
        let old = std::fs::read(server.dir().join("dump.rdb")).expect("a snapshot");
        n += 1;
        transact(&mut server.raw(), n);
        disk.fail(call, part, error);
        assert_eq!(bgsave(&server), "err", "{call:?}");
        assert_refused(&server, MISCONF_RDB);
        let kept = std::fs::read(server.dir().join("dump.rdb")).expect("a snapshot");
        assert!(kept == old, "{call:?}");
        assert_eq!(left_over(server.dir()), Vec::<String>::new());
        if n % 4 == 0 {
            disk.heal(call);
            restart(&mut server);
            n -= 1;
            assert_eq!(last_transaction(&server), n);
            continue;
        }
        disk.heal(call);
        assert_eq!(bgsave(&server), "ok", "{call:?}");
        n += 1;
        transact(&mut server.raw(), n);
        restart(&mut server);
        n -= 1;
        assert_eq!(last_transaction(&server), n);
    }
}

/// Nobody has to ask for the snapshot that ends the refusal.
#[test]
fn the_next_save_point_ends_the_refusal_when_the_disk_works_again() {
    let disk = FailingDisk::new();
    let mut server = Server::start_on(&disk, &["--save", "1 1"]);
    disk.fail(Call::Sync, "temp-bg-", EIO);
    transact(&mut server.raw(), 1);
    wait_until("a save point fails", || {
        server.info("rdb_last_bgsave_status") == "err"
    });
    assert_refused(&server, MISCONF_RDB);
    disk.heal(Call::Sync);
    wait_until("the next one works", || {
        server.info("rdb_last_bgsave_status") == "ok"
    });
    transact(&mut server.raw(), 2);
    wait_until("it is saved", || {
        server.info("rdb_changes_since_last_save") == "0"
    });
    restart(&mut server);
    assert_eq!(last_transaction(&server), 2);
}

/// SHUTDOWN does not lose what it cannot save.
#[test]
fn a_server_that_cannot_save_goes_on() {
    let disk = FailingDisk::new();
    let mut server = Server::start_on(&disk, &["--save", "3600 1000000"]);
    transact(&mut server.raw(), 1);
    disk.fail(Call::Sync, "temp-", EIO);
    let mut client = server.raw();
    let refusal = client.call("SHUTDOWN SAVE").text();
    assert_eq!(refusal, "ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(last_transaction(&server), 1);
    disk.heal(Call::Sync);
    assert_eq!(server.terminate(), Some(0));
    server.kill_and_restart();
    assert_eq!(last_transaction(&server), 1);
}
