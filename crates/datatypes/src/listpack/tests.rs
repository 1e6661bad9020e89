//! Listpacks against a vector, the published encodings, and damaged bytes.

use super::*;
use crate::testing::{is_compared, sized};
use proptest::prelude::*;

fn texts<F: Form>(pack: &Pack<F>) -> Vec<Vec<u8>> {
    pack.view().iter().map(|item| item.to_vec()).collect()
}

/// A form, and what its bytes must be.
trait Tested: Form {
    fn check(pack: &Pack<Self>, model: &[Vec<u8>]);
}

impl Tested for Full {
    /// Deep validation, and the other direction.
    fn check(pack: &Listpack, model: &[Vec<u8>]) {
        let view = validate(pack.view().bytes(), true).expect("valid");
        let mut back: Vec<_> = view.iter().rev().map(|item| item.to_vec()).collect();
        back.reverse();
        assert_eq!(back, model);
    }
}

impl Tested for Lean {
    /// The full form is that of the same elements, and leads back.
    fn check(pack: &Leanpack, model: &[Vec<u8>]) {
        let whole = Listpack::from_items(model.iter().map(|text| Item::of(text)));
        let mut scratch = vec![7; 3];
        let full = pack.view().full(&mut scratch);
        assert_eq!(full.bytes(), whole.view().bytes());
        assert_eq!(full.bytes().len(), pack.view().full_size());
        assert!(full.bytes().len() <= 2 * pack.size());
        let lean = Leanpack::from_full(full);
        assert_eq!(lean.view().bytes(), pack.view().bytes());
    }
}

/// Elements, count, bytes.
fn sound<F: Tested>(pack: &Pack<F>, model: &[Vec<u8>]) {
    F::check(pack, model);
    assert_eq!(texts(pack), model);
    assert_eq!(pack.len(), model.len());
    assert_eq!(pack.is_empty(), model.is_empty());
    assert!(pack.allocated() >= pack.size());
}

#[test]
fn encodings_are_the_published_ones() {
    let check = |text: &[u8], want: &[u8]| {
        let mut pack = Listpack::new();
        pack.append(text);
        let bytes = pack.view().bytes();
        assert_eq!(
            &bytes[HEADER_SIZE..bytes.len() - 1],
            want,
            "{}",
            text.escape_ascii()
        );
        assert_eq!(pack.view().get(pack.view().first().unwrap()).to_vec(), text);
    };
    check(b"0", &[0, 1]);
    check(b"127", &[0x7F, 1]);
    check(b"128", &[0xC0, 0x80, 2]);
    check(b"-1", &[0xDF, 0xFF, 2]);
    check(b"-4096", &[0xD0, 0x00, 2]);
    check(b"4095", &[0xCF, 0xFF, 2]);
    check(b"4096", &[0xF1, 0x00, 0x10, 3]);
    check(b"-32768", &[0xF1, 0x00, 0x80, 3]);
    check(b"32768", &[0xF2, 0x00, 0x80, 0x00, 4]);
    check(b"-8388608", &[0xF2, 0x00, 0x00, 0x80, 4]);
    check(b"8388608", &[0xF3, 0x00, 0x00, 0x80, 0x00, 5]);
    check(b"2147483648", &[0xF4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]);
    check(
        b"-9223372036854775808",
        &[0xF4, 0, 0, 0, 0, 0, 0, 0, 0x80, 9],
    );
    check(b"9223372036854775808", b"\x939223372036854775808\x14");
    check(b"", &[0x80, 1]);
    check(b"01", &[0x82, b'0', b'1', 3]);
    check(b"-0", &[0x82, b'-', b'0', 3]);
    let long = vec![b'a'; 64];
    check(&long, &[&[0xE0, 64][..], &long, &[66]].concat());
    let longer = vec![b'b'; 126];
    check(&longer, &[&[0xE0, 126][..], &longer, &[1, 0x80]].concat());
    let longest = vec![b'c'; 4096];
    check(
        &longest,
        &[&[0xF0, 0, 16, 0, 0][..], &longest, &[0x20, 0x85]].concat(),
    );
}

#[test]
fn the_backlen_of_16383_takes_three_bytes_as_in_redis() {
    let mut pack = Listpack::new();
    pack.append(&vec![b'x'; 16_383 - 5]);
    assert_eq!(pack.size(), 7 + 16_383 + 3);
    assert!(validate(pack.view().bytes(), true).is_ok());
}

#[test]
#[cfg_attr(miri, ignore = "65,536 elements are too many")]
fn a_count_beyond_the_header_is_counted() {
    counts_beyond_the_header(Listpack::new());
    counts_beyond_the_header(Leanpack::new());
}

fn counts_beyond_the_header<F: Form>(mut pack: Pack<F>) {
    pack.extend_items((0..70_000).map(Item::Int));
    assert_eq!(pack.len(), 70_000);
    assert_eq!(&pack.view().bytes()[4..6], &[0xFF, 0xFF]);
    assert_eq!(pack.view().get_at(-1), Some(Item::Int(69_999)));
    assert_eq!(pack.view().get_at(65_536), Some(Item::Int(65_536)));
    assert_eq!(pack.view().get_at(70_000), None);
    assert_eq!(pack.delete_range(-70_000, 69_000), 69_000);
    assert_eq!(pack.len(), 1000);
    assert_eq!(pack.view().get_at(-1000), Some(Item::Int(69_000)));
}

#[test]
fn find_skips_values_and_crosses_forms() {
    finds_heads(Listpack::new());
    finds_heads(Leanpack::new());
}

fn finds_heads<F: Form>(mut pack: Pack<F>) {
    pack.append_pair(b"1", b"2");
    pack.append_pair(b"2", b"x");
    let view = pack.view();
    let pos = view.find(b"2", 1).unwrap();
    assert_eq!(view.get(view.next(pos).unwrap()), Item::Str(b"x"));
    assert_eq!(view.find(b"x", 1), None);
    assert_eq!(view.find(b"2", 0), view.seek(1));
    // A string form of a number, from foreign bytes.
    let mut foreign = Pack::<F>::new();
    foreign.append_item(Item::Str(b"12"));
    assert_eq!(foreign.view().find(b"12", 0), foreign.view().first());
}

#[test]
fn validation_refuses_every_single_corruption_that_it_should() {
    let mut pack = Listpack::new();
    pack.extend([&b"abc"[..], b"1234567", b"", b"99999999999"]);
    let good = pack.view().bytes().to_vec();
    for cut in 0..good.len() {
        assert!(validate(&good[..cut], true).is_err());
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // Whatever passes can be walked both ways without harm.
            if let Ok(view) = validate(&bad, true) {
                assert_eq!(view.iter().count(), view.iter().rev().count());
            }
        }
    }
}

#[test]
fn a_lean_one_is_a_listpack_without_backlens() {
    let mut pack = Leanpack::new();
    pack.extend([&b"abc"[..], b"7", b"-5000", &[b'x'; 70]]);
    let elements = [&b"\x83abc\x07\xF1\x78\xEC\xE0\x46"[..], &[b'x'; 70]].concat();
    let size = HEADER_SIZE + elements.len() + 1;
    let header = [size as u8, 0, 0, 0, 4, 0];
    assert_eq!(
        pack.view().bytes(),
        [&header[..], &elements, &[0xFF]].concat()
    );
    assert_eq!(pack.view().full_size(), size + 4);
}

#[test]
fn backlens_of_every_length_come_back() {
    let mut lens = vec![1, 16, 125, 126, 4_090, 16_377, 16_378, 16_379, 70_000];
    if !cfg!(miri) {
        lens.extend([2_097_145, 2_097_146, 2_097_147]);
    }
    let texts: Vec<Vec<u8>> = lens.iter().map(|len| vec![b'x'; *len]).collect();
    let mut pack = Leanpack::new();
    for text in &texts {
        pack.append(text);
    }
    sound(&pack, &texts);
    assert_eq!(Full::backlen(268_435_454).1, 4);
    assert_eq!(Full::backlen(268_435_455).1, 5);
}

#[test]
fn a_lean_one_grows_no_further_than_its_full_form_may() {
    let fits = |pack: &Leanpack, bytes| Lean::fits(pack.view(), bytes, 1000);
    // Single digits double in size with their backlens.
    let digits = Leanpack::from_items((0..400).map(|int| Item::Int(int % 10)));
    assert!(fits(&digits, 1000 - (7 + 800)));
    assert!(!fits(&digits, 1000 - (7 + 800) + 1));
    let mut long = Leanpack::new();
    long.append(&[b'x'; 900]);
    assert!(fits(&long, 1000 - (7 + 902 + 2)));
    assert!(!fits(&long, 1000 - (7 + 902 + 2) + 1));
}

#[test]
fn groups_are_whole_and_their_heads_distinct() {
    let check = |texts: &[&str], stride| {
        let pack = Listpack::from_items(texts.iter().map(|text| Item::Str(text.as_bytes())));
        validate_groups(pack.view().bytes(), stride).is_ok()
    };
    assert!(check(&["a", "x", "b", "x"], 2));
    assert!(!check(&["a", "x", "b"], 2));
    assert!(!check(&["a", "x", "a", "y"], 2));
    let mut forms = Listpack::from_items([Item::Int(7), Item::Str(b"7")]);
    assert!(validate_groups(forms.view().bytes(), 1).is_err());
    forms.append(b"8");
    forms.append(b"9");
    assert!(validate_groups(forms.view().bytes(), 2).is_ok());
}

#[test]
fn random_distinct_is_uniform() {
    picks_evenly(&Listpack::from_items((0..20).map(Item::Int)));
    picks_evenly(&Leanpack::from_items((0..20).map(Item::Int)));
    let mut rng = rand::rng();
    assert_eq!(Listpack::new().view().random(&mut rng, 1), None);
    assert_eq!(Leanpack::new().view().random(&mut rng, 1), None);
}

fn picks_evenly<F: Form>(pack: &Pack<F>) {
    use rand::{SeedableRng, rngs::SmallRng};
    let mut rng = SmallRng::seed_from_u64(7);
    let mut hits = [0u32; 20];
    for _ in 0..sized(10_000, 20) {
        let picked = pack.view().random_distinct(&mut rng, 2, 3);
        assert_eq!(picked.len(), 3);
        for pos in picked {
            hits[pack.view().get(pos).as_int().unwrap() as usize] += 1;
        }
        let one = pack.view().random(&mut rng, 2).unwrap();
        assert_eq!(pack.view().get(one).as_int().unwrap() % 2, 0);
    }
    for (value, hits) in hits.iter().enumerate() {
        // A distribution needs thousands of draws.
        assert!(if value % 2 == 1 {
            *hits == 0
        } else {
            cfg!(miri) || (2700..3300).contains(hits)
        });
    }
    assert_eq!(pack.view().random_distinct(&mut rng, 1, 99).len(), 20);
    assert_eq!(pack.view().random_many(&mut rng, 2, 99).len(), 99);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|int| int.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..20),
        (60usize..200).prop_map(|len| vec![b'a'; len]),
        (4090usize..4100).prop_map(|len| vec![b'b'; len]),
    ]
}

/// What is done to a listpack: which change, where, with which text.
type Step = (u8, prop::sample::Index, Vec<u8>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        (0u8..11, any::<prop::sample::Index>(), text()),
        0..sized(60, 30),
    )
}

fn take<F: Tested>(steps: Vec<Step>) {
    let mut pack = Pack::<F>::new();
    let mut model: Vec<Vec<u8>> = Vec::new();
    for (step, (kind, index, text)) in steps.into_iter().enumerate() {
        let at = index.index(model.len().max(1));
        let pos = pack.view().seek(at as i64);
        assert_eq!(pos.is_some(), at < model.len());
        assert_eq!(pos, pack.view().seek(at as i64 - model.len() as i64));
        match (kind, pos) {
            (0..=1, _) | (_, None) => {
                pack.append(&text);
                model.push(text);
            }
            (2, _) => {
                pack.prepend(&text);
                model.insert(0, text);
            }
            (3, Some(pos)) => {
                pack.insert_before(pos, &text);
                model.insert(at, text);
            }
            (4, Some(pos)) => {
                pack.insert_after(pos, &text);
                model.insert(at + 1, text);
            }
            (5, Some(pos)) => {
                pack.replace(pos, &text);
                model[at] = text;
            }
            (6, Some(pos)) => {
                let next = pack.delete(pos);
                model.remove(at);
                assert_eq!(next.is_some(), at < model.len());
            }
            (7, Some(_)) => {
                let count = text.len() % 4;
                let end = (at + count).min(model.len());
                assert_eq!(pack.delete_range(at as i64, count), end - at);
                model.drain(at..end);
            }
            (8, Some(pos)) => {
                let rest = pack.split_off(pos);
                let tail = model.split_off(at);
                sound(&rest, &tail);
                pack.prepend_all(rest.view());
                model.splice(0..0, tail);
            }
            (9, Some(_)) => {
                let found = pack.view().find(&text, 0);
                let want = model.iter().position(|own| *own == text);
                assert_eq!(found, want.and_then(|want| pack.view().seek(want as i64)));
                assert!(pack.view().find(&model[at], 0).is_some());
            }
            (_, Some(_)) => {
                let copy = pack.clone();
                pack.append_all(copy.view());
                model.extend(model.clone());
                pack.extend([&text[..], b"7"]);
                model.push(text);
                model.push(b"7".to_vec());
            }
        }
        if is_compared(step, 8) {
            sound(&pack, &model);
        }
    }
    sound(&pack, &model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(200, 4) as u32))]
    #[test]
    fn behaves_as_a_vector(steps in steps()) {
        take::<Full>(steps);
    }

    #[test]
    fn a_lean_one_behaves_as_a_vector(steps in steps()) {
        take::<Lean>(steps);
    }

    /// Whatever validation lets pass, in forms that are not the shortest too.
    #[test]
    fn foreign_bytes_survive_the_lean_form(
        texts in proptest::collection::vec(text(), 1..20),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut pack = Listpack::new();
        for text in &texts {
            pack.append_item(Item::Str(text));
        }
        let mut bytes = pack.view().bytes().to_vec();
        for (place, byte) in places {
            let at = place.index(bytes.len() - HEADER_SIZE) + HEADER_SIZE;
            bytes[at] = byte;
        }
        if let Ok(view) = validate(&bytes, true) {
            let mut scratch = Vec::new();
            let lean = Leanpack::from_full(view);
            assert!(lean.view().iter().eq(view.iter()));
            let again = lean.view().full(&mut scratch);
            assert_eq!(again.bytes().len(), bytes.len());
            assert!(again.iter().eq(view.iter()));
            assert!(validate(again.bytes(), true).is_ok());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(200, 4) as u32))]
    #[test]
    fn an_open_one_behaves_as_a_deque_and_keeps_little_room(
        first in proptest::collection::vec(text(), 0..20),
        steps in proptest::collection::vec((0u8..4, 1usize..20, text()), 0..sized(60, 12)),
    ) {
        let packed = Listpack::from_items(first.iter().map(|text| Item::of(text)));
        let mut open = Open::of(packed.view(), first.len());
        let mut model = std::collections::VecDeque::from(first);
        for (kind, times, text) in steps {
            for _ in 0..times {
                match kind {
                    0 => { open.prepend(&text); model.push_front(text.clone()); }
                    1 => { open.append(&text); model.push_back(text.clone()); }
                    2 => prop_assert_eq!(open.pop_first(|item| item.to_vec()), model.pop_front()),
                    _ => prop_assert_eq!(open.pop_last(|item| item.to_vec()), model.pop_back()),
                }
                let size = open.view().bytes().len();
                prop_assert_eq!((size, open.count()), (open.size(), model.len()));
                let room = open.allocated() - crate::size_class(size_of::<Open>());
                prop_assert!(room <= crate::size_class(size + size / 8), "{} for {}", room, size);
            }
            let closed = open.close();
            sound(&closed, model.make_contiguous());
            prop_assert_eq!(open.view().bytes(), closed.view().bytes());
        }
    }
}
