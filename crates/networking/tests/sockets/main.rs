//! The network over real sockets, with a toy service behind it.

mod admission;
mod away;
mod closing;
mod flow;
mod messages;
mod support;
mod tls;
mod toy;
