//! BITFIELD and BITFIELD_RO: integers of any width at any bit.
//!
//! Values are computed in 128 bits, where nothing overflows, and then brought into the field's
//! range as OVERFLOW says.

use common::number::parse_i64;
use keyspace::Event;
use resp::{Args, ReplyError, ReplyWriter, errors};
use smallvec::SmallVec;

use super::bit;
use crate::command::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx, wrong_type};

/// `BITFIELD`
pub const BITFIELD: Command = Command::new("bitfield", -2, bitfield)
    .group(Group::Bitmap)
    .since("3.2.0")
    .docs(
        "Reads and changes integers of any width in a string.",
        "O(1)",
    )
    .flags(WRITE | DENYOOM)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RW update access variable_flags")])
    .flag_finder(bitfield_key_flags)
    .args(
        "key:key@0 operation?*(encoding_offset=GET{encoding offset:integer} | \
         write{wrap_sat_fail=OVERFLOW?(wrap=WRAP! | sat=SAT! | fail=FAIL!) \
         write_operation(encoding_offset_value=SET{encoding offset:integer value:integer} | \
         encoding_offset_increment=INCRBY{encoding offset:integer increment:integer})})",
    );

/// With nothing but GET, BITFIELD only reads.
fn bitfield_key_flags(args: Args<'_>) -> &'static str {
    let writes =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"set") || arg.eq_ignore_ascii_case(b"incrby");
    if args.from(2).iter().any(writes) {
        "RW access update"
    } else {
        "RO access"
    }
}

/// `BITFIELD_RO`
pub const BITFIELD_RO: Command = Command::new("bitfield_ro", -2, bitfield_ro)
    .group(Group::Bitmap)
    .since("6.0.0")
    .docs("Reads integers of any width in a string.", "O(1)")
    .flags(READONLY | FAST)
    .categories(category::BITMAP)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 encoding_offset=GET?**{encoding offset:integer}");

#[derive(Clone, Copy, Debug)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

/// The type of a field: `i16`, `u8`, …
#[derive(Clone, Copy, Debug)]
struct Field {
    signed: bool,
    bits: u32,
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    action: Action,
    field: Field,
    offset: u64,
    overflow: Overflow,
}

impl Field {
    fn parse(text: &[u8]) -> Result<Self, ReplyError> {
        let signed = text.first() == Some(&b'i');
        let digits = text.strip_prefix(b"i").or_else(|| text.strip_prefix(b"u"));
        let bits = digits.and_then(parse_i64).unwrap_or(0);
        let max = if signed { 64 } else { 63 };
        if !(1..=max).contains(&bits) {
            return Err(errors::string::BITFIELD_TYPE);
        }
        Ok(Self {
            signed,
            bits: bits as u32,
        })
    }

    fn min(self) -> i128 {
        if self.signed {
            -(1 << (self.bits - 1))
        } else {
            0
        }
    }

    fn max(self) -> i128 {
        if self.signed {
            (1 << (self.bits - 1)) - 1
        } else {
            (1 << self.bits) - 1
        }
    }

    /// The lowest bits of a value, read as this field.
    fn wrap(self, value: i128) -> i128 {
        let low = value & ((1 << self.bits) - 1);
        if self.signed && low > self.max() {
            low - (1 << self.bits)
        } else {
            low
        }
    }

    /// The value as it is stored; `None` if it does not fit and must not.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        if (self.min()..=self.max()).contains(&value) {
            return Some(value);
        }
        match overflow {
            Overflow::Wrap => Some(self.wrap(value)),
            Overflow::Saturate => Some(value.clamp(self.min(), self.max())),
            Overflow::Fail => None,
        }
    }

    fn read(self, bytes: &[u8], offset: u64) -> i128 {
        let first = (offset >> 3) as usize;
        // A field touches at most nine bytes.
        let window = (first..first + 9).map(|at| bytes.get(at).copied().unwrap_or(0));
        let window = window.fold(0_u128, |all, byte| all << 8 | u128::from(byte));
        let raw = window >> (72 - (offset & 7) as u32 - self.bits);
        self.wrap(raw as i128)
    }

    /// Stores a value that fits; the bytes are there.
    fn write(self, bytes: &mut [u8], offset: u64, value: i128) {
        for i in 0..self.bits {
            let on = value >> (self.bits - 1 - i) & 1 != 0;
            let at = offset + u64::from(i);
            let (byte, mask) = (&mut bytes[(at >> 3) as usize], 0x80 >> (at & 7));
            if on { *byte |= mask } else { *byte &= !mask }
        }
    }
}

impl Operation {
    /// What is stored and what is replied, given the current value.
    fn apply(self, old: i128) -> (Option<i128>, Option<i128>) {
        match self.action {
            Action::Get => (None, Some(old)),
            Action::Increment(by) => {
                let new = self.field.fit(old + i128::from(by), self.overflow);
                (new, new)
            }
            Action::Set(value) => {
                // For an unsigned field a negative number stands for its 64 bits.
                let value = if self.field.signed {
                    value.into()
                } else {
                    (value as u64).into()
                };
                let new = self.field.fit(value, self.overflow);
                (new, new.map(|_| old))
            }
        }
    }
}

fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<SmallVec<[Operation; 4]>, ReplyError> {
    let mut operations = SmallVec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let more = args.len() - at - 1;
        if is("OVERFLOW") && more >= 1 {
            overflow = match args.at(at + 1).to_ascii_lowercase().as_slice() {
                b"wrap" => Overflow::Wrap,
                b"sat" => Overflow::Saturate,
                b"fail" => Overflow::Fail,
                _ => return Err(errors::string::BITFIELD_OVERFLOW),
            };
            at += 2;
            continue;
        }
        let get = is("GET") && more >= 2;
        if !get && !((is("SET") || is("INCRBY")) && more >= 3) {
            return Err(errors::SYNTAX);
        }
        let field = Field::parse(args.at(at + 1))?;
        let offset = bit::offset(ctx, args.at(at + 2), Some(field.bits))?;
        let action = if get {
            Action::Get
        } else {
            let number = parse_i64(args.at(at + 3)).ok_or(errors::NOT_INTEGER)?;
            if is("SET") {
                Action::Set(number)
            } else {
                Action::Increment(number)
            }
        };
        operations.push(Operation {
            action,
            field,
            offset,
            overflow,
        });
        at += if get { 3 } else { 4 };
    }
    Ok(operations)
}

fn reply(value: Option<i128>, out: &mut ReplyWriter<'_>) {
    match value {
        None => out.null(),
        Some(value) => out.integer(value as i64),
    }
}

fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let operations = parse(ctx, args)?;
    if !operations
        .iter()
        .all(|operation| matches!(operation.action, Action::Get))
    {
        return Err(errors::string::BITFIELD_RO_GET);
    }
    read(ctx, args, &operations, out)
}

fn read(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    operations: &[Operation],
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let mut scratch = None;
    let text = ctx.read_str(args.at(1))?;
    let bytes = text
        .as_ref()
        .map_or(&b""[..], |text| text.as_bytes(&mut scratch));
    out.array(operations.len());
    for operation in operations {
        reply(Some(operation.field.read(bytes, operation.offset)), out);
    }
    Ok(())
}

fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let operations = parse(ctx, args)?;
    let writes = operations
        .iter()
        .filter(|o| !matches!(o.action, Action::Get));
    let last_bit = writes.map(|o| o.offset + u64::from(o.field.bits) - 1).max();
    let Some(last_bit) = last_bit else {
        return read(ctx, args, &operations, out);
    };
    let len = (last_bit >> 3) as usize + 1;
    let grows = ctx
        .peek_str(args.at(1))?
        .is_none_or(|text| text.len() < len);
    let mut key = ctx.write(args.at(1));
    let bytes = key.raw_mut(len).map_err(wrong_type)?;
    out.array(operations.len());
    let mut changes = 0;
    for operation in &operations {
        let old = operation.field.read(bytes, operation.offset);
        let (stored, replied) = operation.apply(old);
        if let Some(new) = stored {
            operation.field.write(bytes, operation.offset, new);
            changes += u64::from(new != old);
        }
        reply(replied, out);
    }
    if changes > 0 || grows {
        key.commit_n(Event::string("setbit"), changes.max(1));
    } else {
        key.commit_nothing();
    }
    Ok(())
}
