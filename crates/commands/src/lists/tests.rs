//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::{Tester, check, check_log};

#[test]
fn pushes_and_ranges() {
    check(
        "LPUSHX l x\nRPUSH l a b 3\nLPUSH l z y\nRPUSHX l end\nLRANGE l 0 -1\nLRANGE l -2 100\n\
         LRANGE l 4 2\nLRANGE l 99 100\nLLEN l\nLINDEX l -1\nLINDEX l 9\nLINDEX none x\n\
         OBJECT ENCODING l",
        &expect![[r#"
            :0
            :3
            :5
            :6
            *6
            $1
            y
            $1
            z
            $1
            a
            $1
            b
            $1
            3
            $3
            end
            *2
            $1
            3
            $3
            end
            *0
            *0
            :6
            $3
            end
            $-1
            $-1
            $9
            quicklist"#]],
    );
}

#[test]
fn pops() {
    check(
        "RPUSH l a b c d e\nLPOP l\nRPOP l\nLPOP l 0\nRPOP l 2\nLPOP l 9\nEXISTS l\nLPOP l\n\
         LPOP l 1\nLPOP l -1\nLPOP l x\nLPOP l 1 2",
        &expect![[r#"
            :5
            $1
            a
            $1
            e
            *0
            *2
            $1
            d
            $1
            c
            *1
            $1
            b
            :0
            $-1
            *-1
            -ERR value is out of range, must be positive
            -ERR value is out of range, must be positive
            -ERR wrong number of arguments for 'lpop' command"#]],
    );
}

#[test]
fn lmpop_takes_from_the_first_list_there_is() {
    check(
        "RPUSH l a b c\nLMPOP 2 none l RIGHT COUNT 2\nLMPOP 1 l LEFT\nLMPOP 1 l LEFT\n\
         LMPOP 0 l LEFT\nLMPOP 1 l MIDDLE\nLMPOP 3 l LEFT\nLMPOP 1 l LEFT COUNT 0\n\
         LMPOP 1 l LEFT COUNT 1 COUNT 2\nLMPOP 1 l LEFT COUNT\nSET s x\nLMPOP 2 none s LEFT",
        &expect![[r#"
            :3
            *2
            $1
            l
            *2
            $1
            c
            $1
            b
            *2
            $1
            l
            *1
            $1
            a
            *-1
            -ERR numkeys should be greater than 0
            -ERR syntax error
            -ERR syntax error
            -ERR count should be greater than 0
            -ERR syntax error
            -ERR syntax error
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn edits() {
    check(
        "LSET l 0 x\nRPUSH l a b a c a\nLSET l -1 z\nLSET l 9 z\nLSET l x z\n\
         LINSERT l BEFORE b 1\nLINSERT l after z 2\nLINSERT l BEFORE none 2\nLINSERT l in b 2\n\
         LINSERT none BEFORE b 2\nLRANGE l 0 -1\nLREM l -1 a\nLRANGE l 0 -1\nLREM l 0 none\n\
         LTRIM l 1 -2\nLRANGE l 0 -1\nLTRIM l 5 1\nEXISTS l\nLTRIM l 0 1\nLREM l 0 a",
        &expect![[r#"
            -ERR no such key
            :5
            +OK
            -ERR index out of range
            -ERR value is not an integer or out of range
            :6
            :7
            :-1
            -ERR syntax error
            :0
            *7
            $1
            a
            $1
            1
            $1
            b
            $1
            a
            $1
            c
            $1
            z
            $1
            2
            :1
            *6
            $1
            a
            $1
            1
            $1
            b
            $1
            c
            $1
            z
            $1
            2
            :0
            +OK
            *4
            $1
            1
            $1
            b
            $1
            c
            $1
            z
            +OK
            :0
            +OK
            :0"#]],
    );
}

#[test]
fn lpos_in_all_its_ways() {
    check(
        "RPUSH l a b c 1 2 3 c c\nLPOS l c\nLPOS l c RANK 2\nLPOS l c RANK -1\nLPOS l c COUNT 2\n\
         LPOS l c COUNT 0 RANK -1\nLPOS l x\nLPOS l x COUNT 0\nLPOS l c RANK 0\n\
         LPOS l c COUNT -1\nLPOS l c MAXLEN 2\nLPOS l c MAXLEN -1\nLPOS none c\n\
         LPOS none c COUNT 1\nLPOS l c RANK",
        &expect![[r#"
            :8
            :2
            :6
            :7
            *2
            :2
            :6
            *3
            :7
            :6
            :2
            $-1
            *0
            -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
            -ERR COUNT can't be negative
            $-1
            -ERR MAXLEN can't be negative
            $-1
            *0
            -ERR syntax error"#]],
    );
}

#[test]
fn moves_between_and_within_lists() {
    check(
        "RPUSH l a b c\nLMOVE l m LEFT RIGHT\nRPOPLPUSH l l\nLRANGE l 0 -1\nLMOVE l l LEFT LEFT\n\
         LRANGE l 0 -1\nLMOVE l m RIGHT LEFT\nLMOVE l m RIGHT LEFT\nEXISTS l\nLRANGE m 0 -1\n\
         LMOVE l m RIGHT LEFT\nLMOVE l m UP LEFT\nSET s x\nLMOVE m s LEFT LEFT\nRPOPLPUSH s m\n\
         LRANGE m 0 -1",
        &expect![[r#"
            :3
            $1
            a
            $1
            c
            *2
            $1
            c
            $1
            b
            $1
            c
            *2
            $1
            c
            $1
            b
            $1
            b
            $1
            c
            :0
            *3
            $1
            c
            $1
            b
            $1
            a
            $-1
            -ERR syntax error
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            *3
            $1
            c
            $1
            b
            $1
            a"#]],
    );
}

#[test]
fn other_types_are_refused() {
    check(
        "SET s x\nLPUSH s a\nLPUSHX s a\nLPOP s\nLPOP s 1\nLLEN s\nLRANGE s 0 1\nLINDEX s 0\n\
         LSET s 0 a\nLINSERT s BEFORE a b\nLREM s 0 a\nLTRIM s 0 1\nLPOS s a\nGET s",
        &expect![[r#"
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            $1
            x"#]],
    );
}

#[test]
fn large_elements_and_long_lists_keep_their_order() {
    let mut tester = Tester::new();
    let long = vec![b'x'; 20_000];
    for i in 0..2000 {
        let text = format!("element {i}");
        tester.run(&[b"RPUSH", b"l", text.as_bytes()]);
    }
    tester.run(&[b"LSET", b"l", b"1000", &long]);
    assert_eq!(tester.line("LINDEX l 1999"), "$12\nelement 1999");
    assert_eq!(tester.line("LINDEX l 1001"), "$12\nelement 1001");
    assert_eq!(tester.line("LPOS l \"element 1500\""), ":1500");
    assert_eq!(tester.run(&[b"LINDEX", b"l", b"1000"]).len(), 20_000 + 10);
    assert_eq!(tester.line("LTRIM l 999 1001"), "+OK");
    assert_eq!(tester.line("LLEN l"), ":3");
}

#[test]
fn what_goes_to_the_log() {
    check_log(
        "RPUSH l a b c\nLMPOP 1 l RIGHT COUNT 5\nLPUSHX l a\nLREM l 0 a\nRPUSH l a\n\
         LMOVE l m LEFT RIGHT\nLTRIM m 0 -1\nLSET m 9 x",
        &expect![[r#"
            SELECT 0
            RPUSH l a b c
            RPOP l 3
            RPUSH l a
            LMOVE l m LEFT RIGHT"#]],
    );
}
