//! Buffers that hold a picture, or what was computed from one, and are overwritten before they are freed.
//!
//! Dropping happens on every way out of the pipeline: when a stage is done, when it refuses, and when something panics and
//! the stack unwinds. `tests/privacy.rs` looks at every block that is freed.

use core::ops::{Deref, DerefMut};

/// A vector that overwrites its elements, and its spare room, when it is dropped.
///
/// Like `zeroize::Zeroizing<Vec<T>>`, but by one `memset` instead of one volatile store per element, which for the planes of
/// a picture is the difference between a tenth of a millisecond and several. [`core::hint::black_box`] keeps the compiler from
/// dropping stores to memory that is about to be freed; the test would see it if it did.
///
/// It must not grow: a vector that moves leaves what it held behind.
pub(crate) struct Wiped<T: Copy + Default>(Vec<T>);

impl<T: Copy + Default> Wiped<T> {
    pub(crate) fn filled(value: T, count: usize) -> Self {
        Self(vec![value; count])
    }
}

impl<T: Copy + Default> From<Vec<T>> for Wiped<T> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

impl<T: Copy + Default> FromIterator<T> for Wiped<T> {
    /// Takes room once: the iterator must know how many elements it has at least, and have no more.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Copy + Default> Deref for Wiped<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Copy + Default> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<'a, T: Copy + Default> IntoIterator for &'a Wiped<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Copy + Default> Clone for Wiped<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Copy + Default> Drop for Wiped<T> {
    fn drop(&mut self) {
        wipe_vec(&mut self.0);
    }
}

/// Overwrites every element, and the spare room behind them.
pub(crate) fn wipe_vec<T: Copy + Default>(values: &mut Vec<T>) {
    let room = values.capacity();
    values.resize(room, T::default());
    wipe(values);
}

/// Overwrites every element.
pub(crate) fn wipe<T: Copy + Default>(values: &mut [T]) {
    values.fill(T::default());
    core::hint::black_box(values);
}
