//! Messages that go to the other process and back.

use core::{error::Error, time::Duration};
use std::{thread, time::Instant};

/// What is sent.
pub(super) type Bytes = [u64; 8];

/// After so long without a message the other process is taken for dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Looks between two questions what time it is: far more than a message takes where
/// each process has a processor to itself.
const LOOKS: u32 = 1 << 12;

/// One end of what connects two processes.
pub(super) trait Line {
    fn send(&mut self, bytes: Bytes) -> Result<(), Box<dyn Error>>;

    fn receive(&mut self) -> Result<Bytes, Box<dyn Error>>;
}

/// Does the part of the process number `number` in so many round trips.
pub(super) fn round_trips(
    line: &mut impl Line,
    number: usize,
    operations: u64,
) -> Result<(), Box<dyn Error>> {
    for operation in 0..operations {
        if number > 0 {
            let question = line.receive()?;
            line.send(question)?;
            continue;
        }
        let question = [operation; 8];
        line.send(question)?;
        if line.receive()? != question {
            return Err("another message came back than was sent".into());
        }
    }
    Ok(())
}

/// Looks until something is there; an error if the other process seems to be dead.
#[inline(always)]
pub(super) fn poll<T>(
    mut look: impl FnMut() -> Result<Option<T>, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    for _ in 0..LOOKS {
        if let Some(found) = look()? {
            return Ok(found);
        }
    }
    poll_long(look)
}

/// As [`poll`], where the other process may have to get a processor first.
#[cold]
fn poll_long<T>(
    mut look: impl FnMut() -> Result<Option<T>, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = look()? {
            return Ok(found);
        }
        thread::yield_now();
    }
    Err("the other process sent nothing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent comes back; the last message is another one.
    struct Echo(Vec<Bytes>, bool);

    impl Line for Echo {
        fn send(&mut self, bytes: Bytes) -> Result<(), Box<dyn Error>> {
            self.0.push(bytes);
            Ok(())
        }

        fn receive(&mut self) -> Result<Bytes, Box<dyn Error>> {
            let mut bytes = *self.0.last().ok_or("nothing was sent")?;
            bytes[7] += u64::from(self.1);
            Ok(bytes)
        }
    }

    #[test]
    fn a_message_that_comes_back_changed_is_an_error() {
        let mut line = Echo(Vec::new(), false);
        round_trips(&mut line, 0, 3).unwrap();
        assert_eq!(line.0, [[0; 8], [1; 8], [2; 8]]);
        assert!(round_trips(&mut Echo(Vec::new(), true), 0, 1).is_err());
    }

    #[test]
    fn polling_goes_on_until_something_is_there() {
        let mut looks = 0;
        let found = poll(|| {
            looks += 1;
            Ok((looks > LOOKS + 1).then_some(looks))
        });
        assert_eq!(found.unwrap(), LOOKS + 2);
        assert!(poll(|| Err::<Option<()>, _>("it is broken".into())).is_err());
    }
}
