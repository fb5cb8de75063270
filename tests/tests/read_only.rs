//! A heap opened for reading only, by a user who may do no more: everything that
//! reads works, everything else is an error.

use core::alloc::Layout;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use anymem::allocator::{AllocError, Allocator, FreeError};
use anymem::container::{ContainerError, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec};
use anymem::segment::RootError;
use anymem::thread::Context;
use anymem::{HeapError, HeapOptions, RootValueError, SharedHeap, Size};
use anymem_tests::{Directory, Peer, is_root, role, skip};

/// A user who is nobody in particular.
const NOBODY: u32 = 65534;

const LONG: &str = "a text that is too long to be kept in the string itself";

#[derive(ShmSafe)]
#[repr(C)]
struct Record {
    number: u64,
    numbers: ShmVec<u32>,
    names: ShmVec<ShmString>,
    inner: ShmBox<[u64; 4]>,
    squares: ShmHashMap<u64, [u64; 2]>,
    lengths: ShmHashMap<ShmString, u64>,
    texts: ShmHashMap<u64, ShmString>,
}

impl Record {
    fn new_in(heap: &SharedHeap) -> Result<Self, ContainerError> {
        let mut names = ShmVec::new_in(heap);
        for text in ["short", LONG] {
            names.push(ShmString::from_str_in(text, heap)?)?;
        }
        let numbers = ShmVec::from_slice_in(&[1, 2, 3], heap)?;
        let inner = ShmBox::new_in([1, 2, 3, 4], heap)?;
        let squares = (1..100).map(|number| (number, [number, number * number]));
        let squares = ShmHashMap::from_iter_in(squares, heap)?;
        let (lengths, texts) = (ShmHashMap::new_in(heap)?, ShmHashMap::new_in(heap)?);
        for text in ["short", LONG] {
            lengths.insert(ShmString::from_str_in(text, heap)?, text.len() as u64)?;
            drop(texts.insert(text.len() as u64, ShmString::from_str_in(text, heap)?)?);
        }
        Ok(Self { number: 7, numbers, names, inner, squares, lengths, texts })
    }
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let options = HeapOptions::new().directory(&words[0]);
    // Who owns the file could write to it, and must not through this handle.
    if words[1] == "another user" {
        let error = options.open("it").expect_err("no right to write");
        assert!(matches!(error, HeapError::Permission { .. }), "{error}");
    }
    let heap = options.open_read_only("it").expect("readable");
    assert!(heap.is_read_only());
    reads(&heap);
    reads_maps(record(&heap));
    changes_nothing(&heap);
    assert_eq!(heap.check(), Ok(()));
}

fn record(heap: &SharedHeap) -> &Record {
    // SAFETY: a record is plain data.
    unsafe { heap.root_to_read::<Record>("record") }.expect("bound")
}

fn reads(heap: &SharedHeap) {
    assert_eq!(heap.check(), Ok(()));
    assert!(heap.stats().live_blocks >= 5);
    assert_eq!(heap.roots().iter().count(), 1);
    let Record { number, numbers, names, inner, .. } = record(heap);
    assert_eq!((*number, numbers.len(), inner.get().copied()), (7, 3, Ok([1, 2, 3, 4])));
    assert_eq!(numbers.as_slice(), Ok(&[1, 2, 3][..]));
    assert_eq!((numbers.get(1), numbers.get(3)), (Ok(Some(&2)), Ok(None)));
    assert_eq!(numbers.iter().map(Iterator::sum::<u32>), Ok(6));
    let names = names.as_slice().expect("attached");
    let texts: Vec<_> = names.iter().map(|name| name.as_str().expect("attached")).collect();
    assert_eq!(texts, ["short", LONG]);
    assert_eq!(numbers.check().and(names[1].check()).and(inner.check()), Ok(()));
    let at = numbers.shm_ptr().ptr.offset();
    assert!(heap.usable_size_of(at).is_some_and(|size| size >= 12));
}

fn reads_maps(Record { squares, lengths, texts, .. }: &Record) {
    assert_eq!((squares.len(), squares.is_empty(), lengths.len()), (Ok(99), Ok(false), Ok(2)));
    assert_eq!((squares.get(&7), squares.get(&100)), (Ok(Some([7, 49])), Ok(None)));
    assert_eq!(squares.with(&8, |square| square[1]), Ok(Some(64)));
    assert_eq!((squares.contains_key(&99), squares.contains_key(&0)), (Ok(true), Ok(false)));
    let mut sum = 0;
    squares.for_each(|_, square| sum += square[1]).expect("plain entries");
    assert_eq!(sum, (1..100).map(|number| number * number).sum());
    for text in ["short", LONG] {
        let mut buffer = [0; 100];
        let len = text.len() as u64;
        assert_eq!((lengths.get(text), lengths.contains_key(text)), (Ok(Some(len)), Ok(true)));
        assert_eq!(texts.get_str(&len, &mut buffer), Ok(Some(text)));
    }
    assert_eq!((lengths.get("none"), texts.contains_key(&1)), (Ok(None), Ok(false)));
    // A `&` to what others may drop can be had under the lock only.
    is_refused(texts.with(&5, |text| text.len()));
    is_refused(texts.for_each(|_, _| ()));
    is_refused(squares.insert(1, [2, 3]));
    is_refused(squares.update(&1, |_| ()));
    is_refused(squares.entry(1).map(drop));
    is_refused(squares.remove(&1));
    is_refused(squares.clear());
    is_refused(squares.check());
}

fn is_refused<T>(result: Result<T, ContainerError>) {
    assert_eq!(result.err(), Some(ContainerError::Alloc(AllocError::ReadOnly)));
}

fn changes_nothing(heap: &SharedHeap) {
    let layout = Layout::new::<u64>();
    let at = record(heap).inner.shm_ptr().ptr.offset();
    let context = Context::DEFAULT;
    assert_eq!(heap.allocate(context, layout), Err(AllocError::ReadOnly));
    assert_eq!(heap.allocate_zeroed(context, layout), Err(AllocError::ReadOnly));
    assert_eq!(heap.allocator().allocate(context, layout), Err(AllocError::ReadOnly));
    let block = Layout::new::<[u64; 4]>();
    // SAFETY: refused, so nothing happens to the block.
    unsafe {
        let longer = heap.reallocate(context, at, block, 4000);
        assert!(longer.is_err(), "{longer:?}");
        assert_eq!(heap.free(context, at, block), Err(FreeError::ReadOnly));
        assert_eq!(heap.free_unsized(at), Err(FreeError::ReadOnly));
    }
    assert!(heap.create_tls().is_err());
    assert_eq!((heap.recover(), heap.trim()), (0, 0));
    is_refused(ShmBox::new_in(1_u64, heap));
    is_refused(ShmVec::from_slice_in(&[1_u8], heap));
    is_refused(ShmString::from_str_in(LONG, heap));
    is_refused(ShmVec::new_in(heap).push(1_u8));
    is_refused(ShmString::new_in(heap).push_str(LONG));
    is_refused(record(heap).names.as_slice().expect("attached")[1].try_clone());
    // SAFETY: refused, so nobody loses the value.
    let error = unsafe { heap.unbind_root::<Record>("record") }.err();
    let is_read_only = |error| match error {
        Some(RootValueError::ReadOnly) => true,
        Some(RootValueError::Root(error)) => *error == RootError::ReadOnly,
        _ => false,
    };
    assert!(is_read_only(error));
    let made = heap.root_or_create("another", |heap| Ok(ShmVec::<u8>::new_in(heap)));
    assert!(is_read_only(made.err()));
}

#[test]
fn a_user_who_may_only_read_reads_everything() {
    let dir = Directory::new("read-only");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("one's own");
    let options = HeapOptions::new().directory(dir.path()).mode(0o644);
    let heap = options.create("it", Size::mib(8)).expect("made");
    heap.root_or_create("record", Record::new_in).expect("made");
    let path = dir.path().to_str().expect("text");
    Peer::start(&[path, "the same user"]).finish();
    if is_root() {
        let mut command = Peer::command(&[path, "another user"]);
        Peer::from_command(command.uid(NOBODY).gid(NOBODY)).finish();
    } else {
        skip("root", "right to be another user");
    }
    assert_eq!(heap.check(), Ok(()));
}
