//! One of each container, in the heap, under the name of a lane.
//!
//! Only the lane's process uses them. When it is dead, they are looked at: they
//! must be as before its last step or as after it, with these exceptions, which
//! their documentation makes:
//!
//! - while elements are shifted, those after them may be gone;
//! - a text that moves into the string itself or out of it may be mixed up.

use std::ptr::NonNull;

use anymem::SharedHeap;
use anymem::container::{
    ContainerError, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec, Trace, type_tag,
};
use anymem_core::allocator::Allocator;
use anymem_core::offset::{AtomicOffsetPtr, OffsetPtr};

use super::model::{Contents, Model};

/// Words of the box.
const STAMP: usize = 30;

/// Links to blocks.
pub(super) const LINKS: usize = 8;

/// A link to a block, or to none.
pub(super) type Link = AtomicOffsetPtr<u64>;

/// One of each container, and links to blocks.
#[derive(Debug, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
pub(super) struct Shelf {
    pub(super) text: ShmString,
    pub(super) list: ShmVec<ShmString>,
    pub(super) map: ShmHashMap<u64, ShmString>,
    pub(super) stamp: ShmBox<[u64; STAMP]>,
    pub(super) links: [Link; LINKS],
}

/// What a shelf was found to hold.
type Seen = Result<Contents, String>;

impl Shelf {
    /// The name of the shelf of a lane.
    pub(super) fn name(lane: usize) -> String {
        format!("shelf.{lane}")
    }

    /// Puts an empty shelf into the heap.
    pub(super) fn put_up(heap: &SharedHeap, lane: usize) {
        let shelf = Self {
            text: ShmString::new_in(heap),
            list: ShmVec::new_in(heap),
            map: ShmHashMap::with_shards_in(1, heap).expect("room"),
            stamp: stamp(heap, Contents::NEW.stamp).expect("room"),
            links: [const { Link::new(OffsetPtr::NULL) }; LINKS],
        };
        let shelf = ShmBox::new_in(shelf, heap).expect("room");
        heap.bind_root(&Self::name(lane), shelf).expect("room for a name");
    }

    /// Where the shelf of a lane is.
    pub(super) fn find(heap: &SharedHeap, lane: usize) -> Option<NonNull<Self>> {
        let at = heap.roots().find(&Self::name(lane), &type_tag::<Self>()).ok()?;
        heap.resolve(at, size_of::<Self>()).map(NonNull::cast)
    }

    /// Takes a shelf down, with all that is in it.
    pub(super) fn take_down(heap: &SharedHeap, lane: usize) -> Result<(), String> {
        let shelf = Self::find(heap, lane).ok_or("a shelf is gone")?;
        // SAFETY: the lane has no process any more.
        unsafe { shelf.as_ref() }.cut_links(heap)?;
        // SAFETY: the lane has no process any more.
        let shelf = unsafe { heap.unbind_root::<Self>(&Self::name(lane)) };
        shelf.map(drop).map_err(|error| format!("shelf {lane}: {error}"))
    }

    /// What is on the shelf, as far as it makes sense.
    fn contents(&self) -> Seen {
        let mut seen = Contents { text: self.text.len(), ..Contents::NEW };
        let text = self.text.as_str().map_err(|error| format!("its text: {error}"))?;
        if !text.bytes().enumerate().all(|(index, byte)| byte == letter(index)) {
            return Err(format!("its text is {text:?}"));
        }
        seen.stamp = self.seen_stamp()?;
        let elements = self.list.iter().map_err(|error| format!("its list: {error}"))?;
        for element in elements {
            let place = seen.list.get_mut(seen.len).ok_or("its list is too long")?;
            *place = number_of(element).map_err(|text| format!("its list has {text}"))?;
            seen.len += 1;
        }
        let mut wrong = self.map.check().map_err(|error| format!("its map: {error}")).err();
        let visited = self.map.for_each(|&key, value| {
            match (seen.map.get_mut(key as usize), number_of(value)) {
                (Some(place), Ok(number)) => *place = number,
                (_, found) => wrong = Some(format!("its map has {found:?} for {key}")),
            }
        });
        visited.map_err(|error| format!("its map: {error}"))?;
        wrong.map_or(Ok(seen), Err)
    }

    fn seen_stamp(&self) -> Result<u64, String> {
        let words = self.stamp.get().map_err(|error| format!("its box: {error}"))?;
        let same = words.iter().all(|word| *word == words[0]);
        same.then_some(words[0]).ok_or_else(|| format!("its box holds {words:?}"))
    }

    /// Looks whether the shelf is as its process knows it.
    pub(super) fn is_known(&self, model: &Model) -> Result<(), String> {
        let seen = self.contents()?;
        let known = model.contents();
        (seen == known).then_some(()).ok_or_else(|| format!("it has {seen:?}, not {known:?}"))
    }

    /// Looks whether the shelf is as its dead process may have left it, and has
    /// what is there count.
    pub(super) fn adopt(&mut self, model: &Model) -> Result<(), String> {
        self.text.settle(1);
        self.list.settle(1);
        self.stamp.settle(1);
        let Some(after) = model.begun() else { return self.is_known(model) };
        let (before, seen) = (model.contents(), self.contents()?);
        let one_of =
            |part: fn(&Contents) -> u64| [part(&before), part(&after)].contains(&part(&seen));
        let list = [before.elements(), after.elements()].contains(&seen.elements())
            || is_between(&seen, &before, &after);
        let map = (seen.map.iter()).zip(before.map.iter().zip(&after.map));
        let map = map.into_iter().all(|(seen, (before, after))| seen == before || seen == after);
        if !(list && map && one_of(|it| it.text as u64) && one_of(|it| it.stamp)) {
            return Err(format!("it has {seen:?}, neither {before:?} nor {after:?}"));
        }
        model.set(&seen);
        Ok(())
    }
}

/// Whether elements were being taken from the end, one after the other.
fn is_between(seen: &Contents, before: &Contents, after: &Contents) -> bool {
    before.elements().starts_with(seen.elements()) && seen.elements().starts_with(after.elements())
}

/// The letter number `index` of each text.
pub(super) fn letter(index: usize) -> u8 {
    b'a' + (index % 23) as u8
}

/// A box that holds a number again and again.
pub(super) fn stamp(
    heap: &SharedHeap,
    number: u64,
) -> Result<ShmBox<[u64; STAMP]>, ContainerError> {
    ShmBox::new_in([number; STAMP], heap)
}

/// A text that tells a number, and is short or long.
pub(super) fn text_of(number: u32) -> String {
    let digits = number.to_string();
    let filler = number as usize * 7 % 90;
    (0..filler)
        .fold(digits + ":", |text, index| text + char::from(letter(index)).encode_utf8(&mut [0; 4]))
}

/// The number that a text tells.
pub(super) fn number_of(text: &ShmString) -> Result<u32, String> {
    let text = text.as_str().map_err(|error| error.to_string())?;
    let number = text.split(':').next().and_then(|digits| digits.parse().ok());
    number.filter(|&number| text_of(number) == text).ok_or_else(|| format!("{text:?}"))
}
