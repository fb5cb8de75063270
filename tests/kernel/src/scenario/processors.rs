//! Processors that allocate at the same time and free each other's blocks, while their
//! timers interrupt them to do the same.

use crate::board::Board;
use crate::random::Random;
use crate::{apic, interrupt, processor};

const TURNS: usize = 20_000;
const TICKS: u32 = 500_000;

static BOARD: Board = Board::new();

pub fn run() {
    interrupt::handle_by(|| BOARD.turn(&mut Random::new(processor::number())));
    processor::on_all(|number| {
        apic::start_timer(TICKS);
        interrupt::enabled(|| {
            let mut random = Random::new(number);
            (0..TURNS).for_each(|_| BOARD.turn(&mut random));
        });
        apic::stop_timer();
    });
    BOARD.clear();
}
