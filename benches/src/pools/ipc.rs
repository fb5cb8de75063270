//! Blocks that another process opens.
//!
//! A producer makes handles of [`REGIONS`] regions and prints them, a line of hexadecimal
//! digits each; then it waits until its input ends. Whoever opens them is this process.

use core::{alloc::GlobalAlloc, alloc::Layout, hint::black_box};
use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anymem::ipc::{self, IpcHandle};

use super::{
    anymem::Exporter,
    job::{Ipc, Job},
    kind::Kind,
    report::{OURS, THEIRS},
    umf::{Umf, UmfPool},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// Regions that a producer makes handles of.
const REGIONS: usize = 512;

/// Bytes of each.
const SIZE: usize = 64 << 10;

/// Makes handles as `contestant`, and keeps what they are of until its input ends.
///
/// # Errors
///
/// There is no such contestant, or it failed.
pub fn produce(contestant: &str, umf: &Path) -> Result<(), String> {
    let ours = Exporter::new(REGIONS, SIZE)?;
    let handles = match contestant {
        OURS => ours.handles()?,
        THEIRS => {
            // It keeps what it has for as long as the process lives.
            let umf: &Umf = Box::leak(Box::new(Umf::load(umf)?));
            let pool = umf.pool(Kind::Proxy, true)?;
            regions(&pool)?
                .into_iter()
                .map(|block| pool.handle_bytes(block))
                .collect::<Result<_, _>>()?
        }
        other => return Err(format!("{other} makes no handles")),
    };
    let mut out = io::stdout();
    let told = handles.iter().try_for_each(|handle| writeln!(out, "{}", hex(handle)));
    told.and_then(|()| io::read_to_string(io::stdin())).map_err(said)?;
    Ok(())
}

/// Regions of a pool of the library's, each written to; they are never freed.
fn regions(pool: &UmfPool<'_>) -> Result<Vec<*mut u8>, String> {
    let layout = Layout::new::<[u64; SIZE / 8]>();
    let region = |_| {
        // SAFETY: the size is not 0.
        let block = unsafe { pool.alloc(layout) };
        if block.is_null() {
            return Err("there is no memory".to_owned());
        }
        // SAFETY: just allocated, and as long.
        unsafe { block.write_bytes(1, SIZE) };
        Ok(block)
    };
    (0..REGIONS).map(region).collect()
}

/// Measures `part` by us and, where it is there, by the Unified Memory Framework.
pub(super) fn measure_ipc(
    job: Job,
    part: Ipc,
    umf: Option<(&Umf, &Path)>,
    plan: Plan,
) -> Result<Row, String> {
    let ours = match part {
        Ipc::Get => our_get()?,
        Ipc::Open => our_open()?,
        Ipc::OpenCold => our_open_cold(),
    };
    let mut contestants = vec![Sampled { name: OURS.into(), role: Role::Private, sample: ours }];
    if let Some((umf, path)) = umf {
        let sample = match part {
            Ipc::Get => their_get(umf)?,
            Ipc::Open => their_open(umf, path)?,
            Ipc::OpenCold => their_open_cold(umf, path),
        };
        contestants.push(Sampled { name: THEIRS.into(), role: Role::Peer, sample });
    }
    measure(job.to_string(), REGIONS as u64, contestants, plan)
}

type Sample<'a> = Box<dyn FnMut(u64) -> Result<f64, String> + 'a>;

fn our_get() -> Result<Sample<'static>, String> {
    let exporter = Exporter::new(REGIONS, SIZE)?;
    // The first handle of each stays, so that the region had one before.
    let kept = exporter.handles()?;
    let spans = exporter.spans();
    Ok(passes(spans, move |&span| {
        black_box(&kept);
        let handle = exporter.get(span)?;
        ipc::put(&black_box(handle)).map(drop).map_err(said)
    }))
}

fn their_get(umf: &Umf) -> Result<Sample<'_>, String> {
    let pool = umf.pool(Kind::Proxy, true)?;
    let blocks = regions(&pool)?;
    blocks.iter().try_for_each(|&block| pool.put(pool.get(block)?.0))?;
    Ok(passes(blocks, move |&block| pool.put(black_box(pool.get(block)?.0))))
}

fn our_open() -> Result<Sample<'static>, String> {
    let (producer, handles) = Producer::start(OURS, Path::new("none"))?;
    let handles = our_handles(&handles)?;
    // Each stays open, so that its region is.
    let open = handles.iter().map(|handle| ipc::open(handle).map_err(said));
    let open = open.collect::<Result<Vec<_>, _>>()?;
    Ok(passes(handles, move |handle| {
        black_box((&producer, &open));
        black_box(ipc::open(handle).map_err(said)?);
        Ok(())
    }))
}

fn their_open<'u>(umf: &'u Umf, path: &Path) -> Result<Sample<'u>, String> {
    let (producer, handles) = Producer::start(THEIRS, path)?;
    let pool = umf.pool(Kind::Proxy, true)?;
    let opener = pool.opener()?;
    handles.iter().try_for_each(|handle| pool.open(opener, handle).map(drop))?;
    Ok(passes(handles, move |handle| {
        black_box(&producer);
        pool.close(black_box(pool.open(opener, handle)?))
    }))
}

fn our_open_cold() -> Sample<'static> {
    fresh_producers(
        || Producer::start(OURS, Path::new("none")),
        |handles| {
            let handles = our_handles(handles)?;
            let start = Instant::now();
            let open = handles.iter().map(|handle| ipc::open(handle).map_err(said));
            let open = open.collect::<Result<Vec<_>, _>>()?;
            let elapsed = start.elapsed().as_nanos() as f64;
            drop(open);
            ipc::trim();
            Ok(elapsed)
        },
    )
}

fn their_open_cold<'u>(umf: &'u Umf, path: &'u Path) -> Sample<'u> {
    fresh_producers(
        || Producer::start(THEIRS, path),
        |handles| {
            let pool = umf.pool(Kind::Proxy, true)?;
            let opener = pool.opener()?;
            let start = Instant::now();
            let open = handles.iter().map(|handle| pool.open(opener, handle));
            let open = open.collect::<Result<Vec<_>, _>>()?;
            let elapsed = start.elapsed().as_nanos() as f64;
            open.into_iter().try_for_each(|block| pool.close(block))?;
            pool.destroy()?;
            Ok(elapsed)
        },
    )
}

/// A sample of handles that are opened for the first time, all those of one producer after
/// the other.
fn fresh_producers<'a>(
    start: impl Fn() -> Result<(Producer, Vec<Vec<u8>>), String> + 'a,
    open_all: impl Fn(&[Vec<u8>]) -> Result<f64, String> + 'a,
) -> Sample<'a> {
    Box::new(move |operations| {
        let producers = operations.div_ceil(REGIONS as u64).max(1);
        let mut taken = 0.0;
        for _ in 0..producers {
            let (_producer, handles) = start()?;
            taken += open_all(&handles)?;
        }
        Ok(taken / (producers * REGIONS as u64) as f64)
    })
}

/// A sample of passes over `items`, with each of which `work` is done.
fn passes<'a, T: 'a>(
    items: Vec<T>,
    mut work: impl FnMut(&T) -> Result<(), String> + 'a,
) -> Sample<'a> {
    Box::new(move |operations| {
        let passes = operations.div_ceil(items.len() as u64);
        let start = Instant::now();
        for _ in 0..passes {
            items.iter().try_for_each(&mut work)?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e9 / (passes * items.len() as u64) as f64)
    })
}

/// A process that has made handles; it ends when this is dropped.
struct Producer(Child);

impl Producer {
    /// Starts one, and returns its handles as well.
    fn start(contestant: &str, umf: &Path) -> Result<(Self, Vec<Vec<u8>>), String> {
        let mut command = Command::new(env::current_exe().map_err(said)?);
        command.arg("pools-producer").arg(contestant).arg(umf);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(said)?;
        let told = child.stdout.take().ok_or("the output is piped")?;
        let producer = Self(child);
        let lines = BufReader::new(told).lines().take(REGIONS);
        let handles = lines.map(|line| unhex(&line.map_err(said)?));
        let handles = handles.collect::<Result<Vec<_>, String>>()?;
        match handles.len() {
            REGIONS => Ok((producer, handles)),
            few => Err(format!("the producer of {contestant} made {few} handles")),
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Whatever became of it is of no matter any more.
        let _ = self.0.wait();
    }
}

fn our_handles(handles: &[Vec<u8>]) -> Result<Vec<IpcHandle>, String> {
    handles.iter().map(|bytes| IpcHandle::from_bytes(bytes).map_err(said)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(line: &str) -> Result<Vec<u8>, String> {
    let digits = |at| line.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes = (0..line.len()).step_by(2).map(digits).collect::<Option<_>>();
    bytes.ok_or_else(|| format!("{line:?} is no handle"))
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_digits() {
        let bytes = [0, 1, 0x7f, 0xff];
        assert_eq!(hex(&bytes), "00017fff");
        assert_eq!(unhex("00017fff"), Ok(bytes.to_vec()));
        assert!(unhex("0").is_err() && unhex("zz").is_err());
    }
}
