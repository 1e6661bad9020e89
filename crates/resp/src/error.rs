//! An error reply as a value: code and text, without the `-` before and the line end behind.
//!
//! Most errors are constants and cost nothing; composed ones own their text. Whoever makes one need
//! not think of line ends: they can never split the reply.

use std::borrow::Cow;
use std::fmt;

/// An error reply: `ERR syntax error`. Never holds a line end. Bytes, because Redis quotes names as
/// they came.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyError(Cow<'static, [u8]>);

impl ReplyError {
    /// A fixed text, which begins with its code and has no line end.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// A composed text, which begins with its code. Line ends at the end are cut and those within
    /// become spaces.
    pub fn from_text(text: impl IntoErrorText) -> Self {
        let mut text = text.into_error_text();
        let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
        while text.last().is_some_and(is_end) {
            text.pop();
        }
        for b in &mut text {
            if matches!(*b, b'\r' | b'\n') {
                *b = b' ';
            }
        }
        Self(Cow::Owned(text))
    }

    /// A composed text behind the code `ERR`.
    pub fn err(text: impl IntoErrorText) -> Self {
        let mut whole = b"ERR ".to_vec();
        whole.extend_from_slice(&text.into_error_text());
        Self::from_text(whole)
    }

    /// The whole text, code included.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The whole text for humans: bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The code that error statistics count by: the first word if it ends within 32 bytes, else
    /// `ERR`.
    pub fn code(&self) -> &[u8] {
        let head = &self.0[..self.0.len().min(31)];
        match memchr::memchr(b' ', head) {
            Some(end) => &head[..end],
            None => b"ERR",
        }
    }
}

/// What an error text can be composed from.
pub trait IntoErrorText {
    /// The bytes of the text.
    fn into_error_text(self) -> Vec<u8>;
}

impl IntoErrorText for String {
    fn into_error_text(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl IntoErrorText for &str {
    fn into_error_text(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl IntoErrorText for Vec<u8> {
    fn into_error_text(self) -> Vec<u8> {
        self
    }
}

impl IntoErrorText for &[u8] {
    fn into_error_text(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyError({:?})", self.text())
    }
}

impl std::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_cannot_split_the_reply() {
        assert_eq!(ReplyError::err("a\r\nb\n\r\n").as_bytes(), b"ERR a  b");
    }

    #[test]
    fn the_code_is_the_first_word() {
        assert_eq!(ReplyError::new("WRONGTYPE Operation").code(), b"WRONGTYPE");
        assert_eq!(ReplyError::new("nospace").code(), b"ERR");
        assert_eq!(
            ReplyError::new("averyveryveryverylongfirstwordindeed x").code(),
            b"ERR"
        );
    }
}
