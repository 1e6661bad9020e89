//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::{Tester, check, check_log};

#[test]
fn elements_are_added_counted_and_merged() {
    check(
        "PFADD h\nPFADD h\nPFCOUNT h\nPFADD h a b c\nPFADD h a\nPFCOUNT h\nPFCOUNT h\n\
         PFADD g c d e\nPFCOUNT h g none\nPFMERGE m h g\nPFCOUNT m\nPFMERGE m\nPFMERGE new\n\
         PFCOUNT new\nPFCOUNT none\nOBJECT ENCODING h\nSTRLEN h\nGET h\nTYPE h",
        &expect![[r#"
            :1
            :0
            :0
            :1
            :0
            :3
            :3
            :1
            :5
            +OK
            :5
            +OK
            +OK
            :0
            :0
            $3
            raw
            :27
            $27
            HYLL\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00`\xf3\x80P\xb1\x84K\xfb\x80BZ
            +string"#]],
    );
}

#[test]
fn what_is_no_hyperloglog_is_refused() {
    check(
        "SET s text\nPFADD s a\nPFCOUNT s\nPFCOUNT s h\nPFMERGE s h\nPFMERGE h s\nSET i 12\n\
         PFADD i a\nPFCOUNT i\nRPUSH l a\nPFADD l a\nPFCOUNT l\nPFMERGE h l\nPFADD h a b c\n\
         APPEND h hello\nPFCOUNT h\nPFADD c a b c\nSETRANGE c 15 \"\\x80\"\n\
         SETRANGE c 16 \"\\xff\\xff\"\nPFCOUNT c\nPFADD c z\nPFMERGE d c\nEXISTS d",
        &expect![[r#"
            +OK
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            +OK
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            -WRONGTYPE Key is not a valid HyperLogLog string value.
            :1
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            :1
            :32
            -INVALIDOBJ Corrupted HLL object detected
            :1
            :27
            :27
            -INVALIDOBJ Corrupted HLL object detected
            -INVALIDOBJ Corrupted HLL object detected
            -INVALIDOBJ Corrupted HLL object detected
            :0"#]],
    );
}

#[test]
fn pfdebug_looks_inside() {
    check(
        "PFADD h a b c\nPFDEBUG ENCODING h\nPFDEBUG DECODE h\nPFDEBUG TODENSE h\n\
         PFDEBUG TODENSE h\nPFDEBUG ENCODING h\nPFDEBUG DECODE h\nPFCOUNT h\nPFADD h a\n\
         PFADD h x\nPFCOUNT h\nPFADD s z\nPFMERGE s h\nPFDEBUG ENCODING s\nPFCOUNT s\n\
         PFDEBUG FOO h\nPFDEBUG ENCODING none\nSTRLEN h",
        &expect![[r#"
            :1
            +sparse
            $44
            Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603
            :1
            :0
            +dense
            -ERR HLL encoding is not sparse
            :3
            :0
            :1
            :4
            :1
            +OK
            +dense
            :5
            -ERR Unknown PFDEBUG subcommand 'FOO'
            -ERR The specified key does not exist
            :12304"#]],
    );
}

#[test]
fn a_growing_one_becomes_dense_and_stays_right() {
    let mut tester = Tester::new();
    for i in 0..5000 {
        tester.line(&format!("PFADD h element:{i}"));
    }
    assert_eq!(tester.line("PFDEBUG ENCODING h"), "+dense");
    let count: i64 = tester.line("PFCOUNT h")[1..].parse().unwrap();
    assert!((4750..5250).contains(&count), "{count}");
    assert!(tester.line("PFDEBUG GETREG h").starts_with("*16384\n"));
    tester.line("EXPIRE h 100");
    tester.line("PFADD h one two three four five six seven");
    assert_eq!(tester.line("TTL h"), ":100");
}

#[test]
fn filling_the_cache_goes_to_the_log() {
    check_log(
        "PFADD h a\nPFADD h a\nPFCOUNT h\nPFCOUNT h\nPFDEBUG TODENSE h\nPFDEBUG TODENSE h\n\
         PFDEBUG ENCODING h\nPFMERGE d h",
        &expect![[r#"
            SELECT 0
            PFADD h a
            PFCOUNT h
            PFDEBUG TODENSE h
            PFMERGE d h"#]],
    );
}
