//! Ends of a hand-over that do not speak as they should.

use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, accept, bind, connect, listen, send,
    socket_with,
};

use super::message::Message;
use super::{Address, Client, Handover};
use crate::ipc::IpcError;
use crate::sys::file_id::FileId;

fn socket() -> OwnedFd {
    let kind = SocketType::SEQPACKET;
    socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("a socket")
}

fn address(tag: &str) -> Address {
    let Ok(address) = format!("@anymem-test.{tag}.{}", std::process::id()).parse();
    address
}

/// What the other end says.
type Answer = fn(&OwnedFd);

/// What is asked for.
type Question = fn(&mut Client) -> Result<(), IpcError>;

/// Asks somebody who answers each question with `answer`.
fn ask_one_who_says(tag: &str, answer: fn(&OwnedFd), ask: Question) -> Result<(), IpcError> {
    let address = address(tag);
    let server = socket();
    bind(&server, &address.to_socket().expect("an address")).expect("free");
    listen(&server, 1).expect("bound");
    thread::scope(|scope| {
        scope.spawn(|| {
            let peer = accept(&server).expect("somebody comes");
            let _ = Message::receive(peer.as_fd());
            answer(&peer);
        });
        ask(&mut Client::connect(&address).expect("somebody serves"))
    })
}

const ID: FileId = FileId { device: 1, inode: 2 };

#[test]
fn wrong_answers_are_errors() {
    let junk = |peer: &OwnedFd| {
        let _ = send(peer, &[7; 100], SendFlags::empty());
    };
    let short = |peer: &OwnedFd| {
        let _ = send(peer, &[7; 3], SendFlags::empty());
    };
    let bare = |peer: &OwnedFd| {
        let _ = Message::File(ID).send(peer.as_fd(), None);
    };
    let other = |peer: &OwnedFd| {
        let file = std::fs::File::open("/dev/null").expect("there");
        let _ = Message::File(ID).send(peer.as_fd(), Some(file.as_fd()));
    };
    let ledger = |client: &mut Client| client.ledger().map(drop);
    let file = |client: &mut Client| client.file(ID).map(drop);
    let next = |client: &mut Client| client.file_after(None).map(drop);
    let answers: [(_, Answer, Question); 6] = [
        ("junk", junk, ledger),
        ("short", short, file),
        ("bare", bare, file),
        ("ledger", other, ledger),
        ("next", other, next),
        ("gone", |_| {}, ledger),
    ];
    for (tag, answer, ask) in answers {
        let error = ask_one_who_says(tag, answer, ask).expect_err(tag);
        assert!(matches!(error, IpcError::NotAHandover { .. }), "{tag}: {error}");
    }
}

#[test]
fn wrong_questions_end_their_connection_and_no_other() {
    let address = address("asked");
    let handover = Handover::serve_at(address.clone()).expect("free");
    let mut patient = Client::connect(&address).expect("it serves");
    patient.ledger().expect("shown");
    for question in [vec![], vec![1; 3], vec![9; 32], vec![0; 5000]] {
        let client = socket();
        connect(&client, &address.to_socket().expect("an address")).expect("it serves");
        let _ = send(&client, &question, SendFlags::empty());
        let answer = Message::receive(client.as_fd());
        assert!(!matches!(answer, Ok(Some(_))), "{question:?}: {answer:?}");
    }
    // More than it takes up at a time, who all say nothing.
    let silent: Vec<_> = (0..100)
        .map_while(|_| {
            let client = socket();
            let flags = rustix::fs::OFlags::NONBLOCK;
            rustix::fs::fcntl_setfl(&client, flags).expect("open");
            connect(&client, &address.to_socket().expect("an address")).ok().map(|()| client)
        })
        .collect();
    patient.ledger().expect("still shown");
    drop(silent);
    Client::connect(&address).expect("it serves").ledger().expect("shown to all");
    drop(handover);
    let error = Client::connect(&address).expect_err("it ended");
    assert!(matches!(error, IpcError::NobodyServes { .. }), "{error}");
}
