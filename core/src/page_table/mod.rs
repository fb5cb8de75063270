//! The slab table: who owns which slab, in which state, cut how.
