//! The metrics listener: HTTP for monitoring systems and orchestrators.
//!
//! `/metrics` is in the OpenMetrics text format, `/healthz` says that the process answers,
//! `/readyz` that it serves data (503 while loading). It is off unless `metrics-port` is set, and
//! has no authentication: `metrics-bind` says who can reach it.

mod families;
mod format;
mod http;

use common::os::os_text;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use commands::Server;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::host::ServerHost;

/// What pages are made from.
pub(crate) struct Source {
    /// The process and its network.
    pub host: Arc<ServerHost>,
    /// Commands and data.
    pub server: Arc<Server>,
}

/// Where it listens now.
#[derive(Default)]
struct Listening {
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

/// Listens as the configuration says, now and whenever it changes.
///
/// # Errors
/// An address cannot be listened on: why, for the log.
pub fn follow(
    config: &Config,
    control: &Handle,
    host: &Arc<ServerHost>,
    server: &Arc<Server>,
) -> Result<(), String> {
    let source = Arc::new(Source {
        host: Arc::clone(host),
        server: Arc::clone(server),
    });
    let control = control.clone();
    let listening = Mutex::new(Listening::default());
    let apply = move |config: &Config| {
        let wanted = wanted(config)?;
        let mut listening = listening.lock();
        if listening.addresses == wanted {
            return Ok(());
        }
        let before = std::mem::take(&mut listening.addresses);
        listening.close(&control);
        let opened = listening.open(&control, &wanted, &source);
        if opened.is_err() {
            // What was open before can be opened again.
            listening.open(&control, &before, &source)?;
        }
        opened
    };
    apply(config)?;
    config.on_change(&["metrics-port", "metrics-bind"], apply);
    Ok(())
}

/// The addresses that the configuration names; none where the port is 0.
fn wanted(config: &Config) -> Result<Vec<SocketAddr>, String> {
    let port = config.unsigned("metrics-port") as u16;
    if port == 0 {
        return Ok(Vec::new());
    }
    let text = config.text("metrics-bind");
    let addresses = text.split_whitespace().map(|word| {
        let address = match word {
            "*" => "0.0.0.0",
            "::*" => "::",
            word => word,
        };
        let parsed = address.parse::<IpAddr>();
        let parsed = parsed.map_err(|_| format!("metrics-bind: '{word}' is no IP address."))?;
        Ok(SocketAddr::new(parsed, port))
    });
    addresses.collect()
}

impl Listening {
    /// Opens all addresses or none.
    fn open(
        &mut self,
        control: &Handle,
        addresses: &[SocketAddr],
        source: &Arc<Source>,
    ) -> Result<(), String> {
        let sockets: Result<Vec<_>, _> = addresses.iter().map(bind).collect();
        for socket in sockets? {
            let task = http::serve(socket, Arc::clone(source));
            self.tasks.push(control.spawn(task));
        }
        self.addresses = addresses.to_vec();
        Ok(())
    }

    /// Returns when the sockets are closed.
    fn close(&mut self, control: &Handle) {
        for task in self.tasks.drain(..) {
            task.abort();
            // It was cancelled: that is what this waits for.
            let _ = control.block_on(task);
        }
    }
}

fn bind(address: &SocketAddr) -> Result<TcpListener, String> {
    let socket = TcpListener::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    socket.map_err(|error| {
        let reason = format!("Cannot serve metrics on {address}: {}", os_text(&error));
        tracing::warn!("{reason}");
        reason
    })
}
