//! Signals, as messages.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Listener;

use crate::error::CliError;

/// The signals that end the program, and those of its children.
///
/// While one of these exists, SIGINT, SIGTERM and SIGHUP end the program only
/// when it looks, so that it can tidy up.
#[derive(Debug)]
pub(crate) struct Signals {
    received: Receiver<i32>,
}

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let mut listener =
            Listener::new([SIGINT, SIGTERM, SIGHUP, SIGCHLD]).map_err(CliError::NoSignals)?;
        let (sender, received) = channel();
        let forward = move || {
            // Ends with the receiver, or with the process.
            let _ = listener.forever().try_for_each(|signal| sender.send(signal));
        };
        thread::Builder::new()
            .name("signals".into())
            .spawn(forward)
            .map_err(CliError::NoSignals)?;
        Ok(Self { received })
    }

    /// Fails if the program was asked to end.
    pub(crate) fn check(&self) -> Result<(), CliError> {
        loop {
            match self.received.try_recv() {
                Ok(SIGCHLD) => {}
                Ok(signal) => return Err(CliError::Signalled(signal)),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Waits for at most `time` until a child may have ended; fails if the
    /// program was asked to end.
    pub(crate) fn wait_for_child(&self, time: Duration) -> Result<(), CliError> {
        match self.received.recv_timeout(time) {
            Ok(SIGCHLD) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(signal) => Err(CliError::Signalled(signal)),
            // Nobody listens any more: look at the children by the clock.
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(time);
                Ok(())
            }
        }
    }
}
