//! MULTI: the queue of commands between MULTI and EXEC.
//!
//! Arguments are copied when queued, because the connection's buffer moves on. What runs them is
//! [`mod@crate::dispatch`]; this is only the queue.

use crate::table::CommandId;

/// What Redis counts for an argument besides its bytes.
const ARG_BYTES: usize = 8;

/// A queued command.
pub struct Queued {
    /// Which command.
    pub id: CommandId,
    /// Its arguments, the name first.
    pub args: Vec<Box<[u8]>>,
}

/// An open transaction.
#[derive(Default)]
pub struct Transaction {
    /// The commands, in order.
    pub queue: Vec<Queued>,
    /// A command was refused while queueing: EXEC must answer EXECABORT.
    pub aborted: bool,
    /// Bytes that the queued arguments hold.
    pub memory_bytes: usize,
}

impl Transaction {
    /// Appends a command.
    pub fn push(&mut self, id: CommandId, args: resp::Args<'_>) {
        let args: Vec<Box<[u8]>> = args.iter().map(Box::from).collect();
        self.memory_bytes += args.iter().map(|arg| arg.len() + ARG_BYTES).sum::<usize>();
        self.queue.push(Queued { id, args });
    }
}
