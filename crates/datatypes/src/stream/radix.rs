//! How many nodes Redis's radix tree would have for a set of keys, since XINFO STREAM tells.
//!
//! A shared run of bytes is one node, a branching is one, and a key ends in a leaf behind the node
//! of its remaining bytes.

/// Keys that are looked at; beyond, the number is extrapolated.
const KEYS_MAX: usize = 4096;
const KEY_LEN: usize = 16;

/// The number of nodes for sorted, distinct keys.
pub(super) fn count(keys: impl ExactSizeIterator<Item = [u8; KEY_LEN]>) -> usize {
    let total = keys.len();
    let keys: Vec<_> = keys.take(KEYS_MAX).collect();
    if keys.is_empty() {
        return 1;
    }
    let nodes = subtree(&keys, 0);
    if total > keys.len() {
        nodes * total / keys.len()
    } else {
        nodes
    }
}

/// The nodes below `depth` bytes that all keys share.
fn subtree(keys: &[[u8; KEY_LEN]], depth: usize) -> usize {
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    let shared = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let run = usize::from(shared > depth);
    if shared == KEY_LEN {
        return run + 1;
    }
    let children: usize = keys
        .chunk_by(|a, b| a[shared] == b[shared])
        .map(|keys| subtree(keys, shared + 1))
        .sum();
    run + 1 + children
}
