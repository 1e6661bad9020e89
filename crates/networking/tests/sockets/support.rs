//! A toy server on a free port, and a client that speaks RESP by hand.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use networking::{Bind, Listen, NetConfig, Network};

use crate::toy::Toy;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What to listen on: loopback, a free port.
pub(crate) fn loopback() -> Listen {
    Listen {
        bind: vec![Bind::parse("127.0.0.1")],
        port: 0,
        any_port: true,
        ..Listen::default()
    }
}

/// A server with so many workers.
pub(crate) fn start(workers: usize) -> Network<Toy> {
    start_on(workers, loopback())
}

pub(crate) fn start_on(workers: usize, listen: Listen) -> Network<Toy> {
    let config = NetConfig {
        workers,
        listen,
        ..NetConfig::default()
    };
    Network::start(Arc::new(Toy::default()), config).unwrap()
}

/// Waits until it is true.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A client of any stream.
pub(crate) struct Peer<T: Read + Write> {
    pub(crate) stream: BufReader<T>,
}

/// A TCP client.
pub(crate) fn connect(network: &Network<Toy>) -> Peer<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", network.handle().listening().port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Peer::new(stream)
}

/// A command in RESP.
pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl<T: Read + Write> Peer<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// One reply: a line, or the contents of a bulk.
    pub(crate) fn reply(&mut self) -> String {
        self.try_reply().unwrap()
    }

    pub(crate) fn try_reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_owned();
        let Some(len) = line.strip_prefix('$').filter(|len| *len != "-1") else {
            return Ok(line);
        };
        let mut bulk = vec![0; len.parse::<usize>().unwrap() + 2];
        self.stream.read_exact(&mut bulk)?;
        bulk.truncate(bulk.len() - 2);
        Ok(String::from_utf8(bulk).unwrap())
    }

    /// Sends a line of words, and reads the reply.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    pub(crate) fn id(&mut self) -> String {
        self.ask("ID").trim_start_matches(':').to_owned()
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }
}
