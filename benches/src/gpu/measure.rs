//! Who does which job.

use std::path::{Path, PathBuf};

use anymem_gpu::{
    Stream,
    pool::{DevicePool, PinnedPool},
};

use super::{
    blocks::{self, Blocks, Ordered, Plain, PlainPinned, Sample},
    copies,
    cpp::{CppBlocks, Functions, SOURCES},
    cudarc::Cudarc,
    ipc,
    job::{Copy, Job, Kernel, Shape},
    kernels,
    python::Python,
    report::{DRIVER, DRIVER_ASYNC, INTERPRETED, OURS, PAGEABLE, PINNED, PROCESSOR},
    target::{Kind, Target, said},
    umf::UmfBlocks,
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// What jobs are measured with.
#[derive(Debug)]
pub struct Bench {
    target: Target,
    kind: Kind,
    umf: PathBuf,
    /// Libraries of C++, or why they are not there.
    cpp: Vec<(&'static str, Result<Functions, String>)>,
    plan: Plan,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
}

impl Bench {
    /// Prepares for jobs of `plan` on a device of that kind, with the Unified Memory Framework
    /// at `umf`, and with what the Python at `python` has of libraries, if they are there.
    ///
    /// # Errors
    ///
    /// There is no device.
    pub fn new(kind: Kind, umf: PathBuf, python: &Path, plan: Plan) -> Result<Self, String> {
        let target = Target::find(kind)?;
        let functions = |source| {
            target.context()?;
            let compile = || Functions::compile(source, &Python::ask(python)?);
            Functions::ready(source).unwrap_or_else(compile)
        };
        let cpp = SOURCES.iter().map(|source| (source.name, functions(source))).collect();
        Ok(Self { target, kind, umf, cpp, plan, skipped: Vec::new() })
    }

    /// What the device is called.
    pub fn device(&self) -> String {
        self.target.to_string()
    }

    /// Measures `job`; `None` where the device cannot do it, which is then among what was
    /// [skipped](Self::skipped).
    ///
    /// # Errors
    ///
    /// A contestant failed in the midst of it, which it has told.
    ///
    /// # Panics
    ///
    /// Panics if the plan has no rounds.
    pub fn measure(&mut self, job: Job) -> Result<Option<Row>, String> {
        let Some(contestants) = self.contestants(job)? else { return Ok(None) };
        measure(job.to_string(), 1, contestants, self.plan).map(Some)
    }

    fn contestants(&mut self, job: Job) -> Result<Option<Vec<Sampled<'static>>>, String> {
        let able = match job {
            Job::Blocks(shape) => return self.blocks(shape).map(Some),
            Job::Pinned => return self.pinned().map(Some),
            Job::Copy(copy) => return self.copies(copy).map(Some),
            Job::IpcCached => self.ipc(),
            Job::Kernel(kernel) => self.kernel(kernel),
        };
        // Not every device can do these.
        Ok(able.map_err(|why| self.skipped.push(format!("{job}: {why}"))).ok())
    }

    fn blocks(&mut self, shape: Shape) -> Result<Vec<Sampled<'static>>, String> {
        let device = &self.target.device;
        let stream = Stream::new(device).map_err(said)?;
        let pool = DevicePool::new(device).and_then(|pool| pool.on(&stream)).map_err(said)?;
        let mut contestants = vec![
            contestant(OURS, Role::Private, blocks::sample(pool, shape)),
            contestant(DRIVER, Role::Peer, blocks::sample(Plain(device.clone()), shape)),
        ];
        self.peer(&mut contestants, DRIVER_ASYNC, Ok(Ordered(stream)), shape);
        self.peer(&mut contestants, "cudarc", Cudarc::new(&self.target), shape);
        let umf = UmfBlocks::new(&self.umf, &self.target);
        self.peer(&mut contestants, "umf", umf, shape);
        for (name, functions) in self.cpp.clone() {
            let pool = functions.and_then(|functions| CppBlocks::new(functions, &self.target));
            self.peer(&mut contestants, name, pool, shape);
        }
        Ok(contestants)
    }

    /// Adds somebody who may be missing, or cannot do it.
    fn peer<B: Blocks + 'static>(
        &mut self,
        contestants: &mut Vec<Sampled<'static>>,
        name: &str,
        peer: Result<B, String>,
        shape: Shape,
    ) {
        let tried = peer.and_then(|peer| {
            let block = peer.take(1)?;
            peer.give(block).map(|()| peer)
        });
        match tried {
            Ok(peer) => {
                contestants.push(contestant(name, Role::Peer, blocks::sample(peer, shape)));
            }
            Err(why) => {
                let skipped = format!("{name}: {why}");
                if !self.skipped.contains(&skipped) {
                    self.skipped.push(skipped);
                }
            }
        }
    }

    fn pinned(&self) -> Result<Vec<Sampled<'static>>, String> {
        let device = &self.target.device;
        let pool = PinnedPool::new(device).map_err(said)?.handle().clone();
        Ok(vec![
            contestant(OURS, Role::Private, blocks::sample(pool, Shape::Pair)),
            contestant(
                DRIVER,
                Role::Peer,
                blocks::sample(PlainPinned(device.clone()), Shape::Pair),
            ),
        ])
    }

    fn copies(&self, copy: Copy) -> Result<Vec<Sampled<'static>>, String> {
        let device = &self.target.device;
        Ok(vec![
            contestant(OURS, Role::Shared, copies::registered(device, copy)?),
            contestant(PINNED, Role::Limit, copies::pinned(device, copy)?),
            contestant(PAGEABLE, Role::Peer, copies::pageable(device, copy)?),
        ])
    }

    fn ipc(&self) -> Result<Vec<Sampled<'static>>, String> {
        let sample = ipc::cached(&self.target.device, self.kind)?;
        Ok(vec![contestant(OURS, Role::Shared, sample)])
    }

    fn kernel(&self, kernel: Kernel) -> Result<Vec<Sampled<'static>>, String> {
        let device = &self.target.device;
        let ours = if self.target.is_software() { INTERPRETED } else { OURS };
        Ok(vec![
            contestant(ours, Role::Shared, kernels::by_device(device, kernel)?),
            contestant(PROCESSOR, Role::Peer, kernels::by_processor(device, kernel)?),
        ])
    }
}

fn contestant<'a>(name: &str, role: Role, sample: Sample<'a>) -> Sampled<'a> {
    Sampled { name: name.into(), role, sample }
}
