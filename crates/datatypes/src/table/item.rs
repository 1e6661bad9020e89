//! What a table's slot points to: a thin owned pointer that knows its key.
//!
//! The keyspace's entries, the fields of large hashes and the members of large sets implement
//! [`Item`]; the table itself never looks behind the pointer except through this trait.

use std::ptr::NonNull;

/// A value that is one thin pointer to one allocation, holding its own key.
///
/// # Safety
/// - `into_ptr` gives a pointer below 2^48, unique to this value until `from_ptr` takes it back.
/// - `hash` depends only on the key, and is stable for the life of the process.
/// - `view` and `view_mut` are valid for pointers that `into_ptr` returned.
pub unsafe trait Item: Sized + 'static {
    /// Shared view of an item.
    type Ref<'a>: Copy;
    /// Exclusive view of an item; must not allow its key to change.
    type Mut<'a>;

    /// How many bytes of an item a look at it usually reads: so far a prefetch goes.
    const BYTES_READ: usize = 1;

    /// Gives up ownership.
    fn into_ptr(self) -> NonNull<u8>;

    /// Takes ownership back.
    ///
    /// # Safety
    /// `ptr` came from `into_ptr` and is not used again.
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self;

    /// Views an item.
    ///
    /// # Safety
    /// `ptr` came from `into_ptr`, and nothing changes the item during `'a` but through atomics.
    unsafe fn view<'a>(ptr: NonNull<u8>) -> Self::Ref<'a>;

    /// Views an item exclusively.
    ///
    /// # Safety
    /// `ptr` came from `into_ptr`, and nothing else reads or writes the item during `'a`.
    unsafe fn view_mut<'a>(ptr: NonNull<u8>) -> Self::Mut<'a>;

    /// Whether the item's key is `key`.
    fn matches(item: Self::Ref<'_>, key: &[u8]) -> bool;

    /// The 64-bit hash of the item's key, the same that callers pass to the table.
    fn hash(item: Self::Ref<'_>) -> u64;
}
