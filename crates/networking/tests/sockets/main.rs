//! The network over real sockets, with a toy service behind it.

mod admission;
mod closing;
mod flow;
mod messages;
mod support;
mod tls;
mod toy;
