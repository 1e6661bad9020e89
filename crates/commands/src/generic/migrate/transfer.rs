//! One MIGRATE on its way: what is sent, by a background thread, and what the target said to it.
//!
//! The worker makes a [`Transfer`] of dumps taken under the locks of the keys and hands it over;
//! when the thread is done it wakes the client, whose command then runs again and finds the
//! [`Report`]. If the client has gone, the report is left to the cron.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keyspace::DbId;
use resp::{ReplyError, errors};

use super::Migrations;
use super::connections::{Connection, Target};
use crate::session::ClientLink;

/// See the module's text.
pub(crate) struct Transfer {
    pub(super) target: Target,
    pub(super) timeout: Duration,
    /// The database there.
    pub(super) db: i64,
    /// AUTH, encoded.
    pub(super) auth: Option<Vec<u8>>,
    /// One RESTORE for each key, encoded.
    pub(super) restores: Vec<u8>,
    /// The keys, in order, and the database that they are in.
    pub(super) keys: Vec<Box<[u8]>>,
    pub(super) source_db: DbId,
    /// The keys stay.
    pub(super) copy: bool,
    pub(super) client: Arc<dyn ClientLink>,
    pub(super) report: OnceLock<Report>,
    /// Nobody waits any more.
    pub(super) is_orphan: AtomicBool,
    /// Whether somebody has taken it on to act on the report.
    pub(super) is_claimed: AtomicBool,
}

/// What came of it.
pub(super) struct Report {
    /// Which keys have arrived.
    pub(super) arrived: Vec<bool>,
    /// What the client is told, if not OK.
    pub(super) error: Option<ReplyError>,
}

/// What went wrong with the connection.
struct Broken {
    error: ReplyError,
    /// Nothing can have been done there: another connection may be tried.
    may_retry: bool,
}

impl Transfer {
    /// Sends everything and reads the answers.
    pub(super) fn run(self: &Arc<Self>, migrations: &Migrations) {
        let report = self.attempt(migrations).or_else(|broken| {
            if broken.may_retry {
                self.attempt(migrations)
            } else {
                Err(broken)
            }
        });
        let report = report.unwrap_or_else(|broken| Report {
            arrived: vec![false; self.keys.len()],
            error: Some(broken.error),
        });
        let _ = self.report.set(report);
        if self.is_orphan.load(SeqCst) {
            migrations.leave(Arc::clone(self));
        } else {
            self.client.resume();
        }
    }

    fn attempt(&self, migrations: &Migrations) -> Result<Report, Broken> {
        let connection = migrations.connections.take(&self.target, self.timeout);
        let mut connection = connection.map_err(|error| Broken {
            // Redis connects without waiting: a refusal is what its first write meets.
            error: match error.kind() {
                io::ErrorKind::ConnectionRefused => errors::keys::MIGRATE_WRITE,
                _ => errors::keys::MIGRATE_CONNECT,
            },
            may_retry: false,
        })?;
        let selects = connection.db != Some(self.db);
        let mut request = self.auth.clone().unwrap_or_default();
        if selects {
            resp::write_command(
                &mut request,
                [&b"SELECT"[..], self.db.to_string().as_bytes()],
            );
        }
        request.extend_from_slice(&self.restores);
        connection
            .send(&request, self.timeout)
            .map_err(|error| broken(errors::keys::MIGRATE_WRITE, &error))?;
        let report = self.answers(&mut connection, selects)?;
        if !matches!(&report.error, Some(error) if *error == errors::keys::MIGRATE_READ) {
            connection.db = Some(self.db).filter(|_| report.error.is_none());
            let now_ms = common::clock::now_ms();
            let target = self.target.clone();
            migrations.connections.give_back(target, connection, now_ms);
        }
        Ok(report)
    }

    /// Reads one line for each command sent. An error of AUTH or SELECT counts for every key.
    fn answers(&self, connection: &mut Connection, selects: bool) -> Result<Report, Broken> {
        let mut refusal = None;
        for _ in 0..usize::from(self.auth.is_some()) + usize::from(selects) {
            let line = connection.read_line();
            let line = line.map_err(|error| broken(errors::keys::MIGRATE_READ, &error))?;
            if refusal.is_none() {
                refusal = refused(&line);
            }
        }
        let mut report = Report {
            arrived: Vec::new(),
            error: None,
        };
        for _ in &self.keys {
            match connection.read_line() {
                Ok(line) => {
                    let error = refusal.clone().or_else(|| refused(&line));
                    report.arrived.push(error.is_none());
                    report.error = report.error.or(error);
                }
                Err(error) if report.arrived.is_empty() => {
                    return Err(broken(errors::keys::MIGRATE_READ, &error));
                }
                Err(_) => {
                    report.error.get_or_insert(errors::keys::MIGRATE_READ);
                    break;
                }
            }
        }
        report.arrived.resize(self.keys.len(), false);
        Ok(report)
    }
}

fn refused(line: &[u8]) -> Option<ReplyError> {
    let text = line.strip_prefix(b"-")?;
    Some(errors::keys::migrate_target_error(text))
}

/// A kept connection may have been closed by the other side, which shows at the first use; when
/// time has run out, trying again would take as long.
fn broken(error: ReplyError, cause: &io::Error) -> Broken {
    let timed_out = matches!(
        cause.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    );
    Broken {
        error,
        may_retry: !timed_out,
    }
}
