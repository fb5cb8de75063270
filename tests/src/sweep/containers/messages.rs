//! What passes messages on, and what victims do with it.

use std::time::Duration;

use anymem_core::allocator::Allocator;
use anymem_core::container::message::{MessageError, Overflow, ShmByteRing, ShmQueue, ShmTopic};
use anymem_core::container::{ContainerError, ShmSafe};

use super::scene::Scene;

/// A job is large, so that a chunk of the queue has room for few.
type Job = [u64; 100];

/// How many jobs a chunk has room for.
const ROOM: u64 = 8;

/// How many letters there may be at a time.
const LETTERS: usize = 8;

/// What passes messages on, in one value.
#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
pub(super) struct Messages {
    jobs: ShmQueue<Job>,
    log: ShmByteRing,
    mail: ShmTopic<[u8]>,
}

/// Where a container could not be read, that is corrupt to an audit.
fn readable<R>(result: Result<R, MessageError>) -> Result<R, ContainerError> {
    result.map_err(|error| match error {
        MessageError::Heap(error) => error,
        _ => ContainerError::Corrupt,
    })
}

impl Messages {
    pub(super) fn new(heap: &dyn Allocator) -> Self {
        Self {
            jobs: ShmQueue::new_in(heap).expect("room"),
            log: ShmByteRing::new_in(512, heap).expect("room"),
            mail: ShmTopic::for_one_in(LETTERS, heap).expect("room"),
        }
    }

    /// All that is in it. Takes it out and puts it back.
    pub(super) fn contents(&self) -> Result<Vec<String>, ContainerError> {
        Ok(vec![
            format!("jobs {:?}", readable(self.all_jobs())?),
            format!("log {:?}", readable(self.whole_log())?),
            format!("mail {:?}", readable(self.all_mail())?),
        ])
    }

    fn all_jobs(&self) -> Result<Vec<u64>, MessageError> {
        let jobs = drained(|| self.jobs.try_pop())?;
        jobs.iter().try_for_each(|job| self.jobs.push(*job))?;
        Ok(jobs.into_iter().map(|job| job[99]).collect())
    }

    fn whole_log(&self) -> Result<Vec<Vec<u8>>, MessageError> {
        let log = drained(|| self.log.read_timeout(Duration::ZERO).map(|line| line.to_vec()))?;
        log.iter().try_for_each(|line| self.log.try_send(line))?;
        Ok(log)
    }

    fn all_mail(&self) -> Result<Vec<Vec<u8>>, MessageError> {
        self.mail.recover()?;
        let reader = self.mail.join(1, Overflow::Block)?;
        let mail = drained(|| reader.try_receive().map(|letter| letter.to_vec()))?;
        mail.iter().try_for_each(|letter| send(&self.mail, letter))?;
        if self.mail.in_use()? != mail.len() {
            return Err(MessageError::Full);
        }
        Ok(mail)
    }

    /// Uses everything, and leaves it as it was.
    pub(super) fn use_all(&self) -> Result<(), ContainerError> {
        readable((|| {
            for _ in 0..2 {
                self.jobs.push([0; 100])?;
                self.log.try_send(b"x")?;
                send(&self.mail, b"x")?;
            }
            let (jobs, log, mail) = (self.all_jobs()?, self.whole_log()?, self.all_mail()?);
            self.take(jobs.len(), log.len(), mail.len())
        })())
    }

    /// Takes the last two out of so many of each.
    fn take(&self, jobs: usize, log: usize, mail: usize) -> Result<(), MessageError> {
        for number in 0..jobs {
            let job = self.jobs.try_pop()?;
            if number + 2 < jobs {
                self.jobs.push(job)?;
            }
        }
        for number in 0..log {
            let line = self.log.read_timeout(Duration::ZERO)?.to_vec();
            if number + 2 < log {
                self.log.try_send(&line)?;
            }
        }
        let reader = self.mail.join(1, Overflow::Block)?;
        for number in 0..mail {
            let letter = reader.try_receive()?.to_vec();
            if number + 2 < mail {
                send(&self.mail, &letter)?;
            }
        }
        Ok(())
    }
}

/// All that `take` gives until there is nothing.
fn drained<R>(mut take: impl FnMut() -> Result<R, MessageError>) -> Result<Vec<R>, MessageError> {
    let mut all = Vec::new();
    loop {
        match take() {
            Ok(one) => all.push(one),
            Err(MessageError::Empty | MessageError::TimedOut) => return Ok(all),
            Err(error) => return Err(error),
        }
    }
}

fn send(mail: &ShmTopic<[u8]>, text: &[u8]) -> Result<(), MessageError> {
    let letter = mail.try_loan_slice(text.len())?.fill_with(|index| text[index]);
    letter.try_publish().map(|_| ())
}

fn messages<'s>(scene: &'s Scene<'_>) -> &'s Messages {
    &scene.world().messages
}

pub(super) fn push_job(scene: &Scene<'_>) {
    messages(scene).jobs.push([9; 100]).expect("room");
}

pub(super) fn jobs(scene: &Scene<'_>) {
    (1..=2).for_each(|number| messages(scene).jobs.push([number; 100]).expect("room"));
}

/// A chunk is full.
pub(super) fn full_jobs(scene: &Scene<'_>) {
    (1..=ROOM).for_each(|number| messages(scene).jobs.push([number; 100]).expect("room"));
}

/// One is left, in a chunk behind one that is empty.
pub(super) fn spent_jobs(scene: &Scene<'_>) {
    full_jobs(scene);
    push_job(scene);
    (0..ROOM).for_each(|_| pop_job(scene));
}

pub(super) fn pop_job(scene: &Scene<'_>) {
    messages(scene).jobs.try_pop().expect("there");
}

pub(super) fn log(scene: &Scene<'_>) {
    messages(scene).log.try_send(b"first").expect("room");
}

/// The next line that is long starts at the beginning.
pub(super) fn log_to_the_end(scene: &Scene<'_>) {
    (0..7).for_each(|_| {
        log(scene);
        read_log(scene);
    });
}

pub(super) fn send_line(scene: &Scene<'_>) {
    messages(scene).log.try_send(&[7; 40]).expect("room");
}

pub(super) fn give_up_line(scene: &Scene<'_>) {
    drop(messages(scene).log.try_reserve(20).expect("room"));
}

pub(super) fn read_log(scene: &Scene<'_>) {
    drop(messages(scene).log.try_read().expect("there"));
}

pub(super) fn mail(scene: &Scene<'_>) {
    send(&messages(scene).mail, b"first").expect("room");
    send(&messages(scene).mail, b"second").expect("room");
}

pub(super) fn send_letter(scene: &Scene<'_>) {
    send(&messages(scene).mail, b"third").expect("room");
}

pub(super) fn give_up_letter(scene: &Scene<'_>) {
    drop(messages(scene).mail.try_loan_slice(9).expect("room"));
}

pub(super) fn receive_letter(scene: &Scene<'_>) {
    let reader = messages(scene).mail.join(1, Overflow::Block).expect("room");
    drop(reader.try_receive().expect("there"));
}

/// A letter is there, and the block of another that was received.
pub(super) fn read_mail(scene: &Scene<'_>) {
    mail(scene);
    receive_letter(scene);
}

/// Each place in the table has the block of a letter that was received.
pub(super) fn all_mail_read(scene: &Scene<'_>) {
    for _ in 0..LETTERS {
        send_letter(scene);
    }
    for _ in 0..LETTERS {
        receive_letter(scene);
    }
}

/// None of the blocks that are kept will do.
pub(super) fn send_long_letter(scene: &Scene<'_>) {
    send(&messages(scene).mail, &[3; 100]).expect("room");
}

pub(super) fn trim_mail(scene: &Scene<'_>) {
    messages(scene).mail.trim().expect("attached");
}
