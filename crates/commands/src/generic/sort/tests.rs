//! The family's tests: argv in, RESP out. Expectations come from Redis 7.0.15 where it knows
//! the command.

use expect_test::expect;

use crate::testing::check;

#[test]
fn elements_are_sorted_by_number_or_text() {
    check(
        r#"
            RPUSH l 3 1 2 10 -1.5
            SORT l
            SORT l DESC
            SORT l ALPHA
            SORT l LIMIT 1 2
            SORT l LIMIT -1 2
            SORT l LIMIT 9 2
            SORT l LIMIT 0 -1
            SORT l LIMIT a 1
            SORT l LIMIT 1
            SORT l FOO
            SADD s b a c
            SORT s ALPHA DESC
            SORT s
            SORT_RO s ALPHA
            SORT_RO s ALPHA STORE x
            ZADD z 1 9 2 8 3 7
            SORT z
            SORT z BY nosort
            SORT z BY nosort DESC LIMIT 0 2
            SORT l BY nosort
            SORT l BY nosort DESC LIMIT 1 2
            SORT none
            SET k v
            SORT k
        "#,
        &expect![[r#"
            :5
            *5
            $4
            -1.5
            $1
            1
            $1
            2
            $1
            3
            $2
            10
            *5
            $2
            10
            $1
            3
            $1
            2
            $1
            1
            $4
            -1.5
            *5
            $4
            -1.5
            $1
            1
            $2
            10
            $1
            2
            $1
            3
            *2
            $1
            1
            $1
            2
            *2
            $4
            -1.5
            $1
            1
            *0
            *5
            $4
            -1.5
            $1
            1
            $1
            2
            $1
            3
            $2
            10
            -ERR value is not an integer or out of range
            -ERR syntax error
            -ERR syntax error
            :3
            *3
            $1
            c
            $1
            b
            $1
            a
            -ERR One or more scores can't be converted into double
            *3
            $1
            a
            $1
            b
            $1
            c
            -ERR syntax error
            :3
            *3
            $1
            7
            $1
            8
            $1
            9
            *3
            $1
            9
            $1
            8
            $1
            7
            *2
            $1
            7
            $1
            8
            *5
            $1
            3
            $1
            1
            $1
            2
            $2
            10
            $4
            -1.5
            *2
            $2
            10
            $1
            2
            *0
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn weights_and_results_come_from_other_keys() {
    check(
        r#"
            RPUSH l 1 2 3
            MSET w_1 30 w_2 20 w_3 10 n_1 one n_3 three
            HSET h_1 f x w 5
            HSET h_2 f y w 9
            SORT l BY w_*
            SORT l BY w_* GET n_*
            SORT l BY w_* GET # GET n_* GET h_*->f
            SORT l BY h_*->w DESC
            SORT l BY n_* ALPHA
            SORT l BY n_*
            SORT l GET fixed
            SORT l GET h_*->
            SORT l BY missing_*
        "#,
        &expect![[r#"
            :3
            +OK
            :2
            :2
            *3
            $1
            3
            $1
            2
            $1
            1
            *3
            $5
            three
            $-1
            $3
            one
            *9
            $1
            3
            $5
            three
            $-1
            $1
            2
            $-1
            $1
            y
            $1
            1
            $3
            one
            $1
            x
            *3
            $1
            2
            $1
            1
            $1
            3
            *3
            $1
            2
            $1
            1
            $1
            3
            -ERR One or more scores can't be converted into double
            *3
            $-1
            $-1
            $-1
            *3
            $-1
            $-1
            $-1
            *3
            $1
            1
            $1
            2
            $1
            3"#]],
    );
}

#[test]
fn results_are_stored_as_lists() {
    check(
        r#"
            RPUSH l 3 1 2
            SET d x
            SORT l STORE d
            LRANGE d 0 -1
            TYPE d
            SORT l GET none_* STORE d
            LRANGE d 0 -1
            SORT none STORE d
            EXISTS d
            SADD s b a c
            SORT s BY nosort STORE d
            LRANGE d 0 -1
            SORT l STORE l
            LRANGE l 0 -1
            COMMAND GETKEYS SORT l BY w_* LIMIT 0 1 STORE d
        "#,
        &expect![[r#"
            :3
            +OK
            :3
            *3
            $1
            1
            $1
            2
            $1
            3
            +list
            :3
            *3
            $0

            $0

            $0
            :0
            :0
            :3
            :3
            *3
            $1
            a
            $1
            b
            $1
            c
            :3
            *3
            $1
            1
            $1
            2
            $1
            3
            *2
            $1
            l
            $1
            d"#]],
    );
}
