//! `ShmSafe`: which types are, and what their fingerprints tell apart.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::sync::atomic::AtomicU32;

use anymem_core::container::{
    ShmArc, ShmBTreeMap, ShmBTreeSet, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec,
};
use anymem_core::offset::{AtomicOffsetPtr, OffsetPtr, ShmPtr};

mod first {
    use super::*;

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(C)]
    pub(super) struct Order {
        id: u64,
        name: ShmString,
        price: u32,
    }

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy,
        Sell,
    }
}

/// The same types, as another program has them.
mod same {
    use super::*;

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(C, align(8))]
    pub(super) struct Order {
        id: u64,
        name: ShmString,
        price: u32,
    }
}

mod renamed {
    use super::*;

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(C)]
    pub(super) struct Order {
        id: u64,
        name: ShmString,
        cost: u32,
    }

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy = 1,
        Sell,
    }
}

mod retyped {
    use super::*;

    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(C)]
    pub(super) struct Order {
        id: u64,
        name: ShmString,
        price: f32,
    }
}

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(transparent)]
struct Wrapped(u64);

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Pair<A, B: Copy>
where
    A: PartialEq,
{
    a: A,
    b: B,
}

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct List<const N: usize> {
    numbers: [u16; N],
    #[shm_safe(recursive)]
    next: ShmVec<List<N>>,
}

#[test]
fn fingerprints_tell_layouts_apart() {
    let order = first::Order::FINGERPRINT;
    assert_eq!(order, same::Order::FINGERPRINT);
    assert_ne!(order, renamed::Order::FINGERPRINT);
    assert_ne!(order, retyped::Order::FINGERPRINT);
    assert_ne!(first::Side::FINGERPRINT, renamed::Side::FINGERPRINT);
    assert_ne!(<[u8; 4]>::FINGERPRINT, <[u8; 5]>::FINGERPRINT);
    assert_ne!(u32::FINGERPRINT, i32::FINGERPRINT);
    assert_ne!(u64::FINGERPRINT, Wrapped::FINGERPRINT);
    assert_ne!(<(u8, u16)>::FINGERPRINT, <(u16, u8)>::FINGERPRINT);
    assert_ne!(<ShmVec<u8>>::FINGERPRINT, <ShmVec<i8>>::FINGERPRINT);
    assert_ne!(<ShmVec<u8>>::FINGERPRINT, <ShmBox<u8>>::FINGERPRINT);
    assert_ne!(<Pair<u8, u16>>::FINGERPRINT, <Pair<u16, u16>>::FINGERPRINT);
    assert_ne!(<List<2>>::FINGERPRINT, <List<3>>::FINGERPRINT);
    type Map<V> = ShmHashMap<ShmString, V>;
    type Ordered<V> = ShmBTreeMap<ShmString, V>;
    assert_ne!(<Ordered<u8>>::FINGERPRINT, <Ordered<i8>>::FINGERPRINT);
    assert_ne!(<Ordered<()>>::FINGERPRINT, <ShmBTreeSet<ShmString>>::FINGERPRINT);
    assert_ne!(<ShmBox<u8>>::FINGERPRINT, <Option<ShmBox<u8>>>::FINGERPRINT);
    assert_ne!(<Option<ShmArc<u8>>>::FINGERPRINT, <Option<ShmBox<u8>>>::FINGERPRINT);
    assert_ne!(<Option<ShmArc<u8>>>::FINGERPRINT, <Option<ShmArc<i8>>>::FINGERPRINT);
    assert_ne!(<Map<first::Order>>::FINGERPRINT, <Map<renamed::Order>>::FINGERPRINT);
}

#[test]
fn what_is_shared_is_send_and_sync() {
    fn shared<T: ShmSafe + Send + Sync>() {}
    shared::<ShmHashMap<ShmString, ShmVec<first::Order>>>();
    shared::<ShmBTreeMap<ShmBTreeSet<u8>, Option<ShmBox<first::Order>>>>();
    shared::<Option<ShmArc<ShmVec<Option<ShmArc<u8>>>>>>();
    shared::<ShmBox<(u8, bool, char, f64, [i128; 3])>>();
    shared::<(OffsetPtr<u8>, AtomicOffsetPtr<u8>, ShmPtr<u8>, AtomicU32)>();
    assert!(first::Order::type_name().ends_with("Order"));
}

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Dropped(u64);

impl Drop for Dropped {
    fn drop(&mut self) {}
}

#[test]
fn a_copy_of_plain_bytes_is_as_good_as_the_value() {
    const fn is_plain<T: ShmSafe>() -> bool {
        T::PLAIN
    }
    const PLAIN: [bool; 5] = [
        is_plain::<(u8, [f64; 3], bool)>(),
        is_plain::<first::Side>(),
        is_plain::<Wrapped>(),
        is_plain::<Option<std::num::NonZeroU8>>(),
        is_plain::<Pair<u8, OffsetPtr<u8>>>(),
    ];
    const OTHERS: [bool; 6] = [
        is_plain::<ShmString>(),
        is_plain::<(u8, ShmBox<u8>)>(),
        is_plain::<[ShmVec<u8>; 2]>(),
        is_plain::<AtomicU32>(),
        is_plain::<List<2>>(),
        is_plain::<Dropped>(),
    ];
    assert_eq!((PLAIN, OTHERS), ([true; 5], [false; 6]));
}

#[test]
fn sizes_are_as_documented() {
    assert_eq!(size_of::<ShmString>(), 32);
    assert_eq!(size_of::<ShmBox<u8>>(), 8 + size_of::<usize>());
    assert_eq!(size_of::<Option<ShmBox<u8>>>(), size_of::<ShmBox<u8>>());
    assert_eq!(size_of::<ShmArc<u8>>(), 8 + size_of::<usize>());
    assert_eq!(size_of::<Option<ShmArc<u8>>>(), size_of::<ShmArc<u8>>());
    assert_eq!(size_of::<ShmBTreeMap<u8, u8>>(), 8 + 13 * size_of::<usize>());
    assert_eq!(size_of::<ShmVec<u8>>(), 8 + 5 * size_of::<usize>());
}
