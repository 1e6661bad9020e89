//! DUMP and RESTORE: a value as bytes that any Redis understands, and back.
//!
//! What is wrong with a payload is only said in the log: the client learns that it is. The bytes
//! are `persistence`'s; here are the words, the expiry, the access clock and the log.

use std::sync::atomic::Ordering::Relaxed;

use common::number::{I64Text, parse_i64};
use keyspace::{Event, Value, clock};
use persistence::rdb::payload::{self, Payload};
use persistence::rdb::primitive::Compression;
use persistence::rdb::value::{self, Check, Limits, Options, Scratch};
use resp::{Args, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;

use crate::command::flag::{ASKING, DENYOOM, READONLY, SYSCMD, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::server::Server;

/// `DUMP`
pub const DUMP: Command = Command::new("dump", 2, dump)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Returns a key's value as bytes for RESTORE.", "O(N)")
    .flags(READONLY)
    .categories(category::KEYSPACE)
    .tips(&["nondeterministic_output"])
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0")
    .cost(Cost::Before(cost::reply));

const RESTORE_ARGS: &str = "key:key@0 ttl:integer serialized-value replace=REPLACE!?^3.0.0 \
                            absttl=ABSTTL!?^5.0.0 seconds:integer=IDLETIME?^5.0.0 \
                            frequency:integer=FREQ?^5.0.0";

/// `RESTORE`
pub const RESTORE: Command = Command::new("restore", -4, restore)
    .group(Group::Generic)
    .since("2.6.0")
    .docs("Makes a key of the bytes that DUMP returned.", "O(N)")
    .flags(WRITE | DENYOOM)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .keys(&[KeySpec::at(1, "OW update")])
    .args(RESTORE_ARGS)
    .cost(Cost::Before(cost::payload));

/// `RESTORE-ASKING`
pub const RESTORE_ASKING: Command = Command::new("restore-asking", -4, restore)
    .group(Group::Server)
    .since("3.0.0")
    .docs("RESTORE into a slot that is being imported.", "O(N)")
    .flags(WRITE | DENYOOM | ASKING | SYSCMD)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .keys(&[KeySpec::at(1, "OW update")])
    .args(RESTORE_ARGS)
    .cost(Cost::Before(cost::payload));

/// Seconds that an access clock of 24 bits tells apart; more are taken as half of them.
const IDLE_SECONDS_MAX: i64 = 0x00ff_ffff;

/// The directives that shape values, as they are now.
pub fn limits(server: &Server) -> Limits {
    Limits {
        hash: crate::hashes::limits(server),
        list: crate::lists::limits(server),
        set: crate::sets::limits(server),
        zset: crate::zsets::limits(server),
    }
}

/// Whether strings are to be compressed.
pub(crate) fn compression(server: &Server) -> Compression {
    if server.settings.rdbcompression.load(Relaxed) {
        Compression::Lzf
    } else {
        Compression::None
    }
}

fn dump(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let Some(entry) = ctx.read(args.at(1)) else {
        out.null();
        return Ok(());
    };
    let mut bytes = Vec::new();
    payload::write(&mut bytes, entry.value(), compression(ctx.server));
    out.bulk(&bytes);
    Ok(())
}

/// The words behind the payload.
#[derive(Default)]
struct Words {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<i64>,
    frequency: Option<u8>,
}

impl Words {
    fn parse(words: Args<'_>) -> Result<Self, ReplyError> {
        let mut this = Self::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            if word.eq_ignore_ascii_case(b"REPLACE") {
                this.replace = true;
                continue;
            } else if word.eq_ignore_ascii_case(b"ABSTTL") {
                this.absolute = true;
                continue;
            }
            let number = words.get(at).ok_or(errors::SYNTAX)?;
            at += 1;
            if word.eq_ignore_ascii_case(b"IDLETIME") && this.frequency.is_none() {
                let seconds = parse_i64(number).ok_or(errors::NOT_INTEGER)?;
                let valid = Some(seconds).filter(|seconds| *seconds >= 0);
                this.idle_seconds = Some(valid.ok_or(errors::keys::RESTORE_IDLETIME)?);
            } else if word.eq_ignore_ascii_case(b"FREQ") && this.idle_seconds.is_none() {
                let frequency = parse_i64(number).ok_or(errors::NOT_INTEGER)?;
                let valid = u8::try_from(frequency);
                this.frequency = Some(valid.map_err(|_| errors::keys::RESTORE_FREQ)?);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(this)
    }

    /// The access clock that was asked for, where the policy goes by it.
    fn clock(&self, now_ms: i64) -> Option<u32> {
        if clock::mode() == clock::ClockMode::Lfu {
            let frequency = self.frequency?;
            return Some(clock::clock_from_frequency(frequency, now_ms));
        }
        let mut seconds = self.idle_seconds?;
        if seconds > IDLE_SECONDS_MAX {
            seconds = IDLE_SECONDS_MAX / 2;
        }
        Some(clock::clock_from_idle(seconds as u64, now_ms))
    }
}

fn restore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let words = Words::parse(args.from(4))?;
    let name = args.at(1);
    if !words.replace {
        let key = ctx.write(name);
        let exists = key.exists();
        key.unchanged();
        if exists {
            return Err(errors::BUSYKEY);
        }
    }
    let ttl = parse_i64(args.at(2)).ok_or(errors::NOT_INTEGER)?;
    if ttl < 0 {
        return Err(errors::keys::RESTORE_TTL);
    }
    let expire_at = match ttl {
        0 => None,
        _ if words.absolute => Some(ttl),
        _ => Some(ttl.saturating_add(ctx.now_ms())),
    };
    let with_checksum = !ctx.server.debug.skip_checksums.load(Relaxed);
    let payload = payload::open(args.at(3), with_checksum);
    let (mut payload, mut scratch) = (
        payload.ok_or(errors::keys::RESTORE_CHECKSUM)?,
        Scratch::default(),
    );
    let value = decode(ctx, &mut payload, &mut scratch)?;
    let past = expire_at.is_some_and(|at| at <= ctx.now_ms());
    if past && ctx.session.origin.expires_keys() {
        remove(ctx, name);
    } else {
        store(ctx, name, value, expire_at, &words);
        if let Some(at) = expire_at.filter(|_| !words.absolute) {
            propagate_absolute(ctx, args, at);
        }
    }
    out.ok();
    Ok(())
}

/// Reads the value; what is wrong with it goes to the log, the client only learns that it is.
fn decode<'p>(
    ctx: &Ctx<'_>,
    payload: &'p mut Payload<'_>,
    scratch: &'p mut Scratch,
) -> Result<Value<'p>, ReplyError> {
    let server = ctx.server;
    let check = match server.settings.sanitize_dump_payload.load(Relaxed) {
        1 => Check::Full,
        2 if ctx.session.origin.is_checked() => Check::Full,
        _ => Check::Shape,
    };
    let options = Options::new(limits(server), check, payload.version);
    let value = value::read(payload.type_byte, &mut payload.value, scratch, &options);
    let sanitized = options.sanitized.get();
    if sanitized > 0 {
        let counter = &server.stats.dump_payload_sanitizations;
        counter.fetch_add(sanitized, Relaxed);
    }
    value.map_err(|error| {
        if let Some(host) = server.host() {
            host.log_verbose(&format!("RESTORE refuses a payload: {error}"));
        }
        errors::keys::RESTORE_FORMAT
    })
}

/// The value's time has passed already: what is left of the command is the removal of the old one.
fn remove(ctx: &mut Ctx<'_>, name: &[u8]) {
    let mut key = ctx.write(name);
    if key.remove() {
        key.commit(Event::generic("del"));
        ctx.propagate_as(&[b"DEL", name]);
    } else {
        key.unchanged();
    }
}

fn store(ctx: &mut Ctx<'_>, name: &[u8], value: Value<'_>, expire_at: Option<i64>, words: &Words) {
    let clock = words.clock(ctx.now_ms());
    let mut key = ctx.write(name);
    let (old, new) = (key.kind(), value.kind());
    key.remove();
    key.set_with_expiry(value, expire_at);
    if let Some(clock) = clock {
        key.set_clock(clock);
    }
    key.commit(Event::generic("restore"));
    if let Some(old) = old {
        let db = ctx.db();
        ctx.effects().overwritten(db, name, old, new);
    }
}

/// In the log, times are absolute.
fn propagate_absolute(ctx: &mut Ctx<'_>, args: Args<'_>, expire_at: i64) {
    let time = I64Text::new(expire_at);
    let mut command: SmallVec<[&[u8]; 8]> = args.iter().collect();
    command[2] = time.as_bytes();
    command.push(b"ABSTTL");
    ctx.propagate_as(&command);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{Tester, check, check_log};

    /// The integer 5 as `redis-server` 7.0 dumps it.
    const FIVE: &str = r#""\x00\xc0\x05\n\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51""#;

    #[test]
    fn dumps_are_those_of_redis_and_can_be_restored() {
        let mut tester = Tester::new();
        tester.line("SET k 5");
        let dumped = tester.run(&[b"DUMP", b"k"]);
        let payload = &dumped[5..dumped.len() - 2];
        let as_redis_has_it = resp::split_args(FIVE.as_bytes()).unwrap().remove(0);
        assert_eq!(payload, &as_redis_has_it[..]);
        assert_eq!(tester.run(&[b"RESTORE", b"l", b"0", payload]), b"+OK\r\n");
        assert_eq!(tester.line("GET l"), "$1\n5");
        assert_eq!(tester.line("DUMP none"), "$-1");
    }

    #[test]
    fn refusals_come_in_the_order_of_redis() {
        check(
            &format!(
                r#"SET k v
                RESTORE k -1 junk BOGUS
                RESTORE k -1 junk FREQ 256
                RESTORE k -1 junk FREQ 1 IDLETIME 1
                RESTORE k -1 junk IDLETIME -1
                RESTORE k -1 junk IDLETIME
                RESTORE k -1 junk
                RESTORE k x junk REPLACE
                RESTORE k -1 junk REPLACE
                RESTORE k 0 junk REPLACE
                RESTORE k 0 "\x00\xc0\x05\n\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x52" REPLACE
                RESTORE k 0 "\xff\x0a\x00\x96\xcd\x32\x70\x21\x28\x37\x07" REPLACE
                GET k
                RESTORE k 0 {FIVE} REPLACE
                GET k"#
            ),
            &expect![[r#"
                +OK
                -ERR syntax error
                -ERR Invalid FREQ value, must be >= 0 and <= 255
                -ERR syntax error
                -ERR Invalid IDLETIME value, must be >= 0
                -ERR syntax error
                -BUSYKEY Target key name already exists.
                -ERR value is not an integer or out of range
                -ERR Invalid TTL value, must be >= 0
                -ERR DUMP payload version or checksum are wrong
                -ERR DUMP payload version or checksum are wrong
                -ERR DUMP payload version or checksum are wrong
                $1
                v
                +OK
                $1
                5"#]],
        );
    }

    #[test]
    fn times_are_absolute_in_the_log_and_past_ones_only_remove() {
        check_log(
            &format!("SET k v\nRESTORE k 1 {FIVE} REPLACE ABSTTL\nRESTORE k 1 {FIVE} ABSTTL"),
            &expect![[r#"
                SELECT 0
                SET k v
                DEL k"#]],
        );
    }

    #[test]
    fn a_restored_key_is_as_idle_as_it_says() {
        // Access clocks have whole seconds: the two commands are to see the same one.
        let idle = || {
            let mut tester = Tester::new();
            let before_s = common::clock::now_ms() / 1000;
            tester.line(&format!("RESTORE k 0 {FIVE} IDLETIME 100"));
            let idle = tester.line("OBJECT IDLETIME k");
            (before_s == common::clock::now_ms() / 1000).then_some(idle)
        };
        let in_one_second = std::iter::repeat_with(idle).flatten().next();
        assert_eq!(in_one_second.as_deref(), Some(":100"));
    }

    #[test]
    fn a_restored_key_keeps_its_time_to_live() {
        let mut tester = Tester::new();
        tester.line(&format!("RESTORE k 5000 {FIVE} IDLETIME 100"));
        let ttl = tester.line("PTTL k");
        assert!(ttl.starts_with(":4") || ttl == ":5000", "{ttl}");
    }
}
