//! PTX without a GPU: what each instruction does, what is refused, and what fails a launch.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem_gpu_sim::ptx::{Complaint, Fault, LaunchError, Limits, Module, PtxError, Reason};
use anymem_gpu_sim::{Access, Grid};
use proptest::prelude::*;

/// Where the memory begins on this device.
const BASE: u64 = 0x7000_0000;

const HEAD: &str = ".version 7.0\n.target sm_70\n.address_size 64\n";

/// Memory of a device: words, the first half of which may be written.
struct Memory(Vec<AtomicU64>);

impl Memory {
    fn new(words: usize) -> Self {
        Self((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    fn find(&self, address: u64, bytes: usize, access: Access) -> Option<NonNull<u8>> {
        let at = usize::try_from(address.checked_sub(BASE)?).ok()?;
        let writable = at < self.0.len() * 4;
        let word = self.0.get(at / 8).filter(|_| at % 8 + bytes <= 8)?;
        // SAFETY: inside the word.
        let place = unsafe { word.as_ptr().cast::<u8>().add(at % 8) };
        NonNull::new(place).filter(|_| writable || access == Access::Read)
    }

    fn get(&self, index: usize) -> u64 {
        self.0[index].load(Ordering::SeqCst)
    }

    fn run(&self, text: &str, grid: Grid, more: &[u64]) -> Result<(), LaunchError> {
        self.run_within(text, grid, more, Limits::default())
    }

    fn run_within(
        &self,
        text: &str,
        grid: Grid,
        more: &[u64],
        limits: Limits,
    ) -> Result<(), LaunchError> {
        let module = Module::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let kernel = module.kernel("k").expect("it is there");
        let arguments = [&[BASE], more].concat();
        let find = |address, bytes, access| self.find(address, bytes, access);
        // SAFETY: the words are there, and used with atomics only.
        unsafe { kernel.run(&grid, &arguments, &find, limits) }
    }
}

fn line(blocks: u32, threads: u32) -> Grid {
    Grid::line(blocks, threads)
}

/// A kernel with these instructions, which has `out` and numbers in registers.
fn kernel(body: &str) -> String {
    format!(
        "{HEAD}.visible .entry k(.param .u64 out, .param .u64 a, .param .u64 b, .param .u64 c)
        {{
            .reg .pred %p, %q, %yes, %no;
            .reg .b32 %h<4>;
            .reg .b64 %out, %a, %b, %c, %r, %s;
            ld.param.u64 %out, [out];
            ld.param.u64 %a, [a];
            ld.param.u64 %b, [b];
            ld.param.u64 %c, [c];
            cvt.u32.u64 %h1, %a;
            cvt.u32.u64 %h2, %b;
            cvt.u32.u64 %h3, %c;
            setp.eq.u64 %yes, 1, 1;
            setp.ne.u64 %no, 1, 1;
            {body}
            st.global.u64 [%out], %r;
            ret;
        }}"
    )
}

/// What these instructions leave in `%r`.
fn result(body: &str, [a, b, c]: [u64; 3]) -> u64 {
    let memory = Memory::new(4);
    memory.run(&kernel(body), line(1, 1), &[a, b, c]).expect("run");
    memory.get(0)
}

#[test]
fn each_instruction_does_what_it_should() {
    let (a, b, c) = (0xffff_fff0_0000_0013_u64, 0x1_0000_0005_u64, 7);
    let table = [
        ("mov.u64 %r, %a;", a),
        ("mov.b64 %r, 0x12;", 0x12),
        ("mov.u32 %h0, %h1; cvt.u64.u32 %r, %h0;", 0x13),
        ("add.u64 %r, %a, %b;", a.wrapping_add(b)),
        ("add.u32 %h0, %h1, 0xffffffff; cvt.u64.u32 %r, %h0;", 0x12),
        ("sub.u64 %r, %b, %a;", b.wrapping_sub(a)),
        ("sub.u32 %h0, %h2, %h1; cvt.u64.u32 %r, %h0;", 0xffff_fff2),
        ("mul.lo.u64 %r, %a, %b;", a.wrapping_mul(b)),
        ("mul.wide.u32 %r, %h1, 0xffffffff;", 0x13 * 0xffff_ffff),
        ("mad.lo.u64 %r, %a, %b, %c;", a.wrapping_mul(b).wrapping_add(c)),
        ("mad.lo.u32 %h0, %h1, %h2, %h3; cvt.u64.u32 %r, %h0;", 0x13 * 5 + 7),
        ("div.u64 %r, %a, %c;", a / c),
        ("div.u64 %r, %a, 0;", u64::MAX),
        ("rem.u64 %r, %a, %c;", a % c),
        ("min.u64 %r, %a, %b;", b),
        ("max.u64 %r, %a, %b;", a),
        ("and.b64 %r, %a, %b;", a & b),
        ("or.b64 %r, %a, %b;", a | b),
        ("xor.b64 %r, %a, %b;", a ^ b),
        ("shl.b64 %r, %a, %h3;", a << 7),
        ("shl.b64 %r, %a, 64;", 0),
        ("shl.b32 %h0, %h1, 31; cvt.u64.u32 %r, %h0;", 1 << 31),
        ("shr.u64 %r, %a, 60;", 15),
        ("shr.b64 %r, %a, 200;", 0),
        ("shr.u32 %h0, %h1, 1; cvt.u64.u32 %r, %h0;", 9),
        ("cvt.u64.u64 %r, %b;", b),
        ("setp.lt.u64 %p, %b, %a; selp.u64 %r, 1, 2, %p;", 1),
        ("setp.le.u64 %p, %a, %a; selp.b64 %r, 1, 2, %p;", 1),
        ("setp.gt.u64 %p, %b, %a; selp.u64 %r, 1, 2, %p;", 2),
        ("setp.ge.u32 %p, %h1, %h2; selp.u64 %r, 1, 2, %p;", 1),
        ("setp.eq.b64 %p, %a, %b; selp.u64 %r, 1, 2, %p;", 2),
        ("setp.ne.u64 %p, %a, %b; selp.u64 %r, 1, 2, %p;", 1),
        ("setp.lt.and.u64 %p, 1, 2, %no; selp.u64 %r, 1, 2, %p;", 2),
        ("setp.gt.or.u64 %p, 1, 2, %yes; selp.u64 %r, 1, 2, %p;", 1),
        ("setp.lt.xor.u64 %p, 1, 2, %yes; selp.u64 %r, 1, 2, %p;", 2),
        ("mov.u64 %r, 1; @%yes mov.u64 %r, 2;", 2),
        ("mov.u64 %r, 1; @%no mov.u64 %r, 2;", 1),
        ("mov.u64 %r, 1; @!%no mov.u64 %r, 2;", 2),
        ("mov.u64 %r, 1; bra OVER; mov.u64 %r, 2; OVER:", 1),
        ("mov.u64 %r, 1; @%no bra.uni OVER; mov.u64 %r, 2; OVER:", 2),
        ("mov.u64 %r, 9; st.global.u64 [%out], %r; exit; mov.u64 %r, 1;", 9),
        ("mov.u64 %r, 9; st.global.u64 [%out], %r; @%yes ret; mov.u64 %r, 1;", 9),
        ("nanosleep.u32 10; mov.u64 %r, 3;", 3),
        (
            "mov.u64 %r, %globaltimer; nanosleep.u32 %h3; mov.u64 %s, %globaltimer; sub.u64 %s, %s, %r; setp.gt.u64 %p, %s, 0; selp.u64 %r, 1, 0, %p;",
            1,
        ),
    ];
    for (body, wanted) in table {
        assert_eq!(result(body, [a, b, c]), wanted, "{body}");
    }
}

#[test]
fn memory_is_loaded_stored_and_changed() {
    let table = [
        ("st.global.u64 [%out+8], %a; ld.global.u64 %r, [%out+8];", [5, 5]),
        ("st.relaxed.sys.global.u64 [%out+8], %a; ld.relaxed.sys.global.u64 %r, [%out+8];", [5, 5]),
        ("st.release.gpu.global.b64 [%out+8], %a; ld.acquire.gpu.global.b64 %r, [%out+8];", [5, 5]),
        (
            "st.global.u32 [%out+12], 3; ld.global.u32 %h0, [%out+12]; cvt.u64.u32 %r, %h0;",
            [3, 3 << 32],
        ),
        ("mov.u64 %r, 1; fence.acq_rel.sys;", [1, 0]),
        ("atom.relaxed.sys.global.add.u64 %r, [%out+8], %a;", [0, 5]),
        ("atom.global.add.u64 %r, [%out+8], 7;", [0, 7]),
        ("atom.acq_rel.sys.global.exch.b64 %r, [%out+8], %b;", [0, 9]),
        ("atom.acq_rel.sys.global.cas.b64 %r, [%out+8], 0, %b;", [0, 9]),
        ("atom.acquire.gpu.global.cas.b64 %r, [%out+8], 1, %b;", [0, 0]),
        ("atom.release.cta.global.or.b64 %r, [%out+8], %b;", [0, 9]),
        ("red.relaxed.sys.global.max.u64 [%out+8], %b; mov.u64 %r, 0;", [0, 9]),
        ("red.relaxed.sys.global.add.u32 [%out+8], %h1; mov.u64 %r, 0;", [0, 5]),
        ("st.global.u64 [%out+8], %a; atom.relaxed.sys.global.min.u64 %r, [%out+8], 2;", [5, 2]),
        ("st.global.u64 [%out+8], %a; atom.relaxed.sys.global.and.b64 %r, [%out+8], %b;", [5, 1]),
        ("st.global.u64 [%out+8], %a; atom.relaxed.sys.global.xor.b64 %r, [%out+8], %b;", [5, 12]),
        (
            "st.global.u64 [%out+8], %a; atom.relaxed.sys.global.exch.b32 %h0, [%out+8], 1; cvt.u64.u32 %r, %h0;",
            [5, 1],
        ),
    ];
    for (body, wanted) in table {
        let memory = Memory::new(4);
        memory.run(&kernel(body), line(1, 1), &[5, 9, 0]).expect("run");
        assert_eq!([memory.get(0), memory.get(1)], wanted, "{body}");
    }
}

#[test]
fn functions_take_values_and_give_one() {
    let text = format!(
        "{HEAD}
        /* the greater one,
           and more */
        .func (.reg .b64 %most) most(.reg .b64 %a, .reg .b64 %b)
        {{
            .reg .pred %p;
            mov.u64 %most, %a;
            setp.ge.u64 %p, %a, %b;
            @%p ret;
            mov.u64 %most, %b;
        }}
        .func put(.reg .b64 %at, .reg .b32 %half) {{
            .reg .b64 %wide;
            cvt.u64.u32 %wide, %half;
            call (%wide), most, (%wide, 4);
            st.global.u64 [%at], %wide; ret;
        }}
        .func nothing() {{ ret; }}
        .visible .entry k(.param .u64 out)
        {{
            .reg .b64 %out, %sum;
            ld.param.u64 %out, [out];
            call nothing;
            call.uni (%sum), most, (3, 8);
            st.global.u64 [%out], %sum;
            add.u64 %out, %out, 8;
            call put, (%out, 2); // less than 4
            ret;
        }}\0"
    );
    let memory = Memory::new(8);
    memory.run(&text, line(1, 1), &[]).expect("run");
    assert_eq!([memory.get(0), memory.get(1)], [8, 4]);
    let module = Module::parse(&text).expect("as before");
    assert_eq!(module.kernels().collect::<Vec<_>>(), ["k"]);
    assert!(module.kernel("most").is_none() && module.kernel("no").is_none());
    assert!(module.kernel("k").expect("there").arguments().eq([8]));
}

#[test]
fn threads_know_their_place() {
    let body = "mov.u32 %h0, %ctaid.x; mov.u32 %h1, %ntid.x; mov.u32 %h2, %tid.x;
        mad.lo.u32 %h0, %h0, %h1, %h2;
        mul.wide.u32 %a, %h0, 8; add.u64 %out, %out, %a;
        mov.u32 %h3, %nctaid.x; mad.lo.u32 %h3, %h3, 1000, %h2; cvt.u64.u32 %r, %h3;";
    let memory = Memory::new(2 * 7 * 33);
    memory.run(&kernel(body), line(7, 33), &[0; 3]).expect("run");
    assert!((0..7 * 33).all(|index| memory.get(index) == 7000 + index as u64 % 33));
}

#[test]
fn threads_change_a_word_at_the_same_time() {
    let memory = Memory::new(4);
    let body = "mov.u64 %a, 100;
        AGAIN:
        red.relaxed.gpu.global.add.u64 [%out+8], 1;
        // By hand, with what was seen there.
        RETRY:
        ld.relaxed.sys.global.u64 %r, [%out];
        add.u64 %s, %r, 1;
        atom.acq_rel.sys.global.cas.b64 %c, [%out], %r, %s;
        setp.ne.u64 %p, %c, %r;
        @%p bra RETRY;
        sub.u64 %a, %a, 1;
        setp.ne.u64 %p, %a, 0;
        @%p bra AGAIN;
        ret;";
    memory.run(&kernel(body), line(7, 60), &[0; 3]).expect("run");
    assert_eq!([memory.get(0), memory.get(1)], [42_000; 2]);
}

#[test]
fn a_thread_that_waits_for_its_neighbour_gets_on() {
    // The first thread waits for what the last one of its group writes.
    let body = "mov.u32 %h0, %tid.x; setp.eq.u32 %p, %h0, 0; @%p bra WAIT;
        setp.ne.u32 %p, %h0, 31; @%p ret;
        mov.u64 %r, 5; st.relaxed.gpu.global.u64 [%out+8], 6;
        st.release.gpu.global.u64 [%out+0], %r; ret;
        WAIT: ld.acquire.gpu.global.u64 %r, [%out]; setp.ne.u64 %p, %r, 5; @%p bra WAIT;
        ld.relaxed.gpu.global.u64 %r, [%out+8];";
    let memory = Memory::new(4);
    memory.run(&kernel(body), line(1, 32), &[0; 3]).expect("run");
    assert_eq!(memory.get(0), 6);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let unknown = [
        "mul.hi.u64 %r, %a, %b;",
        "add.s64 %r, %a, %b;",
        "add.f64 %r, %a, %b;",
        "add.b64 %r, %a, %b;",
        "and.u64 %r, %a, %b;",
        "mov.f32 %h0, %h1;",
        "bar.sync 0;",
        "ld.shared.u64 %r, [%a];",
        "ld.volatile.global.u64 %r, [%a];",
        "ld.release.sys.global.u64 %r, [%a];",
        "st.acquire.sys.global.u64 [%a], %r;",
        "ld.relaxed.world.global.u64 %r, [%a];",
        "atom.relaxed.sys.global.inc.u32 %h0, [%a], 1;",
        "atom.relaxed.sys.global.add.b64 %r, [%a], 1;",
        "atom.relaxed.sys.global.exch.u64 %r, [%a], 1;",
        "setp.lo.u64 %p, %a, %b;",
        "setp.eq.nand.u64 %p, %a, %b, %q;",
        "cvt.s64.u32 %r, %h0;",
        "fence.sc.sys;",
        "vote.all.pred %p, %q;",
        "trap;",
        "mul.wide.u64 %r, %a, %b;",
        "ld.param.u64 %r, [out+8];",
        "nanosleep.u64 %r;",
    ];
    for body in unknown {
        let refused = Module::parse(&kernel(body)).expect_err(body);
        assert!(matches!(refused.what, Complaint::Unknown(_)), "{body}: {refused}");
        // The body is one line.
        assert_eq!(refused.line, 18, "{body}: {refused}");
    }
    for text in [".const .u64 x = 1;", ".version 7.0 .file 1", ".entry k() { .local .b8 x; }", "{"]
    {
        assert!(Module::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let undeclared =
        ["mov.u64 %r, %z;", "bra NOWHERE;", "ld.param.u64 %r, [z];", "call f;", "mov.u64 %r, 0xg;"];
    let size = [
        "mov.u64 %r, %h0;",
        "add.u32 %r, %h0, %h1;",
        "mov.u32 %h0, 0x100000000;",
        "mov.u32 %h0, %globaltimer;",
        "shl.b64 %r, %a, %b;",
        "@%r ret;",
        "ld.global.u64 %r, [%h0];",
        "ld.param.u32 %h0, [a];",
    ];
    let expected = [
        "mov.u64 %r;",
        "mov.u64 %r %a;",
        "ld.global.u64 %r, %a;",
        "add.u64 (%r), %a, %b;",
        "call 5, 6, 7, 8;",
        "mov.u64 %r, [%a+%b];",
    ];
    for (bodies, what) in [(&undeclared[..], 0), (&size[..], 1), (&expected[..], 2)] {
        for body in bodies {
            let refused = Module::parse(&kernel(body)).expect_err(body);
            let found = match refused.what {
                Complaint::Undeclared(_) => 0,
                Complaint::Size(_) => 1,
                Complaint::Expected { .. } => 2,
                _ => 3,
            };
            assert_eq!(found, what, "{body}: {refused}");
        }
    }
    let function = |call: &str| {
        format!(
            ".func (.reg .b64 %r) f(.reg .b64 %a) {{ ret; }} .entry k() {{ .reg .b64 %r; {call} ret; }}"
        )
    };
    assert!(Module::parse(&function("call (%r), f, (1);")).is_ok());
    for call in [
        "call f;",
        "call f, (1);",
        "call (%r), f;",
        "call (%r), f, (1, 2);",
        "call (%r, %r), f, (1);",
    ] {
        let PtxError { what, .. } = Module::parse(&function(call)).expect_err(call);
        assert_eq!(what, Complaint::Values("f".into()), "{call}");
    }
}

#[test]
fn an_access_outside_fails_the_launch() {
    let memory = Memory::new(4);
    let fault = |body: &str| match memory.run(&kernel(body), line(3, 64), &[0; 3]) {
        Err(LaunchError::Fault(Fault { line, reason, .. })) => (line, reason),
        other => panic!("{body}: {other:?}"),
    };
    let outside = |address, bytes| (18, Reason::Address { address, bytes });
    assert_eq!(fault("ld.global.u64 %r, [%out+32];"), outside(BASE + 32, 8));
    assert_eq!(fault("ld.global.u32 %h0, [%a];"), outside(0, 4));
    assert_eq!(fault("sub.u64 %a, 0, 8; st.global.u64 [%a], %r;"), outside(u64::MAX - 7, 8));
    // The second half may only be read.
    assert_eq!(fault("st.global.u64 [%out+16], %r;"), outside(BASE + 16, 8));
    let added = fault("atom.relaxed.sys.global.add.u64 %r, [%out+24], 1;");
    assert_eq!(added, outside(BASE + 24, 8));
    assert_eq!(
        fault("ld.global.u64 %r, [%out+32]; ").1,
        Reason::Address { address: BASE + 32, bytes: 8 }
    );
    let misaligned = Reason::Misaligned { address: BASE + 4, bytes: 8 };
    assert_eq!(fault("ld.global.u64 %r, [%out+4];"), (18, misaligned));
    let half = Reason::Misaligned { address: BASE + 2, bytes: 4 };
    assert_eq!(fault("st.global.u32 [%out+2], 1;"), (18, half));
}

#[test]
fn what_does_not_end_fails_the_launch() {
    let memory = Memory::new(4);
    let limits = Limits { steps: 10_000 };
    let endless = memory.run_within(&kernel("L: bra L;"), line(1, 40), &[0; 3], limits);
    let Err(LaunchError::Fault(fault)) = endless else { panic!("{endless:?}") };
    assert_eq!(fault.reason, Reason::Endless { steps: 10_000 });
    let calls: String =
        (0..70).map(|it| format!(".func f{}() {{ call f{it}; ret; }}", it + 1)).collect();
    let deep = format!(
        "{HEAD} .func f0() {{ ret; }} {calls} .entry k(.param .u64 a) {{ call f70; ret; }}"
    );
    let Err(LaunchError::Fault(fault)) = memory.run(&deep, line(1, 1), &[]) else {
        panic!("it went as deep as it liked")
    };
    assert_eq!(fault.reason, Reason::TooDeep);
}

#[test]
fn a_launch_that_cannot_be_is_refused() {
    let (memory, text) = (Memory::new(4), kernel("ret;"));
    for grid in [line(0, 1), line(1, 0), line(1, 1025)] {
        let refused = memory.run(&text, grid, &[0; 3]);
        let wanted = LaunchError::Grid { blocks: grid.blocks, threads: grid.threads };
        assert_eq!(refused, Err(wanted));
    }
    let refused = memory.run(&text, line(1, 1), &[0; 2]);
    assert_eq!(refused, Err(LaunchError::Arguments { found: 3, needed: 4 }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_as_the_processors(a: u64, b: u64, shift in 0_u32..80) {
        let half = |body: &str| result(&format!("{body} cvt.u64.u32 %r, %h0;"), [a, b, 0]) as u32;
        let whole = |body: &str| result(body, [a, b, shift.into()]);
        let (low_a, low_b) = (a as u32, b as u32);
        prop_assert_eq!(whole("add.u64 %r, %a, %b;"), a.wrapping_add(b));
        prop_assert_eq!(whole("sub.u64 %r, %a, %b;"), a.wrapping_sub(b));
        prop_assert_eq!(whole("mul.lo.u64 %r, %a, %b;"), a.wrapping_mul(b));
        prop_assert_eq!(whole("mul.wide.u32 %r, %h1, %h2;"), u64::from(low_a) * u64::from(low_b));
        prop_assert_eq!(whole("shl.b64 %r, %a, %h3;"), a.checked_shl(shift).unwrap_or(0));
        prop_assert_eq!(whole("shr.u64 %r, %a, %h3;"), a.checked_shr(shift).unwrap_or(0));
        prop_assert_eq!(half("add.u32 %h0, %h1, %h2;"), low_a.wrapping_add(low_b));
        prop_assert_eq!(half("mul.lo.u32 %h0, %h1, %h2;"), low_a.wrapping_mul(low_b));
        prop_assert_eq!(half("xor.b32 %h0, %h1, %h2;"), low_a ^ low_b);
    }

    /// Whatever stands there, it is read or refused; nothing panics, and it ends.
    #[test]
    fn any_text_is_read_or_refused(
        pieces in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let text = kernel("call (%r), f, (1); mov.u64 %r, [%a+0x8]; L: @!%p bra L;");
        let mut words: Vec<&str> = text.split_inclusive([' ', ',', ';', '\n', '(', '{', '.', '%']).collect();
        for (from, to) in pieces {
            let (from, to) = (from.index(words.len()), to.index(words.len()));
            words.swap(from, to);
            words.truncate(words.len().max(8) - from % 3);
        }
        let _ = Module::parse(&words.concat());
    }
}
