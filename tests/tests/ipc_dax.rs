//! Blocks on a DAX device in several processes: `ANYMEM_TEST_DAX=/dev/dax0.0` names one.
//! What is on it is lost.

use anymem::ipc::{self, HandleKind};
use anymem_tests::sharer::{ends, from_word, share};
use anymem_tests::{Peer, role, skip};

#[test]
fn peer() {
    if role().is_some() {
        share();
    }
}

#[test]
fn blocks_of_a_device_are_opened_by_other_processes() {
    let Ok(device) = std::env::var("ANYMEM_TEST_DAX") else {
        return skip("dax", "DAX device");
    };
    let mut owner = Peer::start(&["share"]);
    assert_eq!(owner.does(&format!("provider dax {device}")), "made");
    let words = [3, 4].map(|byte| owner.does(&format!("allocate 3000000 2097152 {byte}")));
    let mut other = Peer::start(&["share"]);
    for (byte, word) in [3, 4].into_iter().zip(&words) {
        let handle = from_word(word);
        assert_eq!(handle.kind(), Ok(HandleKind::Dax));
        let opened = ipc::open(&handle).expect("it is offered");
        assert_eq!(ends(&opened), (byte, byte));
        assert_eq!(other.does(&format!("open {word}")), format!("({byte}, {byte})"));
    }
    owner.kill();
    assert_eq!(other.does(&format!("open {}", words[0])), "(3, 3)", "the device stays");
    other.finish();
}
