//! Requests from outside: any bytes in any pieces give the same commands and the same error, and no
//! panic.
//!
//! The first two bytes choose how the rest is cut and which limits hold. A byte `0xFF` stands for
//! 5,000 bytes, so that arguments large enough for an allocation of their own are in reach.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resp::{ArgScratch, Batch, Limits, Parsed, Parser, ProtocolError};

type Commands = Vec<Vec<Vec<u8>>>;

struct Connection {
    parser: Parser,
    batch: Batch,
    limits: Limits,
    buffer: Vec<u8>,
    commands: Commands,
    error: Option<ProtocolError>,
}

impl Connection {
    fn new(limits: Limits) -> Self {
        Self {
            parser: Parser::new(),
            batch: Batch::new(),
            limits,
            buffer: Vec::new(),
            commands: Commands::new(),
            error: None,
        }
    }

    /// Takes a piece; a large argument's bytes go where the parser wants them if `direct`.
    fn feed(&mut self, mut piece: &[u8], direct: bool) {
        while direct && !piece.is_empty() && self.buffer.is_empty() {
            let Some(target) = self.parser.large_target() else {
                break;
            };
            let n = target.len().min(piece.len());
            target[..n].copy_from_slice(&piece[..n]);
            self.parser.large_filled(n);
            piece = &piece[n..];
        }
        self.buffer.extend_from_slice(piece);
        while self.error.is_none() && self.parse() {}
    }

    /// Whether there is more to parse at once.
    fn parse(&mut self) -> bool {
        self.batch.clear();
        let (consumed, parsed) = self
            .parser
            .parse(&self.buffer, &self.limits, &mut self.batch);
        for i in 0..self.batch.len() {
            let mut scratch = ArgScratch::new();
            self.batch.slice(i, &self.buffer, &mut scratch);
            let args = self.batch.args(i, &scratch);
            assert!(!args.is_empty(), "empty requests are skipped");
            self.commands
                .push(args.iter().map(<[u8]>::to_vec).collect());
        }
        self.buffer.drain(..consumed);
        if let Parsed::Error(error) = parsed {
            assert!(!error.to_reply().as_bytes().contains(&b'\n'));
            self.error = Some(error);
        }
        parsed == Parsed::Full
    }
}

fuzz_target!(|data: &[u8]| {
    let [how, size, rest @ ..] = data else { return };
    let limits = Limits {
        authenticated: how & 1 == 0,
        max_bulk_len: if how & 2 == 0 { 512 << 20 } else { 100 },
        ..Limits::default()
    };
    let input: Vec<u8> = rest
        .iter()
        .flat_map(|&b| std::iter::repeat_n(b, if b == 0xFF { 5000 } else { 1 }))
        .collect();
    let mut whole = Connection::new(limits);
    whole.feed(&input, false);
    let mut pieces = Connection::new(limits);
    // Long inputs in fewer pieces: byte by byte they would only slow the search.
    let size = usize::from(*size).max(input.len() / 64);
    for piece in input.chunks(size.max(1)) {
        pieces.feed(piece, how & 4 == 0);
    }
    assert_eq!(whole.error, pieces.error);
    // Not printed: they may be long.
    assert!(
        whole.commands == pieces.commands,
        "the pieces give other commands"
    );
    resp::split_args(rest);
});
