//! A heap in use, as an image: what is mutated.

use std::alloc::Layout;
use std::ops::Deref;
use std::ptr::NonNull;

use anymem_core::allocator::{Allocator, Registration, registry};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::Context;

use super::Slots;
use super::guarded::Guarded;
use super::mutation::{Target, Targets};
use super::shelf;
use super::user::User;
use super::victim::Victim;
use crate::Random;

/// Bytes of the segment: small, so that many images can be tried.
const LEN: usize = 400 << 10;

/// Bytes at the front of a block that are changed more often than the others.
const FRONT: usize = 64;

/// Blocks of containers that are changed; those that others name come after them.
const BLOCKS: usize = 128;

/// A heap in use, and all that is known of it.
#[derive(Debug)]
pub struct Scene {
    /// Where it stands.
    pub memory: Guarded,
    /// Its bytes before anybody changed them.
    pub image: Vec<u8>,
    /// Who uses it.
    pub user: User,
    /// Its users' slots, and no slot.
    pub contexts: [Context; 3],
    /// A word that blocks are linked to.
    pub link: Offset,
    /// What there is to be changed in its metadata.
    pub metadata: Targets,
    /// What there is to be changed in its containers and their roots.
    pub containers: Targets,
}

impl Scene {
    /// A heap that was used for a while: by two slots, one that its holder left,
    /// calls without one, and containers.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it takes its time")]
    pub fn new() -> Self {
        let memory = Guarded::new(LEN);
        let config = Config { slots: 4, roots: 40, ..Config::new(AllocatorId::new(77, 1)) };
        let heap = Slots::create(memory.backend(LEN), Victim, &config).expect("room");
        let heap = Attached::new(heap, &memory).expect("the only one of its id");
        let (mut user, mut random) = (User::new(), Random::new(1));
        let claim = || heap.create_tls().expect("a slot");
        let contexts = [claim(), claim(), Context::DEFAULT];
        let left = claim();
        let link = heap.allocate_zeroed(Context::DEFAULT, Layout::new::<[usize; 4]>());
        let link = link.expect("room for a link");
        let values = shelf::fill(&heap).expect("room for containers");
        for turn in 0..200 {
            user.call(&mut random, &*heap, contexts[turn % 3]);
            user.call(&mut random, &*heap, left);
        }
        // SAFETY: the context is not used afterwards.
        unsafe { heap.free_tls(left) };
        let metadata = Targets { all: metadata(&heap), offsets: offsets(&heap, &user, &values) };
        let containers = containers(&heap, &values, memory.image().as_slice());
        let image = memory.image();
        Self { memory, image, user, contexts, link, metadata, containers }
    }

    /// Makes the bytes what they were, and takes them for a heap after
    /// `damage`; `None` if that made them something else.
    pub fn attach(&self, damage: impl FnOnce()) -> Option<Attached> {
        self.memory.restore(&self.image);
        damage();
        let heap = Slots::attach(self.memory.backend(LEN), Victim).ok()?;
        Attached::new(heap, &self.memory)
    }
}

fn metadata(heap: &Slots) -> Vec<Target> {
    let parts = heap.segment().geometry().parts();
    parts
        .map(|part| Target { at: part.at, len: part.len, step: part.step, count: part.count })
        .collect()
}

/// The containers' values, the blocks that words in them name, the blocks that
/// those name, and the roots.
///
/// What leads from one to the next is at the front of a block more often than not.
fn containers(heap: &Slots, values: &[(Offset, usize)], image: &[u8]) -> Targets {
    let piece = |at, len| Target { at, len, step: len, count: 1 };
    let mut found: Vec<_> = values.iter().map(|&(at, len)| piece(at.get(), len)).collect();
    let mut next = 0;
    while next < found.len() && found.len() < BLOCKS {
        let Target { at, len, .. } = found[next];
        next += 1;
        for word in image[at..at + len].as_chunks::<8>().0 {
            // Without what a table's word has in its low bits.
            let named = (u64::from_le_bytes(*word) & !0x3f) as usize;
            let exact = u64::from_le_bytes(*word) as usize;
            for at in [exact, named] {
                let size = heap.usable_size_of(Offset::new(at));
                let new = !found.iter().any(|target| target.at == at);
                if let Some(size) = size.filter(|_| new) {
                    found.push(piece(at, size));
                }
            }
        }
    }
    let offsets = found.iter().map(|target| target.at as u64).collect();
    let fronts = found.clone().into_iter().filter(|target| target.len > 2 * FRONT);
    found.extend(fronts.map(|target| piece(target.at, FRONT)));
    let parts = heap.segment().geometry().parts();
    let roots = parts.filter(|part| part.name == "roots");
    found.extend(roots.map(|part| Target {
        at: part.at,
        len: part.len,
        step: part.step,
        count: part.count,
    }));
    Targets { all: found, offsets }
}

fn offsets(heap: &Slots, user: &User, values: &[(Offset, usize)]) -> Vec<u64> {
    let geometry = heap.segment().geometry();
    let slabs = (0..geometry.slabs()).map(|slab| geometry.slab_start(slab));
    let values = values.iter().map(|&(at, _)| at);
    let all = slabs.chain(user.blocks()).chain(values).map(|at| at.get() as u64);
    all.chain(geometry.parts().map(|part| part.at as u64)).collect()
}

/// A heap that containers find by its id, for as long as this lives.
#[derive(Debug)]
pub struct Attached {
    heap: NonNull<Slots>,
    registration: NonNull<Registration>,
}

impl Attached {
    fn new(heap: Slots, memory: &Guarded) -> Option<Self> {
        let len = heap.segment().geometry().len();
        let heap = NonNull::from(Box::leak(Box::new(heap)));
        // SAFETY: the heap was just leaked; it is freed in `drop`, after the
        // registration was removed.
        let registration = unsafe { Registration::new(heap.as_ref(), memory.base(), len) };
        let registration = NonNull::from(Box::leak(Box::new(registration)));
        let this = Self { heap, registration };
        // SAFETY: as above.
        unsafe { registry::register(registration) }.ok().map(|()| this)
    }
}

impl Deref for Attached {
    type Target = Slots;

    fn deref(&self) -> &Slots {
        // SAFETY: leaked in `new`, freed in `drop`.
        unsafe { self.heap.as_ref() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        registry::unregister(self.registration);
        // SAFETY: both were leaked in `new`, and nobody finds them any more.
        unsafe {
            drop(Box::from_raw(self.registration.as_ptr()));
            drop(Box::from_raw(self.heap.as_ptr()));
        }
    }
}
