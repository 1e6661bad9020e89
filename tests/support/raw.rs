//! A client with nothing between the test and the wire.
//!
//! It exists for what client libraries hide: half commands, pipelines, garbage, pushes, exact
//! types. It reads RESP2 and RESP3, trusts the server, and panics when a reply does not come in
//! time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

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

    /// `+OK`.
    pub(crate) fn ok() -> Self {
        Self::simple("OK")
    }

    /// An array of bulk strings.
    pub(crate) fn bulks(texts: &[&str]) -> Self {
        Self::Array(texts.iter().map(|text| Self::bulk(text)).collect())
    }

    /// An error.
    pub(crate) fn error(text: &str) -> Self {
        Self::Error(text.to_owned())
    }

    /// The number of an integer reply.
    pub(crate) fn number(&self) -> i64 {
        let Self::Integer(number) = self else {
            panic!("{self:?} is not a number")
        };
        *number
    }

    /// The text of a string, whatever its type on the wire; a verbatim string without its format.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Line(_, text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Blob('=', bytes) => String::from_utf8_lossy(&bytes[4..]).into_owned(),
            other => panic!("{other:?} is not a string"),
        }
    }

    /// The elements of an array, set, push or flat map.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) | Self::Aggregate(_, elements) => elements,
            other => panic!("{other:?} has no elements"),
        }
    }

    /// The elements as text, sorted.
    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.elements().iter().map(Self::text).collect();
        texts.sort();
        texts
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

    /// Whether PING gets any answer; that the data is being loaded counts `while_loading` only.
    pub(crate) fn try_ping(&mut self, while_loading: bool) -> bool {
        let mut line = String::new();
        self.stream.get_mut().write_all(b"PING\r\n").is_ok()
            && self.stream.read_line(&mut line).is_ok()
            && line.starts_with(['+', '-'])
            && (while_loading || !line.starts_with("-LOADING"))
    }

    /// Waits this long for replies from now on.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        let stream = self.stream.get_mut();
        stream
            .set_read_timeout(Some(patience))
            .expect("read timeout");
    }

    /// Whether the first byte of a reply comes in time.
    pub(crate) fn is_answered(&mut self) -> bool {
        self.stream.fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    /// A second handle of the same connection, to send while this one reads.
    pub(crate) fn sender(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a handle")
    }

    /// Sends bytes and reads so many replies; `None` if the server goes away meanwhile.
    pub(crate) fn try_exchange(&mut self, request: &str, replies: usize) -> Option<Vec<Value>> {
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        (0..replies).map(|_| self.try_read()).collect()
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

    /// Sends a command and reads its reply.
    pub(crate) fn call_args(&mut self, args: &[&str]) -> Value {
        self.send_command(args);
        self.read()
    }

    /// Sends a command (words separated by spaces) and reads its reply.
    pub(crate) fn call(&mut self, command: &str) -> Value {
        self.send_command(&command.split_whitespace().collect::<Vec<_>>());
        self.read()
    }

    /// Reads one reply.
    pub(crate) fn read(&mut self) -> Value {
        self.try_read().expect("a whole reply in time")
    }

    fn try_read(&mut self) -> Option<Value> {
        let line = self.try_read_line()?;
        let kind = line.chars().next().expect("a reply line is not empty");
        let rest = &line[1..];
        Some(match kind {
            '+' => Value::Simple(rest.to_owned()),
            '-' => Value::Error(rest.to_owned()),
            ':' => Value::Integer(rest.parse().expect("integer")),
            '_' => Value::Null,
            '$' | '*' if rest == "-1" => Value::Null,
            '$' => Value::Bulk(self.try_read_blob(rest)?),
            '=' | '!' => Value::Blob(kind, self.try_read_blob(rest)?),
            '*' => Value::Array(self.try_read_elements(rest, 1)?),
            '%' | '|' => Value::Aggregate(kind, self.try_read_elements(rest, 2)?),
            '~' | '>' => Value::Aggregate(kind, self.try_read_elements(rest, 1)?),
            _ => Value::Line(kind, rest.to_owned()),
        })
    }

    /// Whether the server has closed the connection, once all that it sent is read.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_ok() && rest.is_empty()
    }

    /// Reads one line, without its end.
    pub(crate) fn read_line(&mut self) -> String {
        self.try_read_line().expect("a whole line in time")
    }

    fn try_read_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).ok()?;
        let text = line.strip_suffix(b"\r\n")?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn try_read_blob(&mut self, length: &str) -> Option<Vec<u8>> {
        let mut content = vec![0; length.parse::<usize>().expect("length") + 2];
        self.stream.read_exact(&mut content).ok()?;
        content.truncate(content.len() - 2);
        Some(content)
    }

    fn try_read_elements(&mut self, count: &str, each: usize) -> Option<Vec<Value>> {
        let count = count.parse::<usize>().expect("count") * each;
        (0..count).map(|_| self.try_read()).collect()
    }
}
