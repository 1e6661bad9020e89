//! Each type's form in both protocols.

use proptest::prelude::*;

use super::*;
use crate::errors;

fn written(proto: Proto, write: impl FnOnce(&mut ReplyWriter<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut ReplyWriter::new(&mut out, proto));
    String::from_utf8(out).unwrap()
}

/// Writes in both protocols and compares.
#[track_caller]
fn check(write: impl Fn(&mut ReplyWriter<'_>), resp2: &str, resp3: &str) {
    assert_eq!(written(Proto::Resp2, &write), resp2, "RESP2");
    assert_eq!(written(Proto::Resp3, &write), resp3, "RESP3");
}

#[track_caller]
fn check_same(write: impl Fn(&mut ReplyWriter<'_>), resp: &str) {
    check(write, resp, resp);
}

#[test]
fn types_that_both_have() {
    check_same(|w| w.ok(), "+OK\r\n");
    check_same(|w| w.simple("PONG"), "+PONG\r\n");
    check_same(|w| w.error(&errors::SYNTAX), "-ERR syntax error\r\n");
    check_same(|w| w.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n");
    check_same(|w| w.bulk(b""), "$0\r\n\r\n");
    check_same(|w| w.bulk_str("0123456789"), "$10\r\n0123456789\r\n");
    check_same(|w| w.bulk_i64(-12), "$3\r\n-12\r\n");
    check_same(|w| w.array(0), "*0\r\n");
    check_same(|w| w.array(123), "*123\r\n");
    check_same(|w| w.raw(b":1\r\n"), ":1\r\n");
}

#[test]
fn integers_of_every_length() {
    for value in [
        0,
        1,
        9,
        10,
        99,
        100,
        12345,
        -1,
        -10,
        4_294_967_295,
        4_294_967_296,
        i64::MAX,
        i64::MIN,
    ] {
        check_same(|w| w.integer(value), &format!(":{value}\r\n"));
    }
}

#[test]
fn types_that_resp2_lacks() {
    check(|w| w.null(), "$-1\r\n", "_\r\n");
    check(|w| w.null_array(), "*-1\r\n", "_\r\n");
    check(|w| w.map(3), "*6\r\n", "%3\r\n");
    check(|w| w.map(7), "*14\r\n", "%7\r\n");
    check(|w| w.set(12), "*12\r\n", "~12\r\n");
    check(|w| w.push(2), "*2\r\n", ">2\r\n");
    check(|w| w.bool(true), ":1\r\n", "#t\r\n");
    check(|w| w.bool(false), ":0\r\n", "#f\r\n");
    check(|w| w.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
    check(
        |w| w.verbatim(b"txt", b"a\nb"),
        "$3\r\na\nb\r\n",
        "=7\r\ntxt:a\nb\r\n",
    );
    assert_eq!(written(Proto::Resp3, |w| w.attribute(1)), "|1\r\n");
}

#[test]
fn doubles() {
    check(|w| w.double(3.0), "$1\r\n3\r\n", ",3\r\n");
    check(
        |w| w.double(0.1),
        "$19\r\n0.10000000000000001\r\n",
        ",0.10000000000000001\r\n",
    );
    check(|w| w.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    check(
        |w| w.double(f64::NEG_INFINITY),
        "$4\r\n-inf\r\n",
        ",-inf\r\n",
    );
    check(|w| w.double(f64::NAN), "$3\r\nnan\r\n", ",nan\r\n");
    check(|w| w.double_text(b"5.5"), "$3\r\n5.5\r\n", ",5.5\r\n");
}

#[test]
fn a_handler_that_fails_takes_back_its_reply() {
    let text = written(Proto::Resp2, |w| {
        w.ok();
        let mark = w.mark();
        w.array(2);
        w.integer(1);
        assert_eq!(w.len_since(mark), 8);
        assert_eq!(w.since(mark), b"*2\r\n:1\r\n");
        w.truncate(mark);
        w.error(&errors::WRONGTYPE);
    });
    assert!(text.starts_with("+OK\r\n-WRONGTYPE "));
}

#[test]
fn the_protocol_may_change_between_replies() {
    let text = written(Proto::Resp2, |w| {
        w.null();
        w.set_proto(Proto::Resp3);
        w.null();
        assert_eq!(w.proto().version(), 3);
    });
    assert_eq!(text, "$-1\r\n_\r\n");
}

proptest! {
    #[test]
    fn a_deferred_length_reads_as_if_it_had_been_known(
        outer in 0usize..2000,
        inner in 0usize..15,
        resp3: bool,
    ) {
        let proto = if resp3 { Proto::Resp3 } else { Proto::Resp2 };
        let deferred = written(proto, |w| {
            w.ok();
            let array = w.deferred_array();
            let map = w.deferred_map();
            w.integer(1);
            w.finish_map(map, inner);
            let set = w.deferred_set();
            w.bulk(b"x");
            w.finish_set(set, outer);
            w.finish_array(array, outer);
        });
        let known = written(proto, |w| {
            w.ok();
            w.array(outer);
            w.map(inner);
            w.integer(1);
            w.set(outer);
            w.bulk(b"x");
        });
        prop_assert_eq!(deferred, known);
    }
}

#[test]
fn a_bulk_goes_before_what_was_written() {
    let mut buffer = b"+OK\r\n".to_vec();
    let mut out = ReplyWriter::new(&mut buffer, Proto::Resp2);
    let mark = out.mark();
    out.integer(1);
    out.bulk_before(mark, b"17");
    assert_eq!(buffer, b"+OK\r\n$2\r\n17\r\n:1\r\n");
}
