//! What ranks do together, whatever moves their bytes.
//!
//! Each scenario is run by all ranks of a job, and panics where something is not as it has to
//! be. `loop_back` runs them on threads of one process, `ranks` on processes under `mpirun`.

mod buffers;
mod bytes;
mod failures;
mod heat;
mod memories;
mod regions;
mod support;

use anymem_mpi::AnyTransport;

/// A scenario: its name, and what each rank does.
pub(crate) type Scenario = (&'static str, fn(&AnyTransport));

/// Bytes of each arena that scenarios need.
pub(crate) const ARENA: usize = 4 << 20;

/// All scenarios.
pub(crate) const ALL: &[Scenario] = &[
    ("puts_and_gets_arrive", bytes::puts_and_gets_arrive),
    ("many_runs_take_one_flush", bytes::many_runs_take_one_flush),
    ("nothing_beyond_an_arena_is_touched", bytes::nothing_beyond_an_arena_is_touched),
    ("ranks_gather_what_each_has", bytes::ranks_gather_what_each_has),
    ("threads_of_a_rank_copy_at_once", bytes::threads_of_a_rank_copy_at_once),
    ("two_transports_stay_apart", bytes::two_transports_stay_apart),
    ("blocks_are_read_and_written_by_others", memories::blocks_are_read_and_written_by_others),
    ("typed_objects_come_from_other_ranks", memories::typed_objects_come_from_other_ranks),
    ("shared_arenas_are_heaps_of_all", memories::shared_arenas_are_heaps_of_all),
    ("only_stale_pages_are_pulled", regions::only_stale_pages_are_pulled),
    ("missing_pages_move_nothing", regions::missing_pages_move_nothing),
    ("pages_are_pushed_to_their_owner", regions::pages_are_pushed_to_their_owner),
    ("published_pages_are_kept", regions::published_pages_are_kept),
    ("pages_that_have_moved_are_found", regions::pages_that_have_moved_are_found),
    ("handles_lead_to_regions_alone", regions::handles_lead_to_regions_alone),
    ("buffers_agree_with_an_array", buffers::buffers_agree_with_an_array),
    ("halos_are_what_neighbours_have", buffers::halos_are_what_neighbours_have),
    ("who_wrote_the_same_page_is_told", buffers::who_wrote_the_same_page_is_told),
    ("creation_fails_for_all_or_none", buffers::creation_fails_for_all_or_none),
    ("heat_is_that_of_one_rank", heat::heat_is_that_of_one_rank),
    ("a_pull_that_fails_leaves_no_half_page", failures::a_pull_that_fails_leaves_no_half_page),
    ("a_push_that_fails_leaves_no_half_page", failures::a_push_that_fails_leaves_no_half_page),
    ("an_exchange_that_fails_is_done_again", failures::an_exchange_that_fails_is_done_again),
];
