//! Blocks of a pool that another process works on in place.
//!
//! What goes through the socket is a handle of 64 bytes for each block, and a word when the
//! other process is done with it. The memory has no name; the other process gets it from
//! this one's hand-over, for which it needs no rights.
//!
//! ```sh
//! cargo run --example handed_blocks
//! ```

use std::alloc::Layout;
use std::env;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{self, Command};
use std::sync::Arc;

use anymem::ipc::{self, Handover, IpcHandle};
use anymem::pool::{self, DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::{OsOptions, Visibility};

const BLOCKS: u8 = 100;
const SIZE: usize = 100_000;

/// Negates all bytes of each block that comes.
fn work(socket: &str) -> Result<(), Box<dyn Error>> {
    let mut socket = UnixStream::connect(socket)?;
    let mut handle = [0; IpcHandle::SIZE];
    loop {
        match socket.read_exact(&mut handle) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            other => other?,
        }
        let block = ipc::open(&IpcHandle::from_bytes(&handle)?)?;
        // SAFETY: the block is open, and its owner waits until it is told.
        let bytes = unsafe { std::slice::from_raw_parts_mut(block.as_ptr().as_ptr(), block.len()) };
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        socket.write_all(&[1])?;
    }
    let stats = ipc::stats();
    println!("{BLOCKS} blocks were opened in {} mapped file", stats.open);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(socket) = env::args().nth(1) {
        return work(&socket);
    }
    let memory = OsOptions::new().visibility(Visibility::Shared).name("handed").build()?;
    let pool = DisjointOptions::new().build(Tracked::new(Arc::new(memory))?)?;
    let pool = PoolHandle::new(pool);
    let _handover = Handover::serve()?;

    let path = env::temp_dir().join(format!("anymem.handed.{}", process::id()));
    let listener = UnixListener::bind(&path)?;
    let mut worker = Command::new(env::current_exe()?).arg(&path).spawn()?;
    let (mut socket, _) = listener.accept()?;
    std::fs::remove_file(&path)?;
    for number in 0..BLOCKS {
        let block = pool.allocate(Layout::array::<u8>(SIZE)?)?;
        // SAFETY: the block is new, and that long.
        unsafe { block.write_bytes(number, SIZE) };
        socket.write_all(&ipc::get_block(block)?.to_bytes())?;
        socket.read_exact(&mut [0])?;
        // SAFETY: as above; the worker is done with it.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), SIZE) };
        assert!(bytes.iter().all(|&byte| byte == !number), "the worker wrote to it");
        // SAFETY: nobody uses the block any more.
        unsafe { pool::free(block) }?;
    }
    drop(socket);
    assert!(worker.wait()?.success(), "the worker failed");
    Ok(())
}
