//! One word that owns one of up to three things behind a pointer, told apart by the pointer's low
//! bits.
//!
//! A value is eight bytes in its key's entry, whichever encoding it has: `List`, `Set` and `Hash`
//! are each a [`OneOf`] of their encodings. All that is unsafe about it is in this file. Reading
//! gives what the encoding's `Thin::Ref` is (a view, a reference), changing gives a [`Loan`], which
//! writes the pointer back when it ends, as a change may have moved the block.
//!
//! Invariant: the word is `Thin::into_raw` of the type that its tag (0, 1, 2) names, and owns it.
#![allow(
    unsafe_code,
    reason = "tagged owning pointers: a value must fit in eight bytes"
)]

use crate::hash::Expiring;
use crate::intset::{Intset, IntsetRef};
use crate::listpack::{Leanpack, LeanpackRef, Listpack, ListpackRef};
use crate::table::prefetch;
use std::convert::{self, Infallible};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

const TAG_MASK: usize = 7;
/// Bytes of a cache line.
const LINE: usize = 64;

/// Something owned through one pointer aligned to 8.
///
/// # Safety
/// `into_raw` answers a pointer aligned to 8 that `from_raw` and `borrow` accept.
pub(crate) unsafe trait Thin: Sized {
    /// What reading it gives.
    type Ref<'a>
    where
        Self: 'a;

    /// What changing it takes.
    type Mut<'a>
    where
        Self: 'a;

    /// Gives up ownership.
    fn into_raw(self) -> NonNull<u8>;

    /// Lends it for changing.
    ///
    /// # Safety
    /// `raw` is a word that owns a `Self`: `into_raw` with a tag.
    unsafe fn lend(raw: &mut NonNull<u8>) -> Self::Mut<'_>;

    /// Takes ownership back.
    ///
    /// # Safety
    /// `ptr` came from `into_raw`, and is given back once.
    unsafe fn from_raw(ptr: NonNull<u8>) -> Self;

    /// Reads without owning.
    ///
    /// # Safety
    /// `ptr` came from `into_raw`, and nothing changes or frees what is behind it during `'a`.
    unsafe fn borrow<'a>(ptr: NonNull<u8>) -> Self::Ref<'a>
    where
        Self: 'a;
}

macro_rules! thin_pack {
    ($owned:ident, $view:ident, $inner:ident, $wrap:expr, $unwrap:expr) => {
        // SAFETY: its block is aligned to 8.
        unsafe impl Thin for $owned {
            type Ref<'a> = $view<'a>;
            type Mut<'a> = Loan<'a, Self>;

            #[inline]
            unsafe fn lend(raw: &mut NonNull<u8>) -> Loan<'_, Self> {
                // SAFETY: the caller's promise.
                unsafe { Loan::new(raw) }
            }

            #[inline]
            fn into_raw(self) -> NonNull<u8> {
                $inner::into_raw($unwrap(self))
            }

            #[inline]
            unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
                // SAFETY: the caller's promise.
                $wrap(unsafe { $inner::from_raw(ptr) })
            }

            #[inline]
            unsafe fn borrow<'a>(ptr: NonNull<u8>) -> $view<'a>
            where
                Self: 'a,
            {
                // SAFETY: the caller's promise.
                unsafe { $inner::borrow_raw(ptr) }
            }
        }
    };
}

thin_pack!(
    Listpack,
    ListpackRef,
    Listpack,
    convert::identity,
    convert::identity
);
thin_pack!(
    Intset,
    IntsetRef,
    Intset,
    convert::identity,
    convert::identity
);
thin_pack!(
    Leanpack,
    LeanpackRef,
    Leanpack,
    convert::identity,
    convert::identity
);
thin_pack!(Expiring, LeanpackRef, Leanpack, Expiring, |it: Expiring| it
    .0);

// SAFETY: the assertion holds the alignment.
unsafe impl<T> Thin for Box<T> {
    type Ref<'a>
        = &'a T
    where
        T: 'a;
    type Mut<'a>
        = Loan<'a, Self>
    where
        T: 'a;

    #[inline]
    unsafe fn lend(raw: &mut NonNull<u8>) -> Loan<'_, Self> {
        // SAFETY: the caller's promise.
        unsafe { Loan::new(raw) }
    }

    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        const { assert!(align_of::<T>() >= 8) };
        // SAFETY: a box is never null.
        unsafe { NonNull::new_unchecked(Box::into_raw(self)) }.cast()
    }

    #[inline]
    unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw(ptr.cast::<T>().as_ptr()) }
    }

    #[inline]
    unsafe fn borrow<'a>(ptr: NonNull<u8>) -> &'a T
    where
        T: 'a,
    {
        // SAFETY: the caller's promise.
        unsafe { ptr.cast::<T>().as_ref() }
    }
}

// SAFETY: there is none.
unsafe impl Thin for Infallible {
    type Ref<'a> = Self;
    type Mut<'a> = Self;

    unsafe fn lend(_: &mut NonNull<u8>) -> Self {
        unreachable!("no tag names it")
    }

    fn into_raw(self) -> NonNull<u8> {
        match self {}
    }

    unsafe fn from_raw(_: NonNull<u8>) -> Self {
        unreachable!("no tag names it")
    }

    unsafe fn borrow<'a>(_: NonNull<u8>) -> Self
    where
        Self: 'a,
    {
        unreachable!("no tag names it")
    }
}

/// Which of the three it is, and what of it one has: itself, a view, a loan.
pub(crate) enum Of<A, B, C = Infallible> {
    /// Tag 0.
    A(A),
    /// Tag 1.
    B(B),
    /// Tag 2.
    C(C),
}

/// The word; see the module.
pub(crate) struct OneOf<A: Thin, B: Thin, C: Thin = Infallible> {
    raw: NonNull<u8>,
    owned: PhantomData<(A, B, C)>,
}

// SAFETY: it owns one of the three, and nothing else.
unsafe impl<A: Thin + Send, B: Thin + Send, C: Thin + Send> Send for OneOf<A, B, C> {}
// SAFETY: `&OneOf` only lends what it owns.
unsafe impl<A: Thin + Sync, B: Thin + Sync, C: Thin + Sync> Sync for OneOf<A, B, C> {}

#[inline]
fn tagged(ptr: NonNull<u8>, tag: usize) -> NonNull<u8> {
    debug_assert!(tag <= TAG_MASK && ptr.addr().get() & TAG_MASK == 0);
    ptr.map_addr(|addr| addr | tag)
}

#[inline]
fn tag_of(raw: NonNull<u8>) -> usize {
    raw.addr().get() & TAG_MASK
}

#[inline]
fn untagged(raw: NonNull<u8>) -> NonNull<u8> {
    raw.map_addr(|addr| {
        NonZeroUsize::new(addr.get() & !TAG_MASK).expect("the pointer behind a tag is not null")
    })
}

impl<A: Thin, B: Thin, C: Thin> OneOf<A, B, C> {
    #[inline]
    pub(crate) fn new(value: Of<A, B, C>) -> Self {
        let raw = match value {
            Of::A(value) => tagged(value.into_raw(), 0),
            Of::B(value) => tagged(value.into_raw(), 1),
            Of::C(value) => tagged(value.into_raw(), 2),
        };
        Self {
            raw,
            owned: PhantomData,
        }
    }

    /// For reading.
    #[inline]
    pub(crate) fn get(&self) -> Of<A::Ref<'_>, B::Ref<'_>, C::Ref<'_>> {
        let ptr = untagged(self.raw);
        // SAFETY: the tag names the type, and `self` is borrowed.
        unsafe {
            match tag_of(self.raw) {
                0 => Of::A(A::borrow(ptr)),
                1 => Of::B(B::borrow(ptr)),
                _ => Of::C(C::borrow(ptr)),
            }
        }
    }

    /// For reading, if it is the third.
    #[inline]
    pub(crate) fn third(&self) -> Option<C::Ref<'_>> {
        // SAFETY: as in `get`.
        (tag_of(self.raw) == 2).then(|| unsafe { C::borrow(untagged(self.raw)) })
    }

    /// Asks for what a look at this reads first: of the third, what it says itself; of the others,
    /// the first cache lines. Whether it is the third.
    #[inline]
    pub(crate) fn prefetch(&self, of_third: impl FnOnce(C::Ref<'_>)) -> bool {
        let third = self.third();
        let is_third = third.is_some();
        match third {
            Some(third) => of_third(third),
            None => {
                let ptr: *const u8 = untagged(self.raw).as_ptr();
                prefetch(ptr);
                prefetch(ptr.wrapping_add(LINE));
            }
        }
        is_third
    }

    /// For changing.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Of<A::Mut<'_>, B::Mut<'_>, C::Mut<'_>> {
        let raw = &mut self.raw;
        // SAFETY: the tag names the type; the loan gives it back when it ends.
        unsafe {
            match tag_of(*raw) {
                0 => Of::A(A::lend(raw)),
                1 => Of::B(B::lend(raw)),
                _ => Of::C(C::lend(raw)),
            }
        }
    }

    /// # Safety
    /// `raw` is the word of a `OneOf` that is not used any more.
    #[inline]
    unsafe fn own(raw: NonNull<u8>) -> Of<A, B, C> {
        let ptr = untagged(raw);
        // SAFETY: the caller's promise.
        unsafe {
            match tag_of(raw) {
                0 => Of::A(A::from_raw(ptr)),
                1 => Of::B(B::from_raw(ptr)),
                _ => Of::C(C::from_raw(ptr)),
            }
        }
    }
}

impl<A: Thin, B: Thin, C: Thin> Drop for OneOf<A, B, C> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the last use of the word.
        drop(unsafe { Self::own(self.raw) });
    }
}

/// What is behind a word, for changing; the word follows when the loan ends.
pub(crate) struct Loan<'a, T: Thin> {
    raw: &'a mut NonNull<u8>,
    value: ManuallyDrop<T>,
}

impl<'a, T: Thin> Loan<'a, T> {
    /// # Safety
    /// `raw` is the word of a `OneOf` whose tag names `T`.
    #[inline]
    unsafe fn new(raw: &'a mut NonNull<u8>) -> Self {
        // SAFETY: the caller's promise; `drop` gives it back.
        let value = ManuallyDrop::new(unsafe { T::from_raw(untagged(*raw)) });
        Self { raw, value }
    }
}

impl<T: Thin> Drop for Loan<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken once, here.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        *self.raw = tagged(value.into_raw(), tag_of(*self.raw));
    }
}

impl<T: Thin> Deref for Loan<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Thin> DerefMut for Loan<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
