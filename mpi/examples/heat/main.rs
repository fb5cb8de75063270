//! The heat equation on a plate, each rank with some of its rows.
//!
//! ```text
//! cargo build --release -p anymem-mpi --features mpi --example heat
//! mpirun -n 4 target/release/examples/heat
//! ```
//!
//! Each step moves a page from either neighbour: the rows next to one's own. At the end the
//! plate is compared, bit for bit, to the one that a single rank computes.

mod plate;

use std::error::Error;
use std::process::ExitCode;

use anymem_mpi::{Job, open};
use plate::Plate;

const PLATE: Plate = Plate { rows: 512, columns: 512, steps: 100 };

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("heat: {error}");
            // At once: the others wait for this rank, and are to be ended.
            std::process::exit(1)
        }
    }
}

/// Whether the plate is as it has to be, as far as this rank knows.
fn run() -> Result<bool, Box<dyn Error>> {
    let job = Job::new(open(16 << 20)?)?;
    let (plate, moved) = PLATE.on_ranks(&job)?;
    if job.rank() != 0 {
        return Ok(true);
    }
    let alone = PLATE.alone();
    let bits = |plate: &[f64]| plate.iter().map(|heat| heat.to_bits()).collect::<Vec<_>>();
    let is_equal = bits(&plate) == bits(&alone);
    println!(
        "heat: {} rows on {} ranks by {}, {} steps, {} pages ({} KiB) to rank 0: {}",
        PLATE.rows,
        job.ranks(),
        job.transport().kind(),
        PLATE.steps,
        moved.pages,
        moved.bytes / 1024,
        if is_equal { "equal to one rank, bit for bit" } else { "NOT EQUAL to one rank" },
    );
    Ok(is_equal)
}
