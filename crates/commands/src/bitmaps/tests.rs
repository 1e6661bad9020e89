//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::check;

#[test]
fn bits_are_set_counted_and_found() {
    check(
        "SETBIT b 7 1\nSETBIT b 7 1\nGETBIT b 7\nGETBIT b 100\nSETBIT b -1 1\nSETBIT b 1 2\n\
         BITCOUNT b\nBITPOS b 1\nBITPOS b 0 1\nBITCOUNT b 0 0 BIT\nBITPOS none 0\nBITPOS b 2",
        &expect![[r#"
            :0
            :1
            :1
            :0
            -ERR bit offset is not an integer or out of range
            -ERR bit is not an integer or out of range
            :1
            :7
            :-1
            :0
            :0
            -ERR The bit argument must be 1 or 0."#]],
    );
}

#[test]
fn bitop_combines() {
    check(
        "SET a \"\\xff\\x0f\"\nSET b \"\\x0f\"\nBITOP AND d a b\nGET d\nBITOP DIFF d a b\nGET d\n\
         BITOP DIFF1 d b a\nGET d\nBITOP ONE d a b b\nGET d\nBITOP NOT d a b\nBITOP DIFF d a\n\
         BITOP OR d none\nEXISTS d",
        &expect![[r#"
            +OK
            +OK
            :2
            $2
            \x0f\x00
            :2
            $2
            \xf0\x0f
            :2
            $2
            \xf0\x0f
            :2
            $2
            \xf0\x0f
            -ERR BITOP NOT must be called with a single source key.
            -ERR BITOP DIFF must be called with at least two source keys.
            :0
            :0"#]],
    );
}

#[test]
fn bitfield_overflows_as_told() {
    check(
        "BITFIELD f SET u8 0 255 GET u8 0\nBITFIELD f INCRBY u8 0 1\n\
         BITFIELD f OVERFLOW SAT INCRBY i8 8 200 OVERFLOW FAIL INCRBY i8 8 1\n\
         BITFIELD f SET u8 #1 -1 GET i8 #1\nBITFIELD f GET u64 0\nBITFIELD_RO f SET u8 0 1\n\
         BITFIELD f SET i64 3 -5 GET i64 3",
        &expect![[r#"
            *2
            :0
            :255
            *1
            :0
            *2
            :127
            $-1
            *2
            :127
            :-1
            -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            -ERR BITFIELD_RO only supports the GET subcommand
            *2
            :574208952489738240
            :-5"#]],
    );
}
