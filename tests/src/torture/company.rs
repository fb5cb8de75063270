//! The processes of a round, and whether each of them gets on.

use std::time::{Duration, Instant};

use anymem::SharedHeap;

use super::board::Board;
use super::failures::Kind;
use super::lane::Progress;
use super::life::Life;
use super::process::{self, Event, fork, send};
use super::scene::Scene;
use super::worker::Worker;
use crate::Random;

/// How long a process may take for a step before it is said to hang, on a machine
/// that does much else.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How long a process that hangs may take to say where.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long to wait for news at a time.
const NAP: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Member {
    pid: libc::pid_t,
    stopped: bool,
    /// Whether it was told to say where, and to end.
    hangs: bool,
    steps: usize,
    since: Instant,
}

/// Processes, each by the number of its lane.
#[derive(Debug)]
pub(super) struct Company<'a> {
    board: &'a Board,
    members: Vec<Option<Member>>,
}

impl<'a> Company<'a> {
    pub(super) fn new(board: &'a Board, most: usize) -> Self {
        Self { board, members: (0..most).map(|_| None).collect() }
    }

    /// Starts a process that leads such a life.
    pub(super) fn start(
        &mut self,
        number: usize,
        scene: &Scene,
        heap: &SharedHeap,
        seed: u64,
        life: Life,
    ) {
        let board = self.board;
        let failed = |panic: String| {
            board.failures.note(Kind::Corrupt, format_args!("process {number} panicked: {panic}"));
        };
        let random = Random::new(seed);
        let pid = fork(|| Worker { heap, board, scene, number, random }.lead(life), failed);
        let steps = board.lanes[number].progress().steps;
        self.members[number] =
            Some(Member { pid, stopped: false, hangs: false, steps, since: Instant::now() });
    }

    /// How many processes there are.
    pub(super) fn len(&self) -> usize {
        self.members.iter().flatten().count()
    }

    /// What became of one of them; `None` after a short while without news.
    ///
    /// Those that ended are out of the company.
    pub(super) fn news(&mut self) -> Option<(usize, Event)> {
        process::watch_self(2 * PATIENCE);
        let Some((pid, event)) = process::news() else {
            process::wait_for_news(NAP);
            return None;
        };
        let is = |member: &Option<Member>| member.as_ref().is_some_and(|member| member.pid == pid);
        let number = self.members.iter().position(is)?;
        match event {
            Event::Stopped => self.set_stopped(number, true),
            Event::Ended | Event::Killed => self.members[number] = None,
            Event::Crashed(status) => {
                let crashed = self.members[number].take();
                if crashed.is_some_and(|member| !member.hangs) {
                    let text = format_args!("process {number} crashed: wait status {status:#x}");
                    self.board.failures.note(Kind::Corrupt, text);
                }
            }
        }
        Some((number, event))
    }

    fn set_stopped(&mut self, number: usize, stopped: bool) {
        if let Some(member) = &mut self.members[number] {
            member.stopped = stopped;
            member.since = Instant::now();
        }
    }

    /// Lets a stopped process go on.
    pub(super) fn resume(&mut self, number: usize) {
        self.board.lanes[number].resume();
        self.set_stopped(number, false);
        self.send(number, libc::SIGCONT);
    }

    /// Kills a process.
    pub(super) fn kill(&self, number: usize) {
        self.send(number, libc::SIGKILL);
    }

    fn send(&self, number: usize, signal: i32) {
        if let Some(member) = &self.members[number] {
            send(member.pid, signal);
        }
    }

    /// How far some processes are.
    pub(super) fn progress(&self, numbers: std::ops::Range<usize>) -> Vec<Progress> {
        numbers.map(|number| self.board.lanes[number].progress()).collect()
    }

    /// Looks whether each process that is not stopped gets on; notes a hang if one
    /// does not.
    pub(super) fn watch(&mut self) {
        for number in 0..self.members.len() {
            let steps = self.board.lanes[number].progress().steps;
            let Some(member) = &mut self.members[number] else { continue };
            if member.stopped || member.steps != steps {
                (member.steps, member.since) = (steps, Instant::now());
            } else if member.since.elapsed() > PATIENCE {
                (member.hangs, member.since) = (true, Instant::now());
                let text = format_args!("process {number} makes no step, for {PATIENCE:?}");
                self.board.failures.note(Kind::Hang, text);
                self.send(number, libc::SIGQUIT);
                process::wait_until(LAST_WORDS, || false);
            }
        }
    }

    /// Has all processes end, and waits until they have; what became of them.
    pub(super) fn dismiss(&mut self) -> Vec<(usize, Event)> {
        self.board.set_over(true);
        let mut ended = Vec::new();
        while self.len() > 0 {
            match self.news() {
                Some((number, Event::Stopped)) => self.resume(number),
                Some(end) => ended.push(end),
                None => self.watch(),
            }
            if self.board.failures.count(Kind::Hang) > 0 {
                self.kill_all();
            }
        }
        ended
    }

    /// Kills all processes, one directly after the other.
    pub(super) fn kill_all(&self) {
        self.members.iter().flatten().for_each(|member| send(member.pid, libc::SIGKILL));
    }
}
