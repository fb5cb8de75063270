//! One test for each defect of this library's predecessor, hermes-shm, that
//! was found in its sources or reproduced with them; named after what is right.
//!
//! - [`blocks`]: what is handed out: reuse, sizes, alignment, exhaustion;
//! - [`numbers`]: what is counted, kept and given back;
//! - [`threads`]: threads that come, go, and free each other's blocks;
//! - [`segments`]: creating, attaching and leaving shared segments;
//! - [`system`]: limits of the system, as errors;
//! - [`manager`]: ids, kinds, and the locks;
//! - [`death`]: processes that fork, and that are killed.
//!
//! What the predecessor did is said at each test. Not covered, since this
//! library has no such thing (yet): GPU backends and thread models, read-write
//! locks, queues.

mod blocks;
mod death;
mod manager;
mod numbers;
mod segments;
mod system;
mod threads;

/// What the other processes of these tests do.
#[test]
fn peer() {
    let Some(words) = anymem_tests::role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["attach", name] => segments::attach_at_random(name),
        ["cycles"] => segments::create_and_destroy(),
        ["leave", dir] => segments::leave_blocks(dir),
        ["survivor"] => death::survive(),
        ["victim", name, seed] => death::be_killed(name, seed),
        ["holder", name] => death::hold_lock(name),
        ["fork"] => death::fork_twice(),
        ["limits"] => system::under_limits(),
        ["first-use"] => manager::first_use(),
        _ => panic!("no such role: {words:?}"),
    }
}
