//! Processors that allocate at the same time and free each other's blocks, while their
//! timers interrupt them to do the same.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::board::Board;
use crate::random::Random;
use crate::{apic, interrupt, team};

/// How often timers interrupt the processors.
const INTERRUPTS: usize = 1000;
const TICKS: u32 = 500_000;

static BOARD: Board = Board::new();
static CALLS: AtomicUsize = AtomicUsize::new(0);

fn handler() {
    BOARD.turn(&mut Random::new(CALLS.fetch_add(1, Ordering::Relaxed)));
}

pub fn run() {
    interrupt::handle_by(handler);
    team::on_all(|number| {
        let mut random = Random::new(number);
        apic::interrupted(TICKS, || {
            while CALLS.load(Ordering::Relaxed) < INTERRUPTS {
                (0..100).for_each(|_| BOARD.turn(&mut random));
            }
        });
    });
    BOARD.clear();
}
