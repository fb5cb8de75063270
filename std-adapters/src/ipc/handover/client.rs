//! The end of a hand-over that receives.

use core::time::Duration;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::super::IpcError;
use super::super::handle::OwnerId;
use super::super::trust::trusts;
use super::super::view::id_of;
use super::address::Address;
use super::message::Message;
use super::peer;
use crate::sys::file_id::FileId;

/// How long the other end may take to answer: it only looks into a table.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to whoever hands memory over.
#[derive(Debug)]
pub(in super::super) struct Client {
    socket: OwnedFd,
    address: Address,
}

impl Client {
    /// Connects, if the other end's user is trusted.
    pub(in super::super) fn connect(address: &Address) -> Result<Self, IpcError> {
        let nobody = || IpcError::NobodyServes { address: address.to_string() };
        let failed = |call| move |error| IpcError::system(call, address.to_string(), error);
        let kind = SocketType::SEQPACKET;
        let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
            .map_err(failed("socket"))?;
        for which in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, which, Some(PATIENCE)).map_err(failed("setsockopt"))?;
        }
        let name = address.to_socket().map_err(|_| nobody())?;
        connect(&socket, &name).map_err(|error| match error {
            Errno::CONNREFUSED | Errno::NOENT | Errno::PROTOTYPE | Errno::AGAIN => nobody(),
            error => failed("connect")(error),
        })?;
        let (pid, uid) = peer::of(socket.as_fd())
            .map_err(|error| IpcError::system("getsockopt", address.to_string(), error))?;
        if !trusts(uid) {
            return Err(IpcError::ForeignPeer { pid, uid });
        }
        Ok(Self { socket, address: address.clone() })
    }

    pub(in super::super) fn address(&self) -> &Address {
        &self.address
    }

    /// Who serves, and his ledger.
    pub(in super::super) fn ledger(&mut self) -> Result<(OwnerId, OwnedFd), IpcError> {
        match self.ask(Message::Ledger { pid: 0, token: 0 })? {
            (Message::Ledger { pid, token }, Some(file)) => Ok((OwnerId { pid, token }, file)),
            _ => Err(self.fault("it shows no ledger")),
        }
    }

    /// A file, if blocks of it are offered.
    pub(in super::super) fn file(&mut self, id: FileId) -> Result<Option<OwnedFd>, IpcError> {
        match self.ask(Message::File(id))? {
            (Message::File(found), Some(file)) if found == id => Ok(Some(file)),
            (Message::Nothing, _) => Ok(None),
            _ => Err(self.fault("it hands over another file")),
        }
    }

    /// A descriptor that goes with a file of which blocks are offered.
    pub(in super::super) fn beside(
        &mut self,
        id: FileId,
        index: usize,
    ) -> Result<Option<OwnedFd>, IpcError> {
        let asked = Message::Beside(id, index);
        match self.ask(asked)? {
            (found, Some(beside)) if found == asked => Ok(Some(beside)),
            (Message::Nothing, _) => Ok(None),
            _ => Err(self.fault("it hands over another descriptor")),
        }
    }

    /// The next file of which blocks are offered.
    pub(in super::super) fn file_after(
        &mut self,
        last: Option<FileId>,
    ) -> Result<Option<(FileId, OwnedFd)>, IpcError> {
        match self.ask(Message::After(last))? {
            (Message::File(id), Some(file)) if id_of(&file).is_ok_and(|it| it == id) => {
                Ok(Some((id, file)))
            }
            (Message::Nothing, _) => Ok(None),
            _ => Err(self.fault("it hands over another file")),
        }
    }

    fn ask(&mut self, question: Message) -> Result<(Message, Option<OwnedFd>), IpcError> {
        let address = &self.address;
        let failed = |call| move |error| IpcError::system(call, address.to_string(), error);
        question.send(self.socket.as_fd(), None).map_err(failed("sendmsg"))?;
        let answer = Message::receive(self.socket.as_fd()).map_err(failed("recvmsg"))?;
        answer.ok_or_else(|| self.fault("it hung up, or does not trust this process's user"))
    }

    pub(in super::super) fn fault(&self, why: &'static str) -> IpcError {
        IpcError::NotAHandover { address: self.address.to_string(), why }
    }
}
