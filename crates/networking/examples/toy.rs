//! PING, GET and SET over the network layer alone: what it costs without a keyspace behind it.
//!
//! `cargo run --profile quick -p corewire-networking --example toy -- 7777 1`, then point
//! `redis-benchmark` at the port. The second argument is the number of workers.

use std::collections::HashMap;
use std::sync::Arc;

use networking::{
    Bind, Client, ClientClass, ConnInfo, Listen, Message, NetConfig, Network, Outcome, Service,
};
use parking_lot::RwLock;
use resp::{Args, Proto, ReplyWriter};

/// One map for everything.
#[derive(Default)]
struct Toy {
    values: RwLock<HashMap<Vec<u8>, Vec<u8>>>,
}

impl Service for Toy {
    type Session = ();
    type Shared = ();
    type Prepared = ();

    fn new_shared(&self, _: &ConnInfo) {}

    fn connect(&self, _: &Arc<Client<()>>) {}

    fn prepare(&self, (): &(), _: Args<'_>) {}

    fn prefetch(&self, (): &mut (), _: &[()], _: usize) -> usize {
        usize::MAX
    }

    fn dispatch(&self, (): &mut (), args: Args<'_>, (): (), out: &mut ReplyWriter<'_>) -> Outcome {
        match (args.at(0).to_ascii_uppercase().as_slice(), args.len()) {
            (b"GET", 2) => match self.values.read().get(args.at(1)) {
                Some(value) => out.bulk(value),
                None => out.null(),
            },
            (b"SET", 3) => {
                self.values
                    .write()
                    .insert(args.at(1).to_vec(), args.at(2).to_vec());
                out.ok();
            }
            (b"QUIT", _) => {
                out.ok();
                return Outcome::Close;
            }
            (b"CONFIG", _) => out.array(0),
            _ => out.simple("PONG"),
        }
        Outcome::Done
    }

    fn lend(&self, (): &mut ()) {}

    fn dispatch_away(
        &self,
        (): &mut (),
        _: usize,
        args: Args<'_>,
        out: &mut ReplyWriter<'_>,
    ) -> Outcome {
        self.dispatch(&mut (), args, (), out)
    }

    fn resume(&self, (): &mut (), _: Message, _: &mut ReplyWriter<'_>) -> Outcome {
        Outcome::Done
    }

    fn batch_end(&self, (): &mut (), _: networking::BatchInfo) {}

    fn disconnect(&self, (): ()) {}

    fn authenticated(&self, (): &()) -> bool {
        true
    }

    fn class(&self, (): &()) -> ClientClass {
        ClientClass::Normal
    }

    fn proto(&self, (): &()) -> Proto {
        Proto::Resp2
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let port: u16 = args.next().unwrap_or(7777);
    let workers = args.next().unwrap_or(1).into();
    let listen = Listen {
        bind: vec![Bind::parse("127.0.0.1")],
        port,
        ..Listen::default()
    };
    let config = NetConfig {
        workers,
        listen,
        ..NetConfig::default()
    };
    match Network::start(Arc::new(Toy::default()), config) {
        Ok(_network) => loop {
            std::thread::park();
        },
        Err(error) => eprintln!("{error}"),
    }
}
