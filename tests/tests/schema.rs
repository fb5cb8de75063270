//! What a root tells of its type, and what is said when a program has another
//! version of it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use anymem::container::{ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec, type_tag};
use anymem::segment::{Member, MemberKind, RootError, Schema, TypeTag};
use anymem::{RootValueError, SharedHeap, Size};
use anymem_tests::{Name, Random};

/// The types as they are when roots are bound.
mod bound {
    use super::*;

    #[derive(ShmSafe)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy = 1,
        Sell = 2,
    }

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) price: u32,
        pub(super) side: Side,
        pub(super) customer: ShmString,
    }

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Book {
        pub(super) name: u32,
        pub(super) orders: ShmVec<Order>,
    }

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Node {
        pub(super) value: u32,
        #[shm_safe(recursive)]
        pub(super) children: ShmVec<Node>,
    }
}

/// Declares other versions of `Order`, each in a module of its own.
macro_rules! orders {
    ($($version:ident { $($field:ident: $type:ty),+ })+) => {$(
        mod $version {
            use super::*;
            use super::bound::Side;

            #[derive(ShmSafe)]
            #[repr(C)]
            pub(super) struct Order {
                $(pub(super) $field: $type,)+
            }

            const _: fn(Side) = |_| ();
        }
    )+};
}

orders! {
    same { id: u64, price: u32, side: Side, customer: ShmString }
    retyped { id: u64, price: u64, side: Side, customer: ShmString }
    added { id: u64, limit: u32, price: u32, side: Side, customer: ShmString }
    removed { id: u64, side: Side, customer: ShmString }
    renamed { id: u64, cost: u32, side: Side, customer: ShmString }
    swapped { price: u32, side: Side, id: u64, customer: ShmString }
}

mod other_side {
    use super::*;

    #[derive(ShmSafe)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy = 1,
        Sell = 3,
    }

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) price: u32,
        pub(super) side: Side,
        pub(super) customer: ShmString,
    }
}

mod other_order {
    use super::*;

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Book {
        pub(super) name: u32,
        pub(super) orders: ShmVec<retyped::Order>,
    }
}

mod other_node {
    use super::*;

    #[derive(ShmSafe)]
    #[repr(C)]
    pub(super) struct Node {
        pub(super) value: i32,
        #[shm_safe(recursive)]
        pub(super) children: ShmVec<Node>,
    }
}

fn order(heap: &SharedHeap) -> bound::Order {
    let customer = ShmString::from_str_in("somebody", heap).expect("room");
    bound::Order { id: 1, price: 2, side: bound::Side::Sell, customer }
}

/// A heap with a root of type `T`.
fn heap_of<T: ShmSafe + Send + Sync>(name: &Name, make: impl Fn(&SharedHeap) -> T) -> SharedHeap {
    let heap = SharedHeap::create(name, Size::mib(8)).expect("made");
    let value = ShmBox::new_in(make(&heap), &heap).expect("room");
    heap.bind_root("it", value).expect("a new name");
    heap
}

/// What is said to who takes the root for a `T`.
fn refusal<T: ShmSafe + Send + Sync>(heap: &SharedHeap) -> String {
    match heap.root::<T>("it").map(|_| ()).expect_err("another type") {
        RootValueError::Root(error) => {
            assert!(
                matches!(*error, RootError::OtherSchema { .. } | RootError::OtherType { .. }),
                "{error}"
            );
            error.to_string()
        }
        other => panic!("{other}"),
    }
}

fn assert_says(found: &str, difference: &str) {
    assert!(found.contains("\"it\"") && found.contains(difference), "{found}: not {difference}");
}

#[test]
fn a_changed_struct_is_refused_by_the_field_that_changed() {
    let name = Name::new();
    let heap = heap_of(&name, order);
    assert_eq!(heap.root::<same::Order>("it").expect("the same type").price, 2);
    for (found, difference) in [
        (
            refusal::<retyped::Order>(&heap),
            "field `price` of `Order` was `u32` at byte 8, is `u64` at byte 8",
        ),
        (
            refusal::<added::Order>(&heap),
            "field `limit` of `Order` (`u32` at byte 8) was not there",
        ),
        (
            refusal::<removed::Order>(&heap),
            "field `price` of `Order` (`u32` at byte 8) is not there any more",
        ),
        (
            refusal::<renamed::Order>(&heap),
            "field `price` of `Order` (`u32` at byte 8) is not there any more, but `cost` (`u32` \
             at byte 8) is",
        ),
        (
            refusal::<swapped::Order>(&heap),
            "field `price` of `Order` was `u32` at byte 8, is `u32` at byte 0",
        ),
        (refusal::<other_side::Order>(&heap), "variant `Sell` of `Side` was 2, is 3"),
        (refusal::<u64>(&heap), "not a `u64`"),
    ] {
        assert_says(&found, difference);
    }
}

#[test]
fn a_change_inside_containers_is_found() {
    const PRICE: &str = "field `price` of `Order` was `u32` at byte 8, is `u64` at byte 8";
    let (vector, map, book, pair) = (Name::new(), Name::new(), Name::new(), Name::new());
    let heap = heap_of(&vector, ShmVec::<bound::Order>::new_in);
    assert_says(&refusal::<ShmVec<retyped::Order>>(&heap), PRICE);
    let heap =
        heap_of(&map, |heap| ShmHashMap::<u64, [bound::Order; 2]>::new_in(heap).expect("room"));
    assert_says(&refusal::<ShmHashMap<u64, [retyped::Order; 2]>>(&heap), PRICE);
    let made = |heap: &SharedHeap| bound::Book { name: 0, orders: ShmVec::new_in(heap) };
    let heap = heap_of(&book, made);
    assert_says(&refusal::<other_order::Book>(&heap), PRICE);
    let heap = heap_of(&pair, |heap| (7_u32, order(heap)));
    assert_says(&refusal::<(u32, retyped::Order)>(&heap), PRICE);
}

#[test]
fn a_type_that_contains_itself_has_an_end() {
    let name = Name::new();
    let heap = heap_of(&name, |heap| bound::Node { value: 1, children: ShmVec::new_in(heap) });
    assert!(heap.root::<bound::Node>("it").expect("the same type").children.is_empty());
    let difference = "field `value` of `Node` was `u32` at byte 0, is `i32` at byte 0";
    assert_says(&refusal::<other_node::Node>(&heap), difference);
}

#[test]
fn roots_are_listed_with_what_they_are_made_of() {
    let name = Name::new();
    let heap = heap_of(&name, order);
    heap.bind_root("plain", ShmBox::new_in(1_u64, &heap).expect("room")).expect("a new name");
    let heap = SharedHeap::open_read_only(&name).expect("there");
    let mut roots: Vec<_> = heap.roots().iter().collect();
    roots.sort_by_key(|root| root.name.as_str().to_owned());
    let found: Vec<_> =
        roots.iter().map(|root| (root.name.as_str(), root.type_name.as_str(), root.size)).collect();
    let order = std::any::type_name::<bound::Order>();
    assert_eq!(found, [("it", order, size_of::<bound::Order>()), ("plain", "u64", 8)]);

    let schema = heap.roots().schema("it").expect("bound");
    let fields: Vec<_> = schema.members().map(|it| (it.name, it.to_string(), it.size)).collect();
    let fields: Vec<_> = fields.iter().map(|it| (it.0.as_str(), it.1.as_str(), it.2)).collect();
    let string = size_of::<ShmString>() as u64;
    assert_eq!(
        fields,
        [
            ("id", "`u64` at byte 0", 8),
            ("price", "`u32` at byte 8", 4),
            ("side", "`Side` at byte 12", 1),
            ("customer", "`ShmString` at byte 16", string),
        ]
    );
    let side = schema.members().find(|it| it.name.as_str() == "side").expect("a field");
    let variants: Vec<_> = schema.members_in(&side).map(|it| (it.kind, it.at)).collect();
    assert_eq!(variants, [(MemberKind::Variant, 1), (MemberKind::Variant, 2)]);
    assert!(schema.is_complete());
    assert_eq!(heap.roots().schema("plain").expect("bound").members().count(), 0);
    assert!(matches!(heap.roots().schema("none"), Err(RootError::Missing { .. })));
}

/// The members of a type that has more than there is room for, of which two are
/// of another type than the rest.
const fn wide(signed: [usize; 2]) -> [Member; 200] {
    let mut members = [Member::field::<u64>("", 0); 200];
    let mut i = 0;
    while i < members.len() {
        if i == signed[0] || i == signed[1] {
            members[i] = Member::field::<i64>("", 0);
        }
        // Parts of a text without repetition that start or end elsewhere differ.
        let (_, from) = LETTERS.split_at(i % 40);
        (members[i].name, _) = from.split_at(1 + i / 40);
        members[i].at = 8 * i as u64;
        i += 1;
    }
    members
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

#[test]
fn of_a_type_without_end_the_first_members_are_kept() {
    static KEPT: [Member; 200] = wide([0, 0]);
    static EARLY: [Member; 200] = wide([0, 1]);
    static LATE: [Member; 200] = wide([0, 199]);
    let tag = |members: &'static [Member], fingerprint| TypeTag {
        name: "Wide",
        size: 8,
        align: 8,
        fingerprint,
        members,
    };
    let name = Name::new();
    let heap = heap_of(&name, |_| 0_u64);
    let at = heap.roots().find("it", &type_tag::<u64>()).expect("bound");
    // SAFETY: it is never looked at.
    unsafe { heap.roots().bind("wide", &tag(&KEPT, 1), at) }.expect("a new name");
    let schema = heap.roots().schema("wide").expect("bound");
    assert!(!schema.is_complete() && (20..200).contains(&schema.members().count()));
    let early = heap.roots().find("wide", &tag(&EARLY, 2)).expect_err("another").to_string();
    assert!(early.contains("field `b` of `Wide` was `u64` at byte 8, is `i64`"), "{early}");
    // What was not kept is not taken for new.
    let late = heap.roots().find("wide", &tag(&LATE, 3)).expect_err("another");
    assert!(matches!(late, RootError::OtherType { .. }), "{late}");
}

#[test]
fn a_damaged_schema_is_no_danger() {
    let name = Name::new();
    let heap = heap_of(&name, |heap| bound::Book { name: 0, orders: ShmVec::new_in(heap) });
    let mut parts = heap.allocator().segment().geometry().parts();
    let start = parts.find(|part| part.name == "roots").expect("a table").at;
    let file = OpenOptions::new().write(true).open(name.path()).expect("writable");
    let (mut random, mut understood) = (Random::new(1), 0);
    for _ in 0..20_000 {
        let place = start + 256 + random.below(128);
        let byte = [random.bits() as u8];
        file.write_all_at(&byte, place as u64).expect("written");
        let schema = heap.roots().schema("it").expect("bound");
        understood += count(&schema);
        let _ = refusal::<other_order::Book>(&heap);
        assert!(heap.root::<bound::Book>("it").is_ok());
    }
    assert!(understood > 0);
}

/// How many members a schema tells of, two levels deep.
fn count(schema: &Schema) -> usize {
    schema.members().map(|member| 1 + schema.members_in(&member).count()).sum()
}
