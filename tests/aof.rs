//! The append-only file against `redis-server`: the same commands are logged in the same words, and
//! each loads what the other wrote. Also what a client may count on when its reply has come.
//!
//! Nothing is compared where Redis is not installed.

use std::path::Path;

use super::support::{RawClient, Server, Value, is_corewire, program, wait_until};

const ON: [&str; 8] = [
    "--appendonly",
    "yes",
    "--enable-debug-command",
    "yes",
    "--save",
    "",
    "--auto-aof-rewrite-percentage",
    "0",
];

/// Starts ours, and waits until it has loaded its data.
fn start(args: &[&str]) -> Server {
    loaded(Server::start(args))
}

fn loaded(server: Server) -> Server {
    wait_until("loaded", || server.info("loading") == "0");
    server
}

fn start_redis(args: &[&str]) -> Option<Server> {
    Server::start_redis(args).map(loaded)
}

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&ON[..], more].concat()
}

/// The commands of a file, in lower case.
fn commands(path: &Path) -> Vec<String> {
    let text = std::fs::read(path).expect("the file is there");
    let mut lines = text.split(|&b| b == b'\n');
    let mut all = Vec::new();
    while let Some([b'*', count @ ..]) = lines.next() {
        let count: usize = String::from_utf8_lossy(count)
            .trim()
            .parse()
            .expect("a count");
        let word = |_| {
            lines.next();
            let word = lines.next().expect("a word");
            String::from_utf8_lossy(word).trim_end().to_lowercase()
        };
        all.push((0..count).map(word).collect::<Vec<_>>().join(" "));
    }
    all
}

fn last_incr(server: &Server) -> std::path::PathBuf {
    let dir = server.dir().join("appendonlydir");
    let manifest =
        std::fs::read_to_string(dir.join("appendonly.aof.manifest")).expect("a manifest");
    let last = manifest.lines().last().expect("a line");
    dir.join(last.split(' ').nth(1).expect("a name"))
}

/// Numbers that are times or come from the clock are no part of the comparison.
fn without_times(commands: Vec<String>) -> Vec<String> {
    let is_time = |word: &str| word.len() == 13 && word.bytes().all(|b| b.is_ascii_digit());
    let plain = |word: &str| match word.split_once('-') {
        Some((ms, _)) if is_time(ms) => "ID".to_owned(),
        _ if is_time(word) => "TIME".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: String| line.split(' ').map(plain).collect::<Vec<_>>().join(" ");
    commands.into_iter().map(line).collect()
}

const SCRIPT: &str = "
    SET a 1
    SET a 2 EX 100
    SET a 3 PX 100000 NX
    SET a 3 PXAT 9999999999999
    SET b 1 KEEPTTL GET
    SETEX c 100 v
    PSETEX d 100000 v
    GETEX c
    GETEX c EX 50
    GETEX c PERSIST
    GETDEL d
    GETDEL d
    INCR n
    INCRBYFLOAT f 1.5
    HINCRBYFLOAT h f 2.25
    HSET h a 1 b 2
    HDEL h zz
    HDEL h a
    APPEND s abc
    SETRANGE s 5 x
    EXPIRE s 100
    EXPIRE s 100 NX
    PEXPIRE s 100000
    EXPIREAT s 99999999999
    PERSIST s
    PERSIST s
    EXPIRE s -1
    DEL nosuch
    UNLINK b nosuch
    RPUSH l 1 2 3 4 5 6
    LPOP l
    RPOP l 2
    LMPOP 2 none l LEFT COUNT 2
    LMOVE l l2 LEFT RIGHT
    RPOPLPUSH l2 l3
    BLPOP l3 none 0
    RPUSH l 1 2 3 4
    BLMPOP 0 1 l LEFT
    BRPOPLPUSH l l2 0
    BLMOVE l l2 LEFT LEFT 0
    SADD one x
    SPOP one
    SADD many a b c
    SPOP many 3
    SADD src m
    SMOVE src dst m
    SMOVE src dst m
    SADD s1 a b
    SUNIONSTORE s2 s1 dst
    ZADD z 1 a 2 b 3 c
    ZADD z NX 5 a
    ZADD z INCR 5 a
    ZINCRBY z 1.5 a
    ZPOPMIN z
    ZMPOP 1 z MAX
    BZPOPMAX z 0
    ZADD z 1 a 2 b
    ZRANGESTORE z2 z 0 -1
    GEOADD g 13.361389 38.115556 p
    GEORADIUS g 15 37 200 km STORE g2
    XADD x 1-1 f v
    XADD x * f v
    XADD x MAXLEN ~ 1000 2-* f v
    XGROUP CREATE x grp 0
    XREADGROUP GROUP grp c COUNT 1 STREAMS x >
    XACK x grp 1-1
    XCLAIM x grp c2 0 1-1 FORCE
    XAUTOCLAIM x grp c3 0 0
    XSETID x 9999999999999-1
    XTRIM x MAXLEN 1
    XDEL x 1-1
    XGROUP DESTROY x grp
    SELECT 3
    SET other 1
    MOVE other 0
    SELECT 0
    COPY a acopy
    RENAME acopy acopy2
    MULTI
    SET m1 1
    SELECT 2
    SET m2 2
    GET m2
    EXEC
    SELECT 0
    MULTI
    GET a
    EXEC
    MULTI
    SET m3 1
    EXEC
    PFADD hll a b
    PFMERGE hll2 hll
    BITFIELD bf SET u8 0 255
    BITFIELD bf GET u8 0
    SETBIT bit 7 1
    BITOP NOT bit2 bit
    SORT s1 ALPHA STORE sorted
    MSET k1 1 k2 2
    MSETNX k1 1 k9 9
    SWAPDB 4 5
    PUBLISH ch m
    SET gone 1 PX 1
    DEBUG SLEEP 0.05
    GET gone
    LINSERT l BEFORE nosuch x
    LSET l 0 changed
    LTRIM l 0 0
    LREM l 0 nosuch
    FLUSHDB
    FLUSHALL
    SET last 1";

fn run(server: &Server) -> Vec<String> {
    let mut client = server.raw();
    // One after the other, so that what expires by itself cannot come in between.
    client.call("DEBUG SET-ACTIVE-EXPIRE 0");
    for line in SCRIPT
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        client.call(line);
    }
    without_times(commands(&last_incr(server)))
}

#[test]
fn commands_are_logged_as_redis_logs_them() {
    let args = with(&["--appendfsync", "always"]);
    let Some(redis) = start_redis(&args) else {
        return;
    };
    let (expected, found) = (run(&redis), run(&start(&args)));
    for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(found, expected, "command {at}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Keys of every type, with expiry, in two databases.
fn fill(client: &mut RawClient) {
    for line in "SET s text\nSET n 12345\nSET e v EX 10000\nRPUSH l a 1 b 2\nSADD i 1 2 3\n\
                 SADD t a b c\nHSET h f v g 1\nZADD z 1 a 2.5 b -inf c\nXADD x 1-1 f v\n\
                 XADD x 2-1 f w g 1\nXGROUP CREATE x g 0\nXGROUP CREATECONSUMER x g idle\n\
                 XREADGROUP GROUP g c COUNT 1 STREAMS x >\nXDEL x 2-1\nPFADD p a b c\nSELECT 9\n\
                 SET other 1"
        .lines()
    {
        client.call(line);
    }
    for key in ["bigl", "bigs", "bigz", "bigh"] {
        for i in 0..700 {
            client.call(&match key {
                "bigl" => format!("RPUSH {key} value-{i}"),
                "bigs" => format!("SADD {key} member-{i}"),
                "bigz" => format!("ZADD {key} {i}.5 member-{i}"),
                _ => format!("HSET {key} field-{i} value-{i}"),
            });
        }
    }
}

fn digest(server: &Server) -> String {
    server.raw().call("DEBUG DIGEST").text()
}

fn rewrite(server: &Server) {
    server.raw().call("BGREWRITEAOF");
    wait_until("rewritten", || {
        server.info("aof_rewrite_in_progress") == "0"
    });
    assert_eq!(server.info("aof_last_bgrewrite_status"), "ok");
}

#[test]
fn a_rewrite_keeps_libraries_of_functions() {
    let Some(redis) = start_redis(&["--save", "", "--rdbcompression", "no"]) else {
        return;
    };
    let code = "#!lua name=kept\nredis.register_function('f', function() return 1 end)";
    let loaded = redis.raw().call_args(&["FUNCTION", "LOAD", code]);
    assert_eq!(loaded.text(), "kept");
    redis.raw().call("SET key value");
    redis.raw().call("SAVE");
    let dir = redis.dir().to_string_lossy().into_owned();
    let server = start(&[
        "--dir",
        &dir,
        "--aof-use-rdb-preamble",
        "no",
        "--save",
        "",
        "--rdbcompression",
        "no",
    ]);
    assert_eq!(server.raw().call("CONFIG SET appendonly yes").text(), "OK");
    wait_until("the log has its base", || {
        server.info("aof_rewrite_in_progress") == "0" && server.info("aof_rewrite_scheduled") == "0"
    });
    rewrite(&server);
    let files = std::fs::read_dir(redis.dir().join("appendonlydir")).expect("a directory");
    let mut files = files.map(|file| file.expect("a file").path());
    let base = files.find(|file| file.to_string_lossy().ends_with(".base.rdb"));
    let base = std::fs::read(base.expect("a snapshot as base")).expect("it can be read");
    let has = |text: &str| base.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(code) && has("value"));
}

/// Starts `to` on what `from` wrote, before and after a rewrite.
fn exchange(from: fn(&[&str]) -> Option<Server>, to: fn(&[&str]) -> Option<Server>) {
    for preamble in ["yes", "no"] {
        // With another policy, Redis may answer before it has written, while a sync is slow.
        let args = with(&[
            "--aof-use-rdb-preamble",
            preamble,
            "--appendfsync",
            "always",
        ]);
        let Some(mut writer) = from(&args) else {
            return;
        };
        fill(&mut writer.raw());
        for rewritten in [false, true] {
            if rewritten {
                rewrite(&writer);
                writer.raw().call("SET after-rewrite 1");
            }
            let expected = digest(&writer);
            let copy = std::env::temp_dir().join(format!(
                "corewire-exchange-{}-{preamble}-{rewritten}-{}",
                std::process::id(),
                writer.port()
            ));
            let copied = std::process::Command::new("cp")
                .arg("-r")
                .args([writer.dir(), copy.as_path()])
                .status();
            assert!(copied.expect("cp runs").success());
            let dir: &'static str = copy.to_string_lossy().into_owned().leak();
            let Some(reader) = to(&[&args[..], &["--dir", dir]].concat()) else {
                return;
            };
            assert_eq!(
                digest(&reader),
                expected,
                "preamble {preamble}, rewritten {rewritten}"
            );
            drop(reader);
            std::fs::remove_dir_all(copy).expect("the copy is there");
        }
        writer.terminate();
    }
}

#[test]
fn a_torn_file_may_have_an_empty_one_behind_it() {
    // So it is when the name of a new file could not be synced, and the old one was gone on with.
    let mut server = start(&["--appendonly", "yes"]);
    server.raw().call("SET a 1");
    let (file, dir) = (last_incr(&server), server.dir().join("appendonlydir"));
    let torn = [
        std::fs::read(&file).expect("it is there"),
        b"*3\r\n$3".to_vec(),
    ]
    .concat();
    std::fs::write(&file, torn).expect("it can be written");
    std::fs::write(dir.join("appendonly.aof.2.incr.aof"), "").expect("it can be written");
    let manifest = dir.join("appendonly.aof.manifest");
    let names = std::fs::read_to_string(&manifest).expect("a manifest");
    let names = names + "file appendonly.aof.2.incr.aof seq 2 type i\n";
    std::fs::write(&manifest, names).expect("it can be written");
    server.kill_and_restart();
    let server = loaded(server);
    assert_eq!(server.raw().call("GET a").text(), "1");
    server.raw().call("SET b 2");
    assert!(last_incr(&server).ends_with("appendonly.aof.2.incr.aof"));
}

#[test]
fn redis_loads_what_we_wrote() {
    exchange(|args| Some(start(args)), start_redis);
}

#[test]
fn we_load_what_redis_wrote() {
    exchange(start_redis, |args| Some(start(args)));
}

#[test]
fn we_load_what_we_wrote() {
    exchange(|args| Some(start(args)), |args| Some(start(args)));
}

#[test]
fn what_is_acknowledged_is_in_the_file() {
    for policy in ["always", "everysec", "no"] {
        let server = start(&with(&["--appendfsync", policy]));
        let mut client = server.raw();
        for i in 0..200 {
            client.call(&format!("SET key {i}"));
            let file = commands(&last_incr(&server));
            assert_eq!(file.last(), Some(&format!("set key {i}")), "{policy}");
        }
    }
}

/// G14.
#[test]
fn what_a_group_has_not_acknowledged_is_delivered_again_after_a_restart() {
    let mut server = start(&with(&["--appendfsync", "always"]));
    let mut client = server.raw();
    client.call("XGROUP CREATE s g 0 MKSTREAM");
    (1..=3).for_each(|i| drop(client.call(&format!("XADD s {i}-1 n {i}"))));
    client.call("XREADGROUP GROUP g worker STREAMS s >");
    assert_eq!(client.call("XACK s g 2-1"), Value::Integer(1));
    server.kill_and_restart();
    let server = loaded(server);
    let mut client = server.raw();
    let pending = client.call("XPENDING s g");
    assert_eq!(pending.elements()[0], Value::Integer(2));
    let again = client.call("XREADGROUP GROUP g worker STREAMS s 0");
    let entries = again.elements()[0].elements()[1].elements();
    let ids: Vec<String> = entries.iter().map(|it| it.elements()[0].text()).collect();
    assert_eq!(ids, ["1-1", "3-1"]);
    assert_eq!(client.call("XACK s g 1-1 3-1"), Value::Integer(2));
    let new = client.call("XREADGROUP GROUP g worker STREAMS s >");
    assert_eq!(new, Value::Null);
}

#[test]
fn waitaof_waits_for_the_disk() {
    let server = start(&with(&["--appendfsync", "everysec"]));
    let mut client = server.raw();
    client.call("SET a 1");
    let reply = client.call("WAITAOF 1 0 0");
    assert_eq!(reply.elements()[0].number(), 1);
    client.call("SET a 2");
    let reply = client.call("WAITAOF 0 0 0");
    assert_eq!(reply.elements()[1].number(), 0);
    let off = start(&[]);
    let reply = off.raw().call("WAITAOF 1 0 0").text();
    let expected = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    assert_eq!(reply, expected);
}

#[test]
fn waitaof_counts_the_replicas_whose_disk_has_it() {
    let primary = start(&with(&["--repl-diskless-sync-delay", "0"]));
    let replica = start(&with(&["--appendfsync", "always"]));
    let follow = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    assert_eq!(replica.raw().call(&follow).text(), "OK");
    wait_until("the link is up", || {
        replica.info("master_link_status") == "up"
    });
    let mut client = primary.raw();
    for n in 0..3 {
        client.call(&format!("SET a {n}"));
        let reply = client.call("WAITAOF 1 1 0");
        assert_eq!(reply, Value::Array(vec![Value::Integer(1); 2]));
        let found = commands(&last_incr(&replica)).contains(&format!("set a {n}"));
        assert!(found, "write {n} is in the replica's file");
    }
    let refused = replica.raw().call("WAITAOF 0 0 0").text();
    assert!(
        refused.starts_with("ERR WAITAOF cannot be used with replica instances."),
        "{refused}"
    );
    // Without its file, the replica's memory does not count.
    assert_eq!(replica.raw().call("CONFIG SET appendonly no").text(), "OK");
    client.call("SET a 3");
    let reply = client.call("WAITAOF 0 1 50");
    assert_eq!(reply.elements()[1].number(), 0);
}

#[test]
fn those_who_wait_for_keys_get_what_is_loaded() {
    let server = start(&with(&["--enable-debug-command", "yes"]));
    let mut client = server.raw();
    let expected = ["list", "value"].map(Value::bulk).to_vec();
    // As if another had been pushing while the file was away.
    client.call("RPUSH list value");
    let before = std::fs::read(last_incr(&server)).expect("the file is there");
    client.call("DEL list");
    let mut waiting = server.raw();
    waiting.send_command(&["BLPOP", "list", "0"]);
    wait_until("it waits", || server.info("blocked_clients") == "1");
    std::fs::write(last_incr(&server), before).expect("the file can be written");
    assert_eq!(client.call("DEBUG LOADAOF").text(), "OK");
    assert_eq!(waiting.read(), Value::Array(expected));
}

#[test]
fn loading_can_be_called_off() {
    let mut server = start(&with(&["--key-load-delay", "100000"]));
    let mut client = server.raw();
    for n in 0..2000 {
        client.send_command(&["SET", &format!("k{n}"), "v"]);
    }
    for _ in 0..2000 {
        client.read();
    }
    let path = last_incr(&server);
    let before = std::fs::read(&path).expect("the file is there");
    server.kill_and_restart();
    assert_eq!(server.info("loading"), "1");
    assert_eq!(server.terminate(), Some(0));
    // Nothing was written over by what had been loaded by then.
    assert_eq!(std::fs::read(&path).expect("the file is there"), before);
}

#[test]
fn switching_on_makes_a_base_and_off_keeps_the_files() {
    let mut server = start(&["--enable-debug-command", "yes", "--save", ""]);
    let mut client = server.raw();
    fill(&mut client);
    client.call("CONFIG SET appendonly yes");
    wait_until("a base", || server.info("aof_rewrite_in_progress") == "0");
    client.call("SET after 1");
    let expected = digest(&server);
    client.call("CONFIG SET appendonly no");
    client.call("SET not-logged 1");
    assert_eq!(client.call("DEBUG LOADAOF").text(), "OK");
    assert_eq!(digest(&server), expected);
    server.terminate();
}

#[test]
fn a_disk_that_is_full_refuses_changes_until_it_has_room() {
    // A file of limited size fails with EFBIG, in the same place as a full disk.
    let server = start(&with(&["--appendfsync", "always"]));
    if !server.limit_file_size(Some(100_000)) {
        return;
    }
    let mut client = server.raw();
    let value = "v".repeat(10_000);
    let mut stored = 0;
    let mut other = server.raw();
    while server.info("aof_last_write_status") == "ok" {
        client.send_command(&["SET", &format!("k{stored}"), &value]);
        wait_until("a reply or an error", || {
            server.info("aof_last_write_status") == "err" || server.info("aof_buffer_length") == "0"
        });
        stored += 1;
        assert!(stored < 100);
    }
    let refused = other.call("SET x 1").text();
    assert!(
        refused.starts_with("MISCONF Errors writing to the AOF file: "),
        "{refused}"
    );
    assert_eq!(other.call("GET x"), Value::Null);
    assert!(server.limit_file_size(None));
    wait_until("it recovers", || {
        server.info("aof_last_write_status") == "ok"
    });
    assert_eq!(other.call("SET x 1").text(), "OK");
    // Every change has its reply now, and is in the file once.
    for _ in 0..stored {
        assert_eq!(client.read().text(), "OK");
    }
    let sets = commands(&last_incr(&server));
    let sets = sets.iter().filter(|line| line.starts_with("set k")).count();
    assert_eq!(sets, stored);
}

#[test]
fn a_rewrite_that_finds_no_room_leaves_the_log_whole() {
    let mut server = start(&with(&[
        "--appendfsync",
        "always",
        "--rdbcompression",
        "no",
    ]));
    let mut client = server.raw();
    for n in 0..50 {
        client.call(&format!("SET k{n} {}", "v".repeat(10_000)));
    }
    if !server.limit_file_size(Some(100_000)) {
        return;
    }
    client.call("BGREWRITEAOF");
    wait_until("the failure is seen", || {
        server.info("aof_last_bgrewrite_status") == "err"
    });
    assert!(server.limit_file_size(None));
    // In whichever file it is.
    assert_eq!(client.call("SET after 1").text(), "OK");
    let expected = digest(&server);
    let dir = server.dir().join("appendonlydir");
    let names = std::fs::read_dir(dir).expect("the directory is there");
    for name in names {
        let name = name.expect("a name").file_name();
        assert!(!name.to_string_lossy().starts_with("temp-"), "{name:?}");
    }
    server.kill_and_restart();
    wait_until("loaded", || server.info("loading") == "0");
    assert_eq!(digest(&server), expected);
    rewrite(&server);
    server.kill_and_restart();
    wait_until("loaded", || server.info("loading") == "0");
    assert_eq!(digest(&server), expected);
}

/// Runs a tool on a file with these bytes, agreeing to what it asks: its exit code, what it says,
/// and what it leaves of the file.
fn tool(
    tool: &[&std::ffi::OsStr],
    options: &[&str],
    bytes: &[u8],
) -> (Option<i32>, String, Vec<u8>) {
    let dir = std::env::temp_dir().join(format!("corewire-tool-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("temporary directory");
    std::fs::write(dir.join("log.aof"), bytes).expect("it can be written");
    let answer = dir.join("answer");
    std::fs::write(&answer, "y\n").expect("it can be written");
    let output = std::process::Command::new(tool[0])
        .args(&tool[1..])
        .args(options)
        .arg("log.aof")
        .current_dir(&dir)
        .stdin(std::fs::File::open(&answer).expect("it is there"))
        .output()
        .expect("the tool runs");
    let left = std::fs::read(dir.join("log.aof")).expect("it is there");
    // Behind a line that ends early, theirs shows what its buffer had before.
    let said = String::from_utf8_lossy(&output.stdout);
    let said = said
        .lines()
        .map(|line| match line.split_once("Expected \\r\\n, got: ") {
            Some((before, _)) => before.to_owned(),
            None => line.to_owned(),
        });
    (
        output.status.code(),
        said.collect::<Vec<_>>().join("\n"),
        left,
    )
}

#[test]
fn check_aof_says_and_does_what_redis_check_aof_does() {
    let missing = std::process::Command::new("redis-check-aof")
        .output()
        .is_err();
    if missing || !is_corewire() {
        return;
    }
    let command = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let args = words
            .iter()
            .map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("*{}\r\n{}", words.len(), args.collect::<String>())
    };
    let good = ["SELECT 0", "SET a 1", "MULTI", "INCR n", "EXEC"]
        .map(command)
        .concat();
    let good = format!(
        "{good}#TS:1700000000\r\n{}#TS:1700000100\r\n{}",
        command("SET b 2"),
        command("SET c 3")
    );
    let mut files = vec![
        good.clone(),
        "hello\n".to_owned(),
        good.replace("#TS:17", "#TS:x"),
    ];
    for end in [
        command("MULTI"),
        command("EXEC"),
        command("MULTI") + &command("MULTI"),
        "*-1\r\n".to_owned(),
        "*1\r\n$-5\r\n".to_owned(),
        "*1\r\n$9\r\nPING\r\n".to_owned(),
        "*1\r\n$4\r\nPINGxx".to_owned(),
        "*1\r\n$4x\r\nPING\r\n".to_owned(),
        "*1\r\n:4\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
    ] {
        files.push(good.clone() + &end);
    }
    files.extend(
        (1..good.len())
            .step_by(13)
            .map(|end| good[..end].to_owned()),
    );
    let name = program();
    let ours = [name.as_os_str(), std::ffi::OsStr::new("check-aof")];
    let theirs = [std::ffi::OsStr::new("redis-check-aof")];
    for file in files {
        for options in [
            &[][..],
            &["--fix"],
            &["--truncate-to-timestamp", "1700000050"],
        ] {
            let expected = tool(&theirs, options, file.as_bytes());
            assert_eq!(tool(&ours, options, file.as_bytes()), expected, "{file}");
        }
    }
}
