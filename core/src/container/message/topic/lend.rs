//! Lending room for a message: an entry of the table, and a block that fits.

use core::mem::MaybeUninit;
use core::time::Duration;

use super::super::super::ShmSafe;
use super::super::super::heap::array_layout;
use super::super::MessageError;
use super::super::wait::{Most, wait};
use super::{Letter, Loan, Payload, ShmTopic};

impl<M: Payload + ?Sized> ShmTopic<M> {
    /// Lends room for a message of `len` values.
    fn lend(&self, len: usize, most: Most) -> Result<Loan<'_, M>, MessageError> {
        let opened = self.open()?;
        let layout = array_layout::<M::Value>(len)?;
        let model = opened.heap.model();
        let (table, me) = (opened.table(), model.owner());
        let mut patience = most.patience(model);
        let attempt = |ask| {
            if table.is_closed() {
                return Some(Err(MessageError::Closed));
            }
            let locked = table.lock(model, &opened);
            let lent = locked.lend(me.to_word(), len);
            let lent = lent.or_else(|| {
                if ask {
                    locked.repair(model, &opened);
                }
                locked.lend(me.to_word(), len)
            });
            lent.map(Ok)
        };
        let entry = wait(&table.room(), patience.as_mut(), MessageError::Full, model, attempt)?;
        opened.provide(entry, (layout, len)).inspect_err(|_| opened.give_back(entry))?;
        Loan::new(opened, entry, me)
    }
}

impl<T: ShmSafe> ShmTopic<T> {
    /// Lends room for a message, and waits for some if need be.
    ///
    /// # Errors
    ///
    /// The topic is closed or damaged, or the heap is full or not attached.
    pub fn loan(&self) -> Result<Loan<'_, T>, MessageError> {
        self.lend(1, Most::Endless)
    }

    /// As [`loan`](Self::loan), without waiting.
    ///
    /// # Errors
    ///
    /// As [`loan`](Self::loan), and [`MessageError::Full`].
    pub fn try_loan(&self) -> Result<Loan<'_, T>, MessageError> {
        self.lend(1, Most::Nothing)
    }

    /// As [`loan`](Self::loan), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`loan`](Self::loan), and [`MessageError::TimedOut`].
    pub fn loan_timeout(&self, most: Duration) -> Result<Loan<'_, T>, MessageError> {
        self.lend(1, Most::Time(most))
    }

    /// Publishes a value, and waits for room if need be; how many receivers get it.
    ///
    /// # Errors
    ///
    /// As [`loan`](Self::loan) and [`Letter::publish`]; the value is dropped.
    pub fn send(&self, value: T) -> Result<usize, MessageError> {
        self.loan()?.write(value).publish()
    }
}

impl<T: ShmSafe> ShmTopic<[T]> {
    /// Lends room for a message of `len` values, and waits for some if need be.
    ///
    /// # Errors
    ///
    /// The topic is closed or damaged, or the heap is full or not attached.
    pub fn loan_slice(&self, len: usize) -> Result<Loan<'_, [T]>, MessageError> {
        self.lend(len, Most::Endless)
    }

    /// As [`loan_slice`](Self::loan_slice), without waiting.
    ///
    /// # Errors
    ///
    /// As [`loan_slice`](Self::loan_slice), and [`MessageError::Full`].
    pub fn try_loan_slice(&self, len: usize) -> Result<Loan<'_, [T]>, MessageError> {
        self.lend(len, Most::Nothing)
    }

    /// As [`loan_slice`](Self::loan_slice), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`loan_slice`](Self::loan_slice), and [`MessageError::TimedOut`].
    pub fn loan_slice_timeout(
        &self,
        len: usize,
        most: Duration,
    ) -> Result<Loan<'_, [T]>, MessageError> {
        self.lend(len, Most::Time(most))
    }
}

impl ShmTopic<[u8]> {
    /// Lends a message of `len` zero bytes, and waits for room if need be.
    ///
    /// Large ones cost the time of writing the zeroes;
    /// [`loan_slice`](Self::loan_slice) does not.
    ///
    /// # Errors
    ///
    /// As [`loan_slice`](Self::loan_slice).
    pub fn loan_zeroed(&self, len: usize) -> Result<Letter<'_, [u8]>, MessageError> {
        let mut loan = self.loan_slice(len)?;
        loan.uninit().fill(MaybeUninit::new(0));
        // SAFETY: all bytes were written.
        Ok(unsafe { loan.assume_init() })
    }
}
