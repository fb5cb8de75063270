//! What processes do to the containers of their own shelf.

use anymem::container::{ContainerError, ShmString};

use super::failures::Kind;
use super::model::{Contents, ELEMENTS, KEYS};
use super::shelf::{Shelf, letter, stamp, text_of};
use super::worker::Worker;

/// The longest text.
const TEXT: usize = 300;

/// What becomes of the shelf if a step succeeds.
type Change<'c> = Box<dyn FnOnce(&mut Shelf) -> Result<(), ContainerError> + 'c>;

impl Worker<'_> {
    /// Changes something on the shelf, or looks whether it is in order.
    pub(super) fn use_shelf(&mut self) {
        let now = self.lane().model.contents();
        match self.random.below(12) {
            0..3 => self.change_text(&now),
            3..7 => self.change_list(&now),
            7..10 => self.change_map(&now),
            10 => self.change_stamp(&now),
            _ => self.with_shelf(|worker, shelf| {
                if let Err(what) = shelf.is_known(&worker.lane().model) {
                    worker.fail(Kind::Corrupt, format_args!("its shelf: {what}"));
                }
            }),
        }
    }

    pub(super) fn with_shelf(&self, work: impl FnOnce(&Self, &mut Shelf)) {
        match Shelf::find(self.heap, self.number) {
            // SAFETY: only the process of the lane uses its shelf, here alone.
            Some(mut shelf) => work(self, unsafe { shelf.as_mut() }),
            None => self.fail(Kind::Corrupt, "its shelf is gone"),
        }
    }

    /// Makes a step by which so many blocks may be lost.
    fn step_to(&self, after: &Contents, at_stake: usize, change: Change<'_>) {
        self.with_shelf(|worker, shelf| {
            let lane = worker.lane();
            let made = lane.model.step(after, || lane.at_stake(at_stake, || change(shelf)));
            worker.excuse_container(made);
        });
    }

    /// The heap may be full; nothing else may be wrong.
    pub(super) fn excuse_container(&self, made: Result<(), ContainerError>) {
        match made {
            Ok(()) => {}
            Err(ContainerError::Alloc(error)) => self.excuse(error),
            Err(error) => self.fail(Kind::Corrupt, format_args!("a container: {error}")),
        }
    }

    fn change_text(&mut self, now: &Contents) {
        let (len, new) = (now.text, self.random.below(TEXT));
        let more: String = (len..new).map(|index| char::from(letter(index))).collect();
        let after = Contents { text: new, ..*now };
        match self.random.below(4) {
            0 => self.step_to(now, 0, Box::new(|it| it.text.shrink_to_fit())),
            1 => self.step_to(now, 0, Box::new(|it| it.text.reserve(100))),
            _ if new < len => {
                self.step_to(&after, 0, Box::new(|it| it.text.truncate(new)));
            }
            _ => {
                self.step_to(&after, 0, Box::new(|it| it.text.push_str(&more)));
            }
        }
    }

    fn change_list(&mut self, now: &Contents) {
        let (len, number) = (now.len, self.random.below(10_000) as u32);
        let index = self.random.below(len + 1);
        let text = move |shelf: &Shelf| text_in(shelf, number);
        match self.random.below(5) {
            0 | 1 if len < ELEMENTS => {
                let after = now.with_list(|list| list.push(number));
                let push = move |it: &mut Shelf| it.list.push(text(it)?);
                self.step_to(&after, 1, Box::new(push));
            }
            2 if len < ELEMENTS => {
                let after = now.with_list(|list| list.insert(index, number));
                let insert = move |it: &mut Shelf| it.list.insert(index, text(it)?);
                self.step_to(&after, 1, Box::new(insert));
            }
            3 if index < len => {
                let after = now.with_list(|list| _ = list.remove(index));
                let remove = move |it: &mut Shelf| it.list.remove(index).map(drop);
                self.step_to(&after, 1, Box::new(remove));
            }
            4 if index + 3 > len => {
                let after = now.with_list(|list| list.truncate(index));
                let truncate = move |it: &mut Shelf| it.list.truncate(index);
                self.step_to(&after, 1, Box::new(truncate));
            }
            _ => {
                let after = now.with_list(|list| _ = list.pop());
                let pop = |it: &mut Shelf| it.list.pop().map(drop);
                self.step_to(&after, 1, Box::new(pop));
            }
        }
    }

    fn change_map(&mut self, now: &Contents) {
        let key = self.random.below(KEYS);
        if self.random.below(3) == 0 {
            let remove = move |it: &mut Shelf| it.map.remove(&(key as u64)).map(drop);
            return self.step_to(&now.with_value(key, 0), 1, Box::new(remove));
        }
        let value = 1 + self.random.below(10_000) as u32;
        let insert = move |it: &mut Shelf| {
            let text = text_in(it, value)?;
            it.map.insert(key as u64, text).map(drop)
        };
        // The text, and the one that it replaces.
        self.step_to(&now.with_value(key, value), 2, Box::new(insert));
    }

    fn change_stamp(&mut self, now: &Contents) {
        let (number, heap) = (self.random.bits(), self.heap);
        let replace = move |it: &mut Shelf| {
            let new = stamp(heap, number)?;
            drop(std::mem::replace(&mut it.stamp, new));
            Ok(())
        };
        let after = Contents { stamp: number, ..*now };
        self.step_to(&after, 1, Box::new(replace));
    }
}

/// A text in the heap of a shelf.
fn text_in(shelf: &Shelf, number: u32) -> Result<ShmString, ContainerError> {
    let mut text = ShmString::with_heap_id(shelf.text.heap_id());
    text.push_str(&text_of(number))?;
    Ok(text)
}
