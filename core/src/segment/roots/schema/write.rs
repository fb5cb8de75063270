//! How a schema's bytes are written.

use super::super::TypeTag;
use super::shape::half;
use super::{Member, SCHEMA_MAX, Shape};

/// The most types that a schema tells of.
const TYPES: usize = 32;

/// Types that are still to be written, each once.
struct Queue {
    types: [(u32, &'static [Member]); TYPES],
    len: usize,
}

impl Queue {
    fn push(&mut self, fingerprint: u64, members: &'static [Member]) {
        let print = half(fingerprint);
        let known = self.types.iter().take(self.len).any(|known| known.0 == print);
        if known || members.is_empty() {
            return;
        }
        if let Some(place) = self.types.get_mut(self.len) {
            *place = (print, members);
            self.len += 1;
        }
    }
}

/// The bytes of the schema of a type, `room` at most.
pub(in super::super) fn schema_of(tag: &TypeTag<'_>, room: usize) -> [u8; SCHEMA_MAX] {
    let mut queue = Queue { types: [(0, &[]); TYPES], len: 0 };
    let mut writer = Writer { bytes: [0; SCHEMA_MAX], end: 0, room: room.min(SCHEMA_MAX) };
    queue.push(tag.fingerprint, tag.members);
    let mut next = 0;
    while let Some(&(print, members)) = queue.types.get(..queue.len).and_then(|it| it.get(next)) {
        if writer.write_type(print, members).is_none() {
            break;
        }
        members.iter().for_each(|member| queue.push(member.fingerprint, member.members));
        next += 1;
    }
    writer.bytes
}

struct Writer {
    bytes: [u8; SCHEMA_MAX],
    end: usize,
    room: usize,
}

impl Writer {
    /// Writes as many of the members as there is room for; `None` if not all.
    fn write_type(&mut self, print: u32, members: &[Member]) -> Option<()> {
        let start = self.end;
        self.put(&[0, 0])?;
        self.put(&print.to_le_bytes())?;
        let mut written = 0;
        for member in members.iter().take(u8::MAX.into()) {
            let before = self.end;
            if self.write_member(&Shape::of(member)).is_none() {
                self.end = before;
                break;
            }
            written += 1;
        }
        let complete = usize::from(written) == members.len();
        self.bytes.get_mut(start..start + 2)?.copy_from_slice(&[written, complete.into()]);
        // A list ends where a type has no members.
        self.bytes.get_mut(self.end..)?.fill(0);
        complete.then_some(())
    }

    fn write_member(&mut self, shape: &Shape) -> Option<()> {
        self.put(&[shape.kind.to_byte()])?;
        for name in [shape.name.as_str(), shape.type_name.as_str()] {
            self.put(&[name.len() as u8])?;
            self.put(name.as_bytes())?;
        }
        self.number(shape.at)?;
        self.number(shape.size)?;
        self.put(&shape.print.to_le_bytes())
    }

    fn number(&mut self, mut number: u64) -> Option<()> {
        while number >= 0x80 {
            self.put(&[number as u8 | 0x80])?;
            number >>= 7;
        }
        self.put(&[number as u8])
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.end.checked_add(bytes.len()).filter(|&end| end <= self.room)?;
        self.bytes.get_mut(self.end..end)?.copy_from_slice(bytes);
        self.end = end;
        Some(())
    }
}
