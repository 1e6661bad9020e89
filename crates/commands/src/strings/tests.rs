//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::check;

#[test]
fn set_and_get() {
    check(
        "GET k\nSET k hello\nGET k\nSTRLEN k",
        &expect![[r#"
        $-1
        +OK
        $5
        hello
        :5"#]],
    );
}

#[test]
fn set_options_are_checked_before_anything_changes() {
    check(
        "SET k v NX XX\nSET k v EX 0\nSET k v EX x\nSET k v EX 10 PX 10\nSET k v FOO\nGET k",
        &expect![[r#"
        -ERR syntax error
        -ERR invalid expire time in 'set' command
        -ERR value is not an integer or out of range
        -ERR syntax error
        -ERR syntax error
        $-1"#]],
    );
}

#[test]
fn set_conditions() {
    check(
        "SET k a XX\nSET k a NX\nSET k b NX\nSET k b XX GET\nSET k c IFEQ a\nSET k c IFEQ b\n\
         SET k d IFNE c\nGET k",
        &expect![[r#"
            $-1
            +OK
            $-1
            $1
            a
            $-1
            +OK
            $-1
            $1
            c"#]],
    );
}

#[test]
fn counters_refuse_what_they_cannot_count() {
    check(
        "INCR n\nINCRBY n 41\nDECR n\nSET n 9223372036854775807\nINCR n\nGET n\nSET n x\nINCR n\n\
         DECRBY m -9223372036854775808",
        &expect![[r#"
            :1
            :42
            :41
            +OK
            -ERR increment or decrement would overflow
            $19
            9223372036854775807
            +OK
            -ERR value is not an integer or out of range
            -ERR decrement would overflow"#]],
    );
}

#[test]
fn incrbyfloat_has_eighty_bits() {
    check(
        "SET f 0.1\nINCRBYFLOAT f 0.2\nINCRBYFLOAT f -0.3\nINCRBYFLOAT g 3e3",
        &expect![[r#"
        +OK
        $3
        0.3
        $1
        0
        $4
        3000"#]],
    );
}

#[test]
fn lcs_finds_runs() {
    check(
        "MSET a ohmytext b mynewtext\nLCS a b\nLCS a b LEN\nLCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
        &expect![[r#"
        +OK
        $6
        mytext
        :6
        *4
        $7
        matches
        *1
        *3
        *2
        :4
        :7
        *2
        :5
        :8
        :4
        $3
        len
        :6"#]],
    );
}

#[test]
fn a_transaction_runs_as_one() {
    check(
        "MULTI\nSET a 1\nINCR a\nEXEC\nEXEC",
        &expect![[r#"
        +OK
        +QUEUED
        +QUEUED
        *2
        +OK
        :2
        -ERR EXEC without MULTI"#]],
    );
}

#[test]
fn increx_stays_within_its_bounds() {
    check(
        "INCREX n BYINT 5 UBOUND 10 EX 100\nINCREX n BYINT 7 UBOUND 10\n\
         INCREX n BYINT 7 UBOUND 10 SATURATE\nTTL n\nINCREX n BYFLOAT 0.5\n\
         INCREX n BYINT 1 BYFLOAT 1\nINCREX n ENX\nINCREX m LBOUND 5 UBOUND 1",
        &expect![[r#"
            *2
            :5
            :5
            *2
            :5
            :0
            *2
            :10
            :5
            :100
            *2
            $4
            10.5
            $3
            0.5
            -ERR syntax error
            -ERR syntax error
            -ERR LBOUND can't be greater than UBOUND"#]],
    );
}
