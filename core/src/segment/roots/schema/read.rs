//! How a schema's bytes are read. Whatever they hold, reading ends with them.

use super::super::Text;
use super::name::NAME;
use super::{MemberKind, Shape};

/// Reads one type after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

/// A type in a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'b> {
    pub(super) print: u32,
    /// Whether its members are all that it has.
    pub(super) complete: bool,
    count: u8,
    members: Reader<'b>,
}

impl<'b> Found<'b> {
    pub(super) fn members(self) -> impl Iterator<Item = Shape> + use<'b> {
        let mut members = self.members;
        (0..self.count).map_while(move |_| members.member())
    }
}

impl<'b> Reader<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    fn bytes(&mut self, len: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn half(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn name(&mut self) -> Option<Text<NAME>> {
        let len = self.byte()?.into();
        Some(Text::new(core::str::from_utf8(self.bytes(len)?).ok()?))
    }

    fn member(&mut self) -> Option<Shape> {
        Some(Shape {
            kind: MemberKind::from_byte(self.byte()?)?,
            name: self.name()?,
            type_name: self.name()?,
            at: self.number()?,
            size: self.number()?,
            print: self.half()?,
        })
    }
}

impl<'b> Iterator for Reader<'b> {
    type Item = Found<'b>;

    fn next(&mut self) -> Option<Found<'b>> {
        let count = self.byte().filter(|&count| count > 0)?;
        let complete = self.byte()? == 1;
        let print = self.half()?;
        let found = Found { print, complete, count, members: *self };
        for _ in 0..count {
            self.member()?;
        }
        Some(found)
    }
}
