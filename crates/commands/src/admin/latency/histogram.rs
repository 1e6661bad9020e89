//! LATENCY HISTOGRAM: how many calls of a command took no longer than so many microseconds.
//!
//! The steps are those that Redis's histogram arrives at: 1032 ns and its doublings, cut to whole
//! microseconds (1, 2, 4, 8, 16, 33, 66, …). A step is shown where the count grew.

use resp::{Args, ReplyWriter};

use super::TIPS;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::{Command, Group};
use crate::ctx::{CmdResult, Ctx};
use crate::stats::histogram_upper_us;
use crate::table::{CommandId, NO_COMMAND};

/// `LATENCY HISTOGRAM`
pub const LATENCY_HISTOGRAM: Command = Command::new("histogram", -2, latency_histogram)
    .group(Group::Server)
    .since("7.0.0")
    .docs(
        "Returns how long commands took, cumulated.",
        "O(N) where N is the number of commands with durations",
    )
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .tips(TIPS)
    .args("command?*");

fn latency_histogram(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let map = out.deferred_map();
    let mut count = 0;
    for id in asked_for(ctx, args) {
        if let Some(counts) = ctx.server.stats.histogram(id) {
            out.bulk_str(&ctx.server.table.entry(id).full_name);
            write(&cumulate(&counts), out);
            count += 1;
        }
    }
    out.finish_map(map, count);
    Ok(())
}

/// The commands that the arguments name, or all, each followed by its subcommands.
fn asked_for(ctx: &Ctx<'_>, args: Args<'_>) -> Vec<CommandId> {
    let table = &ctx.server.table;
    let named: Vec<CommandId> = if args.len() == 2 {
        table.callable().collect()
    } else {
        args.from(2)
            .iter()
            .map(|name| table.find_full(name))
            .collect()
    };
    let known = named.into_iter().filter(|id| *id != NO_COMMAND);
    known
        .flat_map(|id| std::iter::once(id).chain(table.entry(id).children.iter().copied()))
        .collect()
}

/// Steps in microseconds with the number of calls up to each.
fn cumulate(counts: &[u64]) -> Vec<(u64, u64)> {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let (mut bucket, mut total) = (0, 0);
    let mut limit_ns: u64 = 1032;
    while bucket < counts.len() {
        let before = total;
        while bucket < counts.len() && histogram_upper_us(bucket) * 1000 < limit_ns {
            total += counts[bucket];
            bucket += 1;
        }
        if total > before {
            steps.push(((limit_ns - 1) / 1000, total));
        }
        limit_ns *= 2;
    }
    steps
}

fn write(steps: &[(u64, u64)], out: &mut ReplyWriter<'_>) {
    out.map(2);
    out.bulk_str("calls");
    out.integer(steps.last().map_or(0, |(_, total)| *total as i64));
    out.bulk_str("histogram_usec");
    out.map(steps.len());
    for (us, total) in steps {
        out.integer(*us as i64);
        out.integer(*total as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{HISTOGRAM_BUCKETS, histogram_bucket};

    #[test]
    fn steps_are_those_of_redis_and_end_in_the_number_of_calls() {
        let mut counts = vec![0; HISTOGRAM_BUCKETS];
        for us in [0, 1, 3, 3, 30, 1000, 1 << 40] {
            counts[histogram_bucket(us)] += 1;
        }
        let steps = cumulate(&counts);
        assert_eq!(
            steps[..5],
            [(1, 2), (4, 4), (33, 5), (1056, 6), (steps[4].0, 7)]
        );
        assert_eq!(cumulate(&[]), []);
    }
}
