//! The example, on a small plate.

#[path = "../../examples/heat/plate.rs"]
mod plate;

use anymem_mpi::{AnyTransport, Job};
use plate::Plate;

pub(super) fn heat_is_that_of_one_rank(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let small = Plate { rows: 45, columns: 32, steps: 12 };
    let (plate, moved) = small.on_ranks(&job).unwrap();
    let neighbours = usize::from(job.rank() > 0) + usize::from(job.rank() + 1 < job.ranks());
    assert_eq!((moved.pages, moved.bytes), (12 * neighbours, 12 * neighbours * 256));
    if job.rank() == 0 {
        let bits = |plate: Vec<f64>| plate.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(plate), bits(small.alone()));
    } else {
        assert!(plate.is_empty());
    }
}
