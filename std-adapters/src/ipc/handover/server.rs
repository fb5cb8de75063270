//! The end of a hand-over that gives.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with};

use super::super::handle::OwnerId;
use super::super::trust::trusts;
use super::super::{IpcError, offers};
use super::address::Address;
use super::message::Message;
use super::peer;

/// Connections at a time; whoever comes then waits until another goes.
const MOST: usize = 64;

/// How long nobody is let in after that failed, for lack of descriptors perhaps.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Hands the files of offered blocks over, for as long as this lives.
///
/// A thread of its own does it, which sleeps until it is asked. Whoever
/// [receives](super::super::receive) the files needs no rights to this process, and has
/// them also when it has ended.
#[derive(Debug)]
pub struct Handover {
    address: Address,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    owner: OwnerId,
}

impl Handover {
    /// Serves at the abstract address that all handles of this process lead to.
    ///
    /// # Errors
    ///
    /// [`IpcError::System`], where there is a [`Handover`] already (`EADDRINUSE`), or no
    /// thread can be started.
    pub fn serve() -> Result<Self, IpcError> {
        let owner = offers::own_id()?;
        Self::start(Address::of(owner), owner)
    }

    /// Serves at `address`, whose users have to be told; a path must not exist, and is
    /// removed with this.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_at(address: Address) -> Result<Self, IpcError> {
        Self::start(address, offers::own_id()?)
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn start(address: Address, owner: OwnerId) -> Result<Self, IpcError> {
        let failed = |call| {
            let address = address.to_string();
            move |error: Errno| IpcError::system(call, address, error)
        };
        let kind = SocketType::SEQPACKET;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::UNIX, kind, flags, None).map_err(failed("socket"))?;
        let name = address.to_socket().map_err(failed("bind"))?;
        bind(&socket, &name).map_err(failed("bind"))?;
        listen(&socket, MOST as i32).map_err(failed("listen"))?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(failed("eventfd"))?);
        let server = Server { socket, stop: stop.clone(), peers: Vec::new(), owner };
        let thread = std::thread::Builder::new()
            .name("anymem-handover".into())
            .spawn(move || server.run())
            .map_err(|error| IpcError::system("pthread_create", address.to_string(), error))?;
        Ok(Self { address, stop, thread: Some(thread), owner })
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        // In a forked child, the thread and the path are the parent's.
        if std::process::id() != self.owner.pid {
            return;
        }
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(path) = self.address.path() {
            let _ = std::fs::remove_file(path);
        }
    }
}

struct Server {
    socket: OwnedFd,
    stop: Arc<OwnedFd>,
    peers: Vec<OwnedFd>,
    owner: OwnerId,
}

impl Server {
    fn run(mut self) {
        let mut pauses = false;
        loop {
            let closed = pauses || self.peers.len() >= MOST;
            let wanted = if closed { PollFlags::empty() } else { PollFlags::IN };
            let mut ready = vec![
                PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.socket.as_fd(), wanted),
            ];
            let peers = self.peers.iter();
            ready.extend(peers.map(|it| PollFd::from_borrowed_fd(it.as_fd(), PollFlags::IN)));
            match poll(&mut ready, pauses.then_some(&PAUSE)) {
                Ok(_) | Err(Errno::INTR) => {}
                // Nothing would ever be heard again.
                Err(_) => return,
            }
            let mut is_ready = ready.iter().map(|it| !it.revents().is_empty());
            if is_ready.next() == Some(true) {
                return;
            }
            let comes = is_ready.next() == Some(true);
            let asks: Vec<bool> = is_ready.collect();
            let mut asks = asks.into_iter();
            let owner = self.owner;
            self.peers.retain(|peer| asks.next() != Some(true) || answer(peer, owner).is_some());
            pauses = comes && !self.welcome();
        }
    }

    /// Takes up a connection, if its user is trusted; whether the system could.
    fn welcome(&mut self) -> bool {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match accept_with(&self.socket, flags) {
            Ok(peer) if peer::of(peer.as_fd()).is_ok_and(|(_, uid)| trusts(uid)) => {
                self.peers.push(peer);
                true
            }
            Ok(_) => true,
            Err(error) => matches!(error, Errno::AGAIN | Errno::INTR | Errno::CONNABORTED),
        }
    }
}

/// Answers one question; `None` if the connection has to end.
fn answer(peer: &OwnedFd, owner: OwnerId) -> Option<()> {
    let peer = peer.as_fd();
    let question = match Message::receive(peer) {
        Err(Errno::AGAIN | Errno::INTR) => return Some(()),
        got => got.ok()??.0,
    };
    let nothing = || Message::Nothing.send(peer, None);
    let file = |id| {
        let sent = offers::with_file(id, |file| Message::File(id).send(peer, Some(file)));
        sent.ok().map(|sent| sent.unwrap_or_else(nothing))
    };
    let sent = match question {
        Message::Ledger { .. } => {
            let OwnerId { pid, token } = owner;
            let own = Message::Ledger { pid, token };
            offers::with_ledger(|ledger| own.send(peer, Some(ledger))).ok()?
        }
        Message::File(id) => file(id)?,
        Message::Beside(id, index) => {
            let sent = offers::with_beside(id, index, |it| question.send(peer, Some(it)));
            sent.ok()?.unwrap_or_else(nothing)
        }
        Message::After(id) => match offers::file_after(id).ok()? {
            Some(next) => file(next)?,
            None => nothing(),
        },
        Message::Nothing => return None,
    };
    sent.ok()
}
