//! Invalidation messages: how they look, and which way they go.
//!
//! A client that speaks RESP3 gets a push. One that speaks RESP2 gets none itself, but may have its
//! messages redirected to another connection, there as messages of a channel that it subscribed to.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use common::memory::Leaving;
use resp::{Proto, ReplyWriter};

use super::Tracker;
use crate::pubsub::Own;
use crate::server::Server;
use crate::session::{ClientLink, ClientState, client_flag};

/// The channel of redirected messages in RESP2.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// What has changed.
pub(super) enum Body<'a> {
    /// These keys.
    Keys(&'a [&'a [u8]]),
    /// All keys.
    Everything,
}

fn proto(state: &ClientState) -> Proto {
    if state.resp.load(Relaxed) == 3 {
        Proto::Resp3
    } else {
        Proto::Resp2
    }
}

fn encode(proto: Proto, body: &Body<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    let mut out = ReplyWriter::new(&mut bytes, proto);
    if proto == Proto::Resp3 {
        out.push(2);
        out.bulk(b"invalidate");
    } else {
        out.array(3);
        out.bulk(b"message");
        out.bulk(CHANNEL);
    }
    match body {
        Body::Everything => out.null(),
        Body::Keys(keys) => {
            out.array(keys.len());
            keys.iter().for_each(|key| out.bulk(key));
        }
    }
    bytes
}

/// The state and the connection of another client, if it is there.
fn find(server: &Server, id: u64) -> Option<(bool, Proto, Arc<dyn ClientLink>)> {
    let mut found = None;
    server.host()?.with_client(id, &mut |client| {
        let state = client.state();
        if state.flags.load(Relaxed) & client_flag::CLOSING != 0 {
            return; // It has read its last reply, though its worker may not be through with it.
        }
        let subscribed = state.flags.load(Relaxed) & client_flag::PUBSUB != 0;
        found = Some((subscribed, proto(state), client.link()));
    });
    found
}

/// Tells a client, or whom it redirects to. What the running client is told itself is appended to
/// `own`.
pub(super) fn send(server: &Server, to: &Tracker, body: &Body<'_>, own: &mut Own<'_>) {
    if to.redirect == 0 {
        if proto(&to.state) == Proto::Resp3 {
            deliver(server, to.id, &*to.link, encode(Proto::Resp3, body), own);
        }
        return;
    }
    match find(server, to.redirect) {
        Some((subscribed, proto, link)) if subscribed || proto == Proto::Resp3 => {
            deliver(server, to.redirect, &*link, encode(proto, body), own);
        }
        Some(_) => {}
        None => redirection_is_broken(server, to, own),
    }
}

/// The client that messages were redirected to is gone.
fn redirection_is_broken(server: &Server, to: &Tracker, own: &mut Own<'_>) {
    to.state
        .flags
        .fetch_or(client_flag::TRACKING_BROKEN, Relaxed);
    if proto(&to.state) == Proto::Resp3 {
        let mut bytes = Vec::new();
        let mut out = ReplyWriter::new(&mut bytes, Proto::Resp3);
        out.push(2);
        out.bulk(b"tracking-redir-broken");
        out.integer(to.redirect as i64);
        deliver(server, to.id, &*to.link, bytes, own);
    }
}

fn deliver(server: &Server, id: u64, link: &dyn ClientLink, bytes: Vec<u8>, own: &mut Own<'_>) {
    if id == own.id {
        own.out.extend_from_slice(&bytes);
    } else if server.settings.maxmemory.load(Relaxed) == 0 {
        link.push(Bytes::from(bytes));
    } else {
        // Nothing is to be evicted for it before it could be sent.
        link.push(Bytes::from_owner(Leaving::new(bytes.into_boxed_slice())));
    }
}
