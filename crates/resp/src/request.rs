//! Commands as a client sends them, for those who send or store them: the log, the append-only
//! file, links to other servers.
//!
//! A command is an array of bulk strings, the same in both versions of the protocol.

use crate::{Proto, ReplyWriter};

/// Appends a command.
#[inline]
pub fn write_command<'a>(
    out: &mut Vec<u8>,
    words: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
) {
    let words = words.into_iter();
    let mut out = ReplyWriter::new(out, Proto::Resp2);
    out.array(words.len());
    words.for_each(|word| out.bulk(word));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut out = b"before".to_vec();
        let long = [b'x'; 12];
        write_command(&mut out, [&b"SET"[..], b"", &long]);
        let text = b"before*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nxxxxxxxxxxxx\r\n";
        assert_eq!(out, text);
    }
}
