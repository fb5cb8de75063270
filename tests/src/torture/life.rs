//! How processes live, and when they die.
//!
//! A victim works for a random number of steps, lights a fuse and goes on. The
//! fuse is a timer of the kernel, so the signal comes at any instruction, also in
//! system calls, in the midst of whatever the victim does then.

use std::time::Duration;

use super::process::Fuse;
use super::worker::Worker;

/// The longest time, in nanoseconds, for which a fuse burns as a rule.
const SHORT: usize = 60_000;

/// The longest time at all.
const LONG: usize = 600_000;

/// What a victim does when its fuse burns.
#[derive(Debug, Clone, Copy)]
enum LastAct {
    Recover,
    Trim,
    UseShelf,
    UseShared,
    Anything,
}

/// How a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Until the round is over.
    Whole,
    /// Until its fuse kills it.
    Killed,
    /// Until the round is over; its fuse stops it again and again.
    Stopped,
}

impl Worker<'_> {
    /// Lives.
    pub(super) fn lead(self, life: Life) {
        match life {
            Life::Whole => self.live(),
            Life::Killed => self.live_and_die(),
            Life::Stopped => self.live_and_stop(),
        }
    }

    fn live(mut self) {
        while !self.board.is_over() {
            self.step();
        }
    }

    fn live_and_die(mut self) {
        let fuse = Fuse::new(libc::SIGKILL);
        self.work_for_a_while();
        let act = self.draw_last_act();
        fuse.light(self.draw_time());
        while !self.board.is_over() {
            self.play(act);
        }
    }

    fn live_and_stop(mut self) {
        let fuse = Fuse::new(libc::SIGSTOP);
        while !self.board.is_over() {
            self.work_for_a_while();
            let (act, seen) = (self.draw_last_act(), self.lane().resumed());
            fuse.light(self.draw_time());
            while self.lane().resumed() == seen && !self.board.is_over() {
                self.play(act);
            }
        }
    }

    fn work_for_a_while(&mut self) {
        let most = 1 << self.random.below(10);
        for _ in 0..self.random.below(most) {
            if self.board.is_over() {
                return;
            }
            self.step();
        }
    }

    fn draw_time(&mut self) -> Duration {
        let most = if self.random.below(8) == 0 { LONG } else { SHORT };
        Duration::from_nanos(self.random.below(most) as u64)
    }

    fn draw_last_act(&mut self) -> LastAct {
        match self.random.below(8) {
            0 => LastAct::Recover,
            1 => LastAct::Trim,
            2 => LastAct::UseShelf,
            3 if self.scene.shares_locks() => LastAct::UseShared,
            _ => LastAct::Anything,
        }
    }

    fn uses_links(&self) -> bool {
        self.scene.links_alone(self.number)
    }

    fn play(&mut self, act: LastAct) {
        match act {
            LastAct::Recover => self.recover(),
            LastAct::Trim => self.trim(),
            LastAct::UseShelf if !self.uses_links() => self.use_shelf(),
            LastAct::UseShared if !self.uses_links() => self.use_shared(),
            _ => return self.step(),
        }
        self.lane().count_step();
    }
}
