//! Ids, ranges against a plain list, foreign nodes, references; and random commands, groups
//! included, run side by side with a real server: replies, node bytes, counters and XINFO must be
//! equal. The comparison is skipped where no `redis-server` is installed.

use super::*;
use crate::oracle::{Oracle, Reply};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const LIMITS: NodeLimits = NodeLimits {
    bytes_max: 4096,
    entries_max: 10,
};

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn parse(text: &str) -> StreamId {
    StreamId::parse(text.as_bytes(), 0).unwrap()
}

fn add(stream: &mut Stream, at: StreamId, pairs: &[&str]) -> StreamId {
    let pairs: Vec<_> = pairs.iter().map(|text| text.as_bytes()).collect();
    stream.append(NewId::Exact(at), &pairs, LIMITS).unwrap()
}

/// Entries as `id field value …` lines.
fn lines(mut entries: Entries<'_>) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry() {
        let mut line = entry.id.to_string();
        while let Some((field, value)) = entries.next_field() {
            for item in [field, value] {
                line += &format!(" {}", String::from_utf8_lossy(&item.to_vec()));
            }
        }
        found.push(line);
    }
    found
}

fn all(stream: &Stream) -> Vec<String> {
    lines(stream.range(StreamId::MIN, StreamId::MAX, false))
}

/// The same from an XRANGE reply.
fn reply_lines(reply: &Reply) -> Vec<String> {
    let line = |entry: &Reply| {
        let [id, fields] = entry.items() else {
            panic!("{entry:?}")
        };
        let mut line = id.text();
        if *fields != Reply::Nil {
            fields
                .texts()
                .iter()
                .for_each(|text| line += &format!(" {text}"));
        }
        line
    };
    reply.items().iter().map(line).collect()
}

#[test]
fn ids_are_read_and_written() {
    assert_eq!(StreamId::parse(b"5-3", 9), Some(id(5, 3)));
    assert_eq!(StreamId::parse(b"5", 9), Some(id(5, 9)));
    assert_eq!(
        StreamId::parse(b"18446744073709551615-18446744073709551615", 0),
        Some(StreamId::MAX)
    );
    for bad in [
        "",
        "-",
        "+",
        "*",
        "5-",
        "-5",
        "5-3-1",
        "a-1",
        "1-*",
        "18446744073709551616",
        "5-x",
    ] {
        assert_eq!(StreamId::parse(bad.as_bytes(), 0), None, "{bad}");
    }
    assert_eq!(StreamId::parse_bound(b"-", 0), Some(StreamId::MIN));
    assert_eq!(StreamId::parse_bound(b"+", 0), Some(StreamId::MAX));
    assert_eq!(NewId::parse(b"*", 7), Some(NewId::Auto(7)));
    assert_eq!(NewId::parse(b"5-*", 7), Some(NewId::AutoSeq(5)));
    assert_eq!(NewId::parse(b"5", 7), Some(NewId::Exact(id(5, 0))));
    assert_eq!(id(12, 0).text().as_bytes(), b"12-0");
    assert_eq!(
        StreamId::MAX.text().as_bytes(),
        StreamId::MAX.to_string().as_bytes()
    );
    assert_eq!(StreamId::from_key(id(3, 4).to_key()), id(3, 4));
    assert_eq!(
        (id(1, u64::MAX).next(), id(2, 0).prev()),
        (Some(id(2, 0)), Some(id(1, u64::MAX)))
    );
    assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
}

#[test]
fn new_ids_always_grow() {
    let mut stream = Stream::new();
    let pair: [&[u8]; 2] = [b"f", b"v"];
    let mut append = |id| stream.append(id, &pair, LIMITS);
    assert_eq!(
        append(NewId::Exact(StreamId::MIN)),
        Err(AppendError::IdTooSmall)
    );
    assert_eq!(append(NewId::AutoSeq(0)), Ok(id(0, 1)));
    assert_eq!(append(NewId::Auto(10)), Ok(id(10, 0)));
    assert_eq!(append(NewId::Auto(9)), Ok(id(10, 1)));
    assert_eq!(append(NewId::AutoSeq(10)), Ok(id(10, 2)));
    assert_eq!(append(NewId::AutoSeq(9)), Err(AppendError::IdTooSmall));
    assert_eq!(
        append(NewId::Exact(id(10, 2))),
        Err(AppendError::IdTooSmall)
    );
    assert_eq!(append(NewId::Exact(id(10, u64::MAX))), Ok(id(10, u64::MAX)));
    assert_eq!(append(NewId::AutoSeq(10)), Err(AppendError::IdTooSmall));
    assert_eq!(append(NewId::Auto(10)), Ok(id(11, 0)));
    assert_eq!(append(NewId::Exact(StreamId::MAX)), Ok(StreamId::MAX));
    assert_eq!(append(NewId::Auto(10)), Err(AppendError::IdTooSmall));
}

#[test]
fn full_nodes_are_followed_by_new_ones() {
    let mut stream = Stream::new();
    for n in 1..=25 {
        add(&mut stream, id(n, 0), &["field", "value"]);
    }
    assert_eq!(stream.nodes().len(), 3);
    let big = "x".repeat(5000);
    add(&mut stream, id(30, 0), &["field", &big]);
    add(&mut stream, id(31, 0), &["field", "value"]);
    assert_eq!(stream.nodes().len(), 5);
    assert!(stream.nodes().all(|(id, pack)| node::is_valid(id, pack)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 64 }))]

    #[test]
    fn ranges_agree_with_a_list(
        gaps in prop::collection::vec((0u64..3, 1u64..4, 0usize..3), 1..80),
        deleted in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        start in (0u64..100, 0u64..5), end in (0u64..100, 0u64..5), reverse: bool,
    ) {
        let (mut stream, mut model, mut last) = (Stream::new(), Vec::new(), StreamId::MIN);
        for (ms, seq, extra) in gaps {
            last = if ms == 0 { id(last.ms, last.seq + seq) } else { id(last.ms + ms, seq) };
            let choices = [["a", "1", "b", "2"].as_slice(), &["a", "9", "b", "text"], &["c", "3"]];
            let pairs = choices[extra];
            add(&mut stream, last, pairs);
            model.push(format!("{last} {}", pairs.join(" ")));
        }
        for index in &deleted {
            if model.is_empty() { break; }
            let gone: String = model.remove(index.index(model.len()));
            let gone = parse(gone.split(' ').next().unwrap());
            prop_assert_eq!(stream.delete(gone, References::Keep), Deleted::Done);
            prop_assert_eq!(stream.delete(gone, References::Keep), Deleted::Missing);
            prop_assert!(!stream.contains(gone));
        }
        prop_assert_eq!(all(&stream), model.clone());
        prop_assert_eq!(stream.len(), model.len() as u64);
        prop_assert_eq!(stream.count_entries(), stream.len());
        let (start, end) = (id(start.0, start.1), id(end.0, end.1));
        let within = |line: &&String| {
            let at = parse(line.split(' ').next().unwrap());
            start <= at && at <= end
        };
        let mut expected: Vec<_> = model.iter().filter(within).cloned().collect();
        if reverse { expected.reverse(); }
        prop_assert_eq!(lines(stream.range(start, end, reverse)), expected.clone());
        // Skipping fields finds the same entries.
        let found = stream.range(start, end, reverse);
        let ids: Vec<_> = found.map(|entry| entry.id.to_string()).collect();
        let first_word = |line: &String| line.split(' ').next().unwrap().to_owned();
        let expected: Vec<_> = expected.iter().map(first_word).collect();
        prop_assert_eq!(ids, expected);
    }

    #[test]
    fn foreign_nodes_are_checked_without_panic(bytes in prop::collection::vec(0u8..30, 0..60)) {
        let mut pack = Listpack::new();
        for byte in &bytes {
            pack.append_int(i64::from(*byte) - 3);
        }
        let mut stream = Stream::new();
        let valid = node::is_valid(id(1, 1), pack.view());
        if stream.restore_node(id(1, 1), pack, false) {
            let found = all(&stream).len() as u64;
            prop_assert!(!valid || found == stream.count_entries());
            stream.delete(id(1, 1), References::Keep);
            let (keep, references) = (Keep::Last(0), References::Keep);
            stream.trim(&Trim { keep, approximate: false, limit: 0, references });
        }
    }
}

/// The nodes in a DUMP of a stream, made without compression.
fn dumped_nodes(dump: &[u8]) -> Vec<(StreamId, Vec<u8>)> {
    let mut at = 1;
    let length = |at: &mut usize| {
        let first = dump[*at];
        *at += 1;
        match first >> 6 {
            0 => usize::from(first & 63),
            1 => {
                *at += 1;
                usize::from(first & 63) << 8 | usize::from(dump[*at - 1])
            }
            _ => {
                *at += 4;
                u32::from_be_bytes(dump[*at - 4..*at].try_into().unwrap()) as usize
            }
        }
    };
    let count = length(&mut at);
    let text = |at: &mut usize| {
        let len = length(at);
        *at += len;
        dump[*at - len..*at].to_vec()
    };
    (0..count)
        .map(|_| {
            (
                StreamId::from_key(text(&mut at).try_into().unwrap()),
                text(&mut at),
            )
        })
        .collect()
}

struct Pair {
    ours: Stream,
    redis: Oracle,
}

impl Pair {
    fn start() -> Option<Pair> {
        let options = ["--rdbcompression", "no", "--stream-node-max-entries", "10"];
        Some(Pair {
            ours: Stream::new(),
            redis: Oracle::start(&options)?,
        })
    }

    fn compare(&mut self) {
        assert_eq!(
            all(&self.ours),
            reply_lines(&self.redis.run("XRANGE s - +"))
        );
        let backward = lines(self.ours.range(StreamId::MIN, StreamId::MAX, true));
        assert_eq!(backward, reply_lines(&self.redis.run("XREVRANGE s + -")));
        let Reply::Text(dump) = self.redis.run("DUMP s") else {
            panic!("no dump")
        };
        let nodes: Vec<_> = self
            .ours
            .nodes()
            .map(|(id, pack)| (id, pack.bytes().to_vec()))
            .collect();
        assert_eq!(nodes, dumped_nodes(&dump));
        let info = self.redis.run("XINFO STREAM s");
        let value = |name: &str| {
            let items = info.items();
            let at = items.iter().position(|item| item.text() == name).unwrap();
            items[at + 1].text()
        };
        let counters = self.ours.counters();
        assert_eq!(value("length"), format!("Int({})", counters.length));
        assert_eq!(value("last-generated-id"), counters.last_id.to_string());
        assert_eq!(
            value("max-deleted-entry-id"),
            counters.max_deleted_id.to_string()
        );
        assert_eq!(
            value("recorded-first-entry-id"),
            counters.first_id.to_string()
        );
        assert_eq!(
            value("entries-added"),
            format!("Int({})", counters.entries_added)
        );
        assert_eq!(
            value("radix-tree-keys"),
            format!("Int({})", self.ours.nodes().len())
        );
        assert_eq!(
            value("radix-tree-nodes"),
            format!("Int({})", self.ours.radix_nodes())
        );
        self.compare_groups();
    }

    fn compare_groups(&mut self) {
        let infos = self.redis.run("XINFO GROUPS s");
        assert_eq!(infos.items().len(), self.ours.groups().len());
        for (info, (name, group)) in infos.items().iter().zip(self.ours.groups()) {
            let name = String::from_utf8_lossy(name);
            let number = |n: Option<i64>| n.map_or(Reply::Nil, Reply::Int);
            let info = info.items();
            assert_eq!(info[1].text(), name);
            assert_eq!(info[3], Reply::Int(group.consumers_len() as i64));
            assert_eq!(info[5], Reply::Int(group.pending_len() as i64));
            assert_eq!(info[7].text(), group.last_id().to_string());
            assert_eq!(info[9], number(group.entries_read()));
            assert_eq!(info[11], number(self.ours.lag(group)), "lag of {name}");
            let pending = self.redis.run(&format!("XPENDING s {name} - + 10000"));
            let ours: Vec<_> = group
                .pending_range(StreamId::MIN, StreamId::MAX)
                .map(|(id, pending)| {
                    let owner = group.owner(pending).unwrap().name();
                    (
                        id.to_string(),
                        owner.to_vec(),
                        pending.delivery_count as i64,
                    )
                })
                .collect();
            let theirs: Vec<_> = pending
                .items()
                .iter()
                .map(|entry| match entry.items() {
                    [id, Reply::Text(owner), _, Reply::Int(count)] => {
                        (id.text(), owner.clone(), *count)
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(ours, theirs);
            let owned: usize = group.consumers().map(Consumer::pending_len).sum();
            assert_eq!(owned, group.pending_len());
        }
    }

    fn step(&mut self, rng: &mut SmallRng, clock: &mut u64) {
        match rng.random_range(0..24) {
            0..12 => self.add(rng, clock),
            12..15 => self.delete(rng, *clock),
            15 => self.trim(rng, *clock),
            16 => self.create_group(rng, *clock),
            17..20 => self.read(rng),
            20 => self.acknowledge(rng, *clock),
            21 => self.claim(rng, *clock),
            22 => self.auto_claim(rng, *clock),
            _ => self.history(rng),
        }
    }

    fn add(&mut self, rng: &mut SmallRng, clock: &mut u64) {
        *clock += rng.random_range(1..4);
        let value = rng.random_range(-5i32..100_000).to_string();
        let pairs = [
            vec!["f", &value],
            vec!["f", "text"],
            vec!["g", &value, "f", "7"],
        ];
        let pairs = &pairs[usize::from(rng.random_bool(0.3)) + usize::from(rng.random_bool(0.2))];
        add(&mut self.ours, id(*clock, 1), pairs);
        assert_eq!(
            self.redis
                .run(&format!("XADD s {clock}-1 {}", pairs.join(" ")))
                .text(),
            format!("{clock}-1")
        );
    }

    fn some_id(&self, rng: &mut SmallRng, clock: u64) -> StreamId {
        id(rng.random_range(clock.saturating_sub(60)..clock + 2), 1)
    }

    fn delete(&mut self, rng: &mut SmallRng, clock: u64) {
        let gone = self.some_id(rng, clock);
        let done = self.ours.delete(gone, References::Keep) == Deleted::Done;
        assert_eq!(
            self.redis.run(&format!("XDEL s {gone}")),
            Reply::Int(i64::from(done))
        );
    }

    fn trim(&mut self, rng: &mut SmallRng, clock: u64) {
        let approximate = rng.random_bool(0.5);
        let limit = if approximate {
            rng.random_range(0..30)
        } else {
            0
        };
        let (keep, what) = if rng.random_bool(0.5) {
            let max = rng
                .random_range(0..self.ours.len() + 5)
                .max(self.ours.len() / 2);
            (
                Keep::Last(max),
                format!("MAXLEN {} {max}", if approximate { "~" } else { "=" }),
            )
        } else {
            let min = self.some_id(rng, clock);
            (
                Keep::From(min),
                format!("MINID {} {min}", if approximate { "~" } else { "=" }),
            )
        };
        let limited = if approximate {
            format!(" LIMIT {limit}")
        } else {
            String::new()
        };
        let deleted = self.ours.trim(&Trim {
            keep,
            approximate,
            limit,
            references: References::Keep,
        });
        assert_eq!(
            self.redis.run(&format!("XTRIM s {what}{limited}")),
            Reply::Int(deleted as i64)
        );
    }

    fn create_group(&mut self, rng: &mut SmallRng, clock: u64) {
        let (name, from) = (
            format!("g{}", rng.random_range(0..3)),
            self.some_id(rng, clock),
        );
        let from = if rng.random_bool(0.5) {
            StreamId::MIN
        } else {
            from
        };
        let done = self.ours.create_group(name.as_bytes(), from, None);
        let reply = self.redis.run(&format!("XGROUP CREATE s {name} {from}"));
        assert_eq!(matches!(reply, Reply::Error(_)), !done);
        if !done && rng.random_bool(0.3) {
            self.redis.run(&format!("XGROUP SETID s {name} {from}"));
            self.ours
                .group_mut(name.as_bytes())
                .unwrap()
                .set_position(from, None);
        }
    }

    fn some_consumer(rng: &mut SmallRng) -> (String, String) {
        (
            format!("g{}", rng.random_range(0..3)),
            format!("c{}", rng.random_range(0..3)),
        )
    }

    fn read(&mut self, rng: &mut SmallRng) {
        let (group, consumer) = Self::some_consumer(rng);
        let (count, no_ack) = (rng.random_range(1..8), rng.random_bool(0.2));
        let no_ack_text = if no_ack { "NOACK " } else { "" };
        let reply = self.redis.run(&format!(
            "XREADGROUP GROUP {group} {consumer} COUNT {count} {no_ack_text}STREAMS s >"
        ));
        let Some(of) = self.ours.group_mut(group.as_bytes()) else {
            return;
        };
        of.see_consumer(consumer.as_bytes(), 0);
        let mut ids = Vec::new();
        let visit = |delivery: &Delivery, entries: &mut Entries<'_>| {
            assert_eq!(
                std::iter::from_fn(|| entries.next_field()).count(),
                delivery.fields
            );
            ids.push(delivery.id.to_string());
        };
        self.ours.read_new(
            group.as_bytes(),
            consumer.as_bytes(),
            count,
            no_ack,
            0,
            visit,
        );
        let theirs = match &reply {
            Reply::Array(streams) => reply_lines(&streams[0].items()[1]),
            _ => Vec::new(),
        };
        let theirs: Vec<_> = theirs
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(ids, theirs);
    }

    fn history(&mut self, rng: &mut SmallRng) {
        let (group, consumer) = Self::some_consumer(rng);
        let reply = self.redis.run(&format!(
            "XREADGROUP GROUP {group} {consumer} COUNT 5 STREAMS s 0"
        ));
        let Some(of) = self.ours.group_mut(group.as_bytes()) else {
            return;
        };
        of.see_consumer(consumer.as_bytes(), 0);
        let mut found = Vec::new();
        self.ours.read_history(
            group.as_bytes(),
            consumer.as_bytes(),
            id(0, 1),
            5,
            0,
            |delivery, entries| {
                let mut line = delivery.id.to_string();
                if let Some(entries) = entries {
                    while let Some((field, value)) = entries.next_field() {
                        line += &format!(
                            " {} {}",
                            String::from_utf8_lossy(&field.to_vec()),
                            String::from_utf8_lossy(&value.to_vec())
                        );
                    }
                }
                found.push(line);
            },
        );
        assert_eq!(found, reply_lines(&reply.items()[0].items()[1]));
    }

    fn acknowledge(&mut self, rng: &mut SmallRng, clock: u64) {
        let (group, _) = Self::some_consumer(rng);
        for _ in 0..5 {
            let done = self.some_id(rng, clock);
            let reply = self.redis.run(&format!("XACK s {group} {done}"));
            let ours = self
                .ours
                .group_mut(group.as_bytes())
                .is_some_and(|g| g.acknowledge(done));
            assert_eq!(reply, Reply::Int(i64::from(ours)));
        }
    }

    fn options(rng: &mut SmallRng) -> ClaimOptions {
        ClaimOptions {
            min_idle_ms: 0,
            now_ms: 0,
            delivery_time_ms: 0,
            retry_count: rng.random_bool(0.2).then_some(7),
            force: rng.random_bool(0.3),
            just_id: rng.random_bool(0.5),
        }
    }

    fn claim(&mut self, rng: &mut SmallRng, clock: u64) {
        let (group, consumer) = Self::some_consumer(rng);
        let options = Self::options(rng);
        for _ in 0..5 {
            let wanted = self.some_id(rng, clock);
            let mut command = format!("XCLAIM s {group} {consumer} 0 {wanted}");
            command += if options.force { " FORCE" } else { "" };
            command += if options.just_id { " JUSTID" } else { "" };
            command += &options
                .retry_count
                .map_or(String::new(), |n| format!(" RETRYCOUNT {n}"));
            let reply = self.redis.run(&command);
            let ours = self
                .ours
                .claim(group.as_bytes(), consumer.as_bytes(), wanted, &options);
            match ours {
                None => assert!(matches!(reply, Reply::Error(_))),
                Some((Claim::Taken(_), _)) => assert_eq!(reply.items().len(), 1),
                Some(_) => assert!(reply.items().is_empty()),
            }
        }
    }

    fn auto_claim(&mut self, rng: &mut SmallRng, clock: u64) {
        let (group, consumer) = Self::some_consumer(rng);
        let from = self.some_id(rng, clock);
        let reply = self.redis.run(&format!(
            "XAUTOCLAIM s {group} {consumer} 0 {from} COUNT 4 JUSTID"
        ));
        let options = ClaimOptions {
            force: false,
            retry_count: None,
            just_id: true,
            ..Self::options(rng)
        };
        let (mut taken, mut gone) = (Vec::new(), Vec::new());
        let ours = self.ours.auto_claim(
            group.as_bytes(),
            consumer.as_bytes(),
            from,
            4,
            &options,
            |claim, _| match claim {
                Claim::Taken(delivery) => taken.push(delivery.id.to_string()),
                Claim::Gone { delivery, .. } => gone.push(delivery.id.to_string()),
                Claim::Left => {}
            },
        );
        let Some(ours) = ours else { return };
        let [next, theirs_taken, theirs_gone] = reply.items() else {
            panic!("{reply:?}")
        };
        assert_eq!(
            (ours.next.to_string(), taken, gone),
            (next.text(), theirs_taken.texts(), theirs_gone.texts())
        );
    }
}

#[test]
fn streams_and_groups_equal_those_of_redis() {
    for seed in 0..4 {
        let Some(mut pair) = Pair::start() else {
            return;
        };
        let (mut rng, mut clock) = (SmallRng::seed_from_u64(seed), 1000);
        pair.add(&mut rng, &mut clock);
        for step in 0..1500 {
            pair.step(&mut rng, &mut clock);
            if step % 20 == 0 {
                pair.compare();
            }
        }
        pair.compare();
    }
}

#[test]
fn deletion_respects_references() {
    let mut stream = Stream::new();
    for n in 1..=30 {
        add(&mut stream, id(n, 0), &["f", "v"]);
    }
    stream.create_group(b"g", StreamId::MIN, Some(0));
    stream.create_group(b"h", StreamId::MIN, Some(0));
    for group in [b"g", b"h"] {
        stream.group_mut(group).unwrap().create_consumer(b"c", 0);
        stream.read_new(group, b"c", 20, false, 0, |_, _| {});
    }
    for n in 1..=5 {
        stream.group_mut(b"g").unwrap().acknowledge(id(n, 0));
        stream.group_mut(b"h").unwrap().acknowledge(id(n, 0));
    }
    assert_eq!(stream.delete(id(1, 0), References::Acked), Deleted::Done);
    assert_eq!(
        stream.delete(id(6, 0), References::Acked),
        Deleted::Referenced
    );
    assert_eq!(
        stream.delete(id(25, 0), References::Acked),
        Deleted::Referenced,
        "not yet read"
    );
    assert_eq!(stream.delete(id(7, 0), References::Keep), Deleted::Done);
    assert!(stream.group(b"g").unwrap().pending(id(7, 0)).is_some());
    assert_eq!(stream.delete(id(8, 0), References::Delete), Deleted::Done);
    assert!(stream.group(b"g").unwrap().pending(id(8, 0)).is_none());
    let trim = |references| Trim {
        keep: Keep::Last(10),
        approximate: false,
        limit: 0,
        references,
    };
    assert_eq!(stream.trim(&trim(References::Acked)), 4);
    assert_eq!(stream.counters().first_id, id(6, 0));
    let before = stream.len();
    assert_eq!(stream.trim(&trim(References::Delete)), before - 10);
    assert_eq!(stream.counters().first_id, id(21, 0));
    // Only the reference that was kept on purpose dangles.
    assert_eq!(stream.group(b"h").unwrap().pending_len(), 1);
    assert_eq!(stream.count_entries(), 10);
}

#[test]
fn idle_time_protects_from_claims() {
    let mut stream = Stream::new();
    add(&mut stream, id(1, 0), &["f", "v"]);
    stream.create_group(b"g", StreamId::MIN, Some(0));
    stream.group_mut(b"g").unwrap().create_consumer(b"a", 0);
    stream.read_new(b"g", b"a", 0, false, 1000, |_, _| {});
    let mut options = ClaimOptions {
        min_idle_ms: 500,
        now_ms: 1400,
        delivery_time_ms: 1400,
        retry_count: None,
        force: false,
        just_id: false,
    };
    assert_eq!(
        stream.claim(b"g", b"b", id(1, 0), &options),
        Some((Claim::Left, false))
    );
    assert_eq!(stream.group(b"g").unwrap().consumers_len(), 1);
    options.now_ms = 1500;
    let taken = Delivery {
        id: id(1, 0),
        fields: 1,
        delivery_time_ms: 1400,
        delivery_count: 2,
    };
    assert_eq!(
        stream.claim(b"g", b"b", id(1, 0), &options),
        Some((Claim::Taken(taken), true))
    );
    let group = stream.group(b"g").unwrap();
    assert_eq!(group.consumer(b"a").unwrap().pending_len(), 0);
    assert_eq!(group.consumer(b"b").unwrap().active_time_ms, Some(1500));
    let (deleted, mut stream2) = (
        stream.group_mut(b"g").unwrap().delete_consumer(b"b"),
        stream.clone(),
    );
    assert_eq!(deleted, Some(1));
    assert_eq!(stream2.group(b"g").unwrap().pending_len(), 0);
    assert!(stream2.destroy_group(b"g") && !stream2.destroy_group(b"g"));
}

#[test]
fn groups_are_restored_from_parts() {
    let mut group = Group::new(id(5, 0), None);
    assert!(group.restore_pending(id(1, 0), 10, 2));
    assert!(!group.restore_pending(id(1, 0), 10, 2));
    assert!(group.create_consumer(b"c", 0));
    assert!(!group.is_complete());
    assert!(!group.restore_owner(b"c", id(2, 0)));
    assert!(group.restore_owner(b"c", id(1, 0)));
    assert!(!group.restore_owner(b"c", id(1, 0)));
    assert!(group.is_complete());
    assert_eq!(
        group
            .consumer(b"c")
            .unwrap()
            .pending_from(StreamId::MIN)
            .collect::<Vec<_>>(),
        [id(1, 0)]
    );
}
