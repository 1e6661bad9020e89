//! A worker's connections, by slot.
//!
//! A slot that becomes free can be taken again only after [`Slots::recycle`].

use crate::Service;
use crate::connection::Connection;

/// See the file's comment. Boxed, so that growth moves pointers and an empty slot costs one.
pub(super) struct Slots<S: Service> {
    slots: Vec<Option<Box<Connection<S>>>>,
    free: Vec<u32>,
    freed: Vec<u32>,
    used: usize,
}

impl<S: Service> Default for Slots<S> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            used: 0,
        }
    }
}

impl<S: Service> Slots<S> {
    /// One more than the highest slot there is.
    pub(super) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection<S>> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// A free slot, which must be `put` into.
    pub(super) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.len() - 1
        })
    }

    pub(super) fn put(&mut self, slot: u32, connection: Connection<S>) -> &mut Connection<S> {
        self.used += 1;
        self.slots[slot as usize].insert(Box::new(connection))
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Connection<S>> {
        let connection = self.slots.get_mut(slot as usize)?.take()?;
        self.used -= 1;
        self.freed.push(slot);
        Some(*connection)
    }

    /// Lets the slots freed since the last call be used again.
    pub(super) fn recycle(&mut self) {
        if !self.freed.is_empty() {
            self.free.append(&mut self.freed);
        }
    }
}
