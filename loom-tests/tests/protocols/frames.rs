//! Page frames: taken by one, freed once, and found again by whoever looks for them, be they free by
//! the frame or by the word.

use std::collections::BTreeSet;
use std::sync::Arc;

use anymem_core::frames::{Frame, FrameAllocator, FrameCache, Request, metadata_size};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Thread, TornExchange, TornUpdate,
    Words, explore, sample, thread,
};

const CPUS: usize = 3;
/// Frames of a word of bits, and of an area.
const WORD: usize = usize::BITS as usize;
const AREA: usize = 512;

/// A few frames, and what is in them.
struct World<M: Model> {
    first: usize,
    frames: FrameAllocator<Words<M>>,
    cells: Vec<M::Cell>,
}

impl<M: Model> World<M> {
    /// Frames `first..first + count`, all of which are free.
    fn new(first: usize, count: usize) -> Arc<Self> {
        let words = Words::new(metadata_size(count, CPUS) / size_of::<usize>());
        let span = Frame::new(first)..Frame::new(first + count);
        let frames = FrameAllocator::over(words, span.clone(), CPUS).unwrap();
        frames.release(span).unwrap();
        Arc::new(Self { first, frames, cells: (0..count).map(|_| M::Cell::default()).collect() })
    }

    /// As [`new`](Self::new), where each word's frames are free by themselves: the first one
    /// came last.
    fn by_the_frame(first: usize, words: usize) -> Arc<Self> {
        let world = Self::new(first, words * WORD);
        for word in (first..first + words * WORD).step_by(WORD) {
            assert_eq!(world.frames.reserve(Frame::new(word)..Frame::new(word + 1)), Ok(()));
            assert_eq!(world.frames.release(Frame::new(word)..Frame::new(word + 1)), Ok(()));
        }
        world
    }

    /// Frames all of which somebody has.
    fn full(first: usize, count: usize) -> Arc<Self> {
        let world = Self::new(first, count);
        (0..count).for_each(|_| assert!(world.take(0, Request::ONE).is_some()));
        world
    }

    fn take(&self, cpu: usize, request: Request) -> Option<usize> {
        self.frames.on(cpu).allocate(request).ok().map(Frame::number)
    }

    fn free(&self, cpu: usize, first: usize, count: usize) -> bool {
        self.frames.on(cpu).free(Frame::new(first), count).is_ok()
    }

    /// An empty cache, which is filled and flushed by two frames at a time.
    fn cache(&self, cpu: usize) -> FrameCache<'_, Words<M>, 4> {
        FrameCache::with_capacity(self.frames.on(cpu))
    }

    /// Uses frames as the only one who has them.
    fn touch(&self, first: usize, count: usize) {
        self.cells[first - self.first..][..count].iter().for_each(Cell::touch);
    }

    fn check(&self) {
        assert_eq!(self.frames.check(), Ok(()), "a rule was broken");
    }
}

/// Takes what is asked for and uses it.
fn takes<M: Model>(world: &Arc<World<M>>, cpu: usize, request: Request) -> Thread<Option<usize>> {
    thread(world, move |world| {
        let first = world.take(cpu, request)?;
        world.touch(first, request.frames());
        Some(first)
    })
}

/// Two processors want the only frame.
fn one_takes<M: Model>() {
    let world = World::<M>::new(7, 1);
    let taken = M::together(vec![takes(&world, 0, Request::ONE), takes(&world, 1, Request::ONE)]);
    assert_eq!(taken.iter().flatten().count(), 1, "one frame, one owner");
    world.check();
}

/// Two processors want runs of frames that share one.
fn runs_overlap<M: Model>() {
    let world = World::<M>::new(WORD - 2, 4);
    let reserves = |first, count| {
        thread(&world, move |world: &World<M>| {
            let range = Frame::new(first)..Frame::new(first + count);
            let reserved = world.frames.reserve(range).is_ok();
            if reserved {
                world.touch(first, count);
            }
            reserved
        })
    };
    let taken = M::together(vec![reserves(WORD - 2, 3), reserves(WORD, 2)]);
    assert_eq!(taken.iter().filter(|&&taken| taken).count(), 1, "one of two runs");
    world.check();
    let left = if taken[0] { 1 } else { 2 };
    assert_eq!(world.frames.stats().free, left, "what one half-way had is free again");
    assert!((0..left).all(|_| world.take(2, Request::ONE).is_some()), "what is free can be had");
}

/// A frame is freed while somebody else looks for one; the frame is used, or it is looked for
/// once more.
fn freed_while_looked_for<M: Model>(uses: bool) {
    let world = World::<M>::full(7, 1);
    let frees = thread(&world, move |world| {
        if uses {
            world.touch(7, 1);
        }
        assert!(world.free(1, 7, 1));
        None
    });
    let looks = thread(&world, move |world| {
        let taken = world.take(0, Request::ONE);
        if uses && taken.is_some() {
            world.touch(7, 1);
        }
        taken
    });
    let taken = M::together(vec![frees, looks]);
    let found = taken[1].is_some() || world.take(2, Request::ONE).is_some();
    assert!(uses || found, "what is free can be had");
}

/// The second half of a group is freed while somebody else looks for one.
fn completed_while_looked_for<M: Model>() {
    let world = World::<M>::full(6, 2);
    assert!(world.free(1, 6, 1));
    let frees = thread(&world, |world| {
        world.free(1, 7, 1);
        None
    });
    let looks = thread(&world, |world| world.take(0, Request::order(1)));
    let taken = M::together(vec![frees, looks]);
    let found = taken[1].is_some() || world.take(2, Request::order(1)).is_some();
    assert!(found, "what is free can be had");
}

/// A group is freed by way of a cache while somebody else looks for one.
fn flushed_while_looked_for<M: Model>() {
    let world = World::<M>::full(6, 2);
    let frees = thread(&world, |world| {
        let mut cache = world.cache(1);
        [6, 7].iter().for_each(|number| cache.free(Frame::new(*number)).unwrap());
        None
    });
    let looks = thread(&world, |world| world.take(0, Request::order(1)));
    let taken = M::together(vec![frees, looks]);
    let found = taken[1].is_some() || world.take(2, Request::order(1)).is_some();
    assert!(found, "what is free can be had");
    world.check();
}

/// Two caches are filled from one word, and their frames go back to it.
fn caches_share_a_word<M: Model>() {
    let world = World::<M>::new(7, 3);
    let uses = |cpu| {
        thread(&world, move |world: &World<M>| {
            let mut cache = world.cache(cpu);
            let taken = [(); 2].map(|()| cache.allocate().ok());
            taken.iter().flatten().for_each(|frame| world.touch(frame.number(), 1));
            taken.iter().flatten().for_each(|frame| cache.free(*frame).unwrap());
            assert_eq!(cache.drain(), Ok(()), "two owners at a time");
        })
    };
    M::together(vec![uses(0), uses(1)]);
    assert_eq!(world.frames.stats().free, 3, "all was given back");
    world.check();
}

/// Both halves of a group are freed, which it is known that there are none of.
fn halves_are_freed<M: Model>(first: usize, half: usize) {
    let world = World::<M>::new(first, 2 * half);
    let both = Request::order((2 * half).ilog2());
    assert_eq!(world.take(0, both), Some(first));
    assert_eq!(world.take(0, both), None);
    let frees = |cpu, first| thread(&world, move |world: &World<M>| world.free(cpu, first, half));
    M::together(vec![frees(1, first), frees(2, first + half)]);
    assert_eq!(world.take(0, both), Some(first), "what is free can be had");
    world.check();
}

/// Two threads free the same frames.
fn one_frees<M: Model>(count: usize) {
    let world = World::<M>::new(0, count);
    world.take(0, Request::count(count)).unwrap();
    let frees = |cpu| thread(&world, move |world: &World<M>| world.free(cpu, 0, count));
    let freed = M::together(vec![frees(0), frees(1)]);
    assert_eq!(freed.iter().filter(|&&freed| freed).count(), 1, "a double free is seen");
    assert_eq!(world.frames.stats().free, count);
    world.check();
}

/// Two cut a word that is free as a whole, after somebody has used it.
fn two_cut_a_word<M: Model>(freed: bool) {
    let world = World::<M>::new(WORD, WORD);
    let whole = Request::count(WORD);
    assert_eq!(world.take(2, whole), Some(WORD));
    let frees = move |world: &World<M>| {
        world.touch(2 * WORD - 4, 4);
        assert!(world.free(2, WORD, WORD));
    };
    // Pairs, for which no processor remembers what is free beside them.
    let pair = Request::order(1);
    let mut threads = vec![takes(&world, 0, pair), takes(&world, 1, pair)];
    if freed {
        frees(&world);
    } else {
        threads.push(thread(&world, move |world| {
            frees(world);
            None
        }));
    }
    let taken = M::together(threads);
    let taken = taken.iter().flatten().collect::<BTreeSet<_>>();
    assert_eq!(world.frames.stats().free, WORD - 2 * taken.len(), "one frame, one owner");
    world.check();
    assert!(world.take(2, pair).is_some(), "what is free can be had");
}

/// A frame is wanted that has to be cut off, while a double word with it is wanted, too.
fn cut_while_wanted_as_a_whole<M: Model>(by_the_frame: bool) {
    let make = if by_the_frame {
        World::<M>::by_the_frame
    } else {
        |first, words| World::new(first, words * WORD)
    };
    let world = make(0, 2);
    let wants = |cpu, request: Request| {
        thread(&world, move |world: &World<M>| {
            let taken = world.take(cpu, request).is_some();
            if taken {
                world.touch(2 * WORD - 1, 1);
            }
            taken
        })
    };
    let both = Request::order((2 * WORD).ilog2());
    let taken = M::together(vec![wants(0, Request::ONE), wants(1, both)]);
    assert_eq!(taken.iter().filter(|&&taken| taken).count(), 1, "one of two");
    world.check();
}

/// The last frame of a double word is freed while somebody takes it, and finds it missing.
fn completed_while_taken<M: Model>() {
    let world = World::<M>::by_the_frame(0, 2);
    let last = Frame::new(2 * WORD - 1)..Frame::new(2 * WORD);
    world.frames.reserve(last.clone()).unwrap();
    let frees = thread(&world, move |world: &World<M>| {
        world.frames.release(last.clone()).unwrap();
        None
    });
    let both = Request::order((2 * WORD).ilog2());
    let looks = thread(&world, move |world| world.take(0, both));
    let taken = M::together(vec![frees, looks]);
    let found = taken[1].is_some() || world.take(2, both).is_some();
    assert!(found, "what is free can be had");
    world.check();
}

/// A whole word is freed while somebody else looks for one.
fn word_freed_while_looked_for<M: Model>() {
    let world = World::<M>::new(WORD, WORD);
    let word = Request::count(WORD).aligned(WORD.ilog2());
    assert_eq!(world.take(1, word), Some(WORD));
    let frees = thread(&world, |world| {
        assert!(world.free(1, WORD, WORD));
        None
    });
    let looks = thread(&world, move |world| world.take(0, word));
    let taken = M::together(vec![frees, looks]);
    let found = taken[1].is_some() || world.take(2, word).is_some();
    assert!(found, "what is free can be had");
    world.check();
}

/// What a cut leaves over is looked for, by somebody who did not find it before.
fn cut_while_looked_for<M: Model>() {
    let world = World::<M>::new(WORD, WORD);
    let pair = Request::order(1);
    let cuts = thread(&world, |world| world.take(0, Request::ONE));
    let looks = thread(&world, move |world| world.take(1, pair));
    let taken = M::together(vec![cuts, looks]);
    assert!(taken[0].is_some() || taken[1].is_some(), "one of them was first");
    assert!(world.take(2, pair).is_some(), "what is free can be had");
    world.check();
}

/// Two look for a zone for the same processor.
fn two_move_one_zone<M: Model>() {
    let world = World::<M>::new(0, 2 * AREA);
    let looks = || thread(&world, |world: &World<M>| world.take(0, Request::order(9)));
    let taken = M::together(vec![looks(), looks()]);
    assert!(taken.iter().all(Option::is_some), "there is one for each");
    assert_ne!(taken[0], taken[1], "one frame, one owner");
    world.check();
}

/// An interrupt handler, or a thread that was moved, looks for a home for the same processor.
fn two_move_one_home<M: Model>() {
    let world = World::<M>::new(AREA - 2, 4);
    let two = Request::order(1);
    let taken = M::together(vec![takes(&world, 0, two), takes(&world, 0, two)]);
    assert!(taken.iter().all(Option::is_some), "there are two for each");
    assert_ne!(taken[0], taken[1], "one frame, one owner");
    world.check();
}

/// Many processors take frames and groups, use them and free them.
fn many_take_and_free<M: Model>() {
    const FRAMES: usize = 2 * WORD;
    let world = World::<M>::new(AREA - WORD, FRAMES);
    let churn = |number: usize| {
        thread(&world, move |world: &World<M>| {
            for round in 0..6 {
                let request = match (number + round) % 5 {
                    0 => Request::order(4),
                    1 => Request::count(WORD / 2 + 3),
                    2 => Request::count(WORD).aligned(WORD.ilog2()),
                    _ => Request::ONE,
                };
                let Some(first) = world.take(number % CPUS, request) else { continue };
                world.touch(first, request.frames());
                assert!(world.free(round % CPUS, first, request.frames()), "two owners at a time");
            }
        })
    };
    M::together((0..6).map(churn).collect());
    assert_eq!(world.frames.stats().free, FRAMES, "all was freed");
    world.check();
}

#[test]
fn loom_one_takes() {
    explore(3, one_takes::<Loom>);
}

#[test]
fn loom_runs_overlap() {
    explore(3, runs_overlap::<Loom>);
}

#[test]
fn loom_freed_while_looked_for() {
    explore(3, || freed_while_looked_for::<Loom>(true));
    explore(3, || freed_while_looked_for::<Loom>(false));
}

#[test]
fn loom_completed_while_looked_for() {
    explore(3, completed_while_looked_for::<Loom>);
}

#[test]
fn loom_flushed_while_looked_for() {
    explore(3, flushed_while_looked_for::<Loom>);
}

#[test]
fn loom_caches_share_a_word() {
    explore(2, caches_share_a_word::<Loom>);
}

#[test]
fn loom_halves_are_freed() {
    explore(3, || halves_are_freed::<Loom>(6, 1));
}

#[test]
fn loom_whole_words_are_freed() {
    explore(3, || halves_are_freed::<Loom>(2 * WORD, WORD));
}

#[test]
fn loom_one_frees() {
    for count in [1, 2, WORD, 2 * WORD] {
        explore(3, move || one_frees::<Loom>(count));
    }
}

#[test]
fn loom_two_cut_a_word() {
    explore(2, || two_cut_a_word::<Loom>(true));
}

#[test]
fn loom_cut_while_wanted_as_a_whole() {
    explore(2, || cut_while_wanted_as_a_whole::<Loom>(false));
    explore(2, || cut_while_wanted_as_a_whole::<Loom>(true));
}

#[test]
fn loom_completed_while_taken() {
    explore(3, completed_while_taken::<Loom>);
}

#[test]
fn loom_word_freed_while_looked_for() {
    explore(3, word_freed_while_looked_for::<Loom>);
}

#[test]
fn loom_cut_while_looked_for() {
    explore(3, cut_while_looked_for::<Loom>);
}

#[test]
fn loom_huge_frames_are_freed() {
    explore(2, || halves_are_freed::<Loom>(AREA, AREA / 2));
}

#[test]
fn loom_two_move_one_zone() {
    explore(3, two_move_one_zone::<Loom>);
}

#[test]
fn loom_two_move_one_home() {
    explore(3, two_move_one_home::<Loom>);
}

#[test]
fn shuttle_two_cut_a_word() {
    sample(300, || two_cut_a_word::<Shuttle>(false));
}

#[test]
fn shuttle_many_take_and_free() {
    sample(300, many_take_and_free::<Shuttle>);
}

#[test]
#[should_panic(expected = "a rule was broken")]
fn mutant_updates_are_torn() {
    explore(3, one_takes::<Flawed<Loom, TornUpdate>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_runs_are_torn() {
    explore(3, runs_overlap::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_who_frees_does_not_release() {
    explore(3, || freed_while_looked_for::<Flawed<Loom, NoRelease>>(true));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_who_takes_does_not_acquire() {
    explore(3, || freed_while_looked_for::<Flawed<Loom, NoAcquire>>(true));
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_the_second_look_does_not_release() {
    explore(3, || freed_while_looked_for::<Flawed<Loom, NoRelease>>(false));
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_frees_does_not_acquire() {
    explore(3, || freed_while_looked_for::<Flawed<Loom, NoAcquire>>(false));
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_completes_a_group_does_not_acquire() {
    explore(3, completed_while_looked_for::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_flushes_a_cache_does_not_acquire() {
    explore(3, flushed_while_looked_for::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_refill_is_torn() {
    explore(3, caches_share_a_word::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_flush_does_not_release() {
    explore(3, caches_share_a_word::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_refill_does_not_acquire() {
    explore(3, caches_share_a_word::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "a double free is seen")]
fn mutant_a_free_is_torn() {
    explore(3, || one_frees::<Flawed<Loom, TornUpdate>>(1));
}

#[test]
#[should_panic(expected = "a double free is seen")]
fn mutant_a_free_of_several_is_torn() {
    explore(3, || one_frees::<Flawed<Loom, TornExchange>>(2));
}

#[test]
#[should_panic(expected = "a rule was broken")]
fn mutant_a_home_is_left_by_nobody() {
    explore(3, two_move_one_home::<Flawed<Loom, TornUpdate>>);
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_frees_a_word_does_not_acquire() {
    explore(3, word_freed_while_looked_for::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_cut_is_torn() {
    explore(3, || two_cut_a_word::<Flawed<Loom, TornExchange>>(true));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_cut_does_not_acquire() {
    explore(2, || two_cut_a_word::<Flawed<Loom, NoAcquire>>(false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_cut_does_not_release() {
    explore(2, || two_cut_a_word::<Flawed<Loom, NoRelease>>(false));
}

#[test]
#[should_panic]
fn mutant_whole_words_are_torn() {
    explore(3, || cut_while_wanted_as_a_whole::<Flawed<Loom, TornExchange>>(true));
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_completes_a_word_does_not_acquire() {
    explore(3, completed_while_taken::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "what is free can be had")]
fn mutant_who_cuts_does_not_acquire() {
    explore(3, cut_while_looked_for::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "a rule was broken")]
fn mutant_a_zone_is_left_by_nobody() {
    explore(3, two_move_one_zone::<Flawed<Loom, TornUpdate>>);
}

#[test]
#[should_panic]
fn mutant_many_take_the_same() {
    sample(300, many_take_and_free::<Flawed<Shuttle, TornExchange>>);
}
