//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::{Tester, check};

#[test]
fn del_exists_type_rename() {
    check(
        "MSET a 1 b 2\nEXISTS a b c a\nTYPE a\nTYPE c\nRENAME a b\nGET b\nRENAMENX b b\n\
         RENAME x y\nDEL a b",
        &expect![[r#"
            +OK
            :3
            +string
            +none
            +OK
            $1
            1
            :0
            -ERR no such key
            :1"#]],
    );
}

#[test]
fn expire_conditions() {
    check(
        "SET k v\nEXPIRE k 100 XX\nEXPIRE k 100 GT\nEXPIRE k 100 LT\nEXPIRE k 200 NX\n\
         EXPIRE k 200 GT\nTTL k\nEXPIRE k 10 NX XX\nEXPIRE k 10 AB\nEXPIRE k -1\nEXISTS k",
        &expect![[r#"
            +OK
            :0
            :0
            :1
            :0
            :1
            :200
            -ERR NX and XX, GT or LT options at the same time are not compatible
            -ERR Unsupported option AB
            :1
            :0"#]],
    );
}

#[test]
fn copy_and_move() {
    check(
        "SET a 1 EX 100\nCOPY a b\nTTL b\nCOPY a b\nCOPY a b REPLACE\nMOVE a 3\nEXISTS a\n\
         SELECT 3\nGET a\nCOPY a a\nCOPY a a DB 4\nMOVE a 99",
        &expect![[r#"
            +OK
            :1
            :100
            :0
            :1
            :1
            :0
            +OK
            $1
            1
            -ERR source and destination objects are the same
            :1
            -ERR DB index is out of range"#]],
    );
}

#[test]
fn scan_returns_every_key_once_it_ends() {
    let mut tester = Tester::new();
    for i in 0..1000 {
        tester.line(&format!("SET key:{i} {i}"));
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let reply = tester.line(&format!("SCAN {cursor} COUNT 7"));
        let mut lines = reply.lines().filter(|line| !line.starts_with(['*', '$']));
        cursor = lines.next().unwrap().to_owned();
        seen.extend(lines.map(str::to_owned));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn walks_delete_the_expired_keys_that_they_meet() {
    let mut tester = Tester::new();
    let expire = |tester: &mut Tester| {
        tester.line("SET other v");
        tester.line("SET k1 v PX 1");
        tester.line("SET k2 v PX 1");
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(3) {
            std::hint::spin_loop();
        }
    };
    expire(&mut tester);
    tester.line("SCAN 0 MATCH other");
    assert_eq!(tester.line("DBSIZE"), ":3");
    tester.line("SCAN 0");
    assert_eq!(tester.line("DBSIZE"), ":1");
    expire(&mut tester);
    tester.line("DEL other");
    assert_eq!(tester.line("RANDOMKEY"), "$-1");
    assert_eq!(tester.line("DBSIZE"), ":0");
    expire(&mut tester);
    tester.line("MULTI");
    tester.line("SCAN 0");
    tester.line("EXEC");
    assert_eq!(tester.line("DBSIZE"), ":1");
}

#[test]
fn expired_keys_are_gone_for_everyone() {
    let mut tester = Tester::new();
    tester.line("SET k v PX 1");
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_millis(3) {
        std::hint::spin_loop();
    }
    assert_eq!(tester.line("GET k"), "$-1");
    assert_eq!(tester.line("KEYS *"), "*0");
    assert_eq!(tester.line("RANDOMKEY"), "$-1");
    assert_eq!(tester.line("PTTL k"), ":-2");
}
