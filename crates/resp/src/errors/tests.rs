//! The composed texts, as a real server words them.

use super::*;

#[test]
fn unknown_commands_quote_what_came() {
    let quoted = unknown_command(b"foo", [b"a".as_slice(), b"b\r\nc"]);
    assert_eq!(
        quoted.text(),
        "ERR unknown command 'foo', with args beginning with: 'a' 'b  c' "
    );
    let long = [b'x'; 300];
    let quoted = unknown_command(&long, [long.as_slice(), b"more"]);
    assert_eq!(
        quoted.as_bytes().len(),
        "ERR unknown command '".len() + 128 + 29 + 128 + 3
    );
    assert_eq!(
        unknown_command(b"a\0b", []).text(),
        "ERR unknown command 'a', with args beginning with: "
    );
}

#[test]
fn subcommands_point_to_help() {
    assert_eq!(
        unknown_subcommand("config", b"foo").text(),
        "ERR unknown subcommand 'foo'. Try CONFIG HELP."
    );
    assert_eq!(
        subcommand_syntax("client", b"kill").text(),
        "ERR unknown subcommand or wrong number of arguments for 'kill'. Try CLIENT HELP."
    );
}

#[test]
fn arity_and_ranges() {
    assert_eq!(
        wrong_arity("get").text(),
        "ERR wrong number of arguments for 'get' command"
    );
    assert_eq!(
        must_be_between(-1, 5).text(),
        "ERR value is out of range, value must between -1 and 5"
    );
    assert_eq!(
        cluster::moved(3999, "127.0.0.1", 6381).text(),
        "MOVED 3999 127.0.0.1:6381"
    );
}

#[test]
fn exec_abort_quotes_the_reason_without_its_late_code() {
    let oom = exec_abort(&OOM);
    assert!(
        oom.text()
            .starts_with("EXECABORT Transaction discarded because of: OOM command not")
    );
    let reason = exec_abort(&NO_MULTI);
    assert!(
        reason
            .text()
            .ends_with("because of: Command not allowed inside a transaction")
    );
}

#[test]
fn texts_have_a_code_and_no_line_end() {
    for error in [
        WRONGTYPE,
        MISCONF_RDB,
        client::PROTECTED_MODE,
        stream::BUSYGROUP,
    ] {
        assert_ne!(error.code(), b"ERR");
        assert!(!error.text().contains(['\r', '\n']));
        assert!(!error.text().contains("  "), "{error}");
    }
}
