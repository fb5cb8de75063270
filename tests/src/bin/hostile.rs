//! Uses heaps whose bytes somebody changes; see `anymem_tests::hostile`.
//!
//! ```sh
//! cargo run --release -p anymem-tests --bin hostile -- [--ops N] [--images N]
//!     [--seed S] [--jobs N] [--kind image|live|containers] [--peers N]
//! ```
//!
//! | argument | meaning |
//! |---|---|
//! | `--ops N` | calls to make, all in all |
//! | `--images N` | images to try at most |
//! | `--seed S` | the first seed; with `--images 1` the only one |
//! | `--jobs N` | processes at a time |
//! | `--kind K` | one driver, not all three in turn |
//! | `--peers N` | processes beside each that keep changing its heap |
//!
//! What peers do depends on time: a seed alone does not repeat it.
//!
//! Says a line for each failure, with the seed that repeats it, and one at the
//! end. Ends with 1 if there is a failure.

use std::process::ExitCode;

use anymem_tests::hostile::{Kind, Plan, run};

fn main() -> ExitCode {
    let plan = match read(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
    };
    let found = run(&plan);
    for (seed, what) in &found.failures {
        println!("{what}: --images 1 --seed {seed}");
    }
    let good = found.failures.is_empty();
    println!(
        "hostile={} ops={} images={} crashes={} hangs={} panics={} seconds={:.1}",
        if good { "ok" } else { "failed" },
        found.calls,
        found.images,
        found.crashes,
        found.hangs,
        found.panics,
        found.time.as_secs_f64()
    );
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan =
        Plan { calls: u64::MAX, images: u64::MAX, seed: 1, jobs: 1, kind: None, peers: 0 };
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or(format!("{argument} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{value} is no number"));
        match argument.as_str() {
            "--ops" => plan.calls = number()?,
            "--images" => plan.images = number()?,
            "--seed" => plan.seed = number()?,
            "--jobs" => plan.jobs = number()?.max(1),
            "--peers" => plan.peers = number()? as usize,
            "--kind" => {
                plan.kind = Some(Kind::named(&value).ok_or(format!("no such kind: {value}"))?);
            }
            _ => return Err(format!("no such argument: {argument}")),
        }
    }
    if plan.calls == u64::MAX && plan.images == u64::MAX {
        return Err("say how much: --ops N or --images N".to_owned());
    }
    Ok(plan)
}
