//! A constant rate of GET and SET to random keys, with the time of each reply from when its request
//! was due: a stall counts for all requests that it delays.
//!
//! ```text
//! paced PORT KEYS CONNECTIONS REQUESTS_PER_SECOND WRITES_PERCENT PIPELINE
//! ```
//! Runs until its standard input ends, then prints how many requests there were, how many of them
//! a second, and the 50th, 99th, 99.9th percentile and the maximum of their times in ms. Standard
//! library only: `benches/snapshot/run` compiles it by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
struct Load {
    port: u16,
    keys: u64,
    connections: u64,
    rate: u64,
    writes_percent: u64,
    pipeline: u64,
}

fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Appends a request.
fn request(load: Load, seed: &mut u64, out: &mut Vec<u8>) {
    let key = format!("key:{}", random(seed) % load.keys);
    if random(seed) % 100 < load.writes_percent {
        let value = format!("{:032}", random(seed));
        let text = format!(
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$32\r\n{value}\r\n",
            key.len()
        );
        out.extend_from_slice(text.as_bytes());
    } else {
        out.extend_from_slice(format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).as_bytes());
    }
}

/// Where the replies in `bytes` end, if so many are there: "+OK", "$-1" or "$N" with N bytes.
fn replies_end(bytes: &[u8], count: u64) -> Option<usize> {
    let mut at = 0;
    for _ in 0..count {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let head = &bytes[at..at + line];
        at += line + 2;
        match head.first() {
            Some(b'$') if head != b"$-1" => {
                let len: usize = std::str::from_utf8(&head[1..]).ok()?.parse().ok()?;
                at += len + 2;
            }
            Some(b'-') => panic!("{}", String::from_utf8_lossy(head)),
            _ => {}
        }
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

/// One connection's part of the load; times in nanoseconds.
fn connection(load: Load, number: u64, done: &AtomicBool) -> std::io::Result<Vec<u64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", load.port))?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(1 << 20);
    let mut seed = number * 7919 + 1;
    let (mut out, mut buffer, mut input) = (Vec::new(), vec![0; 64 << 10], Vec::new());
    let step = Duration::from_nanos(1_000_000_000 * load.connections * load.pipeline / load.rate);
    let mut due = Instant::now() + step * number as u32 / load.connections as u32;
    while !done.load(Relaxed) {
        let now = Instant::now();
        if now < due {
            std::thread::sleep(due - now);
        }
        out.clear();
        (0..load.pipeline).for_each(|_| request(load, &mut seed, &mut out));
        stream.write_all(&out)?;
        input.clear();
        while replies_end(&input, load.pipeline).is_none() {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            input.extend_from_slice(&buffer[..count]);
        }
        times.push(due.elapsed().as_nanos() as u64);
        due += step;
    }
    Ok(times)
}

fn main() {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let [port, keys, connections, rate, writes_percent, pipeline] = arguments[..] else {
        // Also when all benches are run by cargo.
        eprintln!("paced PORT KEYS CONNECTIONS REQUESTS_PER_SECOND WRITES_PERCENT PIPELINE");
        return;
    };
    let load = Load {
        port: port as u16,
        keys,
        connections,
        rate,
        writes_percent,
        pipeline,
    };
    let done = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let threads: Vec<_> = (0..connections)
        .map(|number| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || connection(load, number, &done))
        })
        .collect();
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("standard input can be read");
    done.store(true, Relaxed);
    let mut times: Vec<u64> = threads
        .into_iter()
        .flat_map(|thread| {
            thread
                .join()
                .expect("it ends")
                .expect("the server is there")
        })
        .collect();
    let seconds = began.elapsed().as_secs_f64();
    times.sort_unstable();
    let count = times.len() as f64 * pipeline as f64;
    let at =
        |part: f64| times[((times.len() as f64 * part) as usize).min(times.len() - 1)] as f64 / 1e6;
    println!(
        "{count:.0} {:.0} {:.3} {:.3} {:.3} {:.3}",
        count / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
