//! Resident bytes per element of large containers, over a whole doubling of their size.
//!
//! Each container is filled in a process of its own, which prints at every step what is resident
//! and what was asked of the allocator; the difference is what the allocator wastes. An argument
//! names one container.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures"
)]

use common::memory::{CountingAllocator, Mimalloc, release_unused, used_memory};
use common::os::resident_bytes;
use datatypes::hash::HashLimits;
use datatypes::set::SetLimits;
use datatypes::{Hash, Set, Zset};
use std::process::Command;

#[global_allocator]
static ALLOCATOR: CountingAllocator<Mimalloc> = CountingAllocator(Mimalloc);

const FIRST: usize = 500_000;
const LAST: usize = 2_000_000;
/// Figures in a doubling.
const STEPS: usize = 16;

/// Calls `add` for each element, and prints at each step.
fn fill(name: &str, mut add: impl FnMut(usize)) {
    let (resident, used) = (resident_bytes(), used_memory());
    let mut next = FIRST;
    let (mut figures, mut asked) = (Vec::new(), Vec::new());
    for i in 0..=LAST {
        if i == next {
            release_unused();
            figures.push((resident_bytes() - resident) as f64 / i as f64);
            asked.push((used_memory() - used) as f64 / i as f64);
            next += (next.max(2) as f64 * (2_f64.powf(1.0 / STEPS as f64) - 1.0)) as usize;
        }
        add(i);
    }
    let line = |figures: &[f64]| {
        let shown: Vec<_> = figures.iter().map(|f| format!("{f:.1}")).collect();
        let least = figures.iter().copied().fold(f64::MAX, f64::min);
        let most = figures.iter().copied().fold(0.0, f64::max);
        let mean = figures.iter().sum::<f64>() / figures.len() as f64;
        format!(
            "{least:.1} to {most:.1}, mean {mean:.1}: {}",
            shown.join(" ")
        )
    };
    println!("{name}: {}\n  asked for {}", line(&figures), line(&asked));
}

fn measure(name: &str) {
    match name {
        "hash" => {
            let (mut hash, limits) = (Hash::new(), HashLimits::default());
            fill(name, |i| {
                hash.set(
                    format!("field:{i:08}").as_bytes(),
                    format!("value:{i:010}").as_bytes(),
                    &limits,
                );
            });
        }
        "set" => {
            let limits = SetLimits::default();
            let mut set = Set::with_hint(b"member", LAST, &limits);
            fill(name, |i| {
                set.add(format!("member:{i:07}").as_bytes(), &limits);
            });
        }
        // Scores ascend, or come in no order.
        "zset" | "zset shuffled" => {
            let limits = datatypes::zset::Limits {
                entries_max: 128,
                value_max: 64,
            };
            let mut zset = Zset::new(0, limits);
            let shuffled = name != "zset";
            fill(name, |i| {
                let score = if shuffled {
                    i * 7_368_787 % 15_485_863
                } else {
                    i
                };
                zset.insert(format!("member:{i:07}").as_bytes(), score as f64, limits);
            });
        }
        _ => {}
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        None | Some("--bench") => {
            for name in ["hash", "set", "zset", "zset shuffled"] {
                let child = Command::new(&args[0]).arg(name).status();
                assert!(child.is_ok_and(|status| status.success()));
            }
        }
        Some(name) => measure(name),
    }
}
