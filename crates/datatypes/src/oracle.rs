//! A real `redis-server` to compare with, for tests.
//!
//! Each [`Oracle`] starts its own on a free port and kills it when dropped. Tests do nothing where
//! none is installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A reply, flattened to what tests compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Int(i64),
    Text(Vec<u8>),
    Error(String),
    Array(Vec<Reply>),
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        match self {
            Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        }
    }

    pub(crate) fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.items().iter().map(Reply::text).collect()
    }
}

pub(crate) struct Oracle {
    server: Child,
    stream: BufReader<TcpStream>,
}

impl Oracle {
    /// `None` without a `redis-server` in the path, and under Miri, which starts no processes.
    pub(crate) fn start(options: &[&str]) -> Option<Oracle> {
        if cfg!(miri) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port()
            .to_string();
        let mut server = Command::new("redis-server")
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ])
            .args(options)
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let stream = loop {
            match TcpStream::connect(format!("127.0.0.1:{port}")) {
                Ok(stream) => break stream,
                Err(_) if server.try_wait().ok()?.is_some() => {
                    panic!("redis-server refuses to start")
                }
                Err(_) => std::thread::yield_now(),
            }
        };
        Some(Oracle {
            server,
            stream: BufReader::new(stream),
        })
    }

    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.as_ref().len()).as_bytes());
            request.extend_from_slice(arg.as_ref());
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        self.reply()
    }

    /// Splits `line` at spaces.
    pub(crate) fn run(&mut self, line: &str) -> Reply {
        self.call(&line.split(' ').collect::<Vec<_>>())
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        let n = rest.parse::<i64>().unwrap_or(0);
        match kind {
            "+" => Reply::Text(rest.as_bytes().to_vec()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(n),
            "*" if n >= 0 => Reply::Array((0..n).map(|_| self.reply()).collect()),
            "$" if n >= 0 => {
                let mut text = vec![0; n as usize + 2];
                self.stream.read_exact(&mut text).unwrap();
                text.truncate(n as usize);
                Reply::Text(text)
            }
            _ => Reply::Nil,
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
