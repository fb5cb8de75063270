//! A worker's place, and how it adds to the counts exactly once.
//!
//! A worker may be killed between any two instructions. How far it is with its
//! file stands in its seat, in the segment, and the next worker in the seat
//! goes on from there. The words of a file are added in an order that only the
//! text decides. Each addition is a step, done under the lock of the word's
//! shard:
//!
//! | | store | who dies behind it |
//! |---|---|---|
//! | 1 | the count, raised, with a mark: this seat, this step | leaves a mark; the next to come to the word does 2 |
//! | 2 | the steps of the seat, one more | leaves a mark of a step that is noted |
//! | 3 | the count, without the mark | leaves nothing |
//!
//! A living worker takes its mark away before it gives the lock back, so only
//! the dead leave any, and whoever finds one has taken over the lock. A mark
//! is of the step that the seat is just at, or of the one before, which is
//! noted: whether the number is odd tells which. It cannot be older, for a
//! worker begins with the last step that its predecessor noted, whose word it
//! finds added and frees of the mark.

use core::sync::atomic::{AtomicU64, Ordering};

use anymem::container::{ContainerError, ShmSafe};

use super::times::{Mark, Times};

/// How far one worker is with its file, on a cache line of its own.
#[derive(Debug, Default, ShmSafe)]
#[repr(C, align(128))]
pub(crate) struct Seat {
    /// A fingerprint of the file's text; 0 before its first step.
    text: AtomicU64,
    /// How many steps are done.
    steps: AtomicU64,
}

impl Seat {
    fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Notes the step that `mark` is of, if it is not noted yet.
    fn note(&self, mark: Mark) {
        let steps = self.steps();
        if (steps % 2 == 1) == mark.odd {
            self.steps.store(steps.wrapping_add(1), Ordering::Release);
        }
    }
}

/// All seats, seen from one that a worker has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seats<'j> {
    all: &'j [Seat],
    number: u8,
    mine: &'j Seat,
}

impl<'j> Seats<'j> {
    /// The seats `all`, seen from that with the given number.
    pub(crate) fn new(all: &'j [Seat], number: u32) -> Result<Self, ContainerError> {
        let number = u8::try_from(number).map_err(|_| ContainerError::Corrupt)?;
        let mine = all.get(usize::from(number)).ok_or(ContainerError::Corrupt)?;
        Ok(Self { all, number, mine })
    }

    /// Begins a text, or goes on with it; whether it is the one that was begun.
    pub(crate) fn begin(&self, fingerprint: u64) -> bool {
        let fingerprint = fingerprint.max(1);
        if !self.has_begun() {
            // Release: before the first step.
            self.mine.text.store(fingerprint, Ordering::Release);
        }
        self.mine.text.load(Ordering::Relaxed) == fingerprint
    }

    /// Whether a text was begun and not ended.
    pub(crate) fn has_begun(&self) -> bool {
        self.mine.text.load(Ordering::Relaxed) != 0
    }

    /// Ends a text.
    ///
    /// Called when the file is no longer taken, and before the next one is.
    pub(crate) fn end(&self) {
        self.mine.steps.store(0, Ordering::Release);
        self.mine.text.store(0, Ordering::Release);
    }

    /// The step to begin with: the last one that is done, which may have left
    /// its mark, or the very first.
    pub(crate) fn first_step(&self) -> u64 {
        self.mine.steps().saturating_sub(1)
    }

    /// Adds `more` to `times`, unless this step is done. The lock of the shard
    /// of `times` is held.
    #[inline]
    pub(crate) fn add(&self, step: u64, times: &Times, more: u64) {
        if let Some(mark) = times.mark() {
            self.inherit(mark, times);
        }
        if self.mine.steps() > step {
            return;
        }
        let mark = Mark { seat: self.number, odd: step % 2 == 1 };
        times.set_marked(times.count().wrapping_add(more), mark);
        self.mine.steps.store(step.wrapping_add(1), Ordering::Release);
        times.unmark();
    }

    /// Does what a dead worker had still to do with `times`.
    #[cold]
    fn inherit(&self, mark: Mark, times: &Times) {
        if let Some(seat) = self.all.get(usize::from(mark.seat)) {
            seat.note(mark);
        }
        times.unmark();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const MORE: u64 = 5;

    /// What a worker has stored when it dies in a step.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) enum Death {
        Before,
        Marked,
        Noted,
        Behind,
    }

    pub(crate) const DEATHS: [Death; 4] =
        [Death::Before, Death::Marked, Death::Noted, Death::Behind];

    impl Seats<'_> {
        /// As much of `add` as a worker does that dies.
        pub(crate) fn die(&self, step: u64, times: &Times, more: u64, death: Death) {
            if death >= Death::Marked {
                let mark = Mark { seat: self.number, odd: step % 2 == 1 };
                times.set_marked(times.count() + more, mark);
            }
            if death >= Death::Noted {
                self.mine.steps.store(step + 1, Ordering::Relaxed);
            }
            if death >= Death::Behind {
                times.unmark();
            }
        }

        /// Counts from the step on that is to be done next.
        fn go_on(&self, words: &[&Times]) {
            let first = self.first_step();
            for (step, times) in (0..).zip(words).skip(first as usize) {
                self.add(step, times, MORE);
            }
        }
    }

    /// Two workers, seen from each, the first of which dies in `step`.
    fn with_a_death(step: usize, death: Death, then: impl FnOnce([Seats<'_>; 2], [&Times; 4])) {
        let all = [Seat::default(), Seat::default()];
        let words: [Times; 4] = Default::default();
        let words = words.each_ref();
        let seats = [0, 1].map(|number| Seats::new(&all, number).expect("a seat"));
        seats[0].go_on(&words[..step]);
        seats[0].die(step as u64, words[step], MORE, death);
        then(seats, words);
    }

    fn deaths() -> impl Iterator<Item = (usize, Death)> {
        (0..4).flat_map(|step| DEATHS.map(|death| (step, death)))
    }

    #[test]
    fn a_successor_adds_what_is_missing() {
        for (step, death) in deaths() {
            with_a_death(step, death, |seats, words| {
                seats[0].go_on(&words);
                assert_eq!(words.map(Times::count), [MORE; 4], "{death:?} in step {step}");
                assert_eq!(words.map(Times::mark), [None; 4], "{death:?} in step {step}");
                assert_eq!(seats[0].mine.steps(), 4);
            });
        }
    }

    #[test]
    fn another_that_adds_to_the_word_first_loses_nothing() {
        for (step, death) in deaths() {
            with_a_death(step, death, |seats, words| {
                seats[1].add(0, words[step], 100);
                seats[0].go_on(&words);
                let mut counts = [MORE; 4];
                counts[step] += 100;
                assert_eq!(words.map(Times::count), counts, "{death:?} in step {step}");
                assert_eq!(seats.map(|seat| seat.mine.steps()), [4, 1]);
            });
        }
    }

    #[test]
    fn an_heir_may_die_too() {
        for (step, death) in deaths() {
            for unmarks in [false, true] {
                with_a_death(step, death, |seats, words| {
                    // What the heir did of `inherit`.
                    if let Some(mark) = words[step].mark() {
                        seats[0].mine.note(mark);
                    }
                    if unmarks {
                        words[step].unmark();
                    }
                    seats[1].go_on(&words);
                    seats[0].go_on(&words);
                    let what = format!("{death:?} in step {step}, unmarks: {unmarks}");
                    assert_eq!(words.map(Times::count), [2 * MORE; 4], "{what}");
                });
            }
        }
    }

    #[test]
    fn a_successor_may_die_too() {
        for ((step, death), (later, again)) in deaths().flat_map(|a| deaths().map(move |b| (a, b)))
        {
            with_a_death(step, death, |seats, words| {
                let first = seats[0].first_step() as usize;
                for (at, times) in (0..).zip(&words[..later]).skip(first) {
                    seats[0].add(at, times, MORE);
                }
                // It dies in a step that is its own.
                if seats[0].mine.steps() == later as u64 && words[later].mark().is_none() {
                    seats[0].die(later as u64, words[later], MORE, again);
                }
                seats[0].go_on(&words);
                let what = format!("{death:?} in step {step}, then {again:?} in step {later}");
                assert_eq!(words.map(Times::count), [MORE; 4], "{what}");
            });
        }
    }

    #[test]
    fn a_text_that_changed_is_noticed() {
        let all = [Seat::default()];
        let seats = Seats::new(&all, 0).expect("a seat");
        assert!(seats.begin(0) && seats.begin(0) && !seats.begin(7));
        seats.end();
        assert!(seats.begin(7) && !seats.begin(0));
    }

    #[test]
    fn there_are_no_other_seats() {
        let all = [Seat::default()];
        for number in [1, 255, 256] {
            assert!(Seats::new(&all, number).is_err());
        }
        let times = Times::default();
        times.set_marked(3, Mark { seat: 200, odd: false });
        Seats::new(&all, 0).expect("a seat").add(0, &times, 1);
        assert_eq!((times.count(), times.mark()), (4, None));
    }
}
