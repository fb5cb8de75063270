//! Pages of a region that another rank has, brought up to date in a region of this one.

use std::sync::Arc;

use anymem::memory::HostMemory;
use anymem_core::memory::{Address, Memory};
use anymem_core::region::{
    Access, Anchor, DefaultRegion, Geometry, Options, PageSet, Region, Run, Settings, update,
};
use anymem_mpi::{
    ArenaMemory, Exported, Handle, Job, Kind, MpiRegion, RemoteAddress, RemoteMemory, Shared,
    Transport, Window, World,
};

use crate::{
    OWNER, Result,
    contestant::Contestant,
    or_end,
    plain::Bytes,
    task::{BYTES, PAGE, PAGES, Task},
};

/// What a rank's arena needs beside the pages: the page table, and the heap's own.
const BESIDE: usize = 8 << 20;

/// Numbers in a page.
const WORDS: usize = PAGE / size_of::<u64>();

/// A region of this rank's.
type Local<M> = DefaultRegion<M, HostMemory>;

/// What keeps its pages.
type Held<M> = Anchor<Arc<Local<M>>, HostMemory>;

/// This rank's side.
pub(crate) enum Ours {
    /// That of who has the pages.
    Owner(Box<Owner>),
    /// That of who wants them.
    Getter(Box<Getter>),
}

/// A region in this rank's arena.
pub(crate) struct Owner {
    exported: Exported<Local<ArenaMemory>>,
    _anchor: Held<ArenaMemory>,
}

/// A region here, and the other rank's.
pub(crate) struct Getter {
    here: Arc<Local<HostMemory>>,
    there: MpiRegion,
    /// The other's arena, and where the first page is.
    arena: RemoteMemory,
    first: RemoteAddress,
    asked: PageSet<HostMemory>,
    /// What single pages come to.
    single: Bytes,
    _anchor: Held<HostMemory>,
}

impl Ours {
    /// Both ranks' sides, with windows of that kind.
    pub(crate) fn new(world: &Arc<World>, kind: Kind) -> Result<Self> {
        let transport: Arc<dyn Transport> = match kind {
            Kind::Shared => Arc::new(Shared::new(world, BYTES + BESIDE)?),
            _ => Arc::new(Window::new(world, BYTES + BESIDE)?),
        };
        let job = Job::new(transport)?;
        Ok(or_end(world, Self::of(&job)))
    }

    fn of(job: &Arc<Job>) -> Result<Self> {
        let mut handles = [0; 2 * Handle::BYTES];
        if job.rank() == OWNER as u32 {
            let owner = Owner::new(job)?;
            let handle = owner.exported.handle().to_bytes();
            job.transport().all_gather(&handle, &mut handles)?;
            return Ok(Self::Owner(Box::new(owner)));
        }
        job.transport().all_gather(&[0; Handle::BYTES], &mut handles)?;
        let handle = Handle::from_bytes(&handles[Handle::BYTES..]).ok_or("this is no handle")?;
        Ok(Self::Getter(Box::new(Getter::new(job, handle)?)))
    }

    fn owner(&mut self) -> Result<&mut Owner> {
        match self {
            Self::Owner(owner) => Ok(owner),
            Self::Getter(_) => Err("this rank has no pages".into()),
        }
    }

    fn getter(&mut self) -> Result<&mut Getter> {
        match self {
            Self::Getter(getter) => Ok(getter),
            Self::Owner(_) => Err("this rank has all pages".into()),
        }
    }
}

/// A region of this rank's, with memory for all its pages.
fn region<M: Memory>(job: &Job, memory: M) -> Result<(Arc<Local<M>>, Held<M>)> {
    let geometry = Geometry::new(BYTES, PAGE).ok_or("pages are powers of two")?;
    let settings = Settings::new(job.region_id()?, geometry);
    let region = Arc::new(DefaultRegion::new(settings, memory, HostMemory)?);
    let all = Access::All.pages(geometry, HostMemory)?;
    Ok((Arc::clone(&region), Anchor::new(region, all)?))
}

impl Owner {
    fn new(job: &Arc<Job>) -> Result<Self> {
        let (region, anchor) = region(job, ArenaMemory::new(job))?;
        let mut owner = Self { exported: Exported::new(job, region)?, _anchor: anchor };
        owner.write(&Vec::from_iter(0..PAGES), 0)?;
        Ok(owner)
    }

    fn write(&mut self, pages: &[usize], value: u64) -> Result<()> {
        let mut writing = self.exported.region().write(&these(pages))?;
        for page in pages {
            writing.set(page * WORDS, value)?;
        }
        drop(writing);
        Ok(self.exported.publish()?)
    }
}

/// Access to some pages.
const fn these(pages: &[usize]) -> Access<'_> {
    Access::Indices { element: PAGE, indices: pages }
}

impl Getter {
    fn new(job: &Arc<Job>, handle: Handle) -> Result<Self> {
        let (here, anchor) = region(job, HostMemory)?;
        // SAFETY: the owner keeps its region until there are no more orders, after which
        // nobody uses this; the ranks wait for each other before and after each use.
        let there = unsafe { MpiRegion::open(job, handle)? };
        there.refresh()?;
        let arena = RemoteMemory::new(job, handle.rank()).ok_or("there is no such rank")?;
        let place = there.place(Run { first: 0, len: PAGES })?;
        let first = RemoteAddress::from_raw(place.address).ok_or("this is no arena")?;
        let mut asked = Access::All.pages(here.geometry(), HostMemory)?;
        // So that nothing but what is written later is stale.
        update(&*here, &there, &mut asked, Options::new())?;
        let single = Bytes::new();
        Ok(Self { here, there, arena, first, asked, single, _anchor: anchor })
    }
}

impl Contestant for Ours {
    fn write(&mut self, pages: &[usize], value: u64) -> Result<()> {
        self.owner()?.write(pages, value)
    }

    fn prepare(&mut self, task: Task, pages: &[usize], _value: u64) -> Result<()> {
        let Getter { here, asked, .. } = self.getter()?;
        // What was written is not known where it has to be found.
        let access = if task == Task::Dirty { Access::All } else { these(pages) };
        asked.words_mut().fill(0);
        Ok(access.add_to(here.geometry(), asked)?)
    }

    fn get_page(&mut self, page: usize) -> Result<()> {
        let getter = self.getter()?;
        let (to, from) = (getter.single.at(page * PAGE), getter.first.byte_add(page * PAGE));
        // SAFETY: both have the page, and nobody else uses it meanwhile.
        unsafe { getter.arena.copy_from(to, from, PAGE)? };
        Ok(())
    }

    fn get(&mut self, task: Task, pages: &[usize]) -> Result<()> {
        let Getter { here, there, asked, .. } = self.getter()?;
        let options = if task == Task::Dirty { Options::new() } else { Options::everything() };
        let copied = update(&**here, there, asked, options)?;
        if copied.bytes == pages.len() * PAGE {
            return Ok(());
        }
        Err(format!("{} bytes were copied for {} pages", copied.bytes, pages.len()).into())
    }

    fn words(&mut self, task: Task, pages: &[usize]) -> Result<Vec<u64>> {
        let getter = self.getter()?;
        if task == Task::Get {
            return Ok(getter.single.words(pages));
        }
        let reading = getter.here.read(&these(pages))?;
        let word = |page: &usize| Ok(reading.get(page * WORDS)?);
        pages.iter().map(word).collect()
    }
}
