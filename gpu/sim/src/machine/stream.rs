//! Streams: asking them for something, and getting them on.

use std::sync::Weak;
use std::thread;

use super::{Device, Machine};
use crate::command::Command;
use crate::queues::{Mark, Turn};
use crate::{Call, Completion, SimError};

/// A stream of a machine, whose commands are done in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream(pub(super) u64);

impl Stream {
    /// Its number: no other stream of the machine has had it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The stream of that number, if there is one.
    pub fn of(number: u64) -> Self {
        Self(number)
    }
}

impl Machine {
    /// Does the next command of a stream, if there is one and it need not wait; whether it did.
    pub fn step(&self, stream: Stream) -> bool {
        let turn = self.turns.lock().turn(stream.0);
        let Turn::Do(device, command) = turn else { return false };
        self.go(stream.0, device, command);
        true
    }

    /// How many commands of a stream are not done.
    pub fn pending(&self, stream: Stream) -> u64 {
        self.turns.lock().pending(stream.0)
    }

    fn go(&self, stream: u64, device: u32, command: Command) {
        self.perform(device, command);
        self.turns.done(stream);
    }

    /// Waits until a mark has happened; does what is to be done for that, unless threads of
    /// the streams do it.
    fn finish(&self, mark: Mark) {
        if self.options.completion == Completion::Background {
            return self.turns.wait(mark);
        }
        while let Some((stream, device, command)) = self.turns.help(mark) {
            self.go(stream, device, command);
        }
    }

    /// Whether a mark has happened; lets the streams get on so far as they do when somebody looks.
    pub(super) fn look_whether(&self, mark: Mark) -> bool {
        let most = match self.options.completion {
            // What had to come after another thread's command, nobody has done after that.
            Completion::Eager => usize::MAX,
            Completion::Lazy => 1,
            Completion::ByHand | Completion::Background => 0,
        };
        for _ in 0..most {
            let next = self.turns.lock().next_for(mark);
            let Some((stream, device, command)) = next else { break };
            self.go(stream, device, command);
        }
        self.turns.lock().has_happened(mark)
    }

    pub(super) fn start_default_streams(&self) -> Result<(), SimError> {
        (0..self.devices()).try_for_each(|device| self.start(u64::from(device)))
    }

    /// Starts the thread of a stream, if streams have some.
    fn start(&self, stream: u64) -> Result<(), SimError> {
        if self.options.completion != Completion::Background {
            return Ok(());
        }
        let (turns, machine) = (self.turns.clone(), self.itself.clone());
        let work = move || {
            while let Some((device, command)) = turns.next_of(stream) {
                let Some(machine) = Weak::upgrade(&machine) else { return };
                machine.go(stream, device, command);
            }
        };
        thread::Builder::new().name(format!("stream {stream}")).spawn(work).map(drop).map_err(
            |error| SimError::System { call: "thread", code: error.raw_os_error().unwrap_or(0) },
        )
    }
}

impl Device<'_> {
    /// The stream that is always there.
    pub fn default_stream(self) -> Stream {
        Stream(u64::from(self.number))
    }

    /// A new stream; if it is `blocking`, it and the default stream wait for one another.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub fn create_stream(self, blocking: bool) -> Result<Stream, SimError> {
        self.enter(Call::CreateStream)?;
        let stream = self.machine.turns.lock().create(self.number, blocking);
        self.machine.start(stream)?;
        Ok(Stream(stream))
    }

    /// Gives a stream back, which ends once what it was asked for is done.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] stream; default streams stay.
    pub fn destroy_stream(self, stream: Stream) -> Result<(), SimError> {
        self.enter(Call::DestroyStream)?;
        self.look_for(stream)?;
        if stream == self.default_stream() {
            return Err(NO_STREAM);
        }
        self.machine.turns.lock().close(stream.0);
        self.machine.turns.tell();
        Ok(())
    }

    /// Waits until all that the stream was asked for is done.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] stream, [`SimError::Lost`] if a command of it failed.
    pub fn synchronize(self, stream: Stream) -> Result<(), SimError> {
        self.enter(Call::Synchronize)?;
        self.look_for(stream)?;
        self.finish(self.end_of(stream));
        self.is_alive()
    }

    /// Waits until all that the device was asked for is done.
    ///
    /// # Errors
    ///
    /// [`SimError::Lost`] if a command failed.
    pub fn synchronize_all(self) -> Result<(), SimError> {
        self.enter(Call::Synchronize)?;
        self.finish_all();
        self.is_alive()
    }

    /// Whether all that the stream was asked for is done.
    ///
    /// # Errors
    ///
    /// As [`synchronize`](Self::synchronize).
    pub fn is_done(self, stream: Stream) -> Result<bool, SimError> {
        self.enter(Call::Query)?;
        self.look_for(stream)?;
        let done = self.machine.look_whether(self.end_of(stream));
        self.is_alive().map(|()| done)
    }

    /// Calls a function of the program in the order of a stream. It must not call the device.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] stream.
    pub fn call(
        self,
        stream: Stream,
        function: impl FnOnce() + Send + 'static,
    ) -> Result<(), SimError> {
        self.enter(Call::HostFunction)?;
        self.ask(stream, Command::Call(Box::new(function))).map(drop)
    }

    /// Asks a stream for something.
    pub(super) fn ask(self, stream: Stream, command: Command) -> Result<Mark, SimError> {
        self.ask_after(stream, command, None)
    }

    /// Asks a stream for something that comes after a mark, too.
    pub(super) fn ask_after(
        self,
        stream: Stream,
        command: Command,
        after: Option<Mark>,
    ) -> Result<Mark, SimError> {
        self.look_for(stream)?;
        let mark = self.machine.turns.lock().push(stream.0, command, after);
        self.machine.turns.tell();
        if self.machine.options.completion == Completion::Eager {
            self.finish(mark);
        }
        Ok(mark)
    }

    pub(super) fn look_for(self, stream: Stream) -> Result<(), SimError> {
        let queues = self.machine.turns.lock();
        let found = queues.get(stream.0).filter(|it| it.device == self.number);
        found.map(drop).ok_or(NO_STREAM)
    }

    pub(super) fn end_of(self, stream: Stream) -> Mark {
        self.machine.turns.lock().end(stream.0)
    }

    pub(super) fn finish(self, mark: Mark) {
        self.machine.finish(mark);
    }

    pub(super) fn finish_all(self) {
        let ends = self.machine.turns.lock().ends(self.number);
        ends.into_iter().for_each(|mark| self.finish(mark));
    }
}

const NO_STREAM: SimError = SimError::NoSuch { what: "stream" };
