//! Spans in pieces.

use core::iter;

use super::NodeId;
use crate::provider::Span;

/// The span in pieces of `len` bytes, the last of what is left.
pub(super) fn pieces(span: Span, len: usize) -> impl Iterator<Item = Span> {
    let mut rest = Some(span);
    iter::from_fn(move || {
        let (piece, behind) = take(rest.take()?, len);
        rest = behind;
        Some(piece)
    })
}

/// The pieces of a span that go to nodes with such weights, whose sum is above 0.
pub(super) fn split(span: Span, page: usize, weights: &[(NodeId, u32)]) -> Vec<(Span, NodeId)> {
    let all: u128 = weights.iter().map(|&(_, weight)| u128::from(weight)).sum();
    let pages = (span.len / page) as u128;
    let (mut rest, mut done, mut sum, mut pieces) = (Some(span), 0, 0, Vec::new());
    for &(node, weight) in weights {
        sum += u128::from(weight);
        let end = (pages * sum / all) as usize * page;
        if let Some(all) = rest.take_if(|_| end > done) {
            let (piece, behind) = take(all, end - done);
            pieces.push((piece, node));
            (rest, done) = (behind, end);
        }
    }
    pieces
}

/// The first `len` bytes, which are not none, and what is left.
pub(super) fn take(span: Span, len: usize) -> (Span, Option<Span>) {
    span.cut(len).map_or((span, None), |(low, high)| (low, Some(high)))
}

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;

    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = 4096;

    fn span(pages: usize) -> Span {
        Span::new(NonNull::without_provenance(PAGE.try_into().expect("not 0")), pages * PAGE)
    }

    proptest! {
        /// The pieces of a split lie side by side, fill the span, and each is as large as
        /// its weight says, to within one page.
        #[test]
        fn a_split_is_fair_to_a_page(
            pages in 0_usize..10_000,
            weights in prop::collection::vec(any::<u32>(), 1..8),
        ) {
            let all: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
            prop_assume!(all > 0);
            let nodes: Vec<_> = (0..).map(NodeId::new).zip(weights.iter().copied()).collect();
            let whole = span(pages);
            let mut at = whole.addr();
            for (piece, node) in split(whole, PAGE, &nodes) {
                prop_assert_eq!(piece.addr(), at);
                at = piece.end();
                let wanted = pages as u128 * u128::from(weights[node.get() as usize]) / all;
                prop_assert!((piece.len / PAGE).abs_diff(wanted as usize) <= 1);
            }
            prop_assert_eq!(at, whole.end());
        }
    }

    #[test]
    fn pieces_are_of_one_length_but_for_the_last() {
        let lengths: Vec<_> = pieces(span(7), 3 * PAGE).map(|piece| piece.len / PAGE).collect();
        assert_eq!(lengths, [3, 3, 1]);
        assert!(pieces(span(6), 3 * PAGE).map(|piece| piece.len / PAGE).eq([3, 3]));
    }
}
