//! The family's tests: argv in, RESP out. Expectations come from Redis 7.0.15 where it knows
//! the command.

use expect_test::expect;

use crate::testing::{check, check_resp3};

#[test]
fn members_are_added_under_conditions() {
    check(
        r#"
            ZADD z 1 a 2 b
            ZADD z 3 a 3 c
            ZADD z CH 4 a 5 d
            ZADD z NX 9 a 6 e
            ZADD z XX 9 a 6 nope
            ZADD z GT CH 1 a 9.5 b
            ZADD z LT CH 1 a 10 b
            ZADD z XX INCR 1 nope
            ZADD z INCR 2.5 a
            ZADD z NX INCR 2.5 a
            ZADD z GT INCR -1 a
            ZINCRBY z -0.5 a
            ZINCRBY new 5 m
            ZADD missing XX 1 a
            ZADD missing XX INCR 1 a
            ZADD z inf p
            ZADD z INCR -inf p
            ZRANGE z 0 -1 WITHSCORES
            EXISTS missing
        "#,
        &expect![[r#"
            :2
            :1
            :2
            :1
            :0
            :1
            :1
            $-1
            $3
            3.5
            $-1
            $-1
            $1
            3
            $1
            5
            :0
            $-1
            :1
            -ERR resulting score is not a number (NaN)
            *12
            $1
            a
            $1
            3
            $1
            c
            $1
            3
            $1
            d
            $1
            5
            $1
            e
            $1
            6
            $1
            b
            $3
            9.5
            $1
            p
            $3
            inf
            :0"#]],
    );
}

#[test]
fn bad_additions_change_nothing() {
    check(
        r#"
            ZADD z 1 a x b
            ZADD z 1 a 2
            ZADD z XX NX 1 a
            ZADD z GT LT 1 a
            ZADD z GT NX 1 a
            ZADD z INCR 1 a 2 b
            ZADD z nan a
            ZADD z XX
            EXISTS z
            SET s 1
            ZADD s 1 a
            ZINCRBY s 1 a
            ZSCORE s a
            ZREM s a
            ZRANGE s 0 -1
            ZUNION 2 s z
            ZPOPMIN s
            ZMPOP 1 s MIN
            ZCARD s
        "#,
        &expect![[r#"
            -ERR value is not a valid float
            -ERR syntax error
            -ERR XX and NX options at the same time are not compatible
            -ERR GT, LT, and/or NX options at the same time are not compatible
            -ERR GT, LT, and/or NX options at the same time are not compatible
            -ERR INCR option supports a single increment-element pair
            -ERR value is not a valid float
            -ERR wrong number of arguments for 'zadd' command
            :0
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn things_are_looked_up_and_counted() {
    check(
        r#"
            ZADD z 1 a 2 b 3 c 3 d
            ZCARD z
            ZCARD none
            ZSCORE z b
            ZSCORE z x
            ZMSCORE z a x d
            ZMSCORE none a b
            ZRANK z a
            ZRANK z x
            ZREVRANK z a
            ZRANK none a
            ZCOUNT z (1 3
            ZCOUNT z -inf +inf
            ZCOUNT z 5 1
            ZCOUNT z a 1
            ZCOUNT none 1 2
            ZADD l 0 a 0 b 0 c
            ZLEXCOUNT l - +
            ZLEXCOUNT l [b (c
            ZLEXCOUNT l b c
            ZADD f 3.1415926535897931 pi 1e20 big -0.1 neg 1e-7 tiny inf i -inf mi 17179869184 w
            ZRANGE f 0 -1 WITHSCORES
            OBJECT ENCODING z
        "#,
        &expect![[r#"
            :4
            :4
            :0
            $1
            2
            $-1
            *3
            $1
            1
            $-1
            $1
            3
            *2
            $-1
            $-1
            :0
            $-1
            :3
            $-1
            :3
            :4
            :0
            -ERR min or max is not a float
            :0
            :3
            :3
            :1
            -ERR min or max not valid string range item
            :7
            *14
            $2
            mi
            $4
            -inf
            $3
            neg
            $20
            -0.10000000000000001
            $4
            tiny
            $22
            9.9999999999999995e-08
            $2
            pi
            $18
            3.1415926535897931
            $1
            w
            $11
            17179869184
            $3
            big
            $5
            1e+20
            $1
            i
            $3
            inf
            $8
            listpack"#]],
    );
}

#[test]
fn ranges_come_in_all_forms() {
    check(
        r#"
            ZADD z 1 a 2 b 3 c 4 d 5 e
            ZRANGE z 1 2
            ZRANGE z -2 -1 WITHSCORES
            ZRANGE z 3 1
            ZRANGE z 0 1 REV
            ZREVRANGE z 0 1 WITHSCORES
            ZRANGE z 2 4 BYSCORE
            ZRANGE z (2 +inf BYSCORE LIMIT 1 1 WITHSCORES
            ZRANGE z 4 2 BYSCORE REV
            ZRANGE z 4 2 BYSCORE REV LIMIT 1 -1
            ZRANGEBYSCORE z 2 4 LIMIT 1 5
            ZRANGEBYSCORE z 2 4 LIMIT -1 5
            ZRANGEBYSCORE z 2 4 LIMIT 9 5
            ZRANGEBYSCORE z 2 4 LIMIT 0 0
            ZREVRANGEBYSCORE z +inf (2 WITHSCORES LIMIT 0 2
            ZRANGE z 0 1 LIMIT 0 1
            ZRANGE z 0 1 LIMIT 0
            ZRANGE z 0 1 BYLEX
            ZRANGE z [a [b BYLEX WITHSCORES
            ZRANGE z a b BYSCORE
            ZRANGE z a b
            ZRANGE z 0 1 BYSCORE BYLEX
            ZRANGE none 0 -1
            ZADD l 0 a 0 b 0 c 0 d
            ZRANGEBYLEX l [b +
            ZREVRANGEBYLEX l (d - LIMIT 1 1
            ZRANGE l + - BYLEX REV
            ZRANGE l - + BYLEX LIMIT 1 2
            ZREVRANGE z 0 -1 REV
        "#,
        &expect![[r#"
            :5
            *2
            $1
            b
            $1
            c
            *4
            $1
            d
            $1
            4
            $1
            e
            $1
            5
            *0
            *2
            $1
            e
            $1
            d
            *4
            $1
            e
            $1
            5
            $1
            d
            $1
            4
            *3
            $1
            b
            $1
            c
            $1
            d
            *2
            $1
            d
            $1
            4
            *3
            $1
            d
            $1
            c
            $1
            b
            *2
            $1
            c
            $1
            b
            *2
            $1
            c
            $1
            d
            *0
            *0
            *0
            *4
            $1
            e
            $1
            5
            $1
            d
            $1
            4
            -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
            -ERR syntax error
            -ERR min or max not valid string range item
            -ERR syntax error, WITHSCORES not supported in combination with BYLEX
            -ERR min or max is not a float
            -ERR value is not an integer or out of range
            -ERR syntax error
            *0
            :4
            *3
            $1
            b
            $1
            c
            $1
            d
            *1
            $1
            b
            *4
            $1
            d
            $1
            c
            $1
            b
            $1
            a
            *2
            $1
            b
            $1
            c
            -ERR syntax error"#]],
    );
}

#[test]
fn ranges_are_stored() {
    check(
        r#"
            ZADD z 1 a 2 b 3 c 4 d
            ZRANGESTORE d z 1 2
            ZRANGE d 0 -1 WITHSCORES
            ZRANGESTORE d z 3 1 BYSCORE REV LIMIT 0 2
            ZRANGE d 0 -1 WITHSCORES
            ZRANGESTORE z z 0 1
            ZRANGE z 0 -1
            ZRANGESTORE d none 0 -1
            EXISTS d
            ZRANGESTORE d z 0 -1 WITHSCORES
            SET s x
            ZRANGESTORE d s 0 -1
            ZRANGESTORE s z 0 -1
            TYPE s
        "#,
        &expect![[r#"
            :4
            :2
            *4
            $1
            b
            $1
            2
            $1
            c
            $1
            3
            :2
            *4
            $1
            b
            $1
            2
            $1
            c
            $1
            3
            :2
            *2
            $1
            a
            $1
            b
            :0
            :0
            -ERR syntax error
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            :2
            +zset"#]],
    );
}

#[test]
fn removal_of_the_last_member_deletes_the_key() {
    check(
        r#"
            ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
            ZREM z a x a
            ZREMRANGEBYRANK z 0 0
            ZREMRANGEBYSCORE z (3 4
            ZREMRANGEBYSCORE z x 4
            ZRANGE z 0 -1
            ZREM z c e f
            EXISTS z
            ZADD l 0 a 0 b 0 c
            ZREMRANGEBYLEX l [a (b
            ZREMRANGEBYLEX l - +
            EXISTS l
            ZREMRANGEBYLEX l - +
            ZREMRANGEBYRANK l a b
        "#,
        &expect![[r#"
            :6
            :1
            :1
            :1
            -ERR min or max is not a float
            *3
            $1
            c
            $1
            e
            $1
            f
            :3
            :0
            :3
            :1
            :2
            :0
            :0
            -ERR value is not an integer or out of range"#]],
    );
}

#[test]
fn the_lowest_and_highest_are_popped() {
    check(
        r#"
            ZADD z 1 a 2 b 3 c 4 d 5 e
            ZPOPMIN z
            ZPOPMAX z 2
            ZPOPMIN z 0
            ZPOPMIN z -1
            ZPOPMIN z x
            ZPOPMIN z 1 2
            ZPOPMIN none
            ZPOPMIN none 3
            ZMPOP 2 none z MAX COUNT 10
            EXISTS z
            ZMPOP 1 none MIN
            ZMPOP 0 z MIN
            ZMPOP 1 z MID
            ZMPOP 1 z MIN COUNT 0
            ZMPOP 1 z MIN COUNT
            ZMPOP 1 z MIN COUNT 1 COUNT 1
            ZMPOP 3 z MIN
        "#,
        &expect![[r#"
            :5
            *2
            $1
            a
            $1
            1
            *4
            $1
            e
            $1
            5
            $1
            d
            $1
            4
            *0
            -ERR value is out of range, must be positive
            -ERR value is out of range, must be positive
            -ERR syntax error
            *0
            *0
            *2
            $1
            z
            *2
            *2
            $1
            c
            $1
            3
            *2
            $1
            b
            $1
            2
            :0
            *-1
            -ERR numkeys should be greater than 0
            -ERR syntax error
            -ERR count should be greater than 0
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error"#]],
    );
}

#[test]
fn random_members_have_the_asked_number() {
    check(
        r#"
            ZADD z 1 a
            ZRANDMEMBER z
            ZRANDMEMBER none
            ZRANDMEMBER z -3
            ZRANDMEMBER z -2 WITHSCORES
            ZRANDMEMBER z 5 WITHSCORES
            ZRANDMEMBER z 0
            ZRANDMEMBER none 5
            ZRANDMEMBER z 1 X
            ZRANDMEMBER z x
            ZRANDMEMBER z -9223372036854775808
            ZRANDMEMBER z -9223372036854775807 WITHSCORES
        "#,
        &expect![[r#"
            :1
            $1
            a
            $-1
            *3
            $1
            a
            $1
            a
            $1
            a
            *4
            $1
            a
            $1
            1
            $1
            a
            $1
            1
            *2
            $1
            a
            $1
            1
            *0
            *0
            -ERR syntax error
            -ERR value is not an integer or out of range
            -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            -ERR value is out of range"#]],
    );
}

#[test]
fn algebra_combines_sets_and_sorted_sets() {
    check(
        r#"
            ZADD a 1 x 2 y 3 z
            ZADD b 10 y 20 z 30 w
            ZUNION 2 a b WITHSCORES
            ZUNION 2 a b WEIGHTS 2 0.5 WITHSCORES
            ZUNION 2 a b AGGREGATE MAX WITHSCORES
            ZINTER 2 a b AGGREGATE MIN WITHSCORES
            ZINTER 2 a b
            ZINTER 2 a a WITHSCORES
            ZDIFF 2 a b WITHSCORES
            ZDIFF 1 a
            ZDIFF 2 a a
            ZDIFF 2 none a
            ZUNIONSTORE d 3 a b none
            ZRANGE d 0 -1 WITHSCORES
            ZINTERSTORE d 2 a b WEIGHTS 1 -1
            ZRANGE d 0 -1 WITHSCORES
            ZDIFFSTORE d 2 a b
            ZRANGE d 0 -1 WITHSCORES
            ZINTERSTORE d 2 a none
            EXISTS d
            ZINTERCARD 2 a b
            ZINTERCARD 2 a b LIMIT 1
            ZINTERCARD 2 a b LIMIT -1
            ZADD i inf m
            ZADD j -inf m
            ZUNION 2 i j WITHSCORES
            ZUNION 1 i WEIGHTS 0 WITHSCORES
        "#,
        &expect![[r#"
            :3
            :3
            *8
            $1
            x
            $1
            1
            $1
            y
            $2
            12
            $1
            z
            $2
            23
            $1
            w
            $2
            30
            *8
            $1
            x
            $1
            2
            $1
            y
            $1
            9
            $1
            w
            $2
            15
            $1
            z
            $2
            16
            *8
            $1
            x
            $1
            1
            $1
            y
            $2
            10
            $1
            z
            $2
            20
            $1
            w
            $2
            30
            *4
            $1
            y
            $1
            2
            $1
            z
            $1
            3
            *2
            $1
            y
            $1
            z
            *6
            $1
            x
            $1
            2
            $1
            y
            $1
            4
            $1
            z
            $1
            6
            *2
            $1
            x
            $1
            1
            *3
            $1
            x
            $1
            y
            $1
            z
            *0
            *0
            :4
            *8
            $1
            x
            $1
            1
            $1
            y
            $2
            12
            $1
            z
            $2
            23
            $1
            w
            $2
            30
            :2
            *4
            $1
            z
            $3
            -17
            $1
            y
            $2
            -8
            :1
            *2
            $1
            x
            $1
            1
            :0
            :0
            :2
            :1
            -ERR LIMIT can't be negative
            :1
            :1
            *2
            $1
            m
            $1
            0
            *2
            $1
            m
            $1
            0"#]],
    );
}

#[test]
fn algebra_refuses_bad_options() {
    check(
        r#"
            ZADD a 1 x
            ZUNION 0 a
            ZUNION x a
            ZUNION 2 a
            ZUNIONSTORE d 0 a
            ZUNION 1 a WEIGHTS
            ZUNION 1 a WEIGHTS x
            ZUNION 1 a AGGREGATE AVG
            ZUNIONSTORE d 1 a WITHSCORES
            ZDIFF 1 a WEIGHTS 1
            ZINTERCARD 1 a WITHSCORES
            ZINTERCARD 1 a LIMIT
            ZINTERCARD 0 a
            ZDIFFSTORE a 1 none
        "#,
        &expect![[r#"
            :1
            -ERR at least 1 input key is needed for 'zunion' command
            -ERR value is not an integer or out of range
            -ERR syntax error
            -ERR at least 1 input key is needed for 'zunionstore' command
            -ERR syntax error
            -ERR weight value is not a float
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error
            -ERR at least 1 input key is needed for 'zintercard' command
            :0"#]],
    );
}

#[test]
fn scan_walks_members() {
    check(
        r#"
            ZADD z 1 a 2.5 b
            ZSCAN z 0
            ZSCAN z 0 MATCH b*
            ZSCAN none 0 BAD
            ZSCAN z 0 COUNT 0
            ZSCAN z x
            ZSCAN z 0 TYPE x
        "#,
        &expect![[r#"
            :2
            *2
            $1
            0
            *4
            $1
            a
            $1
            1
            $1
            b
            $3
            2.5
            *2
            $1
            0
            *2
            $1
            b
            $3
            2.5
            *2
            $1
            0
            *0
            -ERR syntax error
            -ERR invalid cursor
            -ERR syntax error"#]],
    );
}

#[test]
fn resp3_has_doubles_and_pairs() {
    check_resp3(
        r#"
            ZADD z 1 a 2.5 b 3 c 4 d
            ZADD z INCR 1 a
            ZADD z NX INCR 1 a
            ZSCORE z b
            ZSCORE z x
            ZMSCORE z a x
            ZRANGE z 0 1 WITHSCORES
            ZRANGE z 0 1
            ZUNION 1 z WITHSCORES
            ZINTER 1 z
            ZPOPMIN z
            ZPOPMIN z 1
            ZMPOP 1 z MIN COUNT 1
            ZMPOP 1 none MIN
            ZRANDMEMBER z 1 WITHSCORES
            ZRANDMEMBER none
            ZRANGEBYSCORE z -inf +inf WITHSCORES
            ZSCAN z 0
        "#,
        &expect![[r#"
            :4
            ,2
            _
            ,2.5
            _
            *2
            ,2
            _
            *2
            *2
            $1
            a
            ,2
            *2
            $1
            b
            ,2.5
            *2
            $1
            a
            $1
            b
            *4
            *2
            $1
            a
            ,2
            *2
            $1
            b
            ,2.5
            *2
            $1
            c
            ,3
            *2
            $1
            d
            ,4
            *4
            $1
            a
            $1
            b
            $1
            c
            $1
            d
            *2
            $1
            a
            ,2
            *1
            *2
            $1
            b
            ,2.5
            *2
            $1
            z
            *1
            *2
            $1
            c
            ,3
            _
            *1
            *2
            $1
            d
            ,4
            _
            *1
            *2
            $1
            d
            ,4
            *2
            $1
            0
            *2
            $1
            d
            $1
            4"#]],
    );
}

#[test]
fn rank_answers_the_score_too() {
    check(
        r#"
            ZADD z 1 a 2.5 b
            ZRANK z b WITHSCORE
            ZREVRANK z b WITHSCORE
            ZRANK z x WITHSCORE
            ZRANK z b WITHSCORES
            ZRANK z b WITHSCORE x
            ZRANK none b WITHSCORE
        "#,
        &expect![[r#"
            :2
            *2
            :1
            $3
            2.5
            *2
            :0
            $3
            2.5
            *-1
            -ERR syntax error
            -ERR wrong number of arguments for 'zrank' command
            *-1"#]],
    );
}

#[test]
fn count_aggregate_adds_weights() {
    check(
        r#"
            ZADD a 1 x 2 y
            ZADD b 5 y
            ZUNION 2 a b AGGREGATE COUNT WITHSCORES
            ZINTER 2 a b WEIGHTS 2 3 AGGREGATE COUNT WITHSCORES
        "#,
        &expect![[r#"
            :2
            :1
            *4
            $1
            x
            $1
            1
            $1
            y
            $1
            2
            *2
            $1
            y
            $1
            5"#]],
    );
}
