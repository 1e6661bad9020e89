//! DEBUG PROTOCOL, ERROR and STRINGMATCH-LEN: replies of every kind, to test clients with.
//!
//! The values are those that Redis answers, because client libraries' tests expect them.

use resp::{Args, Proto, ReplyError, ReplyWriter, errors};

use crate::ctx::{CmdResult, Ctx};

#[allow(clippy::approx_constant, reason = "the number that Redis answers")]
pub(super) fn protocol(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"string" => out.bulk_str("Hello World"),
        b"integer" => out.integer(12345),
        b"double" => out.double(3.141),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|n| out.integer(n));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|n| out.integer(n));
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.integer(n);
                out.bool(n == 1);
            }
        }
        b"attrib" => attrib(out),
        b"push" => return push(out),
        b"verbatim" => out.verbatim(b"txt", b"This is a verbatim\nstring"),
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        _ => return Err(errors::debug::PROTOCOL_TYPE),
    }
    Ok(())
}

fn attrib(out: &mut ReplyWriter<'_>) {
    if out.proto() == Proto::Resp3 {
        out.attribute(1);
        out.bulk_str("key-popularity");
        out.array(2);
        out.bulk_str("key:123");
        out.integer(90);
    }
    out.bulk_str("Some real reply following the attribute");
}

fn push(out: &mut ReplyWriter<'_>) -> CmdResult {
    if out.proto() == Proto::Resp2 {
        return Err(errors::debug::NOT_RESP2);
    }
    out.push(2);
    out.bulk_str("server-cpu-usage");
    out.integer(42);
    out.bulk_str("Some real reply following the push reply");
    Ok(())
}

/// An error reply that does not count as one in the statistics.
pub(super) fn error(_: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    out.error(&ReplyError::from_text(args.at(2)));
    Ok(())
}

pub(super) fn stringmatch_len(
    _: &mut Ctx<'_>,
    args: Args<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    out.integer(i64::from(common::glob::matches(
        args.at(2),
        args.at(3),
        false,
    )));
    Ok(())
}
