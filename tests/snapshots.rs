//! Snapshots: saving and loading, in exchange with Redis, under writers, through failures and
//! kills.

use std::process::Command;

use super::dumps::fill;
use super::support::{RawClient, Server, Value, is_corewire, program, wait_until};

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

fn ok(client: &mut RawClient, command: &str) {
    assert_eq!(client.call(command).text(), "OK", "{command}");
}

fn is_idle(server: &Server) -> bool {
    server.info("rdb_bgsave_in_progress") == "0"
}

fn bgsave(server: &Server, client: &mut RawClient) {
    assert_eq!(client.call("BGSAVE").text(), "Background saving started");
    wait_until("the snapshot ends", || is_idle(server));
}

/// Each of the two servers loads what the other saved, and holds the same data then.
#[test]
fn snapshots_are_exchanged_with_redis() {
    let mut ours = Server::start(&DEBUG);
    let Some(mut redis) = Server::start_redis(&DEBUG) else {
        return;
    };
    let mut client = ours.raw();
    fill(&mut client);
    ok(&mut client, "SELECT 5");
    ok(&mut client, "SET volatile x PX 10000000");
    let digest = client.call("DEBUG DIGEST").text();
    ok(&mut client, "SAVE");
    let file = "dump.rdb";
    std::fs::copy(ours.dir().join(file), redis.dir().join(file)).unwrap();
    redis.kill_and_restart();
    let mut there = redis.raw();
    wait_until("Redis has loaded it", || {
        there.call("PING").text() == "PONG"
    });
    assert_eq!(there.call("DEBUG DIGEST").text(), digest);
    ok(&mut there, "SAVE");
    std::fs::copy(redis.dir().join(file), ours.dir().join(file)).unwrap();
    ours.kill_and_restart();
    let mut client = ours.raw();
    wait_until("it is loaded", || client.call("PING").text() == "PONG");
    assert_eq!(client.call("DEBUG DIGEST").text(), digest);
    ok(&mut client, "DEBUG RELOAD");
    assert_eq!(client.call("DEBUG DIGEST").text(), digest);
}

#[test]
fn a_kill_while_saving_leaves_the_old_snapshot() {
    let mut server = Server::start(&DEBUG);
    let mut client = server.raw();
    ok(&mut client, "SET old 1");
    ok(&mut client, "SAVE");
    let old = std::fs::read(server.dir().join("dump.rdb")).unwrap();
    ok(&mut client, "DEBUG POPULATE 1000");
    ok(&mut client, "CONFIG SET rdb-key-save-delay 1000000");
    client.call("BGSAVE");
    let saves = || server.info("current_save_keys_processed") != "0";
    wait_until("it saves", saves);
    server.kill_and_restart();
    assert_eq!(std::fs::read(server.dir().join("dump.rdb")).unwrap(), old);
    let mut client = server.raw();
    wait_until("it is loaded", || client.call("PING").text() == "PONG");
    assert_eq!(client.call("KEYS *").sorted(), ["old"]);
}

/// A large value that is being saved: readers and other keys go on, it can be deleted, and who
/// wants to change it waits until it is through.
#[test]
fn a_large_value_is_changed_when_it_has_been_saved() {
    if !is_corewire() {
        return;
    }
    let server = Server::start(&DEBUG);
    let (mut client, mut writer, mut queue) = (server.raw(), server.raw(), server.raw());
    for name in ["large", "doomed"] {
        let text = "x".repeat(9000);
        for _ in 0..100 {
            client.call(&format!("RPUSH {name} {text}"));
        }
    }
    ok(&mut client, "CONFIG SET rdb-key-save-delay 20000000");
    client.call("BGSAVE");
    wait_until("it saves", || {
        server.info("current_save_keys_processed") != "0"
    });
    // The one of the two is being saved, the other waits for its turn.
    writer.send(b"RPUSH large end\r\n");
    ok(&mut queue, "MULTI");
    queue.call("RPUSH large second");
    queue.send(b"EXEC\r\n");
    assert_eq!(client.call("DEL doomed"), Value::Integer(1));
    assert_eq!(client.call("LLEN large"), Value::Integer(100));
    ok(&mut client, "SET other 1");
    assert_eq!(client.call("LLEN large"), Value::Integer(100));
    ok(&mut client, "CONFIG SET rdb-key-save-delay 0");
    let lengths = [writer.read(), queue.read()];
    assert_ne!(lengths[0], Value::Integer(100));
    wait_until("the snapshot ends", || is_idle(&server));
    assert_eq!(client.call("LLEN large"), Value::Integer(102));
    ok(&mut client, "DEBUG RELOAD NOSAVE");
    assert_eq!(client.call("KEYS *").sorted(), ["doomed", "large"]);
    assert_eq!(client.call("LLEN large"), Value::Integer(100));
}

/// What comes after BGSAVE, in the same breath, is not in the snapshot.
#[test]
fn a_snapshot_is_of_the_moment_of_its_command() {
    let mut server = Server::start(&DEBUG);
    let mut client = server.raw();
    ok(&mut client, "DEBUG POPULATE 100");
    client.send(b"SET before 1\r\nBGSAVE\r\nSET after 1\r\nFLUSHDB\r\n");
    for _ in 0..4 {
        assert!(!matches!(client.read(), Value::Error(_)));
    }
    wait_until("the snapshot ends", || is_idle(&server));
    server.kill_and_restart();
    let mut client = server.raw();
    wait_until("it is loaded", || client.call("PING").text() == "PONG");
    assert_eq!(client.call("DBSIZE"), Value::Integer(101));
    assert_eq!(client.call("EXISTS before after"), Value::Integer(1));
}

/// With save points, what FLUSHALL deletes does not come back, whatever is being saved and however
/// soon the server dies.
#[test]
fn flushall_is_on_disk_before_its_reply() {
    let options = ["--save", "3600 1000000", DEBUG[0], DEBUG[1]];
    let mut server = Server::start(&options);
    let (mut client, mut other) = (server.raw(), server.raw());
    ok(&mut client, "DEBUG POPULATE 1000");
    ok(&mut client, "SAVE");
    let file = server.dir().join("dump.rdb");
    let full = std::fs::metadata(&file).unwrap().len();
    ok(&mut client, "CONFIG SET rdb-key-save-delay 20000000");
    client.call("BGSAVE");
    wait_until("it saves", || {
        server.info("current_save_keys_processed") != "0"
    });
    other.send(b"SET meanwhile 1\r\n");
    assert_eq!(other.read().text(), "OK");
    client.send(b"MULTI\r\nSET again 1\r\nFLUSHALL\r\nEXEC\r\n");
    (0..4).for_each(|_| drop(client.read()));
    assert!(std::fs::metadata(&file).unwrap().len() < full / 10);
    assert_eq!(server.info("rdb_changes_since_last_save"), "0");
    wait_until("the snapshot before it ends", || is_idle(&server));
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    server.kill_and_restart();
    let mut client = server.raw();
    wait_until("it is loaded", || client.call("PING").text() == "PONG");
    assert_eq!(client.call("DBSIZE"), Value::Integer(0));
    let names = std::fs::read_dir(server.dir()).unwrap();
    let mut names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.starts_with("temp-")));
}

#[test]
fn writes_are_refused_while_snapshots_fail() {
    let server = Server::start(&["--save", "3600 1000000"]);
    let mut client = server.raw();
    ok(&mut client, "SET a 1");
    let target = server.dir().join("dump.rdb");
    // A directory of that name: renaming fails.
    std::fs::create_dir_all(target.join("in-the-way")).unwrap();
    bgsave(&server, &mut client);
    wait_until("the failure is seen", || {
        server.info("rdb_last_bgsave_status") == "err"
    });
    let refusal = client.call("SET a 2").text();
    let expected = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
        to persist to disk. Commands that may modify the data set are disabled, because this \
        instance is configured to report errors during writes if RDB snapshotting fails \
        (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
        RDB error.";
    assert_eq!(refusal, expected);
    assert!(client.call("PING").text().starts_with("MISCONF"));
    assert_eq!(client.call("GET a").text(), "1");
    assert_eq!(client.call("SAVE"), Value::Error("ERR".into()));
    ok(&mut client, "CONFIG SET stop-writes-on-bgsave-error no");
    ok(&mut client, "SET a 3");
    ok(&mut client, "CONFIG SET stop-writes-on-bgsave-error yes");
    std::fs::remove_dir_all(&target).unwrap();
    bgsave(&server, &mut client);
    ok(&mut client, "SET a 4");
    let log = server.log();
    assert!(log.contains("Error moving temp DB file"), "{log}");
    assert!(
        log.contains("Background saving terminated with success"),
        "{log}"
    );
}

#[test]
fn a_full_disk_refuses_writes_until_a_snapshot_has_room() {
    let server = Server::start(&["--save", "3600 1000000", "--rdbcompression", "no"]);
    let mut client = server.raw();
    ok(&mut client, "SAVE");
    let target = server.dir().join("dump.rdb");
    let old = std::fs::read(&target).unwrap();
    ok(&mut client, &format!("SET large {}", "v".repeat(500_000)));
    if !server.limit_file_size(Some(100_000)) {
        return;
    }
    bgsave(&server, &mut client);
    assert_eq!(server.info("rdb_last_bgsave_status"), "err");
    assert!(client.call("SET a 1").text().starts_with("MISCONF"));
    assert_eq!(std::fs::read(&target).unwrap(), old);
    let names = std::fs::read_dir(server.dir()).unwrap();
    let mut names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.starts_with("temp-")));
    assert!(server.limit_file_size(None));
    bgsave(&server, &mut client);
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    ok(&mut client, "SET a 1");
}

#[test]
fn save_points_and_the_end_save_by_themselves() {
    let mut server = Server::start(&["--save", "1 2"]);
    let mut client = server.raw();
    ok(&mut client, "SET a 1");
    ok(&mut client, "SET b 1");
    wait_until("a save point", || {
        server.info("rdb_saves") == "1" && is_idle(&server)
    });
    assert_eq!(server.info("rdb_changes_since_last_save"), "0");
    ok(&mut client, "SET c 1");
    assert_eq!(server.terminate(), Some(0));
    let log = server.log();
    assert!(
        log.contains("Saving the final RDB snapshot before exiting."),
        "{log}"
    );
    let bytes = std::fs::read(server.dir().join("dump.rdb")).unwrap();
    assert!(
        bytes.windows(2).any(|pair| pair == b"\x01c"),
        "the last key is there"
    );
}

#[test]
fn while_loading_commands_are_refused_and_info_tells_how_far_it_is() {
    let mut server = Server::start(&["--key-load-delay", "1000", "--enable-debug-command", "yes"]);
    let mut client = server.raw();
    ok(&mut client, "DEBUG POPULATE 4000");
    ok(&mut client, "SAVE");
    server.kill_and_restart();
    let mut client = server.raw();
    let refusal = client.call("GET key:1").text();
    assert_eq!(refusal, "LOADING Redis is loading the dataset in memory");
    assert_eq!(server.info("loading"), "1");
    assert_ne!(server.info("loading_total_bytes"), "0");
    wait_until("some of it is read", || {
        server.info("loading_loaded_bytes") != "0"
    });
    wait_until("all of it is read", || server.info("loading") == "0");
    assert_eq!(client.call("DBSIZE"), Value::Integer(4000));
    assert_eq!(server.info("rdb_last_load_keys_loaded"), "4000");
}

#[test]
fn check_rdb_tells_a_sound_file_from_a_broken_one() {
    let server = Server::start(&DEBUG);
    ok(&mut server.raw(), "DEBUG POPULATE 10");
    ok(&mut server.raw(), "SAVE");
    let path = server.dir().join("dump.rdb");
    let check = || {
        let output = Command::new(program())
            .arg("check-rdb")
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    if !is_corewire() {
        return;
    }
    let (status, text) = check();
    assert!(
        status == Some(0) && text.contains("RDB looks OK!"),
        "{text}"
    );
    assert!(text.contains("[info] 10 keys read"), "{text}");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() - 12;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (status, text) = check();
    assert!(
        status == Some(1) && text.contains("RDB CRC error"),
        "{text}"
    );
}

/// The start ends, and the log says what is wrong with the file, in Redis's words.
#[test]
fn a_file_that_cannot_be_loaded_ends_the_start_with_the_reason() {
    if !is_corewire() {
        return;
    }
    let module = b"\x81\x91\xeb\x91\x7e\xa7\x77\x37\x03\x05\x02{}\x00";
    let dir = std::env::temp_dir().join(format!("corewire-unloadable-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |header: &str, body: &[u8]| [header.as_bytes(), body, &[255], &[0; 8]].concat();
    for (bytes, reasons) in [
        (
            file("HELLO0010", b""),
            &[
                "Wrong signature trying to load DB from file",
                "Invalid argument. Exiting.",
            ][..],
        ),
        (
            file("REDIS0099", b""),
            &[
                "Can't handle RDB format version 99",
                "Fatal error loading the DB",
            ],
        ),
        (
            file("REDIS0010", &[&b"\x07\x01k"[..], module].concat()),
            &["The RDB file contains module data I can't load: no matching module type '"],
        ),
        (
            file("REDIS0013", b"\xf3\x01\0\0\0\0\0\0\x01k\x01v"),
            &["what a module has kept beside a key is not supported"],
        ),
        (
            file("REDIS0010", b"\xfe\x40\x63\0\x01k\x01v"),
            &["Redis server configured to handle more than 16 databases. Exiting"],
        ),
        (
            file("REDIS0010", b"\0\x01k\x01v\0\x01k\x01w"),
            &["RDB has duplicated key 'k' in DB 0"],
        ),
        (
            file("REDIS0010", b"\0\x01k\x01v")[..12].to_vec(),
            &["Short read or OOM loading DB. Unrecoverable error, aborting now."],
        ),
    ] {
        std::fs::write(dir.join("dump.rdb"), bytes).unwrap();
        let port = super::support::free_port().to_string();
        let output = Command::new(program())
            .args(["--port", &port, "--dir"])
            .arg(&dir)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{log}");
        for reason in reasons {
            assert!(log.contains(reason), "{reason} is not in\n{log}");
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}
