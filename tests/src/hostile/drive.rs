//! The drivers: bytes in, calls to a heap with mutations out.
//!
//! | driver | mutations |
//! |---|---|
//! | [`Kind::Image`] | of the metadata, before the heap is attached |
//! | [`Kind::Live`] | of metadata and containers, between the calls |
//! | [`Kind::Containers`] | of containers and roots, before and between |
//!
//! A driver returns, or finds something: it then panics, or the process ends by
//! a signal, or it never returns. Whoever drives looks out for these.

use super::input::{Choices, Input};
use super::look::look;
use super::mutation::Targets;
use super::scene::{Attached, Scene};
use super::shelf::{self, Hands};
use super::user::User;
use super::victim::Victim;

/// What is mutated, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The metadata of an image, which is then attached.
    Image,
    /// A heap that is attached.
    Live,
    /// Containers.
    Containers,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Image, Self::Live, Self::Containers];

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name, which is that of its fuzz target.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Live => "live",
            Self::Containers => "containers",
        }
    }
}

/// Does with a heap what `bytes` say; how many calls were made.
pub fn drive(scene: &Scene, kind: Kind, bytes: &[u8]) -> u64 {
    let mut input = Input::new(bytes);
    let targets = if kind == Kind::Containers { &scene.containers } else { &scene.metadata };
    let mutations = if kind == Kind::Live { 0 } else { 1 + input.below(32) };
    let damage = || (0..mutations).for_each(|_| targets.harm(&scene.memory, &mut input));
    let Some(heap) = Victim::calls(|| scene.attach(damage)) else { return 1 };
    let mut turn = Turn { scene, heap: &heap, user: scene.user.clone() };
    let mut calls = 1;
    while !input.is_used_up() {
        Victim::calls(|| turn.take(kind, &mut input));
        calls += 1;
    }
    turn.user.touch(&heap);
    calls
}

/// Where a driver is.
struct Turn<'s> {
    scene: &'s Scene,
    heap: &'s Attached,
    user: User,
}

impl Turn<'_> {
    /// Makes a call, or some mutations first.
    fn take(&mut self, kind: Kind, input: &mut Input<'_>) {
        let scene = self.scene;
        if kind != Kind::Image && input.below(8) == 0 {
            let targets: &Targets = match kind {
                Kind::Live if input.below(4) != 0 => &scene.metadata,
                _ => &scene.containers,
            };
            (0..=input.below(4)).for_each(|_| targets.harm(&scene.memory, input));
        }
        let context = scene.contexts[input.below(3)];
        let containers = if kind == Kind::Containers { 48 } else { 8 };
        match input.below(64) {
            0 => look(input, &scene.memory, self.heap, context),
            1..5 => self.user.rare_call(input, self.heap, context, scene.link),
            number if number < 5 + containers => {
                let harmed = (kind != Kind::Image).then_some(scene);
                shelf::call(&mut Hands { input, heap: self.heap, harmed });
            }
            _ => self.user.call(input, &**self.heap, context),
        }
    }
}
