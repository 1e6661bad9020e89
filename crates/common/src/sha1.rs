//! SHA-1, as names of scripts and the answer of `DEBUG DIGEST` use it. Not for secrets.

use sha1::Digest;

/// The digest of `bytes`.
pub fn digest(bytes: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(bytes).into()
}

/// The digest of `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    to_hex(&digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|&b| [b >> 4, b & 15]);
    digits.map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_digest() {
        assert_eq!(
            super::hex(b"abc"),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
    }
}
