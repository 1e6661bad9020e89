//! Tests of fields that expire. Time is the real one, in milliseconds far from each other.

use expect_test::expect;

use crate::testing::{Tester, check, check_log};

#[test]
fn expiries_are_set_shown_and_removed() {
    check(
        "HSET h a 1 b 2 c 3\nHEXPIREAT h 33177117420 FIELDS 2 a none\n\
         HPEXPIREAT h 33177117420001 FIELDS 1 b\nHEXPIRETIME h FIELDS 4 a b c none\n\
         HPEXPIRETIME h FIELDS 2 a b\nHTTL h FIELDS 2 c none\nHTTL none FIELDS 2 a b\n\
         HPERSIST h FIELDS 3 a c none\nHPERSIST none FIELDS 1 a\nHTTL h FIELDS 1 a\n\
         OBJECT ENCODING h\nHSET h b 3\nHTTL h FIELDS 1 b\nHEXPIRE none 10 FIELDS 1 a",
        &expect![[r#"
            :3
            *2
            :1
            :-2
            *1
            :1
            *4
            :33177117420
            :33177117421
            :-1
            :-2
            *2
            :33177117420000
            :33177117420001
            *2
            :-1
            :-2
            *2
            :-2
            :-2
            *3
            :1
            :-1
            :-2
            *1
            :-2
            *1
            :-1
            $10
            listpackex
            :0
            *1
            :-1
            *1
            :-2"#]],
    );
}

#[test]
fn conditions_decide() {
    check(
        "HSET h a 1 b 2\nHEXPIREAT h 33177117420 XX FIELDS 1 a\n\
         HEXPIREAT h 33177117420 GT FIELDS 1 a\nHEXPIREAT h 33177117420 LT FIELDS 1 a\n\
         HEXPIREAT h 33177117420 NX FIELDS 2 a b\nHEXPIREAT h 33177117430 LT FIELDS 1 a\n\
         HEXPIREAT h 33177117430 GT FIELDS 1 a\nHEXPIRETIME h FIELDS 2 a b",
        &expect![[r#"
            :2
            *1
            :0
            *1
            :0
            *1
            :1
            *2
            :0
            :1
            *1
            :0
            *1
            :1
            *2
            :33177117430
            :33177117420"#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    check(
        "HSET h a 1\nHEXPIRE h x FIELDS 1 a\nHEXPIRE h -1 FIELDS 1 a\n\
         HEXPIRE h 9223372036854775807 FIELDS 1 a\nHEXPIRE h 10 a 1 FIELDS\n\
         HEXPIRE h 10 FIELDS 0 a\nHEXPIRE h 10 FIELDS 2 a\nHEXPIRE h 10 FIELDS 1 a b\n\
         HTTL h a 1 a\nHGETEX h EX 0 FIELDS 1 a\nHGETEX h EX 1 PX 1 FIELDS 1 a\n\
         HGETEX h FIELDS x a\nHGETDEL h FIELDS 2 a\nHSETEX h FNX FXX FIELDS 1 a 1\n\
         HSETEX h FIELDS 1 a\nHSETEX h FOO FIELDS 1 a 1\nSET s x\nHEXPIRE s 10 FIELDS 1 a\n\
         HTTL s FIELDS 1 a\nHSETEX s FIELDS 1 a 1\nHGETEX s FIELDS 1 a\nHGETALL h",
        &expect![[r#"
            :1
            -ERR value is not an integer or out of range
            -ERR invalid expire time, must be >= 0
            -ERR invalid expire time in 'hexpire' command
            -ERR Mandatory argument FIELDS is missing or not at the right position
            -ERR Parameter `numFields` should be greater than 0
            -ERR The `numfields` parameter must match the number of arguments
            -ERR The `numfields` parameter must match the number of arguments
            -ERR Mandatory argument FIELDS is missing or not at the right position
            -ERR invalid expire time in 'hgetex' command
            -ERR syntax error
            -ERR Number of fields must be a positive integer
            -ERR The `numfields` parameter must match the number of arguments
            -ERR syntax error
            -ERR wrong number of arguments for 'hsetex' command
            -ERR syntax error
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            *2
            $1
            a
            $1
            1"#]],
    );
}

#[test]
fn a_time_that_has_passed_deletes() {
    check(
        "HSET h a 1 b 2\nHEXPIRE h 0 FIELDS 1 a\nHKEYS h\nHPEXPIREAT h 1 FIELDS 2 b none\n\
         EXISTS h\nHSETEX h PXAT 1 FIELDS 1 a 1\nEXISTS h\nHSET h a 1\n\
         HGETEX h PXAT 1 FIELDS 1 a\nEXISTS h",
        &expect![[r#"
            :2
            *1
            :2
            *1
            $1
            b
            *2
            :2
            :-2
            :0
            :1
            :0
            :1
            *1
            $1
            1
            :0"#]],
    );
}

#[test]
fn hgetex_hsetex_and_hgetdel() {
    check(
        "HSETEX h EXAT 33177117420 FIELDS 2 a 1 b 2\nHEXPIRETIME h FIELDS 2 a b\n\
         HSETEX h FNX FIELDS 2 a 9 new 9\nHSETEX h FXX FIELDS 2 a 9 new 9\n\
         HSETEX h FXX KEEPTTL FIELDS 1 a 3\nHGETEX h FIELDS 2 a none\nHEXPIRETIME h FIELDS 1 a\n\
         HSETEX h FIELDS 1 a 4\nHTTL h FIELDS 1 a\nHGETEX h PERSIST FIELDS 1 b\n\
         HTTL h FIELDS 1 b\nHGETEX h EXAT 33177117420 FIELDS 1 b\nHEXPIRETIME h FIELDS 1 b\n\
         HGETDEL h FIELDS 3 a none b\nEXISTS h\nHGETDEL h FIELDS 1 a\nHGETEX h FIELDS 1 a",
        &expect![[r#"
            :1
            *2
            :33177117420
            :33177117420
            :0
            :0
            :1
            *2
            $1
            3
            $-1
            *1
            :33177117420
            :1
            *1
            :-1
            *1
            $1
            2
            *1
            :-1
            *1
            $1
            2
            *1
            :33177117420
            *3
            $1
            4
            $-1
            $1
            2
            :0
            *1
            $-1
            *1
            $-1"#]],
    );
}

#[test]
fn counters_keep_the_expiry_of_their_field() {
    check(
        "HSETEX h EXAT 33177117420 FIELDS 1 n 1\nHINCRBY h n 5\nHINCRBYFLOAT h n 0.5\n\
         HEXPIRETIME h FIELDS 1 n",
        &expect![[r#"
            :1
            :6
            $3
            6.5
            *1
            :33177117420"#]],
    );
}

/// Waits until `now` is past that many milliseconds from here on.
fn pass_ms(ms: i64) {
    let end = common::clock::now_ms() + ms;
    while common::clock::now_ms() <= end {
        std::thread::yield_now();
    }
}

fn small_and_large() -> [usize; 2] {
    [3, 2000]
}

#[test]
fn a_field_whose_time_has_come_is_absent_for_readers() {
    for size in small_and_large() {
        let mut tester = Tester::new();
        for i in 0..size {
            tester.line(&format!("HSET h f{i} {i}"));
        }
        tester.line("HPEXPIRE h 1 FIELDS 1 f1");
        pass_ms(2);
        assert_eq!(tester.line("HGET h f1"), "$-1");
        assert_eq!(tester.line("HEXISTS h f1"), ":0");
        assert_eq!(tester.line("HTTL h FIELDS 1 f1"), "*1\n:-2");
        assert_eq!(tester.line("HLEN h"), format!(":{}", size - 1));
        assert_eq!(tester.line("HKEYS h").lines().count(), 2 * size - 1);
        let picked = tester.line(&format!("HRANDFIELD h {size}"));
        assert!(!picked.lines().any(|line| line == "f1"));
        assert_eq!(tester.line("HSETNX h f1 new"), ":1");
        assert_eq!(tester.line("HGET h f1"), "$3\nnew");
    }
}

#[test]
fn fields_expire_actively_and_an_emptied_hash_goes() {
    let mut tester = Tester::new();
    for i in 0..2500 {
        tester.line(&format!("HSETEX h PX 1 FIELDS 1 f{i} {i}"));
    }
    tester.line("HSET small a 1 b 2");
    tester.line("HPEXPIRE small 1 FIELDS 1 a");
    tester.line("RENAME small other");
    pass_ms(3);
    let mut internal = crate::Session::detached(crate::Origin::Internal, 0);
    let now_ms = common::clock::now_ms();
    let next = crate::expire::cycle(&tester.server, &mut internal, now_ms);
    assert!(next > now_ms);
    assert_eq!(tester.line("DBSIZE"), ":1");
    assert_eq!(tester.line("HGETALL other"), "*2\n$1\nb\n$1\n2");
    let expired = &tester.server.stats.expired_fields;
    assert_eq!(expired.load(std::sync::atomic::Ordering::Relaxed), 2501);
}

#[test]
fn what_goes_to_the_log() {
    check_log(
        "HSET h a 1 b 2\nHINCRBYFLOAT h a 0.5\nHEXPIREAT h 33177117420 FIELDS 2 a x\n\
         HEXPIREAT h 33177117420 NX FIELDS 1 a\nHINCRBYFLOAT h a 0.5\nHGETEX h FIELDS 1 a\n\
         HGETEX h PERSIST FIELDS 2 a b\nHGETDEL h FIELDS 2 a x\nHEXPIRE h 0 FIELDS 1 b\n\
         HSETEX h FNX EXAT 33177117420 FIELDS 1 a 1\nHSETEX h FNX FIELDS 1 a 1\n\
         HSETEX h PXAT 1 FIELDS 1 a 1\nHDEL h a",
        &expect![[r#"
            SELECT 0
            HSET h a 1 b 2
            HSET h a 1.5
            HPEXPIREAT h 33177117420000 FIELDS 1 a
            MULTI
            HSET h a 2
            HPEXPIREAT h 33177117420000 FIELDS 1 a
            EXEC
            HPERSIST h FIELDS 1 a
            HDEL h a
            HDEL h b
            HSETEX h PXAT 33177117420000 FIELDS 1 a 1
            HDEL h a"#]],
    );
}
