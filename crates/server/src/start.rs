//! Start-up: command line, configuration, keyspace, network, and the way down again.
//!
//! The order is Redis's where it shows; `boot` has the process side of each step. No thread may be
//! started before `boot::begin`, which may fork.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use commands::host::ShutdownRequest;
use commands::{FAMILIES, Server, Table};
use keyspace::{Keyspace, KeyspaceConfig};
use networking::{NetConfig, NetSettings, Network};

use crate::aof::{self, Aof};
use crate::boot::{self, Process};
use crate::check_rdb;
use crate::config::{Collected, CommandLine, Config, Role, Start, parse_command_line};
use crate::control::Control;
use crate::cron::Cron;
use crate::host::ServerHost;
use crate::listen;
use crate::metrics;
use crate::process;
use crate::process::signals::{self, Shutdown};
use crate::replication::{self, Replicator};
use crate::service::App;
use crate::snapshot::{Failed, Snapshots, background_temp_name, may_end, temp_name};
use crate::wiring;

/// How long to wait for a shutdown before waiting again.
const WAIT: Duration = Duration::from_secs(3600);
/// How long to wait for the periodic tasks to go on.
const CRON_WAIT: Duration = Duration::from_millis(5);

/// Runs the program with these arguments, its own name first; returns the exit status.
///
/// # Errors
/// Whatever keeps the server from starting.
pub fn run(args: &[Vec<u8>]) -> anyhow::Result<i32> {
    boot::prepare();
    let program = args
        .first()
        .map(|name| String::from_utf8_lossy(name))
        .unwrap_or_default();
    match parse_command_line(args) {
        CommandLine::Run(Role::Server, start) => serve(&program, &start),
        CommandLine::Run(role, _) => {
            eprintln!("{}", role.refusal().unwrap_or_default());
            Ok(1)
        }
        CommandLine::Print(text) => {
            print!("{text}");
            Ok(0)
        }
        CommandLine::CheckRdb(args) => Ok(check_rdb::run(&program, &args)),
        CommandLine::CheckAof(args) => Ok(aof::check_aof(&program, &args)),
        CommandLine::CheckSystem => {
            let (report, is_fine) = process::check::report();
            print!("{report}");
            Ok(i32::from(!is_fine))
        }
        CommandLine::Fail(text) => {
            eprintln!("{text}");
            Ok(1)
        }
    }
}

fn serve(program: &str, start: &Start) -> anyhow::Result<i32> {
    let config = Arc::new(Config::new());
    let mut extras = Collected::default();
    if let Err(error) = config.load(&start.source, &mut extras) {
        eprintln!("{error}");
        return Ok(1);
    }
    let mut process = boot::begin(&config, program, start.configured)?;
    let workers = workers(&config);
    let server = server(&config, &extras, workers)?;
    let settings = Arc::new(NetSettings::default());
    wiring::connect(&config, &server, &settings);
    let net = NetConfig {
        workers,
        listen: listen::wanted(&config),
        settings,
        cpus: Vec::new(),
    };
    let (host, snapshots, aof) = host(&server, &config);
    // Clients that come before the data is there are told so.
    server.persistence.begin_loading(0, common::clock::now_ms());
    let app = Arc::new(App::new(Arc::clone(&server), Arc::clone(&host)));
    let control = Control::start()?;
    if let Err(reason) = metrics::follow(&config, control.handle(), &host, &server) {
        tracing::error!("{reason}");
        return Ok(1);
    }
    let network = match Network::start(app, net) {
        Ok(network) => network,
        Err(error) => {
            boot::log_listen_abort(&config, &error);
            return Ok(1);
        }
    };
    let every = {
        let (server, host) = (Arc::clone(&server), Arc::clone(&host));
        move |now_ms| host.tick(&server, now_ms)
    };
    let cron = Cron::start(Arc::clone(&server), every)?;
    listen::follow(&config, network.handle().clone());
    process.listening(&config);
    replication::begin(&server, &config);
    let signalled = Arc::clone(&host);
    signals::set_temporary([temp_name(), background_temp_name()].into_iter());
    process.on_signal(move |signal| {
        let request = requested_by(signal, signalled.config());
        signalled.shutdown_switch().request(request, None);
    })?;
    let is_called_off = || host.shutdown_switch().is_asked();
    let mut replicator = None;
    match load(&server, &config, (&aof, &snapshots), &is_called_off) {
        Ok(()) => {
            server.persistence.end_loading();
            process.ready(&config);
            replicator = Some(Replicator::start(&server, &config)?);
        }
        Err(Failed::Broken) => return Ok(1),
        Err(Failed::CalledOff) => {}
    }
    wait_for_end(&process, &host, &server, &snapshots);
    drop(replicator);
    drop(control);
    drop(cron);
    network.shutdown();
    aof.shutdown();
    process.ended();
    Ok(0)
}

/// What the commands need of the server around them, files included.
fn host(server: &Arc<Server>, config: &Arc<Config>) -> (Arc<ServerHost>, Arc<Snapshots>, Aof) {
    let host = Arc::new(ServerHost::new(Arc::clone(config)));
    server.set_host(Arc::clone(&host) as Arc<dyn commands::host::Host>);
    let snapshots = Arc::new(Snapshots::new(server, Arc::clone(config)));
    host.attach_snapshots(Arc::clone(&snapshots), server);
    let aof = Aof::new(server, config);
    host.attach_aof(aof.clone());
    (host, snapshots, aof)
}

/// The commands, some of them under other names.
fn table(extras: &Collected) -> anyhow::Result<Table> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let renames: Vec<_> = extras
        .renames
        .iter()
        .map(|(old, new)| (text(old), text(new)))
        .collect();
    Table::new(FAMILIES, &renames)
        .map_err(|name| anyhow::anyhow!("rename-command: no such command, or name in use: {name}"))
}

/// Loads the data: what the append-only file has, or else the snapshot.
fn load(
    server: &Server,
    config: &Config,
    (aof, snapshots): (&Aof, &Snapshots),
    is_called_off: &(dyn Fn() -> bool + Sync),
) -> Result<(), Failed> {
    let start = Instant::now();
    let found = aof.load_at_start(is_called_off)?;
    if found {
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
        server
            .changes_at_save
            .store(server.stats.changes(), Relaxed);
    } else if !config.bool("appendonly") {
        snapshots.load_at_start(server, is_called_off)?;
    }
    aof.open().map_err(|_| Failed::Broken)
}

/// What a signal asks for, as `shutdown-on-sigint` and `shutdown-on-sigterm` say.
fn requested_by(signal: Shutdown, config: &Config) -> ShutdownRequest {
    let flags = config.choice_value(match signal {
        Shutdown::Interrupt => "shutdown-on-sigint",
        Shutdown::Terminate => "shutdown-on-sigterm",
    });
    let is_set = |flag| flags & flag != 0;
    ShutdownRequest {
        save: (is_set(1) || is_set(2)).then(|| is_set(2)),
        now: is_set(4),
        force: is_set(8),
        abort: false,
    }
}

/// Waits until someone asks for the end, and nothing speaks against it.
fn wait_for_end(process: &Process, host: &ServerHost, server: &Server, snapshots: &Snapshots) {
    let switch = host.shutdown_switch();
    loop {
        let Some(request) = switch.wait(WAIT) else {
            continue;
        };
        if switch.is_by_signal() && server.debug.pause_cron.load(Relaxed) {
            // As with Redis, whose periodic tasks look for signals.
            std::thread::sleep(CRON_WAIT);
            continue;
        }
        process.ending();
        if !replication::wait_for_replicas(server, host.config(), switch, request) {
            signals::shutdown_forget();
            continue;
        }
        let allowed = host.aof().is_none_or(|aof| aof.may_end(request.force));
        if allowed && may_end(server, host.config(), snapshots, request) {
            return;
        }
        tracing::error!(
            "Errors trying to shut down the server. Check the logs for more information."
        );
        switch.abort();
        signals::shutdown_forget();
    }
}

/// An empty server with the commands under the names that they are given.
fn server(config: &Config, extras: &Collected, workers: usize) -> anyhow::Result<Arc<Server>> {
    let keyspace = Arc::new(Keyspace::new(KeyspaceConfig {
        databases: config.unsigned("databases") as usize,
        shards: KeyspaceConfig::shards_for(workers),
    }));
    let table = table(extras)?;
    Ok(Arc::new(Server::new(keyspace, table, workers)))
}

/// How many workers: `io-threads`, one per core where it is left at its default.
fn workers(config: &Config) -> usize {
    match config.unsigned("io-threads") as usize {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}
