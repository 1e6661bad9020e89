//! What the tests of this crate share: how much they do where Miri runs them.
//!
//! Miri is some hundred times slower than the machine. Under it tests take sizes that still cross
//! every threshold, and look at everything only now and then. Without it nothing changes.

/// How much to do: `usual`, or `few` under Miri.
pub(crate) const fn sized(usual: usize, few: usize) -> usize {
    if cfg!(miri) { few } else { usual }
}

/// Whether to compare everything with the model after this step: always, but under Miri only after
/// one in `few`.
pub(crate) const fn is_compared(step: usize, few: usize) -> bool {
    step.is_multiple_of(sized(1, few))
}
