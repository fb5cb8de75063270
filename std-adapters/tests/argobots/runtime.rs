//! Argobots as a program uses it: streams, and user-level threads on them.

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

type Handle = *mut c_void;

/// `ABT_SCHED_BASIC_WAIT`, `ABT_POOL_FIFO_WAIT`, `ABT_POOL_ACCESS_MPMC`.
const SCHEDULER: c_int = 4;
const KIND: c_int = 1;
const ACCESS: c_int = 4;

/// What a user-level thread does.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// The library, for the whole process to find.
pub(crate) struct Runtime {
    init: unsafe extern "C" fn(c_int, *mut *mut c_char) -> c_int,
    finalize: unsafe extern "C" fn() -> c_int,
    pool_create: unsafe extern "C" fn(c_int, c_int, c_int, *mut Handle) -> c_int,
    stream_create: unsafe extern "C" fn(c_int, c_int, *mut Handle, Handle, *mut Handle) -> c_int,
    stream_join: unsafe extern "C" fn(Handle) -> c_int,
    stream_free: unsafe extern "C" fn(*mut Handle) -> c_int,
    thread_create:
        unsafe extern "C" fn(Handle, extern "C" fn(Handle), Handle, Handle, *mut Handle) -> c_int,
    thread_free: unsafe extern "C" fn(*mut Handle) -> c_int,
}

/// A task, and how it ended.
struct Started {
    task: Option<Task>,
    failed: Option<Box<dyn Any + Send>>,
}

extern "C" fn run(started: Handle) {
    // SAFETY: `Runtime::run` keeps it until the thread was joined, and leaves it alone.
    let started = unsafe { &mut *started.cast::<Started>() };
    let task = started.task.take().expect("it is started once");
    started.failed = catch_unwind(AssertUnwindSafe(task)).err();
}

impl Runtime {
    pub(crate) fn load(file: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: the library sets up its own state, and the types are those that Argobots'
        // header declares for these names.
        unsafe {
            let library = Library::open(Some(file), RTLD_NOW | RTLD_GLOBAL)?;
            let library: &'static Library = Box::leak(Box::new(library));
            Ok(Self {
                init: *library.get(b"ABT_init\0")?,
                finalize: *library.get(b"ABT_finalize\0")?,
                pool_create: *library.get(b"ABT_pool_create_basic\0")?,
                stream_create: *library.get(b"ABT_xstream_create_basic\0")?,
                stream_join: *library.get(b"ABT_xstream_join\0")?,
                stream_free: *library.get(b"ABT_xstream_free\0")?,
                thread_create: *library.get(b"ABT_thread_create\0")?,
                thread_free: *library.get(b"ABT_thread_free\0")?,
            })
        }
    }

    pub(crate) fn init(&self) {
        // SAFETY: there are no arguments.
        succeeded(unsafe { (self.init)(0, ptr::null_mut()) });
    }

    pub(crate) fn finalize(&self) {
        // SAFETY: called by the thread that called `init`, when no stream is left.
        succeeded(unsafe { (self.finalize)() });
    }

    /// Runs tasks as user-level threads, which go on on whichever of the streams is idle.
    pub(crate) fn run(&self, streams: usize, tasks: Vec<Task>) {
        // SAFETY: there is room for the handle.
        let pool = made(|pool| unsafe { (self.pool_create)(KIND, ACCESS, 1, pool) });
        let mut started: Vec<_> =
            tasks.into_iter().map(|task| Started { task: Some(task), failed: None }).collect();
        let threads: Vec<_> = started.iter_mut().map(|it| self.start(pool, it)).collect();
        let streams: Vec<_> = (0..streams).map(|_| self.stream(pool)).collect();
        for mut thread in threads {
            // SAFETY: the thread was created and not freed.
            succeeded(unsafe { (self.thread_free)(&raw mut thread) });
        }
        for mut stream in streams {
            // SAFETY: the stream was created and not freed.
            unsafe {
                succeeded((self.stream_join)(stream));
                succeeded((self.stream_free)(&raw mut stream));
            }
        }
        if let Some(why) = started.into_iter().find_map(|it| it.failed) {
            resume_unwind(why);
        }
    }

    fn start(&self, pool: Handle, started: &mut Started) -> Handle {
        let argument = ptr::from_mut(started).cast();
        // SAFETY: the pool lives, and so does the argument until the thread is freed.
        made(|it| unsafe { (self.thread_create)(pool, run, argument, ptr::null_mut(), it) })
    }

    fn stream(&self, mut pool: Handle) -> Handle {
        let (pool, none) = (&raw mut pool, ptr::null_mut());
        // SAFETY: the pool lives.
        made(|it| unsafe { (self.stream_create)(SCHEDULER, 1, pool, none, it) })
    }
}

fn succeeded(code: c_int) {
    assert_eq!(code, 0, "Argobots' error number");
}

fn made(make: impl FnOnce(*mut Handle) -> c_int) -> Handle {
    let mut made = ptr::null_mut();
    succeeded(make(&raw mut made));
    made
}
