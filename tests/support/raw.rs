//! A client with nothing between the test and the wire.
//!
//! It exists for what client libraries hide: half commands, pipelines, garbage, pushes, exact
//! types. It reads RESP2 and RESP3, trusts the server, and panics when a reply does not come in
//! time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::PATIENCE;

/// A reply, by its type on the wire. Maps and attributes are flat: key, value, key, value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `+` text.
    Simple(String),
    /// `-` text.
    Error(String),
    /// `:` number.
    Integer(i64),
    /// `$` bytes.
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`.
    Null,
    /// `*` elements.
    Array(Vec<Value>),
    /// Any other RESP3 type with one line: its type byte and the line.
    Line(char, String),
    /// `=` and `!`: type byte and content.
    Blob(char, Vec<u8>),
    /// `%`, `~`, `>` and `|`: type byte and elements.
    Aggregate(char, Vec<Value>),
}

impl Value {
    /// A bulk string.
    pub(crate) fn bulk(text: &str) -> Self {
        Self::Bulk(text.as_bytes().to_vec())
    }

    /// A simple string.
    pub(crate) fn simple(text: &str) -> Self {
        Self::Simple(text.to_owned())
    }
}

/// One connection.
pub(crate) struct RawClient {
    stream: BufReader<TcpStream>,
}

impl RawClient {
    /// Connects to 127.0.0.1, or tells that nobody listens there.
    pub(crate) fn try_connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("read timeout");
        stream.set_nodelay(true).expect("no delay");
        Some(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Whether PING gets any answer at all.
    pub(crate) fn try_ping(&mut self) -> bool {
        let mut line = String::new();
        self.stream.get_mut().write_all(b"PING\r\n").is_ok()
            && self.stream.read_line(&mut line).is_ok()
            && line.starts_with(['+', '-'])
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("send");
    }

    /// Sends a command without waiting for its reply.
    pub(crate) fn send_command(&mut self, args: &[&str]) {
        let mut request = format!("*{}\r\n", args.len());
        for arg in args {
            request += &format!("${}\r\n{arg}\r\n", arg.len());
        }
        self.send(request.as_bytes());
    }

    /// Sends a command (words separated by spaces) and reads its reply.
    pub(crate) fn call(&mut self, command: &str) -> Value {
        self.send_command(&command.split_whitespace().collect::<Vec<_>>());
        self.read()
    }

    /// Reads one reply.
    pub(crate) fn read(&mut self) -> Value {
        let line = self.read_line();
        let kind = line.chars().next().expect("a reply line is not empty");
        let rest = &line[1..];
        match kind {
            '+' => Value::Simple(rest.to_owned()),
            '-' => Value::Error(rest.to_owned()),
            ':' => Value::Integer(rest.parse().expect("integer")),
            '_' => Value::Null,
            '$' | '*' if rest == "-1" => Value::Null,
            '$' => Value::Bulk(self.read_blob(rest)),
            '=' | '!' => Value::Blob(kind, self.read_blob(rest)),
            '*' => Value::Array(self.read_elements(rest, 1)),
            '%' | '|' => Value::Aggregate(kind, self.read_elements(rest, 2)),
            '~' | '>' => Value::Aggregate(kind, self.read_elements(rest, 1)),
            _ => Value::Line(kind, rest.to_owned()),
        }
    }

    /// Whether the server has closed the connection, once all that it sent is read.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_ok() && rest.is_empty()
    }

    fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream
            .read_until(b'\n', &mut line)
            .expect("a reply in time");
        assert!(line.ends_with(b"\r\n"), "the connection ended in a reply");
        line.truncate(line.len() - 2);
        String::from_utf8_lossy(&line).into_owned()
    }

    fn read_blob(&mut self, length: &str) -> Vec<u8> {
        let mut content = vec![0; length.parse::<usize>().expect("length") + 2];
        self.stream
            .read_exact(&mut content)
            .expect("a whole reply in time");
        content.truncate(content.len() - 2);
        content
    }

    fn read_elements(&mut self, count: &str, each: usize) -> Vec<Value> {
        let count = count.parse::<usize>().expect("count") * each;
        (0..count).map(|_| self.read()).collect()
    }
}
