//! In which member two versions of a type differ.

use core::fmt;

use super::super::{Text, TypeTag};
use super::name::{NAME, without_modules};
use super::shape::half;
use super::{Member, MemberKind, Schema, Shape};

/// How deep types are compared.
const LEVELS: u32 = 8;

/// The first member in which the type of a root differs from a program's type
/// of the same name.
///
/// Those that one of the two has not come first, then other types, then other
/// places: one field more moves all that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The type that has the member: the root's, or one inside.
    pub of: Text<NAME>,
    /// What it was when the root was bound; `None` if it was not there.
    pub was: Option<Shape>,
    /// What it is in this program; `None` if it is not there.
    pub is: Option<Shape>,
}

impl Difference {
    /// Between the type with this schema and the one that `tag` describes.
    pub(in super::super) fn between(schema: &Schema, tag: &TypeTag<'_>) -> Option<Self> {
        let pair = Pair { schema, print: schema.root, of: without_modules(tag.name) };
        pair.compare(tag.members, LEVELS)
    }
}

/// A type in a schema, and what it is called.
struct Pair<'s> {
    schema: &'s Schema,
    print: u32,
    of: Text<NAME>,
}

impl Pair<'_> {
    fn compare(&self, members: &[Member], levels: u32) -> Option<Difference> {
        if members.is_empty() || self.stored().next().is_none() {
            return None;
        }
        let found = self.missing(members).or_else(|| self.added(members));
        let found = found.or_else(|| self.retyped(members));
        found.or_else(|| self.inside(members, levels)).or_else(|| self.moved(members))
    }

    /// A member that is not there any more. If it only has another name now,
    /// the one in its place.
    fn missing(&self, members: &[Member]) -> Option<Difference> {
        let place = self.stored().position(|was| !members.iter().any(|is| is_same(&was, is)))?;
        let is = members.get(place).filter(|is| self.stored_as(is).is_none());
        self.difference(self.stored().nth(place), is.map(Shape::of))
    }

    fn added(&self, members: &[Member]) -> Option<Difference> {
        if !self.schema.complete(self.print) {
            return None;
        }
        let is = members.iter().find(|is| self.stored_as(is).is_none())?;
        self.difference(None, Some(Shape::of(is)))
    }

    fn retyped(&self, members: &[Member]) -> Option<Difference> {
        self.first(members, |was, is| was.type_name != is.type_name)
    }

    /// A member whose type has the same name, and is another.
    fn inside(&self, members: &[Member], levels: u32) -> Option<Difference> {
        let changed =
            |is: &&Member| self.stored_as(is).is_some_and(|was| was.print != half(is.fingerprint));
        let is = members.iter().filter(|is| is.kind != MemberKind::Variant).find(changed)?;
        let was = self.stored_as(is)?;
        let shape = Shape::of(is);
        let inner = Pair { schema: self.schema, print: was.print, of: shape.type_name };
        let deeper = levels.checked_sub(1).and_then(|levels| inner.compare(is.members, levels));
        deeper.or_else(|| self.difference(Some(was), Some(shape)))
    }

    fn moved(&self, members: &[Member]) -> Option<Difference> {
        self.first(members, |was, is| was.at != is.at)
    }

    /// The first member of both that `differs`.
    fn first(
        &self,
        members: &[Member],
        differs: impl Fn(&Shape, &Shape) -> bool,
    ) -> Option<Difference> {
        members.iter().find_map(|is| {
            let (was, is) = (self.stored_as(is)?, Shape::of(is));
            if differs(&was, &is) { self.difference(Some(was), Some(is)) } else { None }
        })
    }

    fn stored(&self) -> impl Iterator<Item = Shape> + '_ {
        self.schema.members_of(self.print)
    }

    /// What was stored of a member.
    fn stored_as(&self, is: &Member) -> Option<Shape> {
        self.stored().find(|was| is_same(was, is))
    }

    fn difference(&self, was: Option<Shape>, is: Option<Shape>) -> Option<Difference> {
        Some(Difference { of: self.of, was, is })
    }
}

/// Whether both are of the same kind and name.
fn is_same(was: &Shape, is: &Member) -> bool {
    was.kind == is.kind && was.name == Text::new(is.name)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, was, is } = self;
        let Some(shape) = was.or(*is) else { return Ok(()) };
        write!(f, "{} `{}` of `{of}`", shape.kind.name(), shape.name)?;
        match (was, is) {
            (Some(was), Some(is)) if was.name != is.name => {
                write!(f, " ({was}) is not there any more, but `{}` ({is}) is", is.name)
            }
            (Some(was), Some(is)) if (was.at, was.type_name) == (is.at, is.type_name) => {
                write!(f, " was another `{}`", is.type_name)
            }
            (Some(was), Some(is)) => write!(f, " was {was}, is {is}"),
            (Some(was), None) => write!(f, " ({was}) is not there any more"),
            (None, _) => write!(f, " ({shape}) was not there"),
        }
    }
}
