//! A round: a heap, processes that work on it and die, and what is left of it.

use anymem::{HeapError, HeapOptions, SharedHeap, Size};

use super::audit::{self, Left};
use super::board::Board;
use super::company::Company;
use super::failures::Kind;
use super::life::Life;
use super::model::Contents;
use super::process::Event;
use super::scene::{Scene, Setting};
use super::shared_work;
use super::shelf::Shelf;
use super::table::{Block, Unsettled};
use crate::{Directory, Random};

/// What a round came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// Processes that were killed.
    pub(super) kills: usize,
    /// Times that one was stopped.
    pub(super) stops: usize,
    /// Times that all were killed at once.
    pub(super) reboots: usize,
    /// Steps of all processes.
    pub(super) steps: usize,
    /// Times that one of them recovered the heap.
    pub(super) recoveries: usize,
    /// The most blocks that may be lost.
    pub(super) bound: usize,
    /// What was.
    pub(super) left: Left,
}

/// A round that is under way.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) board: &'a Board,
    pub(super) scene: Scene,
    pub(super) random: Random,
    pub(super) company: Company<'a>,
    pub(super) outcome: Outcome,
    heap: Option<SharedHeap>,
    directory: Option<Directory>,
    unsettled: Vec<Block>,
}

/// The name of a heap in a file.
const NAME: &str = "torture";

impl<'a> Round<'a> {
    /// Makes a heap, with what processes find there.
    pub(super) fn new(board: &'a Board, scene: Scene) -> Result<Self, HeapError> {
        let on_disk = scene.setting == Setting::Reboot;
        let directory = on_disk.then(|| Directory::below(&std::env::temp_dir(), NAME));
        let options = HeapOptions::new().slots(scene.slots).roots(2 * scene.processes() + 1);
        let size = Size::mib(scene.mib);
        let heap = match &directory {
            Some(directory) => options.directory(directory.path()).create(NAME, size)?,
            None => options.create_memfd(NAME, size)?,
        };
        shared_work::put_up(&heap);
        for lane in 0..scene.processes() {
            Shelf::put_up(&heap, lane);
            board.lanes[lane].model.set(&Contents::NEW);
        }
        board.set_over(false);
        Ok(Self {
            board,
            scene,
            random: Random::new(scene.seed ^ 1),
            company: Company::new(board, scene.processes()),
            outcome: Outcome {
                steps: steps(board),
                recoveries: recoveries(board),
                ..Outcome::default()
            },
            heap: Some(heap),
            directory,
            unsettled: Vec::new(),
        })
    }

    pub(super) fn heap(&self) -> &SharedHeap {
        self.heap.as_ref().expect("open")
    }

    /// Starts the process of a lane.
    pub(super) fn start(&mut self, lane: usize, life: Life) {
        let (seed, heap) = (self.random.bits(), self.heap.as_ref().expect("open"));
        self.company.start(lane, &self.scene, heap, seed, life);
    }

    /// Starts those that live through the round; the lanes of the others.
    pub(super) fn start_peers(&mut self) -> std::ops::Range<usize> {
        (0..self.scene.peers).for_each(|lane| self.start(lane, Life::Whole));
        self.scene.peers..self.scene.processes()
    }

    /// Takes note of a process's end.
    pub(super) fn note(&mut self, lane: usize, event: Event) {
        match event {
            Event::Killed => {
                self.outcome.kills += 1;
                self.bury(lane);
            }
            Event::Stopped => self.outcome.stops += 1,
            Event::Ended | Event::Crashed(_) => {}
        }
    }

    /// Sees what a dead process had been doing.
    fn bury(&mut self, lane: usize) {
        let at_stake = self.board.lanes[lane].settle();
        if self.scene.setting != Setting::Linked {
            self.outcome.bound += at_stake;
        }
        match self.board.table.settle(lane) {
            Some(Unsettled::Gave(block)) => self.unsettled.push(block),
            Some(Unsettled::Asked) | None => {}
        }
        if self.heap.is_some() {
            self.adopt(lane);
        }
    }

    /// Looks at the shelf of a dead process.
    pub(super) fn adopt(&self, lane: usize) {
        self.heap().recover();
        let shelf = Shelf::find(self.heap(), lane);
        let adopted = shelf.ok_or_else(|| "it is gone".to_owned()).and_then(|mut shelf| {
            // SAFETY: the lane has no process now.
            let shelf = unsafe { shelf.as_mut() };
            shelf.adopt(&self.board.lanes[lane].model)?;
            shelf.links_are_whole(self.heap())
        });
        self.hold(adopted.map_err(|what| format!("shelf {lane}: {what}")));
    }

    /// Notes what does not hold.
    pub(super) fn hold(&self, promise: Result<(), String>) {
        if let Err(what) = promise {
            self.board.failures.note(Kind::Corrupt, what);
        }
    }

    /// Whether something does not hold.
    pub(super) fn failed(&self) -> bool {
        self.board.failures.any()
    }

    /// Unmaps the heap; its processes keep it.
    pub(super) fn close(&mut self) {
        let heap = self.heap.take().expect("open");
        // SAFETY: nothing in it is in use in this process.
        unsafe { heap.detach() }.expect("the only handle");
    }

    /// Opens the heap's file again.
    pub(super) fn open(&mut self) {
        let directory = self.directory.as_ref().expect("a heap in a file");
        match HeapOptions::new().directory(directory.path()).open(NAME) {
            Ok(heap) => self.heap = Some(heap),
            Err(error) => self.hold(Err(format!("the heap cannot be opened: {error}"))),
        }
    }

    /// Looks whether all is in order, when no process is left.
    pub(super) fn verify(&self) {
        self.hold(audit::verify(self.heap(), self.board, &self.scene));
    }

    /// Ends all processes, and counts what is left.
    pub(super) fn finish(mut self) -> Outcome {
        for (lane, event) in self.company.dismiss() {
            self.note(lane, event);
        }
        if !self.failed() {
            self.verify();
        }
        if !self.failed() {
            match audit::clear(self.heap(), self.board, &self.scene, &self.unsettled) {
                Ok(left) => self.outcome.left = left,
                Err(what) => self.hold(Err(what)),
            }
            self.judge();
        }
        self.outcome.steps = steps(self.board) - self.outcome.steps;
        self.outcome.recoveries = recoveries(self.board) - self.outcome.recoveries;
        if self.heap.is_some() {
            self.close();
        }
        self.outcome
    }

    fn judge(&self) {
        let Outcome { left, bound, .. } = self.outcome;
        let note = |what: std::fmt::Arguments<'_>| self.board.failures.note(Kind::Lost, what);
        // Where calls may go without a journal, slabs are counted only.
        let slabs = if self.scene.setting == Setting::Crowded { 0 } else { left.slabs };
        if left.lost + slabs > bound {
            note(format_args!(
                "{} blocks and {} slabs were lost, {bound} at most may be: {}",
                left.lost,
                left.slabs,
                audit::remains(self.heap())
            ));
        }
    }
}

fn steps(board: &Board) -> usize {
    board.lanes.iter().map(|lane| lane.progress().steps).sum()
}

fn recoveries(board: &Board) -> usize {
    board.lanes.iter().map(|lane| lane.progress().recoveries).sum()
}
