//! Lists against a model: every operation, all kinds of nodes.

use super::*;
use crate::testing::{is_compared, sized};
use proptest::prelude::*;
use std::collections::VecDeque;

fn texts(list: &List) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    list.for_each(|item| all.push(item.to_vec()));
    all
}

/// Whether no node but the first is open.
fn is_open_at_the_front_only(list: &List) -> bool {
    match list.form.get() {
        Of::A(_) => true,
        Of::B(chunks) => !chunks
            .nodes()
            .skip(1)
            .any(|node| matches!(node, Node::Open(_))),
    }
}

fn list_of(texts: &[&[u8]], limits: &ListLimits) -> List {
    let mut list = List::new();
    for text in texts {
        list.push(End::Tail, text, limits);
    }
    list
}

#[test]
fn a_list_is_one_word() {
    assert_eq!(size_of::<List>(), 8);
    assert_eq!(size_of::<Option<List>>(), 8);
}

#[test]
fn converts_at_the_limits_and_back_at_half() {
    let limits = ListLimits {
        fill: 4,
        ..ListLimits::default()
    };
    let mut list = list_of(&[b"a", b"b", b"c", b"d"], &limits);
    assert_eq!(list.encoding_name(), "listpack");
    list.push(End::Head, b"z", &limits);
    assert_eq!(
        (list.encoding_name(), list.encoding_7_0()),
        ("quicklist", "quicklist")
    );
    assert_eq!(list.nodes(), 2);
    list.pop(End::Tail, &limits, |_| ());
    assert_eq!(list.encoding_name(), "quicklist");
    list.remove_range(0, 2, &limits);
    assert_eq!(list.encoding_name(), "listpack");
    let mut small = List::new();
    small.prepare_push(3, 8190, &ListLimits::default());
    assert_eq!(small.encoding_name(), "quicklist");
}

#[test]
fn a_list_built_from_nodes_settles_in_the_form_of_its_size() {
    let limits = ListLimits {
        fill: 4,
        ..ListLimits::default()
    };
    let node = |count| Listpack::from_items((0..count).map(Item::Int));
    let built = |nodes: &[i64]| {
        let mut list = List::new();
        nodes.iter().for_each(|count| list.push_pack(node(*count)));
        list.settle(&limits);
        (list.encoding_name(), list.len())
    };
    assert_eq!(built(&[4]), ("listpack", 4));
    assert_eq!(built(&[5]), ("quicklist", 5));
    assert_eq!(built(&[0, 2, 2]), ("quicklist", 4));
    assert_eq!(built(&[]), ("listpack", 0));
    let mut plain = List::new();
    plain.push_plain(vec![b'p'; 10_000].into());
    plain.settle(&limits);
    assert_eq!((plain.encoding_name(), plain.nodes()), ("quicklist", 1));
}

#[test]
fn size_classes_bound_nodes() {
    for (fill, size) in [(-1, 4096), (-2, 8192), (-5, 65_536), (-9, 65_536)] {
        let limits = ListLimits {
            fill,
            ..ListLimits::default()
        };
        let mut list = List::new();
        let count = sized(3000, 100);
        for _ in 0..count {
            list.push(End::Tail, &[b'x'; 98], &limits);
        }
        list.for_each_node(|node| {
            let NodeRef::Packed(pack) = node else {
                panic!("packed")
            };
            assert!(pack.bytes().len() <= size);
        });
        assert!(
            list.nodes() <= count * 100 / size + 3,
            "{} nodes",
            list.nodes()
        );
    }
}

#[test]
fn large_elements_are_plain_nodes() {
    let limits = ListLimits::default();
    let mut list = list_of(&[b"a", &[b'x'; 9000], b"b"], &limits);
    let mut plain = 0;
    list.for_each_node(|node| plain += usize::from(matches!(node, NodeRef::Plain(_))));
    assert_eq!((plain, list.nodes(), list.len()), (1, 3, 3));
    assert_eq!(list.get(1, |item| item.text_len()), Some(9000));
    assert!(list.set(1, b"small", &limits));
    assert!(list.set(0, &[b'y'; 9000], &limits));
    assert_eq!(list.get(0, |item| item.text_len()), Some(9000));
    assert_eq!(texts(&list)[1..], [b"small".to_vec(), b"b".to_vec()]);
}

#[test]
fn the_middle_of_a_long_list_is_found_and_changed() {
    let limits = ListLimits {
        fill: 2,
        ..ListLimits::default()
    };
    let mut list = List::new();
    let count = sized(20_000, 300) as i64;
    for value in 0..count {
        list.push(End::Tail, value.to_string().as_bytes(), &limits);
    }
    for index in [0, 1, count / 3, count / 2, count - 1] {
        assert_eq!(list.get(index, |item| item.as_int()), Some(Some(index)));
        assert_eq!(
            list.get(index - count, |item| item.as_int()),
            Some(Some(index))
        );
    }
    list.retain_range(100, count as usize - 200, &limits);
    assert_eq!(list.get(0, |item| item.as_int()), Some(Some(100)));
    assert_eq!(list.get(-1, |item| item.as_int()), Some(Some(count - 101)));
    assert_eq!(
        list.remove_range(0, usize::MAX, &limits),
        count as usize - 200
    );
    assert!(list.is_empty());
}

#[test]
fn inner_nodes_are_compressed_and_ends_are_not() {
    let limits = ListLimits {
        fill: 8,
        compress_depth: 2,
        ..ListLimits::default()
    };
    let mut list = List::new();
    for _ in 0..200 {
        list.push(End::Tail, &[b'c'; 60], &limits);
    }
    let kinds = |list: &List| {
        let mut kinds = String::new();
        list.for_each_node(|node| {
            kinds.push(if matches!(node, NodeRef::Lzf { .. }) {
                'z'
            } else {
                '-'
            });
        });
        kinds
    };
    let check = |kinds: String| {
        assert!(
            kinds.starts_with("--z") && kinds.ends_with("z--"),
            "{kinds}"
        );
        assert_eq!(kinds.matches('-').count(), 4, "{kinds}");
    };
    check(kinds(&list));
    for _ in 0..20 {
        list.pop(End::Head, &limits, |_| ());
        list.pop(End::Tail, &limits, |_| ());
        check(kinds(&list));
    }
    list.set(80, b"other", &limits);
    list.insert(80, &[b'd'; 90], &limits);
    check(kinds(&list));
}

#[test]
fn positions_are_those_of_lpos() {
    let limits = ListLimits {
        fill: 3,
        ..ListLimits::default()
    };
    let list = list_of(&[b"a", b"b", b"c", b"1", b"2", b"3", b"c", b"c"], &limits);
    let positions = |text: &[u8], from, skip, count, compare_max| {
        let mut found = Vec::new();
        list.positions(text, from, skip, count, compare_max, |at| found.push(at));
        found
    };
    assert_eq!(positions(b"c", End::Head, 0, 1, 0), [2]);
    assert_eq!(positions(b"c", End::Head, 1, 0, 0), [6, 7]);
    assert_eq!(positions(b"c", End::Tail, 0, 2, 0), [7, 6]);
    assert_eq!(positions(b"c", End::Tail, 0, 0, 2), [7, 6]);
    assert_eq!(positions(b"3", End::Head, 0, 0, 5), []);
    assert_eq!(positions(b"3", End::Head, 0, 0, 6), [5]);
}

#[test]
fn a_list_built_from_the_head_takes_what_one_built_from_the_tail_does() {
    let limits = ListLimits::default();
    let (mut head, mut tail) = (List::new(), List::new());
    let count = sized(50_000, 500);
    for value in 0..count {
        let text = format!("element:{value:08}");
        head.push(End::Head, text.as_bytes(), &limits);
        tail.push(End::Tail, text.as_bytes(), &limits);
    }
    assert_eq!(head.nodes(), tail.nodes());
    assert!(head.memory(0) <= tail.memory(0) + 8192);
    let mut bytes = 0;
    head.for_each_node(|node| {
        let pack = node.pack().expect("packed");
        crate::listpack::validate(&pack, true).expect("a plain listpack");
        bytes += crate::size_class(pack.len());
    });
    assert!(head.memory(0) < bytes + bytes / 8 + 2048);
}

#[test]
fn a_queue_runs_through_its_nodes_in_both_directions() {
    // Three nodes at least.
    let limits = ListLimits {
        fill: if cfg!(miri) { 16 } else { -2 },
        ..ListLimits::default()
    };
    let count = sized(2000, 70);
    for (into, out) in [(End::Head, End::Tail), (End::Tail, End::Head)] {
        let mut list = List::new();
        for value in 0..count {
            list.push(into, format!("{value:030}").as_bytes(), &limits);
        }
        for value in 0..sized(20, 4) * count {
            let text = list.pop(out, &limits, |item| item.to_vec()).expect("one");
            assert_eq!(text, format!("{:030}", value % count).into_bytes());
            list.push(into, &text, &limits);
        }
        assert_eq!(list.len(), count);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Pop(bool),
    Set(prop::sample::Index, Vec<u8>),
    Insert(prop::sample::Index, Vec<u8>),
    RemoveRange(prop::sample::Index, usize),
    Retain(prop::sample::Index, usize),
    RemoveEqual(Vec<u8>, bool, usize),
    Settle,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0i64..4).prop_map(|int| int.to_string().into_bytes()),
        3 => proptest::collection::vec(b'a'..b'd', 1..3),
        2 => (40usize..90).prop_map(|len| vec![b'l'; len]),
        1 => (4000usize..4200).prop_map(|len| vec![b'm'; len]),
        1 => Just(vec![b'x'; 9000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (any::<bool>(), text()).prop_map(|(head, text)| Step::Push(head, text)),
        2 => any::<bool>().prop_map(Step::Pop),
        3 => (any::<prop::sample::Index>(), text()).prop_map(|(at, text)| Step::Set(at, text)),
        6 => (any::<prop::sample::Index>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
        1 => (any::<prop::sample::Index>(), 0usize..12)
            .prop_map(|(at, n)| Step::RemoveRange(at, n)),
        1 => (any::<prop::sample::Index>(), 10usize..80).prop_map(|(at, n)| Step::Retain(at, n)),
        2 => (text(), any::<bool>(), 0usize..4)
            .prop_map(|(text, head, n)| Step::RemoveEqual(text, head, n)),
        1 => Just(Step::Settle),
    ]
}

fn end(head: bool) -> End {
    if head { End::Head } else { End::Tail }
}

fn apply(list: &mut List, model: &mut VecDeque<Vec<u8>>, step: Step, limits: &ListLimits) {
    let len = model.len();
    match step {
        Step::Push(head, text) => {
            list.push(end(head), &text, limits);
            if head {
                model.push_front(text);
            } else {
                model.push_back(text);
            }
        }
        Step::Pop(head) => {
            let want = if head {
                model.pop_front()
            } else {
                model.pop_back()
            };
            assert_eq!(list.pop(end(head), limits, |item| item.to_vec()), want);
        }
        Step::Set(at, text) => {
            let at = at.index(len + 1);
            assert_eq!(list.set(at as i64, &text, limits), at < len);
            if at < len {
                model[at] = text;
            }
        }
        Step::Insert(at, text) => {
            let at = at.index(len + 1);
            list.insert(at, &text, limits);
            model.insert(at, text);
        }
        Step::RemoveRange(at, count) => {
            let at = at.index(len + 1);
            let until = (at + count).min(len);
            assert_eq!(list.remove_range(at, count, limits), until - at);
            model.drain(at..until);
        }
        Step::Retain(at, count) => {
            let at = at.index(len + 1);
            list.retain_range(at, count, limits);
            model.truncate((at + count).min(len));
            model.drain(..at.min(model.len()));
        }
        Step::RemoveEqual(text, head, count) => {
            let mut at: Vec<usize> = (0..len).filter(|at| model[*at] == text).collect();
            if !head {
                at.reverse();
            }
            at.truncate(if count == 0 { usize::MAX } else { count });
            assert_eq!(list.remove_equal(&text, end(head), count, limits), at.len());
            at.sort_unstable();
            for at in at.into_iter().rev() {
                model.remove(at);
            }
        }
        Step::Settle => list.settle(limits),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(300, 3) as u32))]
    #[test]
    fn behaves_as_a_deque(
        fill in prop_oneof![Just(-1), Just(-2), 0i32..6],
        compress_depth in 0u32..3,
        packed_threshold in prop_oneof![Just(0), Just(1), Just(50)],
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let limits = ListLimits { fill, compress_depth, packed_threshold };
        let (mut list, mut model) = (List::new(), VecDeque::new());
        for (index, step) in steps.into_iter().enumerate() {
            apply(&mut list, &mut model, step, &limits);
            prop_assert_eq!(list.len(), model.len());
            if !is_compared(index, 16) { continue; }
            let got = texts(&list);
            prop_assert!(got.iter().eq(model.iter()), "{:?}", list);
            prop_assert!(is_open_at_the_front_only(&list));
            if let Some(last) = list.absolute(-1) {
                let mut back = Vec::new();
                list.walk(last, End::Tail, |item| {
                    back.push(item.to_vec());
                    std::ops::ControlFlow::Continue(())
                });
                prop_assert!(back.iter().rev().eq(model.iter()));
                let middle = last / 2;
                let got = list.get(middle as i64, |item| item.to_vec());
                prop_assert_eq!(got.as_ref(), model.get(middle));
            }
        }
        let copy = list.clone();
        drop(list);
        prop_assert!(texts(&copy).iter().eq(model.iter()));
    }
}
