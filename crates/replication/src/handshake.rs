//! A replica's side of the handshake: what it sends its primary, and what it makes of the answers.
//!
//! A state machine without I/O and without a clock: it takes lines and gives bytes to send and
//! lines for the log. It ends in a [`Step::Done`] that says how the synchronisation goes on, or in
//! a failure, after which the link is tried again.

use std::collections::VecDeque;

use crate::history::ID_LEN;

/// What the replica tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// `masteruser`.
    pub user: Option<Vec<u8>>,
    /// `masterauth`.
    pub password: Option<Vec<u8>>,
    /// The port that it is reached at.
    pub port: u16,
    /// `replica-announce-ip`.
    pub ip: Option<String>,
    /// The history that it could continue, and the next byte that it wants.
    pub resume: Option<(String, i64)>,
    /// Asks the primary, a replica so far, to take over (FAILOVER).
    pub failover: bool,
}

/// How the synchronisation goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sync {
    /// The stream continues; with the primary's history id, if it told it.
    Continue(Option<String>),
    /// A snapshot follows, and then the stream from this offset of that history on.
    Full {
        /// The history; unusable if empty.
        id: String,
        /// Its offset at the snapshot.
        offset: i64,
    },
    /// The primary knows no PSYNC: a snapshot is to be asked for with SYNC.
    Old,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give the next line.
    Wait,
    /// Send this, then give the next line.
    Send(Vec<u8>),
    /// The handshake is over.
    Done(Sync),
    /// The primary cannot serve us now: try again later.
    TryLater(String),
    /// Something is wrong with it; the same.
    Fail(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Pong,
    Auth,
    /// A reply that may be an error, to a REPLCONF of that option.
    Optional(&'static str),
    Psync,
}

/// A handshake that goes on.
pub struct Handshake {
    identity: Identity,
    expected: VecDeque<Expects>,
    /// Lines for the log, at notice level.
    pub notices: Vec<String>,
}

impl Handshake {
    /// Begins: what is returned is to be sent first.
    pub fn begin(identity: Identity) -> (Self, Vec<u8>) {
        let this = Self {
            identity,
            expected: VecDeque::from([Expects::Pong]),
            notices: Vec::new(),
        };
        (this, command(&[b"PING"]))
    }

    /// Whether an answer to PSYNC is awaited.
    pub fn awaits_psync(&self) -> bool {
        self.expected.front() == Some(&Expects::Psync)
    }

    /// Takes a line of the primary, without its end.
    pub fn line(&mut self, line: &str) -> Step {
        if line.is_empty() && self.awaits_psync() {
            // The primary only shows that it is there.
            return Step::Wait;
        }
        match self.expected.pop_front() {
            Some(Expects::Pong) => self.pong(line),
            Some(Expects::Auth) if line.starts_with('-') => {
                Step::Fail(format!("Unable to AUTH to MASTER: {line}"))
            }
            Some(Expects::Optional(option)) if line.starts_with('-') => {
                self.notices.push(format!(
                    "(Non critical) Master does not understand REPLCONF {option}: {line}"
                ));
                self.next()
            }
            Some(Expects::Auth | Expects::Optional(_)) => self.next(),
            Some(Expects::Psync) => self.psync_reply(line),
            None => Step::Fail("The handshake is over".to_owned()),
        }
    }

    fn pong(&mut self, line: &str) -> Step {
        let tolerated = ["+", "-NOAUTH", "-NOPERM", "-ERR operation not permitted"];
        if !tolerated.iter().any(|start| line.starts_with(start)) {
            return Step::Fail(format!("Error reply to PING from master: '{line}'"));
        }
        self.notices
            .push("Master replied to PING, replication can continue...".to_owned());
        let (mut out, identity) = (Vec::new(), &self.identity);
        if let Some(password) = &identity.password {
            let words = [Some(&b"AUTH"[..]), identity.user.as_deref(), Some(password)];
            out.extend(command(&words.into_iter().flatten().collect::<Vec<_>>()));
            self.expected.push_back(Expects::Auth);
        }
        let port = identity.port.to_string();
        out.extend(command(&[b"REPLCONF", b"listening-port", port.as_bytes()]));
        self.expected.push_back(Expects::Optional("listening-port"));
        if let Some(ip) = &identity.ip {
            out.extend(command(&[b"REPLCONF", b"ip-address", ip.as_bytes()]));
            self.expected.push_back(Expects::Optional("ip-address"));
        }
        out.extend(command(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]));
        self.expected.push_back(Expects::Optional("capa"));
        Step::Send(out)
    }

    /// All answers before PSYNC are there, or some are still to come.
    fn next(&mut self) -> Step {
        if !self.expected.is_empty() {
            return Step::Wait;
        }
        self.expected.push_back(Expects::Psync);
        let (id, offset) = match &self.identity.resume {
            Some((id, offset)) => {
                self.notices.push(format!(
                    "Trying a partial resynchronization (request {id}:{offset})."
                ));
                (id.clone(), *offset)
            }
            None => {
                self.notices
                    .push("Partial resynchronization not possible (no cached master)".to_owned());
                ("?".to_owned(), -1)
            }
        };
        let offset = offset.to_string();
        let mut words = vec![&b"PSYNC"[..], id.as_bytes(), offset.as_bytes()];
        if self.identity.failover {
            words.push(b"FAILOVER");
        }
        Step::Send(command(&words))
    }

    fn psync_reply(&mut self, line: &str) -> Step {
        if let Some(rest) = line.strip_prefix("+FULLRESYNC") {
            return Step::Done(self.full(rest));
        }
        if let Some(rest) = line.strip_prefix("+CONTINUE") {
            self.notices
                .push("Successful partial resynchronization with master.".to_owned());
            let id = rest.trim();
            let id = (id.len() == ID_LEN).then(|| id.to_owned());
            return Step::Done(Sync::Continue(id));
        }
        if line.starts_with("-NOMASTERLINK") || line.starts_with("-LOADING") {
            return Step::TryLater(format!(
                "Master is currently unable to PSYNC but should be in the future: {line}"
            ));
        }
        self.notices.push(if line.starts_with("-ERR") {
            format!("Master does not support PSYNC or is in error state (reply: {line})")
        } else {
            format!("Unexpected reply to PSYNC from master: {line}")
        });
        Step::Done(Sync::Old)
    }

    fn full(&mut self, rest: &str) -> Sync {
        let mut words = rest.split_ascii_whitespace();
        let id = words.next().filter(|id| id.len() == ID_LEN);
        let offset = words.next().and_then(|text| text.parse::<i64>().ok());
        match (id, offset) {
            (Some(id), Some(offset)) => {
                self.notices
                    .push(format!("Full resync from master: {id}:{offset}"));
                Sync::Full {
                    id: id.to_owned(),
                    offset,
                }
            }
            _ => {
                self.notices
                    .push("Master replied with wrong +FULLRESYNC syntax.".to_owned());
                Sync::Full {
                    id: String::new(),
                    offset: -1,
                }
            }
        }
    }
}

/// A command as it is sent.
pub fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    resp::write_command(&mut out, words.iter().copied());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(step: Step) -> String {
        match step {
            Step::Send(bytes) => String::from_utf8(bytes)
                .unwrap()
                .split("\r\n")
                .filter(|word| !word.starts_with(['*', '$']))
                .collect::<Vec<_>>()
                .join(" "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_first_synchronisation_asks_for_everything() {
        let identity = Identity {
            port: 7000,
            password: Some(b"secret".to_vec()),
            user: Some(b"me".to_vec()),
            ip: Some("1.2.3.4".to_owned()),
            ..Identity::default()
        };
        let (mut shake, first) = Handshake::begin(identity);
        assert_eq!(first, b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(
            text(shake.line("-NOAUTH Authentication required.")),
            "AUTH me secret REPLCONF listening-port 7000 REPLCONF ip-address 1.2.3.4 \
             REPLCONF capa eof capa psync2 "
        );
        assert_eq!(shake.line("+OK"), Step::Wait);
        assert_eq!(shake.line("+OK"), Step::Wait);
        assert_eq!(shake.line("-ERR what"), Step::Wait);
        assert_eq!(text(shake.line("+OK")), "PSYNC ? -1 ");
        assert_eq!(shake.line(""), Step::Wait);
        let id = "f".repeat(ID_LEN);
        let full = Sync::Full {
            id: id.clone(),
            offset: 12,
        };
        assert_eq!(
            shake.line(&format!("+FULLRESYNC {id} 12")),
            Step::Done(full)
        );
    }

    #[test]
    fn a_known_history_is_continued() {
        let identity = Identity {
            resume: Some(("e".repeat(ID_LEN), 55)),
            failover: true,
            ..Identity::default()
        };
        let (mut shake, _) = Handshake::begin(identity);
        shake.line("+PONG");
        shake.line("+OK");
        let psync = text(shake.line("+OK"));
        assert_eq!(psync, format!("PSYNC {} 55 FAILOVER ", "e".repeat(ID_LEN)));
        assert_eq!(shake.line("+CONTINUE"), Step::Done(Sync::Continue(None)));
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = |line: &str| {
            let (mut shake, _) = Handshake::begin(Identity::default());
            ["+PONG", "+OK", "+OK"]
                .iter()
                .for_each(|line| drop(shake.line(line)));
            shake.line(line)
        };
        assert!(matches!(refused("-LOADING wait"), Step::TryLater(_)));
        assert!(matches!(refused("-NOMASTERLINK x"), Step::TryLater(_)));
        assert_eq!(refused("-ERR unknown command"), Step::Done(Sync::Old));
        let (mut shake, _) = Handshake::begin(Identity::default());
        assert!(matches!(shake.line("-LOADING x"), Step::Fail(_)));
    }
}
