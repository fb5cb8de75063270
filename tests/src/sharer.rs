//! A process that offers blocks, and opens those of others, as it is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem::control::Tree;
use anymem::ipc::{self, Handover, IpcHandle, Opened};
use anymem::provider::{
    CoarseProvider, DaxProvider, FileOptions, OsOptions, Provider, Span, Visibility,
};

use crate::{Peer, listen, tell};

/// The provider that `words` name.
#[must_use]
pub fn provider(words: &[&str]) -> Box<dyn Provider> {
    let shared = |it| OsOptions::new().visibility(it).build().expect("a provider");
    match words {
        ["memfd"] => Box::new(shared(Visibility::Shared)),
        ["shm", name] => Box::new(shared(Visibility::Named((*name).to_owned()))),
        ["file", path] => Box::new(FileOptions::new().open(path).expect("a provider")),
        ["dax", path] => Box::new(DaxProvider::open(path).expect("a provider")),
        // Cut out of a larger span of shared memory.
        ["coarse"] => Box::new(CoarseProvider::new(Arc::new(shared(Visibility::Shared)))),
        ["private"] => Box::new(shared(Visibility::Private)),
        _ => panic!("no such provider: {words:?}"),
    }
}

/// A handle as a word.
#[must_use]
pub fn to_word(handle: &IpcHandle) -> String {
    handle.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The handle that a word is.
#[must_use]
pub fn from_word(word: &str) -> IpcHandle {
    let bytes: Vec<u8> = word
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).expect("text"), 16))
        .collect::<Result<_, _>>()
        .expect("hexadecimal");
    IpcHandle::from_bytes(&bytes).expect("a handle")
}

/// The first and the last byte of an open block.
#[must_use]
pub fn ends(block: &Opened) -> (u8, u8) {
    // SAFETY: the block is open and that long; processes of tests take turns.
    unsafe { (block.as_ptr().read_volatile(), block.as_ptr().add(block.len() - 1).read_volatile()) }
}

/// A block that the process offers.
struct Offered {
    span: Span,
    handle: IpcHandle,
}

/// What the process has.
#[derive(Default)]
struct Sharer {
    provider: Option<Box<dyn Provider>>,
    offered: Vec<Offered>,
    opened: BTreeMap<usize, Opened>,
    raw: Vec<NonNull<u8>>,
    handovers: Vec<Handover>,
}

/// Does what the other end of [`listen`] says, line by line, and tells what came of it.
pub fn share() {
    let mut sharer = Sharer::default();
    loop {
        let line = listen();
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        if words.is_empty() {
            return;
        }
        tell(&sharer.perform(&words));
    }
}

fn said<T: Debug, E: Debug>(result: Result<T, E>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |it| format!("{it:?}"))
}

impl Sharer {
    fn perform(&mut self, words: &[&str]) -> String {
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        match *words {
            ["provider", ref words @ ..] => {
                self.provider = Some(provider(words));
                "made".into()
            }
            // Size, alignment, and what is in it.
            ["allocate", ..] => self.allocate(number(1), number(2), number(3) as u8),
            ["again", _] => {
                let share = self.provider().share().expect("it shares");
                said(ipc::get(share, self.offered[number(1)].span).map(|it| to_word(&it)))
            }
            ["put", _] => said(ipc::put(&self.offered[number(1)].handle)),
            ["free", _] => self.free(number(1)),
            // Cuts what an offered block is in, and offers the rest as the next one.
            ["split", _, _] => self.split(number(1), number(2)),
            // Makes one of two again; the second one's handle stays as it was.
            ["merge", _, _] => self.merge(number(1), number(2)),
            // Drops the provider with all that it has.
            ["drop"] => {
                self.provider = None;
                "dropped".into()
            }
            ["serve"] => self.serve(Handover::serve()),
            ["serve", address] => {
                self.serve(Handover::serve_at(address.parse().expect("an address")))
            }
            ["receive", address] => said(ipc::receive(&address.parse().expect("an address"))),
            ["open", handle] => match ipc::open(&from_word(handle)) {
                Ok(block) => {
                    let ends = ends(&block);
                    let key = self.opened.keys().next_back().map_or(0, |last| last + 1);
                    self.opened.insert(key, block);
                    format!("{ends:?}")
                }
                Err(error) => format!("{error:?}"),
            },
            ["read", _] => format!("{:?}", ends(&self.opened[&number(1)])),
            ["close", _] => {
                drop(self.opened.remove(&number(1)).expect("open"));
                "closed".into()
            }
            ["raw", handle] => match ipc::open(&from_word(handle)) {
                Ok(block) => {
                    self.raw.push(block.into_raw());
                    "open".into()
                }
                Err(error) => format!("{error:?}"),
            },
            // SAFETY: nothing uses the block.
            ["close_raw", _] => said(unsafe { ipc::close(self.raw[number(1)]) }),
            ["find", _] => {
                let found = ipc::find(self.opened[&number(1)].as_ptr()).expect("it is open");
                format!("{} {}", found.pid, found.span.contains(self.opened[&number(1)].as_ptr()))
            }
            ["set", name, value] => said(Tree::global().set(name, value)),
            ["get", name] => Tree::global().get(name).expect("there").to_string(),
            ["problems"] => format!("{:?}", Tree::global().problems()),
            ["trim"] => ipc::trim().to_string(),
            ["maps", what] => crate::maps(what).to_string(),
            ["files", what] => crate::files(what).to_string(),
            ["trust", _] => {
                ipc::trust_user(number(1) as u32);
                "trusted".into()
            }
            // Lets nobody of the same user debug this process.
            ["undumpable"] => {
                // SAFETY: takes numbers.
                assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }, 0);
                "undumpable".into()
            }
            _ => panic!("no such thing to do: {words:?}"),
        }
    }

    fn provider(&self) -> &dyn Provider {
        self.provider.as_deref().expect("made before")
    }

    fn allocate(&mut self, size: usize, align: usize, byte: u8) -> String {
        let span = self.provider().allocate(size, align).expect("memory");
        // SAFETY: the span was just handed out, and is that long.
        unsafe { span.start.write_bytes(byte, span.len) };
        let block = Span::new(span.start, size);
        match ipc::get_from(self.provider(), block) {
            Ok(handle) => {
                self.offered.push(Offered { span, handle });
                to_word(&handle)
            }
            Err(error) => format!("{error:?}"),
        }
    }

    fn free(&self, which: usize) -> String {
        let Offered { span, .. } = self.offered[which];
        let share = self.provider().share().expect("it shares");
        let withdrawn = said(ipc::withdraw(share, span));
        // SAFETY: nothing in this process uses the span any more.
        unsafe { self.provider().free(span) }.expect("it was handed out");
        withdrawn
    }

    fn split(&mut self, which: usize, at: usize) -> String {
        // SAFETY: nothing in this process uses the span.
        let parts = unsafe { self.provider().split(self.offered[which].span, at) };
        let (low, high) = parts.expect("it can be cut there");
        self.offered[which].span = low;
        let handle = ipc::get_from(self.provider(), high).expect("it shares");
        self.offered.push(Offered { span: high, handle });
        to_word(&handle)
    }

    fn merge(&mut self, low: usize, high: usize) -> String {
        let [low_span, high_span] = [low, high].map(|it| self.offered[it].span);
        // SAFETY: nothing in this process uses the spans.
        let whole = unsafe { self.provider().merge(low_span, high_span) };
        self.offered[low].span = whole.expect("they were one");
        "merged".into()
    }

    fn serve(&mut self, handover: Result<Handover, ipc::IpcError>) -> String {
        match handover {
            Ok(handover) => {
                let address = handover.address().to_string();
                self.handovers.push(handover);
                address
            }
            Err(error) => format!("{error:?}"),
        }
    }
}

impl Peer {
    /// Tells a process that [`share`]s what to do; what came of it.
    pub fn does(&mut self, what: &str) -> String {
        self.say(what);
        self.hear()
    }
}
