//! Which types may live in a heap that other processes see.

use core::marker::PhantomData;
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};

use super::message::{Payload, ShmByteRing, ShmQueue, ShmTopic};
use super::{
    Fingerprint, ShmArc, ShmBTreeMap, ShmBTreeSet, ShmBarrier, ShmBox, ShmCondvar, ShmDeque,
    ShmHashMap, ShmList, ShmMpmc, ShmMpsc, ShmMutex, ShmOnce, ShmRwLock, ShmSemaphore, ShmSlice,
    ShmSlotMap, ShmSmallVec, ShmSpsc, ShmString, ShmVec, ShmWeak, SlotKey, Trace,
};
use crate::offset::{AllocatorId, AtomicOffsetPtr, Offset, OffsetPtr, ShmPtr};
use crate::segment::{Member, TypeTag};
use crate::sync::{FairWords, LockWord, SharedWords, atomic};

/// Types that hold no addresses, so that another process can use them.
///
/// Integers, floats, `bool`, `char`, atomics, arrays and tuples of such,
/// offsets, and the containers of this module. Structs of your own join them
/// with `#[derive(ShmSafe)]` (feature `derive`), which asks for `#[repr(C)]` or
/// `#[repr(transparent)]`, and for every field to be `ShmSafe`; enums without
/// fields ask for `#[repr(u8)]` or another integer:
///
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// use anymem_core::container::{ShmSafe, ShmString, ShmVec};
///
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(u8)]
/// enum Side {
///     Buy,
///     Sell,
/// }
///
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct Order {
///     id: u64,
///     side: Side,
///     customer: ShmString,
///     fills: ShmVec<(u64, f64)>,
/// }
/// ```
///
/// In crates that use `anymem` rather than `anymem_core` the line with
/// `crate = …` is not needed. A type that contains itself marks that field
/// `#[shm_safe(recursive)]`: the field then counts with the text of its type.
///
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::{ShmSafe, ShmVec};
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct Node {
///     value: u32,
///     #[shm_safe(recursive)]
///     children: ShmVec<Node>,
/// }
/// ```
///
/// What may be missing is an `Option` of a [`ShmBox`], a [`ShmArc`] or a `NonZero`
/// number: these are as large as without. Rust does not say how any other `Option` is
/// laid out, so those are not `ShmSafe`; [`ShmSmallVec<T, 1>`](ShmSmallVec) takes the
/// place of an `Option<T>`, and a [`ShmWeak`] names nothing by itself.
///
/// What holds an address does not compile:
///
#[cfg_attr(feature = "derive", doc = "```compile_fail,E0277")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::ShmSafe;
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct Reference {
///     name: &'static str,
/// }
/// ```
///
#[cfg_attr(feature = "derive", doc = "```compile_fail,E0277")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::ShmSafe;
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct RawPointer {
///     data: *mut u8,
/// }
/// ```
///
#[cfg_attr(feature = "derive", doc = "```compile_fail,E0277")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::ShmSafe;
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct PrivateBox {
///     data: Box<u32>,
/// }
/// ```
///
/// nor does a recursive field that holds one:
///
#[cfg_attr(feature = "derive", doc = "```compile_fail,E0277")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::ShmSafe;
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct Node {
///     #[shm_safe(recursive)]
///     children: Vec<Node>,
/// }
/// ```
///
/// nor does a struct whose fields the compiler may lay out as it likes:
///
#[cfg_attr(feature = "derive", doc = "```compile_fail")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use anymem_core::container::ShmSafe;
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// struct Anyhow {
///     a: u8,
///     b: u32,
/// }
/// ```
///
/// # Safety
///
/// - No byte of the type is, or is derived from, an address or anything else
///   that means something in one process only.
/// - A value that is moved by copying its bytes works wherever its heap is
///   attached.
/// - [`FINGERPRINT`](Self::FINGERPRINT) differs where the layout differs.
/// - [`trace`](Trace::trace) names every block that the value owns.
/// - Where [`PLAIN`](Self::PLAIN) is true, nothing is dropped with a value, and
///   nothing in it changes that others have a `&` of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in a heap that other processes see",
    label = "holds addresses, or is not known not to",
    note = "put `#[derive(ShmSafe)]` and `#[repr(C)]` on structs of your own, and use `ShmBox`, \
            `ShmVec`, `ShmString` and `ShmHashMap` instead of `Box`, `Vec`, `String` and `HashMap`"
)]
pub unsafe trait ShmSafe: Trace + Sized + 'static {
    /// Tells the layouts of two types, or of two versions of one, apart.
    ///
    /// Equal for programs that lay the type out alike.
    const FINGERPRINT: u64;

    /// Whether a copy of the bytes is as good as the value: it owns nothing, and
    /// has no atomics or locks in it.
    ///
    /// Such values are read without locks where others write them, for instance in
    /// a [`ShmHashMap`]. The derive says yes if all fields do.
    const PLAIN: bool = false;

    /// What the type is made of, so that an error can name the member in which
    /// two versions of it differ.
    const MEMBERS: &'static [Member] = &[];

    /// The type's name, for messages.
    #[must_use]
    fn type_name() -> &'static str {
        core::any::type_name::<Self>()
    }
}

/// What a typed root says of its type.
#[must_use]
pub fn type_tag<T: ShmSafe>() -> TypeTag<'static> {
    TypeTag {
        name: T::type_name(),
        size: size_of::<T>(),
        align: align_of::<T>(),
        fingerprint: T::FINGERPRINT,
        members: T::MEMBERS,
    }
}

/// The fingerprint of a type that is fully told by its name, its layout and its
/// members.
const fn of<T>(name: &str, members: &[Member]) -> u64 {
    Fingerprint::new(name, size_of::<T>(), align_of::<T>()).members(members).finish()
}

macro_rules! owning_nothing {
    ($is_plain:literal: $($type:ty),+ $(,)?) => {$(
        owns_nothing!($type);

        // SAFETY: plain numbers, or words of locks.
        unsafe impl ShmSafe for $type {
            const FINGERPRINT: u64 = of::<Self>(stringify!($type), &[]);
            const PLAIN: bool = $is_plain;
        }
    )+};
}

owning_nothing!(true: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
owning_nothing!(true: f32, f64, bool, char, (), AllocatorId, Offset, SlotKey);
owning_nothing!(false: LockWord, FairWords, SharedWords, ShmCondvar);

macro_rules! non_zero {
    ($($type:ident),+ $(,)?) => {$(
        owning_nothing!(true: $type);
        owns_nothing!(Option<$type>);

        // SAFETY: a plain number; that `None` is 0 is documented of `NonZero`.
        unsafe impl ShmSafe for Option<$type> {
            const FINGERPRINT: u64 = of::<Self>(concat!("Option<", stringify!($type), ">"), &[]);
            const PLAIN: bool = true;
        }
    )+};
}

non_zero!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize);
non_zero!(NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize);

macro_rules! atomics {
    ($($type:ident),+) => {$(
        owns_nothing!(atomic::$type);

        // SAFETY: an atomic is laid out as the number it holds.
        unsafe impl ShmSafe for atomic::$type {
            const FINGERPRINT: u64 = of::<Self>(stringify!($type), &[]);
        }
    )+};
}

atomics!(AtomicBool, AtomicU8, AtomicI8, AtomicU16, AtomicI16);
atomics!(AtomicU32, AtomicI32, AtomicUsize, AtomicIsize);
#[cfg(target_has_atomic = "64")]
atomics!(AtomicU64, AtomicI64);

macro_rules! generic {
    ($is_plain:literal: $($type:ident<$($parameter:ident: $bound:path),+>),+ $(,)?) => {$(
        // SAFETY: offsets, ids and plain numbers, and parameters that are
        // `ShmSafe` themselves.
        unsafe impl<$($parameter: $bound),+> ShmSafe for $type<$($parameter),+> {
            const FINGERPRINT: u64 = of::<Self>(stringify!($type), Self::MEMBERS);
            const MEMBERS: &'static [Member] =
                &[$(Member::parameter::<$parameter>(stringify!($parameter))),+];
            const PLAIN: bool = $is_plain;
        }
    )+};
}

generic!(true: OffsetPtr<T: ShmSafe>, ShmPtr<T: ShmSafe>, PhantomData<T: ShmSafe>);
generic!(true: ShmSlice<T: ShmSafe>);
generic!(false: AtomicOffsetPtr<T: ShmSafe>, ShmBox<T: ShmSafe>, ShmVec<T: ShmSafe>);
generic!(false: ShmArc<T: ShmSafe>, ShmWeak<T: ShmSafe>);
generic!(false: ShmDeque<T: ShmSafe>, ShmList<T: ShmSafe>, ShmSlotMap<T: ShmSafe>);
generic!(false: ShmBTreeMap<K: ShmSafe, V: ShmSafe>, ShmBTreeSet<T: ShmSafe>);
generic!(false: ShmMutex<T: ShmSafe>, ShmRwLock<T: ShmSafe>, ShmOnce<T: ShmSafe>);
generic!(false: ShmSpsc<T: ShmSafe>, ShmMpsc<T: ShmSafe>, ShmMpmc<T: ShmSafe>);
generic!(false: ShmQueue<T: ShmSafe>);

macro_rules! optional {
    ($($pointer:ident),+) => {$(
        // SAFETY: an id and an offset, or `None`, which is told by the offset that no
        // such pointer has, 0: seen here, for no document says so.
        unsafe impl<T: ShmSafe> ShmSafe for Option<$pointer<T>> {
            const FINGERPRINT: u64 = {
                let none: Option<$pointer<T>> = None;
                assert!(size_of::<Self>() == size_of::<AllocatorId>() + size_of::<usize>());
                let word = (&raw const none).cast::<usize>();
                // SAFETY: the second word of the two; what is written of `None` is
                // there.
                let at = unsafe { word.byte_add(size_of::<AllocatorId>()).read() };
                assert!(at == 0, "`None` is not where it was expected");
                core::mem::forget(none);
                of::<Self>(concat!("Option<", stringify!($pointer), ">"), Self::MEMBERS)
            };
            const MEMBERS: &'static [Member] = &[Member::parameter::<T>("T")];
        }
    )+};
}

optional!(ShmBox, ShmArc);

// SAFETY: an id, and elements or an offset to them.
unsafe impl<T: ShmSafe, const N: usize> ShmSafe for ShmSmallVec<T, N> {
    const FINGERPRINT: u64 = Fingerprint::new("ShmSmallVec", size_of::<Self>(), align_of::<Self>())
        .number(N as u64)
        .members(Self::MEMBERS)
        .finish();
    const MEMBERS: &'static [Member] = &[Member::parameter::<T>("T")];
}

// SAFETY: an id, and bytes or an offset to them.
unsafe impl ShmSafe for ShmString {
    const FINGERPRINT: u64 = of::<Self>("ShmString", &[]);
}

// SAFETY: words, and a vector of words.
unsafe impl ShmSafe for ShmSemaphore {
    const FINGERPRINT: u64 = of::<Self>("ShmSemaphore", &[]);
}

// SAFETY: as for the semaphore.
unsafe impl ShmSafe for ShmBarrier {
    const FINGERPRINT: u64 = of::<Self>("ShmBarrier", &[]);
}

// SAFETY: an id, an offset and a number.
unsafe impl ShmSafe for ShmByteRing {
    const FINGERPRINT: u64 = of::<Self>("ShmByteRing", &[]);
}

// SAFETY: an id, an offset and numbers.
unsafe impl<M: Payload + ?Sized> ShmSafe for ShmTopic<M> {
    const FINGERPRINT: u64 = of::<Self>(M::TOPIC, Self::MEMBERS);
    const MEMBERS: &'static [Member] = &[Member::parameter::<M::Value>("M")];
}

// SAFETY: an id, a seed, an offset and a count. The name states the hash
// function, for all processes must compute the same one, and that readers go by
// versions, for which all writers must care.
unsafe impl<K: ShmSafe, V: ShmSafe> ShmSafe for ShmHashMap<K, V> {
    const FINGERPRINT: u64 = of::<Self>("ShmHashMap/foldhash-0.2-fast/versions", Self::MEMBERS);
    const MEMBERS: &'static [Member] = &[Member::parameter::<K>("K"), Member::parameter::<V>("V")];
}

// SAFETY: an array is its elements, one after the other.
unsafe impl<T: ShmSafe, const N: usize> ShmSafe for [T; N] {
    const FINGERPRINT: u64 = Fingerprint::new("array", size_of::<Self>(), align_of::<Self>())
        .number(N as u64)
        .members(Self::MEMBERS)
        .finish();
    const MEMBERS: &'static [Member] = &[Member::parameter::<T>("T")];
    const PLAIN: bool = T::PLAIN;
}

macro_rules! tuples {
    ($(($($parameter:ident . $index:tt),+))+) => {$(
        // SAFETY: every field is `ShmSafe`. Compilers may order the fields of
        // a tuple as they like, so the fingerprint states where each one is.
        unsafe impl<$($parameter: ShmSafe),+> ShmSafe for ($($parameter,)+) {
            const FINGERPRINT: u64 = of::<Self>("tuple", Self::MEMBERS);
            const MEMBERS: &'static [Member] = &[$(
                Member::field::<$parameter>(
                    stringify!($index),
                    core::mem::offset_of!(Self, $index),
                )
            ),+];
            const PLAIN: bool = $($parameter::PLAIN)&&+;
        }
    )+};
}

for_each_tuple!(tuples);
