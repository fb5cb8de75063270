//! Access patterns against their definition, byte by byte.

use std::collections::BTreeSet;

use anymem_core::memory::ArrayMemory;
use anymem_core::region::{Access, Block, Geometry, Pages, RegionError};
use proptest::prelude::*;

const BYTES: usize = 5000;

/// The pages of an access pattern, as numbers.
fn pages(access: &Access<'_>, geometry: Geometry) -> Result<Vec<usize>, RegionError> {
    let mut array = vec![0; 1 << 14];
    let memory = ArrayMemory::new(&mut array);
    let pages = access.pages(geometry, &memory)?;
    Ok(pages.runs().flat_map(|run| run.first..run.first + run.len).collect())
}

/// The pages of bytes; `None` if some are not there.
fn defined(geometry: Geometry, bytes: impl Iterator<Item = u128>) -> Option<Vec<usize>> {
    let mut pages = BTreeSet::new();
    for byte in bytes {
        let byte = usize::try_from(byte).ok().filter(|&byte| byte < geometry.bytes())?;
        pages.insert(geometry.page_of(byte));
    }
    Some(pages.into_iter().collect())
}

fn is_as_defined(
    access: &Access<'_>,
    geometry: Geometry,
    bytes: impl Iterator<Item = u128>,
) -> Result<(), TestCaseError> {
    match (pages(access, geometry), defined(geometry, bytes)) {
        (Ok(pages), Some(defined)) => prop_assert_eq!(pages, defined),
        (Err(RegionError::Access { bytes, .. }), None) => prop_assert_eq!(bytes, BYTES),
        (found, defined) => prop_assert!(false, "{found:?}, but {defined:?}"),
    }
    Ok(())
}

fn geometry() -> impl Strategy<Value = Geometry> {
    (0_u32..13).prop_map(|shift| Geometry::new(BYTES, 1 << shift).unwrap())
}

/// A number that is mostly small enough.
fn below(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![40 => 0..most, 1 => Just(usize::MAX), 1 => most..2 * most]
}

proptest! {
    #[test]
    fn everything_is_all_pages(geometry in geometry()) {
        prop_assert_eq!(pages(&Access::All, geometry), Ok((0..geometry.pages()).collect()));
    }

    #[test]
    fn ranges_are_their_bytes(
        geometry in geometry(),
        ranges in prop::collection::vec((below(BYTES), below(300)), 0..6),
    ) {
        let ranges: Vec<_> =
            ranges.iter().map(|&(start, len)| start..start.saturating_add(len)).collect();
        let bytes = ranges.iter().flat_map(|range| range.start as u128..range.end as u128);
        is_as_defined(&Access::Ranges(&ranges), geometry, bytes)?;
    }

    #[test]
    fn indices_are_their_elements(
        geometry in geometry(),
        element in 1_usize..40,
        indices in prop::collection::vec(0..BYTES / 8, 0..9),
        beyond in prop::option::weighted(0.2, prop_oneof![Just(usize::MAX), Just(BYTES)]),
    ) {
        let indices: Vec<_> = indices.into_iter().chain(beyond).collect();
        let bytes = indices.iter().flat_map(|&index| {
            let start = index as u128 * element as u128;
            start..start + element as u128
        });
        is_as_defined(&Access::Indices { element, indices: &indices }, geometry, bytes)?;
    }

    #[test]
    fn order_and_duplicates_do_not_matter(
        geometry in geometry(),
        mut indices in prop::collection::vec(0..BYTES / 24, 1..30),
    ) {
        let element = 24;
        let once = pages(&Access::Indices { element, indices: &indices }, geometry);
        indices.extend_from_within(..);
        indices.sort_unstable_by_key(|index| index.wrapping_mul(7919) % 101);
        prop_assert_eq!(pages(&Access::Indices { element, indices: &indices }, geometry), once);
    }

    #[test]
    fn strides_are_their_pieces(
        geometry in geometry(),
        start in below(BYTES),
        len in 1_usize..50,
        stride in below(600),
        count in prop_oneof![9 => 0_usize..12, 1 => Just(usize::MAX)],
    ) {
        let access = Access::Strided { start, len, stride, count };
        let pieces = (0..count.min(2 * BYTES) as u128).map(|i| start as u128 + i * stride as u128);
        let bytes = pieces.flat_map(|start| start..start + len as u128);
        is_as_defined(&access, geometry, bytes)?;
    }

    #[test]
    fn boxes_are_their_elements(
        geometry in geometry(),
        element in 1_usize..9,
        sides in prop::collection::vec((1_usize..7, below(7), below(7)), 1..5),
        is_inside: bool,
    ) {
        let shape: Vec<_> = sides.iter().map(|side| side.0).collect();
        let inside = |(of, start, len): (usize, usize, usize)| {
            let start = start % of;
            (start, len % (of - start + 1))
        };
        let parts = sides.iter().map(|&s| if is_inside { inside(s) } else { (s.1, s.2) });
        let (start, extent): (Vec<_>, Vec<_>) = parts.unzip();
        let boxes = [Block { start: &start, extent: &extent }];
        let access = Access::Boxes { element, shape: &shape, boxes: &boxes };

        let fits = |((&of, &start), &len): ((&usize, &usize), &usize)| {
            start.checked_add(len).is_some_and(|end| end <= of)
        };
        let fits = shape.iter().zip(&start).zip(&extent).all(fits);
        if extent.contains(&0) {
            prop_assert_eq!(pages(&access, geometry), Ok(vec![]));
        } else if !fits || shape.iter().product::<usize>() * element > BYTES {
            prop_assert!(pages(&access, geometry).is_err());
        } else {
            let mut elements = vec![0_u128];
            for ((of, start), len) in shape.iter().zip(&start).zip(&extent) {
                let rows = |at: &u128| {
                    let first = at * *of as u128 + *start as u128;
                    first..first + *len as u128
                };
                elements = elements.iter().flat_map(rows).collect();
            }
            let size = element as u128;
            let bytes = elements.into_iter().flat_map(|at| at * size..(at + 1) * size);
            is_as_defined(&access, geometry, bytes)?;
        }
    }

    #[test]
    fn pages_are_themselves(geometry in geometry(), words: [u64; 2], beyond: bool) {
        let of = geometry.pages();
        let mut words = words.map(|word| word & word.rotate_left(7));
        let inside = |page: usize| page < of;
        if !beyond {
            for page in (0..128).filter(|&page| !inside(page)) {
                words[page / 64] &= !(1 << (page % 64));
            }
        }
        let some = Pages::new(&words);
        let numbers: Vec<_> = (0..128).filter(|&page| some.contains(page)).collect();
        let found = pages(&Access::Pages(some), geometry);
        if numbers.iter().all(|&page| inside(page)) {
            prop_assert_eq!(found, Ok(numbers));
        } else {
            let is_refused = matches!(found, Err(RegionError::Access { .. }));
            prop_assert!(is_refused, "{found:?}");
        }
    }

    #[test]
    fn sets_combine_as_sets_do(a: [u64; 2], b: [u64; 3]) {
        let set = |pages: &Pages| -> BTreeSet<usize> {
            pages.runs().flat_map(|run| run.first..run.first + run.len).collect()
        };
        let (ours, theirs) = (set(Pages::new(&a)), set(Pages::new(&b)));
        let changed = |by: fn(&mut Pages, &Pages)| {
            let mut words = a;
            by(Pages::new_mut(&mut words), Pages::new(&b));
            set(Pages::new(&words))
        };
        let inside = |set: BTreeSet<usize>| -> BTreeSet<usize> {
            set.into_iter().filter(|&page| page < 128).collect()
        };
        prop_assert_eq!(changed(Pages::add), inside(&ours | &theirs));
        prop_assert_eq!(changed(Pages::remove), &ours - &theirs);
        prop_assert_eq!(changed(Pages::retain), &ours & &theirs);
        prop_assert_eq!(Pages::new(&a).count(), ours.len());
        prop_assert_eq!(Pages::new(&a).first(), ours.first().copied());
    }
}
