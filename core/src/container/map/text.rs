//! Values that are text, read without a lock.

use core::hash::Hash;
use core::mem::MaybeUninit;
use core::str;

use super::super::{ContainerError, ShmSafe, ShmString};
use super::read::{Tried, Unread};
use super::{ShmHashMap, ShmKey, Unlocked};
use crate::sync::Snapshot;

impl<K: ShmSafe + Hash + Eq> ShmHashMap<K, ShmString> {
    /// Copies the text of a key's value to `buffer`; `None` if there is no such
    /// key.
    ///
    /// Takes no lock where [`contains_key`](Self::contains_key) does not, unless
    /// somebody is changing a text of the map where it stands, by
    /// [`update`](Self::update). `insert` puts whole texts in the places of others,
    /// for which nobody waits.
    ///
    /// ```
    /// # use anymem_core::container::{ContainerError, ShmHashMap, ShmString};
    /// fn greet(names: &ShmHashMap<u64, ShmString>) -> Result<bool, ContainerError> {
    ///     let mut buffer = [0; 80];
    ///     Ok(names.get_str(&7, &mut buffer)? == Some("Ada"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged or [busy](Self#waiting).
    /// [`ContainerError::OutOfBounds`] where `buffer` is too short: its `index`
    /// says how long the text is.
    pub fn get_str<'b, Q: ?Sized>(
        &self,
        query: &Q,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b str>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let mut copy_whole = |snapshot: &Snapshot<'_>, copy: MaybeUninit<ShmString>| {
            if snapshot.is_changing() {
                return Err(Unread::Locked);
            }
            let copied = Unlocked::new(&copy).copy_to(buffer);
            if snapshot.holds() { Ok(copied) } else { Err(Unread::Changed) }
        };
        let home = self.home(query)?;
        let copied = match home.glance(query, |word| home.table(word), &mut copy_whole) {
            Some(copied) => copied,
            None => match home.insist(query, copy_whole)? {
                Tried::Done(copied) => copied,
                Tried::Lock => home.with_locked(query, |text| text.copy_to(buffer))?,
            },
        };
        let Some(len) = copied.transpose()? else { return Ok(None) };
        let text = buffer.get(..len).and_then(|text| str::from_utf8(text).ok());
        text.map(Some).ok_or(ContainerError::Corrupt)
    }
}
