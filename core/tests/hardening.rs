//! Whether a heap may be attached by a program that hardens heaps otherwise.

use anymem_core::backend::{ArrayBackend, Backend};
use anymem_core::offset::AllocatorId;
use anymem_core::segment::{AttachError, Config, Segment};
use anymem_core::thread::Bare;

type Heap<'a> = Segment<ArrayBackend<'a, 4096>, Bare, 12>;

#[test]
fn a_heap_that_is_hardened_otherwise_is_refused() {
    let mut memory = vec![0_u8; 256 << 10];
    let config = Config::new(AllocatorId::new(0, 9)).secret(42);
    let heap = Heap::create(ArrayBackend::new(&mut memory), Bare, &config).unwrap();
    // Where the header says so.
    let said = heap.backend().base().addr().get() + 64;
    let said = said - memory.as_ptr().addr();
    let attach = |memory: &mut [u8]| Heap::attach(ArrayBackend::new(memory), Bare).map(drop);
    assert_eq!(attach(&mut memory), Ok(()));

    let hardened = cfg!(feature = "secure");
    assert_eq!(memory[said], u8::from(hardened));
    memory[said] ^= 1;
    let refused = attach(&mut memory).unwrap_err();
    assert_eq!(refused, AttachError::OtherHardening { hardened: !hardened });
    assert!(refused.to_string().contains("`secure`"), "it says what to do: {refused}");
}
