//! The parser against a simple reference, in every split of its input.

use proptest::prelude::*;

use super::*;
use crate::{ArgScratch, BATCH_COMMANDS_MAX, split_args};

type Command = Vec<Vec<u8>>;

/// What a connection does: keeps what is not consumed, and fills large arguments directly when
/// `direct` says so.
struct Connection {
    parser: Parser,
    buffer: Vec<u8>,
    batch: Batch,
    limits: Limits,
    commands: Vec<Command>,
    error: Option<ProtocolError>,
}

impl Connection {
    fn new(limits: Limits) -> Self {
        Self {
            parser: Parser::new(),
            buffer: Vec::new(),
            batch: Batch::new(),
            limits,
            commands: Vec::new(),
            error: None,
        }
    }

    fn feed(&mut self, mut piece: &[u8], direct: bool) {
        while direct && !piece.is_empty() && self.buffer.is_empty() {
            let Some(target) = self.parser.large_target() else {
                break;
            };
            let n = target.len().min(piece.len());
            assert!(n > 0, "a target is never empty");
            target[..n].copy_from_slice(&piece[..n]);
            self.parser.large_filled(n);
            piece = &piece[n..];
        }
        self.buffer.extend_from_slice(piece);
        self.drain();
    }

    fn drain(&mut self) {
        while self.error.is_none() {
            self.batch.clear();
            let (consumed, parsed) = self
                .parser
                .parse(&self.buffer, &self.limits, &mut self.batch);
            for i in 0..self.batch.len() {
                let mut scratch = ArgScratch::new();
                self.batch.slice(i, &self.buffer, &mut scratch);
                let args = self.batch.args(i, &scratch);
                assert_eq!(args.len(), self.batch.arg_count(i));
                for index in 0..args.len() {
                    if let Some(large) = args.large(index) {
                        assert_eq!(large, args.at(index));
                    }
                }
                self.commands
                    .push(args.iter().map(<[u8]>::to_vec).collect());
            }
            self.buffer.drain(..consumed);
            match parsed {
                Parsed::NeedMore => break,
                Parsed::Full => {}
                Parsed::Error(error) => self.error = Some(error),
            }
        }
    }
}

fn parse_all(input: &[u8], limits: Limits) -> (Vec<Command>, Option<ProtocolError>) {
    let mut connection = Connection::new(limits);
    connection.feed(input, false);
    (connection.commands, connection.error)
}

fn parse_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    direct: bool,
) -> (Vec<Command>, Option<ProtocolError>) {
    let mut connection = Connection::new(Limits::default());
    for piece in pieces {
        connection.feed(piece, direct);
    }
    (connection.commands, connection.error)
}

fn encode(command: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", command.len()).into_bytes();
    for arg in command {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn words(line: &str) -> Command {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

#[track_caller]
fn check(input: &str, commands: &[&str]) {
    let commands: Vec<Command> = commands.iter().map(|line| words(line)).collect();
    let bytes = input.as_bytes();
    assert_eq!(
        parse_all(bytes, Limits::default()),
        (commands.clone(), None),
        "{input:?}"
    );
    assert_eq!(
        parse_pieces(bytes.chunks(1), false),
        (commands, None),
        "byte-wise {input:?}"
    );
}

#[track_caller]
fn check_error(input: &str, text: &str) {
    for pieces in [
        parse_all(input.as_bytes(), Limits::default()),
        parse_pieces(input.as_bytes().chunks(1), true),
    ] {
        assert_eq!(
            pieces.1.map(|error| error.to_string()).as_deref(),
            Some(text),
            "{input:?}"
        );
    }
}

#[test]
fn commands_of_both_kinds() {
    check("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", &["GET k"]);
    check(
        "*1\r\n$4\r\nPING\r\nping\r\n*1\r\n$4\r\nPING\r\n",
        &["PING", "ping", "PING"],
    );
    check(
        "*2\r\n$4\r\nECHO\r\n$12\r\nhello\r\nworld\r\n",
        &["ECHO hello\r\nworld"],
    );
    check("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &["ECHO "]);
    check("set k v\nget  k \r\n", &["set k v", "get k"]);
}

#[test]
fn quoted_inline_words() {
    let (commands, error) = parse_all(
        b"set \"a b\" 'c\\'d' \"\\x00\\n\"\r\nping\r\n",
        Limits::default(),
    );
    assert_eq!(error, None);
    assert_eq!(
        commands[0],
        [
            b"set".to_vec(),
            b"a b".into(),
            b"c'd".into(),
            b"\0\n".into()
        ]
    );
    assert_eq!(commands[1], [b"ping"]);
}

#[test]
fn empty_requests_are_skipped() {
    check("\r\n\n*0\r\n*-1\r\n*-10\r\n  \r\nPING\r\n", &["PING"]);
}

#[test]
fn lengths_of_any_number_of_digits() {
    for len in [0, 9, 10, 99, 100, 999, 1000, 9_999, 32_767, 32_768, 40_000] {
        let command = vec![vec![b'x'; len], vec![b'y'; len]];
        let input = encode(&command);
        assert_eq!(
            parse_all(&input, Limits::default()),
            (vec![command], None),
            "{len}"
        );
    }
}

#[test]
fn errors_have_the_texts_of_redis() {
    check_error("*3000000000\r\n", "invalid multibulk length");
    check_error("*x\r\n", "invalid multibulk length");
    check_error("*01\r\n$4\r\nPING\r\n", "invalid multibulk length");
    check_error("*1\r\nfoo\r\n", "expected '$', got 'f'");
    check_error(
        "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
        "expected '$', got 'f'",
    );
    check_error("*2\r\n$3\r\nGET\r\n$-10\r\n", "invalid bulk length");
    check_error("*2\r\n$3\r\nGET\r\n$2000000000\r\n", "invalid bulk length");
    check_error("*2\r\n$3\r\nGET\r\n$blabla\r\n", "invalid bulk length");
    check_error("*2\r\n$03\r\nGET\r\n", "invalid bulk length");
    check_error(
        "set \"\"\"test-key\"\"\" test-value\r\n",
        "unbalanced quotes in request",
    );
}

#[test]
fn lines_without_end_are_refused_at_64_kib() {
    let long = "x".repeat(64 * 1024 + 1);
    check_error(&long, "too big inline request");
    check_error(&format!("*{long}"), "too big mbulk count string");
    check_error(&format!("*1\r\n${long}"), "too big bulk count string");
    check_error(&format!("\0{long}\n"), "too big inline request");
    check_error(&format!("{long}\n"), "too big inline request");
    check_error(&format!("*1\r\n${long}\r\n"), "too big bulk count string");
}

#[test]
fn strangers_have_small_limits() {
    let stranger = Limits {
        authenticated: false,
        ..Limits::default()
    };
    let error = |input: &str| {
        parse_all(input.as_bytes(), stranger)
            .1
            .map(|e| e.to_string())
    };
    assert_eq!(
        error("*11\r\n").as_deref(),
        Some("unauthenticated multibulk length")
    );
    assert_eq!(error("*10\r\n$1\r\n"), None);
    assert_eq!(
        error("*1\r\n$16385\r\n").as_deref(),
        Some("unauthenticated bulk length")
    );
    assert_eq!(error("*1\r\n$16384\r\n"), None);
}

#[test]
fn a_stranger_gets_one_command_at_a_time() {
    let mut parser = Parser::new();
    let mut batch = Batch::new();
    let mut limits = Limits {
        authenticated: false,
        ..Limits::default()
    };
    let auth = b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n";
    let big = encode(&vec![b"x".to_vec(); 20]);
    let input = [auth.as_slice(), &big].concat();
    assert_eq!(
        parser.parse(&input, &limits, &mut batch),
        (auth.len(), Parsed::Full)
    );
    limits.authenticated = true;
    batch.clear();
    assert_eq!(
        parser.parse(&input[auth.len()..], &limits, &mut batch),
        (big.len(), Parsed::NeedMore)
    );
    assert_eq!(batch.arg_count(0), 20);
}

#[test]
fn the_bulk_limit_is_inclusive() {
    let limits = Limits {
        max_bulk_len: 5,
        ..Limits::default()
    };
    assert_eq!(parse_all(b"*1\r\n$5\r\nabcde\r\n", limits).1, None);
    assert_eq!(
        parse_all(b"*1\r\n$6\r\n", limits).1,
        Some(ProtocolError::InvalidBulkLength)
    );
}

#[test]
fn a_full_batch_goes_on_where_it_stopped() {
    let input = b"*1\r\n$4\r\nPING\r\n".repeat(BATCH_COMMANDS_MAX + 3);
    let mut parser = Parser::new();
    let mut batch = Batch::new();
    let (consumed, parsed) = parser.parse(&input, &Limits::default(), &mut batch);
    assert_eq!((consumed, parsed), (14 * BATCH_COMMANDS_MAX, Parsed::Full));
    assert_eq!(batch.end(1), 28);
    assert_eq!(
        parse_all(&input, Limits::default()).0.len(),
        BATCH_COMMANDS_MAX + 3
    );
}

#[test]
fn commands_before_an_error_are_kept() {
    let (commands, error) = parse_all(
        b"*1\r\n$4\r\nPING\r\n*2\r\n$1\r\na\r\n!\r\n",
        Limits::default(),
    );
    assert_eq!(commands, [words("PING")]);
    assert_eq!(error, Some(ProtocolError::ExpectedDollar(b'!')));
    assert_eq!(
        ProtocolError::ExpectedDollar(0xFF).to_reply().as_bytes(),
        b"ERR Protocol error: expected '$', got '\xFF'"
    );
}

#[test]
fn a_large_argument_has_its_own_allocation_only_when_it_came_in_pieces() {
    let command = vec![
        b"SET".to_vec(),
        b"k".to_vec(),
        vec![b'v'; 100_000],
        b"NX".to_vec(),
    ];
    let input = encode(&command);
    let mut parser = Parser::new();
    let mut batch = Batch::new();
    let limits = Limits::default();
    let (consumed, parsed) = parser.parse(&input[..50_000], &limits, &mut batch);
    assert_eq!((consumed, parsed), (50_000, Parsed::NeedMore));
    let mut rest = &input[50_000..];
    while let Some(target) = parser.large_target() {
        let n = target.len().min(rest.len());
        target[..n].copy_from_slice(&rest[..n]);
        parser.large_filled(n);
        rest = &rest[n..];
    }
    assert_eq!(rest, b"$2\r\nNX\r\n");
    let (consumed, parsed) = parser.parse(rest, &limits, &mut batch);
    assert_eq!((consumed, parsed), (rest.len(), Parsed::NeedMore));
    let mut scratch = ArgScratch::new();
    batch.slice(0, rest, &mut scratch);
    let args = batch.args(0, &scratch);
    assert_eq!(args.iter().collect::<Vec<_>>(), command);
    assert_eq!(args.large(2).unwrap(), command[2]);
    assert_eq!(args.large(1), None);
    assert!(!parser.is_midway());
}

#[test]
fn a_bare_large_header_commits_little_memory() {
    let mut parser = Parser::new();
    let header = b"*2\r\n$3\r\nGET\r\n$500000000\r\n";
    let (consumed, _) = parser.parse(header, &Limits::default(), &mut Batch::new());
    assert_eq!(consumed, header.len());
    assert!(parser.held_size() < 2 << 20);
    assert!(parser.large_target().is_some());
}

#[test]
fn a_million_arguments_in_small_pieces_take_linear_time() {
    let command: Command = (0..1_000_000u32)
        .map(|i| i.to_string().into_bytes())
        .collect();
    let input = encode(&command);
    let mut parser = Parser::new();
    let mut batch = Batch::new();
    // A quadratic parser would look at 10^13 arguments here.
    let mut end = 0;
    while end < input.len() {
        end = (end + 1000).min(input.len());
        let (consumed, parsed) = parser.parse(&input[..end], &Limits::default(), &mut batch);
        assert_eq!(parsed, Parsed::NeedMore);
        assert_eq!(consumed, if end == input.len() { end } else { 0 });
    }
    assert_eq!(batch.arg_count(0), 1_000_000);
}

fn any_command() -> impl Strategy<Value = Command> {
    let arg = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..20),
        2 => prop::collection::vec(any::<u8>(), 90..1100),
        1 => (LARGE_BULK_MIN - 2..LARGE_BULK_MIN + 3000).prop_map(|len| vec![b'L'; len]),
    ];
    prop::collection::vec(arg, 1..6)
}

/// Requests as bytes, with the commands that are in them.
fn any_requests() -> impl Strategy<Value = (Vec<u8>, Vec<Command>)> {
    let request = prop_oneof![
        6 => any_command().prop_map(|command| (encode(&command), Some(command))),
        1 => "[a-z]{1,8}( [a-z\"' ]{0,9})?".prop_map(|line| {
            let command = split_args(line.as_bytes());
            match command {
                Some(command) => (format!("{line}\r\n").into_bytes(), Some(command)),
                None => (b"*0\r\n".to_vec(), None),
            }
        }),
        1 => Just((b"\r\n".to_vec(), None)),
    ];
    prop::collection::vec(request, 0..8).prop_map(|requests| {
        let bytes = requests
            .iter()
            .flat_map(|(bytes, _)| bytes.clone())
            .collect();
        (
            bytes,
            requests
                .into_iter()
                .filter_map(|(_, command)| command)
                .collect(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_split_gives_the_same_commands(
        (input, commands) in any_requests(),
        sizes in prop::collection::vec(1usize..5000, 1..20),
        direct in any::<bool>(),
    ) {
        prop_assert_eq!(parse_all(&input, Limits::default()), (commands.clone(), None));
        let mut rest = input.as_slice();
        let pieces = sizes.iter().cycle().map_while(|&size| {
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(parse_pieces(pieces, direct), (commands, None));
    }

    #[test]
    fn every_cut_in_two_gives_the_same(
        command in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 1..4),
    ) {
        let input = [encode(&command), b"PING\r\n".to_vec(), encode(&command)].concat();
        let whole = parse_all(&input, Limits::default());
        for at in 0..=input.len() {
            let (a, b) = input.split_at(at);
            prop_assert_eq!(&parse_pieces([a, b], true), &whole, "cut at {}", at);
        }
    }

    #[test]
    fn garbage_in_any_split_ends_the_same(
        input in prop::collection::vec(
            prop_oneof![prop::sample::select(b"*$\r\n12\"".to_vec()), any::<u8>()],
            0..60,
        ),
    ) {
        let whole = parse_all(&input, Limits::default());
        prop_assert_eq!(parse_pieces(input.chunks(1), true), whole.clone());
        prop_assert_eq!(parse_pieces(input.chunks(7), false), whole);
    }
}
