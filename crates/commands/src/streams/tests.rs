//! The family's tests: argv in, RESP out. Expectations come from Redis 7.0.15 where it knows
//! the command.

use expect_test::expect;

use crate::testing::{check, check_resp3};

#[test]
fn entries_are_added_in_order_of_their_ids() {
    check(
        r#"
            XADD s 1-1 a 1 b 2
            XADD s 1-* a 3
            XADD s 2 c 4
            XADD s 1-5 x y
            XADD s 0-0 x y
            XADD s * x
            XADD s 3-3 x
            XADD s bad x y
            XADD s - x y
            XADD none NOMKSTREAM * x y
            XADD n 0-* x y
            XLEN s
            XLEN none
            XRANGE s - +
            XREVRANGE s + - COUNT 1
            XRANGE s (1-1 2
            XRANGE s - + COUNT 0
            XRANGE s - + COUNT -1
            XRANGE s - + COUNT
            XRANGE s - + X 1
            XRANGE s (18446744073709551615-18446744073709551615 +
            XRANGE s x +
            XRANGE none - +
            XADD s 18446744073709551615-18446744073709551615 l l
            XADD s * a b
            TYPE s
            OBJECT ENCODING s
            SET k v
            XADD k * a b
            XRANGE k - +
        "#,
        &expect![[r#"
            $3
            1-1
            $3
            1-2
            $3
            2-0
            -ERR The ID specified in XADD is equal or smaller than the target stream top item
            -ERR The ID specified in XADD must be greater than 0-0
            -ERR wrong number of arguments for 'xadd' command
            -ERR wrong number of arguments for 'xadd' command
            -ERR Invalid stream ID specified as stream command argument
            -ERR Invalid stream ID specified as stream command argument
            $-1
            $3
            0-1
            :3
            :0
            *3
            *2
            $3
            1-1
            *4
            $1
            a
            $1
            1
            $1
            b
            $1
            2
            *2
            $3
            1-2
            *2
            $1
            a
            $1
            3
            *2
            $3
            2-0
            *2
            $1
            c
            $1
            4
            *1
            *2
            $3
            2-0
            *2
            $1
            c
            $1
            4
            *2
            *2
            $3
            1-2
            *2
            $1
            a
            $1
            3
            *2
            $3
            2-0
            *2
            $1
            c
            $1
            4
            *-1
            *-1
            -ERR syntax error
            -ERR syntax error
            -ERR invalid start ID for the interval
            -ERR Invalid stream ID specified as stream command argument
            *0
            $41
            18446744073709551615-18446744073709551615
            -ERR The stream has exhausted the last possible ID, unable to add more items
            +stream
            $6
            stream
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn streams_are_trimmed() {
    check(
        r#"
            XADD s 1 a 1
            XADD s 2 a 2
            XADD s 3 a 3
            XADD s MAXLEN 3 4 a 4
            XTRIM s MAXLEN = 2
            XTRIM s MINID 4
            XTRIM s MAXLEN ~ 0
            XTRIM s MAXLEN 1 LIMIT 1
            XTRIM s MAXLEN -1
            XTRIM s MAXLEN 1 MINID 1
            XTRIM s MAXLEN
            XTRIM s LIMIT 3
            XTRIM s MAXLEN ~ 1 LIMIT -1
            XTRIM s BAD 1
            XTRIM none MAXLEN 1
            XADD s LIMIT 3 5 a b
            XADD s MINID ~ 4 LIMIT 10 5 a 5
            XLEN s
            XTRIM s MAXLEN 0
            EXISTS s
            XINFO STREAM s
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            $3
            3-0
            $3
            4-0
            :1
            :1
            :1
            -ERR syntax error, LIMIT cannot be used without the special ~ option
            -ERR The MAXLEN argument must be >= 0.
            -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
            -ERR wrong number of arguments for 'xtrim' command
            -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            -ERR The LIMIT argument must be >= 0.
            -ERR syntax error
            :0
            -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            $3
            5-0
            :1
            :1
            :1
            *20
            $6
            length
            :0
            $15
            radix-tree-keys
            :0
            $16
            radix-tree-nodes
            :1
            $17
            last-generated-id
            $3
            5-0
            $20
            max-deleted-entry-id
            $3
            0-0
            $13
            entries-added
            :5
            $23
            recorded-first-entry-id
            $3
            0-0
            $6
            groups
            :0
            $11
            first-entry
            $-1
            $10
            last-entry
            $-1"#]],
    );
}

#[test]
fn entries_are_deleted() {
    check(
        r#"
            XADD s 1 a 1
            XADD s 2 a 2
            XDEL s 1 9
            XDEL s 2
            XDEL s bad
            XDEL none 1
            XLEN s
            EXISTS s
            XSETID s 5
            XSETID s 1
            XADD s 6 a 6
            XSETID s 3
            XSETID s 7 ENTRIESADDED 0
            XSETID s 7 ENTRIESADDED -1
            XSETID s 7 ENTRIESADDED 10 MAXDELETEDID 8
            XSETID s 7 ENTRIESADDED 10 MAXDELETEDID 6
            XSETID s 7 X
            XSETID none 1
            XINFO STREAM s
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            :1
            :1
            -ERR Invalid stream ID specified as stream command argument
            :0
            :0
            :1
            +OK
            +OK
            $3
            6-0
            -ERR The ID specified in XSETID is smaller than the target stream top item
            -ERR The entries_added specified in XSETID is smaller than the target stream length
            -ERR entries_added must be positive
            -ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
            +OK
            -ERR syntax error
            -ERR no such key
            *20
            $6
            length
            :1
            $15
            radix-tree-keys
            :1
            $16
            radix-tree-nodes
            :2
            $17
            last-generated-id
            $3
            7-0
            $20
            max-deleted-entry-id
            $3
            6-0
            $13
            entries-added
            :10
            $23
            recorded-first-entry-id
            $3
            6-0
            $6
            groups
            :0
            $11
            first-entry
            *2
            $3
            6-0
            *2
            $1
            a
            $1
            6
            $10
            last-entry
            *2
            $3
            6-0
            *2
            $1
            a
            $1
            6"#]],
    );
}

#[test]
fn reading_begins_behind_ids() {
    check(
        r#"
            XADD a 1 f 1
            XADD a 2 f 2
            XADD b 1 g 1
            XREAD STREAMS a b 0 0
            XREAD COUNT 1 STREAMS a b 0 1
            XREAD STREAMS a $
            XREAD STREAMS none 0
            XREAD STREAMS a b 0
            XREAD STREAMS a >
            XREAD COUNT x STREAMS a 0
            XREAD BLOCK -1 STREAMS a 0
            XREAD BLOCK x STREAMS a 0
            XREAD BLOCK 10 STREAMS a 0
            XREAD GROUP g c STREAMS a 0
            XREAD NOACK STREAMS a 0
            XREAD COUNT 1 COUNT 1
            XREAD FOO STREAMS a 0
            SET k v
            XREAD STREAMS a k 0 0
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            $3
            1-0
            *2
            *2
            $1
            a
            *2
            *2
            $3
            1-0
            *2
            $1
            f
            $1
            1
            *2
            $3
            2-0
            *2
            $1
            f
            $1
            2
            *2
            $1
            b
            *1
            *2
            $3
            1-0
            *2
            $1
            g
            $1
            1
            *1
            *2
            $1
            a
            *1
            *2
            $3
            1-0
            *2
            $1
            f
            $1
            1
            *-1
            *-1
            -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.
            -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
            -ERR value is not an integer or out of range
            -ERR timeout is negative
            -ERR timeout is not an integer or out of range
            *1
            *2
            $1
            a
            *2
            *2
            $3
            1-0
            *2
            $1
            f
            $1
            1
            *2
            $3
            2-0
            *2
            $1
            f
            $1
            2
            -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
            -ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
            -ERR syntax error
            -ERR syntax error
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn groups_deliver_each_entry_once() {
    check(
        r#"
            XADD s 1 a 1
            XADD s 2 a 2
            XADD s 3 a 3
            XGROUP CREATE s g 0
            XGROUP CREATE s g 0
            XGROUP CREATE none g 0
            XGROUP CREATE none g $ MKSTREAM
            XGROUP CREATE s h $ ENTRIESREAD 3
            XGROUP CREATE s i $ ENTRIESREAD -2
            XGROUP CREATE s i bad
            XREADGROUP GROUP g c1 COUNT 1 STREAMS s >
            XREADGROUP GROUP g c2 STREAMS s >
            XREADGROUP GROUP g c2 STREAMS s >
            XREADGROUP GROUP g c1 STREAMS s 0
            XREADGROUP GROUP g c3 STREAMS s 0
            XREADGROUP GROUP h c1 STREAMS s >
            XREADGROUP GROUP nope c1 STREAMS s >
            XREADGROUP GROUP g c1 STREAMS none2 >
            XREADGROUP GROUP g c1 STREAMS s $
            XREADGROUP COUNT 1 STREAMS s >
            XREADGROUP COUNT 1 COUNT 1 STREAMS s >
            XPENDING s g
            XPENDING s h
            XPENDING s g IDLE 100000 - + 10
            XPENDING s g - + 10 nobody
            XPENDING s g + - 10
            XPENDING s g - +
            XPENDING s nope
            XACK s g 1 9
            XACK s nope 1
            XACK s g bad
            XACK none g 1
            XPENDING s g
            XDEL s 2
            XREADGROUP GROUP g c2 STREAMS s 0
            XINFO GROUPS s
            XGROUP DELCONSUMER s g c2
            XGROUP DELCONSUMER s g nobody
            XGROUP CREATECONSUMER s g c9
            XGROUP CREATECONSUMER s g c9
            XGROUP CREATECONSUMER s nope c9
            XGROUP SETID s g 1
            XGROUP SETID s g $ ENTRIESREAD 3
            XGROUP SETID s nope 1
            XGROUP SETID s g bad
            XGROUP SETID s g 1 X
            XINFO GROUPS s
            XGROUP DESTROY s g
            XGROUP DESTROY s g
            XGROUP DESTROY none2 g
            XGROUP FOO s
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            $3
            3-0
            +OK
            -BUSYGROUP Consumer Group name already exists
            -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            +OK
            +OK
            -ERR value for ENTRIESREAD must be positive or -1
            -ERR Invalid stream ID specified as stream command argument
            *1
            *2
            $1
            s
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *1
            *2
            $1
            s
            *2
            *2
            $3
            2-0
            *2
            $1
            a
            $1
            2
            *2
            $3
            3-0
            *2
            $1
            a
            $1
            3
            *-1
            *1
            *2
            $1
            s
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *1
            *2
            $1
            s
            *0
            *-1
            -NOGROUP No such key 's' or consumer group 'nope' in XREADGROUP with GROUP option
            -NOGROUP No such key 'none2' or consumer group 'g' in XREADGROUP with GROUP option
            -ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
            -ERR wrong number of arguments for 'xreadgroup' command
            -ERR Missing GROUP option for XREADGROUP
            *4
            :3
            $3
            1-0
            $3
            3-0
            *2
            *2
            $2
            c1
            $1
            1
            *2
            $2
            c2
            $1
            2
            *4
            :0
            $-1
            $-1
            *-1
            *0
            *0
            *0
            -ERR syntax error
            -NOGROUP No such key 's' or consumer group 'nope'
            :1
            :0
            -ERR Invalid stream ID specified as stream command argument
            :0
            *4
            :2
            $3
            2-0
            $3
            3-0
            *1
            *2
            $2
            c2
            $1
            2
            :1
            *1
            *2
            $1
            s
            *2
            *2
            $3
            2-0
            *-1
            *2
            $3
            3-0
            *2
            $1
            a
            $1
            3
            *2
            *12
            $4
            name
            $1
            g
            $9
            consumers
            :3
            $7
            pending
            :2
            $17
            last-delivered-id
            $3
            3-0
            $12
            entries-read
            :3
            $3
            lag
            :0
            *12
            $4
            name
            $1
            h
            $9
            consumers
            :0
            $7
            pending
            :0
            $17
            last-delivered-id
            $3
            3-0
            $12
            entries-read
            :3
            $3
            lag
            :0
            :2
            :0
            :1
            :0
            -NOGROUP No such consumer group 'nope' for key name 's'
            +OK
            +OK
            -NOGROUP No such consumer group 'nope' for key name 's'
            -ERR Invalid stream ID specified as stream command argument
            -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
            *2
            *12
            $4
            name
            $1
            g
            $9
            consumers
            :3
            $7
            pending
            :0
            $17
            last-delivered-id
            $3
            3-0
            $12
            entries-read
            :3
            $3
            lag
            :0
            *12
            $4
            name
            $1
            h
            $9
            consumers
            :0
            $7
            pending
            :0
            $17
            last-delivered-id
            $3
            3-0
            $12
            entries-read
            :3
            $3
            lag
            :0
            :1
            :0
            -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            -ERR unknown subcommand 'FOO'. Try XGROUP HELP."#]],
    );
}

#[test]
fn entries_are_claimed() {
    check(
        r#"
            XADD s 1 a 1
            XADD s 2 a 2
            XADD s 3 a 3
            XGROUP CREATE s g 0
            XREADGROUP GROUP g c1 STREAMS s >
            XCLAIM s g c2 0 1
            XCLAIM s g c2 0 2 JUSTID
            XCLAIM s g c2 100000 3
            XCLAIM s g c2 0 9
            XCLAIM s g c2 0 1 RETRYCOUNT 7 IDLE 0 LASTID 3
            XPENDING s g - + 10 nobody
            XDEL s 2
            XCLAIM s g c3 0 2
            XAUTOCLAIM s g c4 0 0 COUNT 1
            XAUTOCLAIM s g c4 0 3 JUSTID
            XAUTOCLAIM s g c4 100000 0
            XPENDING s g
            XCLAIM s nope c 0 1
            XCLAIM s g c x 1
            XCLAIM s g c 0 1 FOO
            XCLAIM s g c 0 1 IDLE x
            XCLAIM s g c 0 1 TIME x
            XCLAIM s g c 0 1 RETRYCOUNT x
            XAUTOCLAIM s nope c 0 0
            XAUTOCLAIM s g c x 0
            XAUTOCLAIM s g c 0 (18446744073709551615-18446744073709551615
            XAUTOCLAIM s g c 0 0 COUNT 0
            XAUTOCLAIM s g c 0 0 FOO
            XACK s g 1 3
            XCLAIM s g c5 0 1 FORCE JUSTID
            XPENDING s g
            XDEL s 1
            XAUTOCLAIM s g c6 0 0
            XINFO CONSUMERS none g
            XINFO CONSUMERS s nope
            XINFO STREAM none
            XINFO STREAM s FOO
            XINFO STREAM s FULL COUNT x
            XINFO STREAM s FULL COUNT
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            $3
            3-0
            +OK
            *1
            *2
            $1
            s
            *3
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *2
            $3
            2-0
            *2
            $1
            a
            $1
            2
            *2
            $3
            3-0
            *2
            $1
            a
            $1
            3
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *1
            $3
            2-0
            *0
            *0
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *0
            :1
            *0
            *3
            $3
            3-0
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *0
            *3
            $3
            0-0
            *1
            $3
            3-0
            *0
            *3
            $3
            0-0
            *0
            *0
            *4
            :2
            $3
            1-0
            $3
            3-0
            *1
            *2
            $2
            c4
            $1
            2
            -NOGROUP No such key 's' or consumer group 'nope'
            -ERR Invalid min-idle-time argument for XCLAIM
            -ERR Unrecognized XCLAIM option 'FOO'
            -ERR Invalid IDLE option argument for XCLAIM
            -ERR Invalid TIME option argument for XCLAIM
            -ERR Invalid RETRYCOUNT option argument for XCLAIM
            -NOGROUP No such key 's' or consumer group 'nope'
            -ERR Invalid min-idle-time argument for XAUTOCLAIM
            -ERR invalid start ID for the interval
            -ERR COUNT must be > 0
            -ERR syntax error
            :2
            *1
            $3
            1-0
            *4
            :1
            $3
            1-0
            $3
            1-0
            *1
            *2
            $2
            c5
            $1
            1
            :1
            *3
            $3
            0-0
            *0
            *1
            $3
            1-0
            -ERR no such key
            -NOGROUP No such consumer group 'nope' for key name 's'
            -ERR no such key
            -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
            -ERR value is not an integer or out of range
            -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."#]],
    );
}

#[test]
fn resp3_reads_maps() {
    check_resp3(
        r#"
            XADD s 1 a 1
            XREAD STREAMS s 0
            XREAD STREAMS s 1
            XGROUP CREATE s g 0
            XREADGROUP GROUP g c STREAMS s >
            XINFO GROUPS s
            XINFO STREAM s
            XRANGE s - + COUNT 0
        "#,
        &expect![[r#"
            $3
            1-0
            %1
            $1
            s
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            _
            +OK
            %1
            $1
            s
            *1
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *1
            %6
            $4
            name
            $1
            g
            $9
            consumers
            :1
            $7
            pending
            :1
            $17
            last-delivered-id
            $3
            1-0
            $12
            entries-read
            :1
            $3
            lag
            :0
            %10
            $6
            length
            :1
            $15
            radix-tree-keys
            :1
            $16
            radix-tree-nodes
            :2
            $17
            last-generated-id
            $3
            1-0
            $20
            max-deleted-entry-id
            $3
            0-0
            $13
            entries-added
            :1
            $23
            recorded-first-entry-id
            $3
            1-0
            $6
            groups
            :1
            $11
            first-entry
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            $10
            last-entry
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            _"#]],
    );
}

#[test]
fn deletion_minds_references() {
    check(
        r#"
            XADD s 1 a 1
            XADD s 2 a 2
            XADD s 3 a 3
            XGROUP CREATE s g 0
            XREADGROUP GROUP g c COUNT 2 STREAMS s >
            XDELEX s ACKED IDS 2 1 9
            XACKDEL s g IDS 1 1
            XACKDEL s g ACKED IDS 2 1 2
            XDELEX s DELREF IDS 1 3
            XDELEX none IDS 2 1 2
            XDELEX s IDS 0 1
            XDELEX s IDS 2 1
            XDELEX s FOO IDS 1 1
            XLEN s
            XADD s 4 a 4
            XREAD STREAMS s +
        "#,
        &expect![[r#"
            $3
            1-0
            $3
            2-0
            $3
            3-0
            +OK
            *1
            *2
            $1
            s
            *2
            *2
            $3
            1-0
            *2
            $1
            a
            $1
            1
            *2
            $3
            2-0
            *2
            $1
            a
            $1
            2
            *2
            :2
            :-1
            *1
            :1
            *2
            :-1
            :1
            *1
            :1
            *2
            :-1
            :-1
            -ERR Number of IDs must be a positive integer
            -ERR The `numids` parameter must match the number of arguments
            -ERR syntax error
            :0
            $3
            4-0
            *1
            *2
            $1
            s
            *1
            *2
            $3
            4-0
            *2
            $1
            a
            $1
            4"#]],
    );
}
