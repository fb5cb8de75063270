//! The jobs in the memory of one process, by `hashbrown` and the standard
//! library.

use core::{error::Error, hint::black_box};

use hashbrown::HashMap;

use super::{
    job::{ELEMENTS, FIND_KEYS, Job, PUSHES},
    serve::{Part, Work, cannot},
};
use crate::workloads::Rng;

pub(super) fn work(part: &Part) -> Result<Work, Box<dyn Error>> {
    match (part.contestant.as_str(), part.job) {
        ("hashbrown", Job::Find) => Ok(find()),
        ("std", Job::VecPush | Job::VecPushOpened) => Ok(push()),
        ("std", Job::VecIterate) => Ok(iterate()),
        _ => Err(cannot(part)),
    }
}

fn find() -> Work {
    let map: HashMap<u64, u64> = (0..FIND_KEYS as u64).map(|key| (key, key)).collect();
    let mut rng = Rng::new(0);
    Box::new(move |operations| {
        for _ in 0..operations {
            black_box(map.get(&(rng.below(FIND_KEYS) as u64)).copied());
        }
        Ok(())
    })
}

fn push() -> Work {
    Box::new(|operations| {
        let mut rest = operations;
        while rest > 0 {
            let turn = rest.min(PUSHES);
            let mut vector = Vec::new();
            (0..turn).for_each(|number| vector.push(black_box(number)));
            black_box(&vector);
            rest -= turn;
        }
        Ok(())
    })
}

fn iterate() -> Work {
    let vector: Vec<u64> = (0..ELEMENTS as u64).collect();
    Box::new(move |operations| {
        let mut rest = operations as usize;
        while rest > 0 {
            let turn = rest.min(ELEMENTS);
            black_box(black_box(&vector).iter().take(turn).sum::<u64>());
            rest -= turn;
        }
        Ok(())
    })
}
