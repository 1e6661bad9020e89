//! Following a primary: a thread for each role, which connects, shakes hands, synchronises and
//! applies the stream, and begins again when the link is lost.
//! Only this thread talks to the primary; commands that change the role leave a wish and wake it.

use std::time::Duration;

use ::replication::handshake::{Handshake, Identity, Step, Sync};
use commands::replication::{Phase, Target};

use super::wire::{Lost, Wire};
use super::{Context, receive, spawn, stream};

/// Between two attempts.
const RETRY: Duration = Duration::from_secs(1);

/// Waits for roles and starts a thread for each.
pub(super) fn run(context: &Context) {
    let replication = &context.server.replication;
    let mut known = 0;
    while !context.is_stopping() {
        let Some(target) = replication.primary(RETRY) else {
            continue;
        };
        if target.generation != known {
            known = target.generation;
            let of_thread = context.clone();
            let spawned = spawn("repl-primary", move || follow(&of_thread, &target));
            if let Err(error) = spawned {
                tracing::error!("Can't start a thread for the link to the primary: {error}");
                known = 0;
            }
        }
        replication.rest(known, RETRY);
    }
}

/// One role, from its beginning to its end.
fn follow(context: &Context, target: &Target) {
    let replication = &context.server.replication;
    let Target {
        host,
        port,
        generation,
    } = target;
    let mut is_first = true;
    while replication.is_current(*generation) && !context.is_stopping() {
        if !std::mem::take(&mut is_first) {
            tracing::info!("Connecting to MASTER {host}:{port}");
        }
        let mut was_up = false;
        let lost = attempt(context, target, &mut was_up);
        replication.link_lost(*generation);
        if let Err(Lost::Over) = lost {
            return;
        }
        if was_up {
            // What we miss may not be kept for long: no waiting.
            tracing::info!("Reconnecting to MASTER {host}:{port}");
            is_first = true;
        } else {
            replication.rest(*generation, RETRY);
        }
    }
}

/// One connection. `was_up` becomes true when the stream comes in.
fn attempt(context: &Context, target: &Target, was_up: &mut bool) -> Result<(), Lost> {
    let (server, generation) = (&context.server, target.generation);
    let replication = &server.replication;
    replication.set_phase(generation, Phase::Connecting);
    tracing::info!("MASTER <-> REPLICA sync started");
    let mut wire = Wire::connect(context, generation, (&target.host, target.port))?;
    tracing::info!("Non blocking connect for SYNC fired the event.");
    replication.set_phase(generation, Phase::Handshake);
    let capacity = context.config.unsigned("repl-backlog-size");
    match shake_hands(context, generation, &mut wire)? {
        Sync::Continue(id) => {
            if let Some(id) = replication.continued(generation, id, capacity) {
                tracing::error!("Master replication ID changed to {id}");
            }
            tracing::info!("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        }
        Sync::Full { id, offset } => {
            receive::snapshot(context, generation, &mut wire, (&id, offset))?;
        }
        Sync::Old => {
            tracing::info!("Retrying with SYNC...");
            wire.send(b"SYNC\r\n")?;
            receive::snapshot(context, generation, &mut wire, ("", -1))?;
        }
    }
    if !replication.set_phase(generation, Phase::Connected) {
        return Err(Lost::Over);
    }
    *was_up = true;
    stream::apply(context, generation, &mut wire)
}

fn identity(context: &Context, generation: u64) -> Identity {
    let (config, replication) = (&context.config, &context.server.replication);
    let text = |name| config.bytes(name).filter(|text| !text.is_empty());
    let port = match config.unsigned("replica-announce-port") {
        0 if config.bool("tls-replication") && config.unsigned("tls-port") != 0 => {
            config.unsigned("tls-port")
        }
        0 => config.unsigned("port"),
        port => port,
    };
    Identity {
        user: text("masteruser"),
        password: text("masterauth"),
        port: port as u16,
        ip: Some(config.text("replica-announce-ip")).filter(|ip| !ip.is_empty()),
        resume: replication.resume_point(generation),
        failover: replication.asks_for_takeover(),
    }
}

fn shake_hands(context: &Context, generation: u64, wire: &mut Wire<'_>) -> Result<Sync, Lost> {
    let (server, replication) = (&context.server, &context.server.replication);
    let identity = identity(context, generation);
    let is_failover = identity.failover;
    let (mut handshake, first) = Handshake::begin(identity);
    wire.send(&first)?;
    loop {
        let line = wire.line()?;
        let was_psync = handshake.awaits_psync();
        let step = handshake.line(&line);
        for notice in handshake.notices.drain(..) {
            tracing::info!("{notice}");
        }
        let refuses = |step: &Step| {
            !matches!(
                step,
                Step::Wait | Step::Done(Sync::Continue(_) | Sync::Full { .. })
            )
        };
        if is_failover && was_psync && step != Step::Wait {
            if refuses(&step) {
                replication.abort_failover(server, "Failover target rejected psync request");
                return Err(Lost::Over);
            }
            replication.failover_done(server);
        }
        match step {
            Step::Wait => {}
            Step::Send(bytes) => wire.send(&bytes)?,
            Step::Done(sync) => return Ok(sync),
            Step::TryLater(reason) => {
                tracing::info!("{reason}");
                return Err(Lost::Down);
            }
            Step::Fail(reason) => {
                tracing::error!("{reason}");
                return Err(Lost::Down);
            }
        }
    }
}
