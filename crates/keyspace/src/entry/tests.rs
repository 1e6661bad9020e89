//! Entries behave as their parts say.

use super::*;
use crate::value::{EMBSTR_MAX, StrValue};
use bytes::Bytes;

fn bytes_of(entry: &EntryBox) -> Vec<u8> {
    entry.view().str_value().unwrap().to_vec()
}

#[test]
fn every_form_keeps_key_value_expiry_and_clock() {
    let bytes: Vec<u8> = (0..=255).collect();
    for key_len in [0, 1, 16, 255, 256, 70_000] {
        for value_len in [0, 1, 44, 45, 1024, 1025, 100_000] {
            for expire_at in [None, Some(1_700_000_000_123)] {
                let key = vec![b'k'; key_len];
                let value = bytes.repeat(value_len / 256 + 1)[..value_len].to_vec();
                let values = [
                    StrValue::Plain(&value),
                    StrValue::Raw(&value),
                    StrValue::Buffer(value.clone(), true),
                    StrValue::Shared(Bytes::from(value.clone())),
                ];
                for (i, v) in values.into_iter().enumerate() {
                    let entry = EntryBox::new(&key, Value::Str(v), expire_at, 0x00ab_cdef);
                    assert_eq!(entry.view().key(), key);
                    assert_eq!(bytes_of(&entry), value);
                    assert_eq!(entry.view().expire_at(), expire_at);
                    assert_eq!(entry.view().clock(), 0x00ab_cdef);
                    let embstr = i == 0 && value_len <= EMBSTR_MAX;
                    assert_eq!(
                        entry.view().encoding(),
                        if embstr { "embstr" } else { "raw" }
                    );
                    let moved = entry.rebuilt(Some(b"other"), Some(5));
                    assert_eq!(moved.view().key(), b"other");
                    assert_eq!(bytes_of(&moved), value);
                    assert_eq!(moved.view().expire_at(), Some(5));
                }
            }
        }
    }
}

#[test]
fn a_short_string_is_written_over_another_only() {
    let text = [b'n'; EMBSTR_MAX];
    for (key_len, old_len) in [0, 1, 16, 255, 256]
        .into_iter()
        .flat_map(|k| [0, 1, 8, 30, 44, 45, 1024, 1025].map(|len| (k, len)))
    {
        let (key, old) = (vec![b'k'; key_len], vec![b'o'; old_len]);
        for expire_at in [None, Some(7)] {
            for new_len in [0, 3, 31, 44] {
                let mut entry = EntryBox::new(&key, Value::plain(&old), expire_at, 3);
                let size = entry.view().own_size();
                let fits = size == datatypes::size_class(8 + key_len + new_len);
                let done = entry.view_mut().overwrite_short(&text[..new_len]);
                let plain = expire_at.is_none() && key_len < 256 && old_len <= 1024;
                assert_eq!(done, fits && plain, "{key_len} {old_len} {new_len}");
                let want = if done { &text[..new_len] } else { &old };
                assert_eq!(bytes_of(&entry), want);
                assert_eq!(entry.view().key(), key);
                assert_eq!(entry.view().clock(), 3);
                assert_eq!(entry.view().expire_at(), expire_at);
                assert!(!done || entry.view().encoding() == "embstr");
            }
        }
    }
    let mut number = EntryBox::new(b"key", Value::int(5), None, 0);
    assert!(!number.view_mut().overwrite_short(b"12345678"));
}

#[test]
fn sizes_are_those_of_the_plan() {
    let size = |value, expire_at| {
        EntryBox::new(&[0; 16], value, expire_at, 0)
            .view()
            .own_size()
    };
    assert_eq!(size(Value::plain(&[1; 32]), None), 56);
    assert_eq!(size(Value::plain(&[1; 32]), Some(1)), 64);
    assert_eq!(size(Value::int(12), None), 32);
}

#[test]
fn integers_are_detected_as_redis_does() {
    let encoding = |bytes| {
        EntryBox::new(b"k", Value::detect(bytes), None, 0)
            .view()
            .encoding()
    };
    assert_eq!(encoding(b"12"), "int");
    assert_eq!(encoding(b"-9223372036854775808"), "int");
    assert_eq!(encoding(b"9223372036854775808"), "embstr");
    assert_eq!(encoding(b"012"), "embstr");
    assert_eq!(encoding(b"+1"), "embstr");
    assert_eq!(encoding(b" 1"), "embstr");
}

#[test]
fn overwriting_happens_in_place_where_the_size_class_allows() {
    let mut entry = EntryBox::new(b"key", Value::plain(b"0123456789"), Some(9), 0);
    assert!(
        entry
            .view_mut()
            .overwrite(Value::plain(b"98765432"))
            .is_ok()
    );
    assert_eq!(bytes_of(&entry), b"98765432");
    assert!(
        entry
            .view_mut()
            .overwrite(Value::Str(StrValue::Raw(b"98765432")))
            .is_ok()
    );
    assert_eq!(entry.view().encoding(), "raw");
    assert!(entry.view_mut().overwrite(Value::plain(&[7; 40])).is_err());
    assert!(entry.view_mut().overwrite(Value::int(7)).is_err());
    assert!(
        entry
            .view_mut()
            .overwrite(Value::Hash(Hash::default()))
            .is_err()
    );
    assert_eq!(bytes_of(&entry), b"98765432");
    assert_eq!(
        (entry.view().key(), entry.view().expire_at()),
        (&b"key"[..], Some(9))
    );
    let mut int = EntryBox::new(b"key", Value::int(1), None, 0);
    assert!(int.view_mut().overwrite(Value::int(-5)).is_ok());
    assert_eq!(bytes_of(&int), b"-5");
}

#[test]
fn collections_are_held_and_dropped_by_their_entry() {
    for value in [
        Value::List(List::default()),
        Value::Set(Set::default()),
        Value::Zset(Zset::default()),
        Value::Hash(Hash::default()),
        Value::Stream(Stream::default()),
    ] {
        let entry = EntryBox::new(b"k", value, None, 0);
        let kind = entry.view().kind();
        let copy = EntryBox::new(b"copy", entry.view().value().to_owned(), Some(1), 0);
        let mut entry = entry.rebuilt(None, Some(77));
        assert_eq!((entry.view().kind(), copy.view().kind()), (kind, kind));
        assert!(entry.view_mut().set_expiry(78));
        assert!(matches!(
            entry.view_mut().value(),
            ValueMut::List(_)
                | ValueMut::Set(_)
                | ValueMut::Zset(_)
                | ValueMut::Hash(_)
                | ValueMut::Stream(_)
        ));
    }
}

#[test]
fn a_shared_argument_is_taken_over_and_becomes_a_buffer_when_changed() {
    let argument = Bytes::from(vec![b'x'; 5_000]);
    let at = argument.as_ptr();
    let value = Value::Str(StrValue::Shared(argument));
    let mut entry = EntryBox::new(b"k", value, None, 0);
    let Some(StrRef::Raw(bytes)) = entry.view().str_value() else {
        panic!("raw")
    };
    assert_eq!(bytes.as_ptr(), at);
    entry
        .view_mut()
        .heap_buffer()
        .unwrap()
        .extend_from_slice(b"tail");
    assert_eq!(bytes_of(&entry).len(), 5_004);
}

#[test]
fn the_clock_and_the_expiry_mark_do_not_disturb_each_other() {
    let entry = EntryBox::new(b"k", Value::int(1), None, 0x00ff_ffff);
    entry.view().set_expiry_mark(true);
    entry.view().set_clock(5);
    assert!(entry.view().expiry_mark());
    let entry = entry.rebuilt(None, Some(1));
    entry.view().set_expiry_mark(false);
    assert_eq!(
        (entry.view().clock(), entry.view().expiry_mark()),
        (5, false)
    );
}
