//! Users, rules, selectors and the ACL log.
//!
//! What exists today is the `default` user with its passwords (`requirepass`), checked in
//! constant time against SHA-256 digests; clear-text passwords are never kept. Commands and keys
//! are not restricted yet: the `default` user may do everything.

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

/// The name of the user that connections start as.
pub const DEFAULT_USER: &str = "default";

/// All users of the server.
#[derive(Debug, Default)]
pub struct Users {
    /// Digests of the default user's passwords; none at all means `nopass`.
    default_passwords: RwLock<Vec<[u8; 32]>>,
}

impl Users {
    /// Only the default user, without a password.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the default user's passwords by this one, or by none (`requirepass`).
    pub fn set_default_password(&self, password: Option<&[u8]>) {
        *self.default_passwords.write() = password.map(digest).into_iter().collect();
    }

    /// Whether connections are authenticated from the start.
    pub fn default_is_nopass(&self) -> bool {
        self.default_passwords.read().is_empty()
    }

    /// Whether the name and password are those of a user who may log in.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> bool {
        if name != DEFAULT_USER.as_bytes() {
            return false;
        }
        let passwords = self.default_passwords.read();
        let given = digest(password);
        // Every digest is compared, so that time tells nothing about which one matched.
        let matching = passwords
            .iter()
            .filter(|known| equal_in_constant_time(known, &given));
        passwords.is_empty() || matching.count() > 0
    }
}

fn digest(password: &[u8]) -> [u8; 32] {
    Sha256::digest(password).into()
}

fn equal_in_constant_time(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter()
        .zip(b)
        .fold(0, |difference, (a, b)| difference | (a ^ b))
        == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_user_without_password_accepts_any() {
        let users = Users::new();
        assert!(users.default_is_nopass());
        assert!(users.authenticate(b"default", b"whatever"));
        assert!(!users.authenticate(b"alice", b"whatever"));
    }

    #[test]
    fn a_password_is_required_once_set_and_can_be_removed() {
        let users = Users::new();
        users.set_default_password(Some(b"secret"));
        assert!(!users.authenticate(b"default", b"wrong"));
        assert!(users.authenticate(b"default", b"secret"));
        users.set_default_password(None);
        assert!(users.default_is_nopass());
    }
}
