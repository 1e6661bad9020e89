//! Client-side caching without sockets: what a client is told of its own changes and of others'.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use resp::Proto;

use crate::session::{ClientLink, ClientState};
use crate::testing::Tester;
use crate::{Origin, Session};

/// Keeps what is pushed.
#[derive(Default)]
struct Screen(Mutex<Vec<u8>>);

impl ClientLink for Screen {
    fn resume(&self) {}
    fn unblock(&self, _: Bytes) {}
    fn push(&self, payload: Bytes) {
        self.0.lock().extend_from_slice(&payload);
    }
    fn kill(&self, _: bool) {}
    fn wake_at(&self, _: i64) {}
}

impl Screen {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock());
        String::from_utf8_lossy(&bytes).replace("\r\n", " ")
    }
}

/// Two clients of one server, both with RESP3; what the second is pushed.
fn pair() -> (Tester, Tester, Arc<Screen>) {
    let mut first = Tester::new();
    first.session.id = 1;
    first.session.set_proto(Proto::Resp3);
    let screen = Arc::new(Screen::default());
    let link = Arc::clone(&screen) as Arc<dyn ClientLink>;
    let state = Arc::new(ClientState::new());
    let mut session = Session::new(2, 0, Origin::Client, state, link, Arc::from(""));
    session.authenticated = true;
    session.set_proto(Proto::Resp3);
    let server = Arc::clone(&first.server);
    (first, Tester { server, session }, screen)
}

const ALL: &str = ">2 $10 invalidate _ ";

fn keys(keys: &[&str]) -> String {
    let mut text = format!(">2 $10 invalidate *{} ", keys.len());
    keys.iter()
        .for_each(|key| text += &format!("${} {key} ", key.len()));
    text
}

#[test]
fn a_change_is_told_once_to_those_who_have_read_the_key() {
    let (mut writer, mut reader, screen) = pair();
    reader.line("CLIENT TRACKING ON");
    reader.line("MGET a b");
    assert_eq!(reader.server.tracking.item_count(), 2);
    writer.line("SET a 1");
    writer.line("SET a 2");
    writer.line("SET c 2");
    assert_eq!(screen.take(), keys(&["a"]));
    writer.line("FLUSHALL");
    assert_eq!(screen.take(), ALL);
    assert_eq!(reader.server.tracking.key_count(), 0);
    reader.line("GET a");
    reader.line("CLIENT TRACKING OFF");
    writer.line("SET a 3");
    assert_eq!(screen.take(), "");
}

#[test]
fn ones_own_changes_are_told_behind_the_reply_unless_noloop() {
    let (mut client, ..) = pair();
    client.line("CLIENT TRACKING ON");
    client.line("GET a");
    let told = ">2\n$10\ninvalidate\n*1\n$1\na";
    assert_eq!(client.line("INCR a"), format!(":1\n{told}"));
    client.line("GET a");
    for line in ["MULTI", "INCR a", "GET b"] {
        client.line(line);
    }
    assert_eq!(client.line("EXEC"), format!("*2\n:2\n_\n{told}"));
    client.line("CLIENT TRACKING ON NOLOOP");
    client.line("GET a");
    assert_eq!(client.line("INCR a"), ":3");
}

#[test]
fn optin_and_optout_follow_client_caching() {
    let (mut writer, mut reader, screen) = pair();
    reader.line("CLIENT TRACKING ON OPTIN");
    reader.line("GET a");
    reader.line("CLIENT CACHING YES");
    reader.line("CLIENT ID");
    reader.line("GET b");
    reader.line("GET c");
    writer.line("MSET a 1 b 1 c 1");
    assert_eq!(screen.take(), keys(&["b"]));
    reader.line("CLIENT CACHING YES");
    for line in ["MULTI", "GET a", "GET b", "EXEC", "GET c"] {
        reader.line(line);
    }
    writer.line("MSET a 1 b 1 c 1");
    assert_eq!(screen.take(), keys(&["a"]) + &keys(&["b"]));
    reader.line("CLIENT TRACKING OFF");
    reader.line("CLIENT TRACKING ON OPTOUT");
    reader.line("CLIENT CACHING NO");
    reader.line("GET a");
    reader.line("GET b");
    writer.line("MSET a 1 b 1");
    assert_eq!(screen.take(), keys(&["b"]));
}

#[test]
fn broadcasts_carry_all_keys_of_a_prefix_that_a_transaction_changed() {
    let (mut writer, mut reader, screen) = pair();
    reader.line("CLIENT TRACKING ON BCAST PREFIX a: PREFIX b:");
    for line in ["MULTI", "SET a:2 1", "SET b:1 1", "SET a:1 1", "SET c 1"] {
        writer.line(line);
    }
    assert_eq!(screen.take(), "");
    writer.line("EXEC");
    assert_eq!(screen.take(), keys(&["a:1", "a:2"]) + &keys(&["b:1"]));
    writer.line("RENAME a:1 a:3");
    assert_eq!(screen.take(), keys(&["a:1", "a:3"]));
    reader.line("CLIENT TRACKING ON BCAST NOLOOP PREFIX c:");
    assert_eq!(reader.line("SET c:1 x PX 1"), "+OK");
    std::thread::sleep(std::time::Duration::from_millis(3));
    let told = ">2\n$10\ninvalidate\n*1\n$3\nc:1";
    assert_eq!(reader.line("GET c:1"), format!("_\n{told}"));
    assert_eq!(reader.server.tracking.prefix_count(), 3);
    reader.line("RESET");
    assert_eq!(reader.server.tracking.prefix_count(), 0);
    assert!(!reader.server.tracking.is_on());
}

#[test]
fn a_full_table_forgets_keys_and_says_so() {
    use std::sync::atomic::Ordering::Relaxed;
    let (_, mut reader, screen) = pair();
    reader.line("CLIENT TRACKING ON");
    (0..10).for_each(|i| drop(reader.line(&format!("GET k{i}"))));
    let limit = &reader.server.settings.tracking_table_max_keys;
    limit.store(4, Relaxed);
    super::cycle(&reader.server);
    assert_eq!(reader.server.tracking.key_count(), 4);
    assert_eq!(screen.take().matches("invalidate").count(), 6);
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let (mut client, ..) = pair();
    for (line, refusal) in [
        (
            "ON PREFIX a",
            "-ERR PREFIX option requires BCAST mode to be enabled",
        ),
        (
            "ON BCAST OPTIN",
            "-ERR OPTIN and OPTOUT are not compatible with BCAST",
        ),
        (
            "ON OPTIN OPTOUT",
            "-ERR You can't specify both OPTIN mode and OPTOUT mode",
        ),
        (
            "ON REDIRECT 77",
            "-ERR The client ID you want redirect to does not exist",
        ),
        ("ON REDIRECT", "-ERR syntax error"),
        ("MAYBE", "-ERR syntax error"),
        ("ON OPTIN", "+OK"),
        ("ON OPTOUT", "-ERR You can't switch OPTIN/OPTOUT mode"),
        ("ON BCAST", "-ERR You can't switch BCAST mode on/off"),
        ("OFF", "+OK"),
        (
            "ON BCAST PREFIX ab PREFIX a",
            "-ERR Prefix 'ab' overlaps with another provided",
        ),
        ("ON BCAST PREFIX ab", "+OK"),
        (
            "ON BCAST PREFIX abc",
            "-ERR Prefix 'abc' overlaps with an existing prefix 'ab'.",
        ),
    ] {
        let reply = client.line(&format!("CLIENT TRACKING {line}"));
        assert!(reply.starts_with(refusal), "{line}: {reply}");
    }
    let info = client.line("CLIENT TRACKINGINFO");
    assert_eq!(
        info,
        "%3\n$5\nflags\n~2\n$2\non\n$5\nbcast\n$8\nredirect\n:0\n$8\nprefixes\n*1\n$2\nab"
    );
}
