//! The family's tests: argv in, RESP out.

use expect_test::expect;

use crate::testing::{Tester, check};

#[test]
fn fields_are_set_read_and_removed() {
    check(
        "HSET h a 1 b two\nHSET h a 2 c 3\nHGET h a\nHGET h none\nHGET none a\nHMGET h a none c\n\
         HMGET none a b\nHGETALL h\nHKEYS h\nHVALS h\nHGETALL none\nHKEYS none\nHVALS none\n\
         HLEN h\nHLEN none\nHSTRLEN h b\nHSTRLEN h c\nHSTRLEN h none\nHEXISTS h a\n\
         HEXISTS h none\nHDEL h a a none\nHDEL h b c\nEXISTS h\nHDEL h a",
        &expect![[r#"
            :2
            :1
            $1
            2
            $-1
            $-1
            *3
            $1
            2
            $-1
            $1
            3
            *2
            $-1
            $-1
            *6
            $1
            a
            $1
            2
            $1
            b
            $3
            two
            $1
            c
            $1
            3
            *3
            $1
            a
            $1
            b
            $1
            c
            *3
            $1
            2
            $3
            two
            $1
            3
            *0
            *0
            *0
            :3
            :0
            :3
            :1
            :0
            :1
            :0
            :1
            :2
            :0
            :0"#]],
    );
}

#[test]
fn hmset_and_hsetnx() {
    check(
        "HMSET h a 1 b 2\nHMSET h a\nHSET h a 1 b\nHSETNX h a 9\nHSETNX h c 9\nHGETALL h\n\
         HSETNX n a 1\nHGET n a",
        &expect![[r#"
            +OK
            -ERR wrong number of arguments for 'hmset' command
            -ERR wrong number of arguments for 'hset' command
            :0
            :1
            *6
            $1
            a
            $1
            1
            $1
            b
            $1
            2
            $1
            c
            $1
            9
            :1
            $1
            1"#]],
    );
}

#[test]
fn counters() {
    check(
        "HINCRBY h n 5\nHINCRBY h n -7\nHINCRBY h n x\nHSET h s text\nHINCRBY h s 1\n\
         HINCRBYFLOAT h s 1\nHSET h big 9223372036854775807\nHINCRBY h big 1\nHGET h big\n\
         HINCRBYFLOAT h n 10.5\nHINCRBYFLOAT h n 1.5e3\nHINCRBYFLOAT h f 3.0\n\
         HINCRBYFLOAT h f inf\nHINCRBYFLOAT h f x\nHINCRBY h \"\" 1\nHSET h sp \" 11\"\n\
         HINCRBY h sp 1\nHINCRBYFLOAT h sp 1\nHGET h f",
        &expect![[r#"
            :5
            :-2
            -ERR value is not an integer or out of range
            :1
            -ERR hash value is not an integer
            -ERR hash value is not a float
            :1
            -ERR increment or decrement would overflow
            $19
            9223372036854775807
            $3
            8.5
            $6
            1508.5
            $1
            3
            -ERR value is NaN or Infinity
            -ERR value is not a valid float
            :1
            :1
            -ERR hash value is not an integer
            -ERR hash value is not a float
            $1
            3"#]],
    );
}

#[test]
fn encodings_follow_the_thresholds() {
    check(
        "HSET h a 1\nOBJECT ENCODING h\n\
         HSET h b 0123456789012345678901234567890123456789012345678901234567890123\n\
         OBJECT ENCODING h\n\
         HSET h c 01234567890123456789012345678901234567890123456789012345678901234\n\
         OBJECT ENCODING h\nHGETALL none",
        &expect![[r#"
            :1
            $8
            listpack
            :1
            $8
            listpack
            :1
            $9
            hashtable
            *0"#]],
    );
}

#[test]
fn random_fields() {
    check(
        "HSET h a 1\nHRANDFIELD h\nHRANDFIELD h 5\nHRANDFIELD h -3\nHRANDFIELD h 5 WITHVALUES\n\
         HRANDFIELD h -2 WITHVALUES\nHRANDFIELD h 0\nHRANDFIELD none\nHRANDFIELD none 1\n\
         HRANDFIELD h x\nHRANDFIELD h 1 VALUES\nHRANDFIELD h 1 WITHVALUES 2\n\
         HRANDFIELD h -9223372036854775808\nHRANDFIELD h -9223372036854775807 WITHVALUES",
        &expect![[r#"
            :1
            $1
            a
            *1
            $1
            a
            *3
            $1
            a
            $1
            a
            $1
            a
            *2
            $1
            a
            $1
            1
            *4
            $1
            a
            $1
            1
            $1
            a
            $1
            1
            *0
            $-1
            *0
            -ERR value is not an integer or out of range
            -ERR syntax error
            -ERR syntax error
            -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            -ERR value is out of range"#]],
    );
}

#[test]
fn scanning_a_small_hash_gives_all_of_it() {
    check(
        "HSET h a 1 b 2 ab 3\nHSCAN h 0\nHSCAN h 0 MATCH a* COUNT 1\nHSCAN none 0\nHSCAN h x\n\
         HSCAN h 0 COUNT 0\nHSCAN h 0 FOO 1\nHSCAN h 0 COUNT",
        &expect![[r#"
            :3
            *2
            $1
            0
            *6
            $1
            a
            $1
            1
            $1
            b
            $1
            2
            $2
            ab
            $1
            3
            *2
            $1
            0
            *4
            $1
            a
            $1
            1
            $2
            ab
            $1
            3
            *2
            $1
            0
            *0
            -ERR invalid cursor
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error"#]],
    );
}

#[test]
fn resp3_shapes() {
    check(
        "HELLO 3\nHSET h a 1\nHGETALL h\nHGETALL none\nHKEYS h\nHRANDFIELD h 2 WITHVALUES\n\
         HRANDFIELD h -1 WITHVALUES\nHRANDFIELD none 1 WITHVALUES\nHGET h none\n\
         HINCRBYFLOAT h a 1.5\nHSCAN h 0",
        &expect![[r#"
            %7
            $6
            server
            $5
            redis
            $7
            version
            $6
            7.0.15
            $5
            proto
            :3
            $2
            id
            :0
            $4
            mode
            $10
            standalone
            $4
            role
            $6
            master
            $7
            modules
            *0
            :1
            %1
            $1
            a
            $1
            1
            %0
            *1
            $1
            a
            *1
            *2
            $1
            a
            $1
            1
            *1
            *2
            $1
            a
            $1
            1
            *0
            _
            $3
            2.5
            *2
            $1
            0
            *2
            $1
            a
            $3
            2.5"#]],
    );
}

#[test]
fn other_types_are_refused() {
    check(
        "SET s x\nHSET s a 1\nHSETNX s a 1\nHGET s a\nHMGET s a\nHGETALL s\nHLEN s\nHDEL s a\n\
         HINCRBY s a 1\nHINCRBYFLOAT s a 1\nHRANDFIELD s\nHSCAN s 0\nGET s",
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
            $1
            x"#]],
    );
}

#[test]
fn novalues_leaves_the_values_out() {
    let mut tester = Tester::new();
    tester.line("HSET h a 1 b 2");
    let reply = tester.line("HSCAN h 0 NOVALUES");
    assert_eq!(reply, "*2\n$1\n0\n*2\n$1\na\n$1\nb");
}

#[test]
fn scanning_a_large_hash_sees_every_field() {
    let mut tester = Tester::new();
    for i in 0..3000 {
        tester.line(&format!("HSET h field:{i} {i}"));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), std::collections::HashSet::new());
    loop {
        let reply = tester.line(&format!("HSCAN h {cursor} NOVALUES COUNT 100"));
        let mut lines = reply.lines().filter(|line| !line.starts_with(['$', '*']));
        cursor = lines.next().unwrap().to_owned();
        seen.extend(lines.map(str::to_owned));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 3000);
}
