//! The output against a socket pair whose other end reads slowly.

use std::io::Read;
use std::os::unix::net::UnixStream;

use super::*;

fn pair() -> (Transport, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (
        Transport::Unix(mio::net::UnixStream::from_std(ours)),
        theirs,
    )
}

/// What is there to read.
fn drain(from: &mut UnixStream, into: &mut Vec<u8>) {
    let _ = from.read_to_end(into);
}

#[test]
fn small_replies_leave_in_one_write_and_the_buffer_goes_back() {
    let (mut to, mut from) = pair();
    let (mut output, mut pool) = (Output::default(), BufferPool::default());
    output.open(&mut pool);
    output.tail.extend_from_slice(b"+OK\r\n");
    assert_eq!(output.send(&mut to).unwrap(), (5, Sent::All));
    output.close(&mut pool);
    assert_eq!(
        (output.tail.capacity(), pool.free.len()),
        (0, BufferPool::KEPT_MAX)
    );
    let mut got = Vec::new();
    drain(&mut from, &mut got);
    assert_eq!(got, b"+OK\r\n");
}

#[test]
fn any_mix_of_pieces_arrives_in_order_through_a_full_socket() {
    let (mut to, mut from) = pair();
    let (mut output, mut pool) = (Output::default(), BufferPool::default());
    let (mut expected, mut got) = (Vec::new(), Vec::new());
    let mut seed = 7u32;
    for round in 0..600u32 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let piece = vec![b'a' + (round % 26) as u8; (seed >> 16) as usize % 9000];
        expected.extend_from_slice(&piece);
        if seed & 0x100 == 0 {
            output.open(&mut pool);
            output.tail.extend_from_slice(&piece);
        } else {
            output.push(Bytes::from(piece), &mut pool);
        }
        if seed & 0x1e00 == 0 {
            output.send(&mut to).unwrap();
        }
        if seed & 0x6000 == 0 {
            drain(&mut from, &mut got);
        }
        assert!(output.len() + got.len() <= expected.len());
    }
    while output.send(&mut to).unwrap().1 == Sent::Part {
        drain(&mut from, &mut got);
    }
    drain(&mut from, &mut got);
    assert!(output.is_empty());
    assert_eq!(got, expected);
}

#[test]
fn memory_counts_whole_chunks_until_they_are_sent_and_as_leaving_until_they_are_freed() {
    let (mut to, mut from) = pair();
    let (mut output, mut pool) = (Output::default(), BufferPool::default());
    output.push_own(vec![1; 3 << 20], &mut pool);
    output.push(Bytes::from(vec![2; 100_000]), &mut pool);
    let owned = good_size(3 << 20);
    let held = owned + 100_000 + 2 * CHUNK_BYTES;
    assert_eq!((output.owned(), output.held()), (owned, held));
    assert_ne!(output.send(&mut to).unwrap().1, Sent::All);
    assert_eq!((output.owned(), output.held()), (owned, held));
    while output.owned() > 0 {
        drain(&mut from, &mut Vec::new());
        output.send(&mut to).unwrap();
    }
    assert!(output.held() <= 100_000 + CHUNK_BYTES);
    let before = common::memory::leaving_memory();
    let spent = output.take_spent().unwrap();
    assert_eq!(common::memory::leaving_memory(), before + owned);
    drop(spent);
    assert_eq!(common::memory::leaving_memory(), before);
}

#[test]
fn client_list_tells_of_a_fixed_buffer_and_of_the_chunks_behind_it() {
    let mut pool = BufferPool::default();
    let mut output = Output::default();
    assert_eq!(output.backlog(false), Backlog::default());
    output.push(Bytes::from(vec![1; 100]), &mut pool);
    let small = Backlog {
        fixed: 100,
        ..Backlog::default()
    };
    assert_eq!(output.backlog(false), small);
    assert_eq!(output.backlog(true), small);
    output.push_own(vec![2; 4000], &mut pool);
    (0..10).for_each(|_| output.push(Bytes::from(vec![3; 2000]), &mut pool));
    let split = |fixed: usize| Backlog {
        fixed,
        chunks: 1,
        memory: 24_100 - fixed,
    };
    assert_eq!(output.backlog(false), split(BUFFER_BYTES));
    assert_eq!(output.backlog(true), split(0));
    output.push(Bytes::from(vec![4; 1_000_000]), &mut pool);
    output.push(Bytes::from(vec![5; 100]), &mut pool);
    let backlog = output.backlog(false);
    assert_eq!((backlog.fixed, backlog.chunks), (0, 3));
    assert!((1_024_200..1_040_000).contains(&backlog.memory));
    assert!(backlog.memory <= output.held());
}
