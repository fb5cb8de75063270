//! Pages of the system: private, shared, named, huge, locked, protected.

mod lacking;

use core::ptr::NonNull;
use std::fs;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::Size;
use anymem::provider::{
    Access, HugePages, OsOptions, OsProvider, Provider, ProviderError, SharedName, Span, Visibility,
};
use lacking::skip;

const PAGE: usize = 4096;

fn private() -> OsProvider {
    OsProvider::new().expect("pages")
}

fn shared() -> OsProvider {
    OsOptions::new().visibility(Visibility::Shared).build().expect("a memory file")
}

/// A name that no other test has.
fn some_name(tag: &str) -> String {
    format!("test.anymem.{tag}.{}", std::process::id())
}

fn write(span: Span, byte: u8) {
    // SAFETY: the tests' spans are theirs alone, and that long.
    unsafe { span.start.write_bytes(byte, span.len) };
}

fn holds(span: Span, byte: u8) -> bool {
    // SAFETY: the tests' spans are theirs alone, and that long.
    (0..span.len).all(|at| unsafe { span.start.add(at).read() } == byte)
}

fn free(provider: &dyn Provider, span: Span) {
    // SAFETY: the tests' spans are theirs alone, and not used after they were freed.
    unsafe { provider.free(span) }.expect("live");
}

/// The provider's file, open once more, as a peer has it.
fn file_of(provider: &dyn Provider, span: Span) -> (File, u64) {
    let range = provider.share().expect("shared").file_of(span).expect("handed out");
    assert_eq!((range.len, range.writable), (span.len, true));
    (range.file.try_clone_to_owned().expect("a descriptor").into(), range.offset)
}

/// What the file has where a span is.
fn in_file(provider: &dyn Provider, span: Span) -> Vec<u8> {
    let (file, offset) = file_of(provider, span);
    let mut bytes = vec![0; span.len];
    file.read_exact_at(&mut bytes, offset).expect("inside");
    bytes
}

/// Bytes that the file takes up.
fn space(file: &File) -> u64 {
    file.metadata().expect("open").blocks() * 512
}

/// The fields of the mapping that `span` starts, as the kernel tells them.
fn mapping(span: Span) -> String {
    let text = fs::read_to_string("/proc/self/smaps").expect("readable");
    let is_start = |line: &str| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        Some((number(from)?..number(to)?).contains(&span.addr()))
    };
    let lines = text.lines().skip_while(|line| is_start(line) != Some(true));
    let mut seen = 0;
    let own = lines.take_while(|line| {
        seen += usize::from(is_start(line).is_some());
        seen == 1
    });
    own.collect::<Vec<_>>().join("\n")
}

/// A number of kB of a mapping.
fn kilobytes(span: Span, field: &str) -> usize {
    let text = mapping(span);
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("a field");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How many pages of the span are in memory, whether this process has them or not.
fn in_memory(span: Span) -> usize {
    let mut pages = vec![0_u8; span.len.div_ceil(PAGE)];
    let start = span.start.as_ptr().cast();
    // SAFETY: the span is mapped, and there is a byte for each page.
    assert_eq!(unsafe { libc::mincore(start, span.len, pages.as_mut_ptr()) }, 0);
    pages.iter().filter(|&page| page & 1 == 1).count()
}

/// How many pages of the span this process can touch without a fault.
fn present(span: Span) -> usize {
    let pages = File::open("/proc/self/pagemap").expect("readable");
    let mut entries = vec![0_u8; span.len / PAGE * 8];
    pages.read_exact_at(&mut entries, (span.addr() / PAGE * 8) as u64).expect("inside");
    entries.chunks_exact(8).filter(|entry| entry[7] & 0x80 != 0).count()
}

fn is_foreign<T>(result: Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Foreign { .. }))
}

#[test]
fn spans_are_zero_aligned_and_whole_pages() {
    for os in [private(), shared()] {
        assert!(os.zeroed() && os.touchable() && os.name() == "os");
        let mut spans = Vec::new();
        for size in [1, 100, PAGE, PAGE + 1, 1_000_000, 2 << 20] {
            for align in [1, 64, PAGE, 64 << 10, 2 << 20, 16 << 20] {
                let span = os.allocate(size, align).expect("memory");
                assert_eq!(span.len, size.next_multiple_of(PAGE));
                assert!(span.addr().is_multiple_of(align) && holds(span, 0));
                write(span, spans.len() as u8);
                spans.push(span);
            }
        }
        assert!(spans.iter().zip(0..).all(|(&span, byte)| holds(span, byte)));
        assert_eq!(os.usage().current, spans.iter().map(|span| span.len).sum::<usize>());
        let peak = os.usage().peak;
        spans.into_iter().for_each(|span| free(&os, span));
        assert_eq!((os.usage().current, os.usage().peak), (0, peak));
        os.reset_peak();
        assert_eq!(os.usage().peak, 0);
    }
}

#[test]
fn what_can_never_be_is_an_error() {
    for os in [private(), shared()] {
        for size in [0, usize::MAX, isize::MAX as usize] {
            let error = os.allocate(size, PAGE).expect_err("no such size");
            assert!(matches!(error, ProviderError::BadSize { .. }), "{error}");
        }
        for align in [0, 3, PAGE + 1, 1 << (usize::BITS - 1)] {
            let error = os.allocate(1, align).expect_err("no such alignment");
            assert!(matches!(error, ProviderError::BadAlign { .. }), "{error}");
        }
        let error = os.allocate(Size::gib(1 << 18).get(), PAGE).expect_err("more than there is");
        assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
        let span = os.allocate(4 * PAGE, PAGE).expect("memory");
        let (low, high) = span.cut(2 * PAGE).expect("inside");
        // SAFETY: the provider must see that these are not what it handed out; the last
        // one is, and not used afterwards.
        unsafe {
            assert!(is_foreign(os.free(low)) && is_foreign(os.free(high)));
            assert!(is_foreign(os.split(low, PAGE)));
            assert!(is_foreign(os.merge(low, high)));
            for at in [0, 1, 4 * PAGE, 5 * PAGE, usize::MAX] {
                let error = os.split(span, at).expect_err("nothing to cut there");
                assert!(matches!(error, ProviderError::BadCut { .. }), "{error}");
            }
            let odd = Span::new(span.start.add(1), PAGE);
            assert!(matches!(os.purge_force(odd), Err(ProviderError::BadCut { .. })));
            os.free(span).expect("live");
            assert!(is_foreign(os.free(span)) && is_foreign(os.purge_force(span)));
        }
    }
}

#[test]
fn spans_are_split_and_merged() {
    for os in [private(), shared()] {
        let span = os.allocate(8 * PAGE, 64 << 10).expect("memory");
        write(span, 1);
        // SAFETY: the spans are handed out, and not used after they were freed.
        unsafe {
            let (low, high) = os.split(span, 2 * PAGE).expect("inside");
            let (middle, high) = os.split(high, 3 * PAGE).expect("inside");
            assert!(matches!(os.merge(low, high), Err(ProviderError::Apart { .. })));
            write(middle, 2);
            let front = os.merge(low, middle).expect("of one piece");
            assert_eq!((front.start, front.len), (span.start, 5 * PAGE));
            os.free(high).expect("live");
            assert!(holds(low, 1) && holds(middle, 2), "the rest stays");
            os.free(front).expect("live");
        }
        assert_eq!(os.usage().current, 0);
    }
}

/// (UMF defect D3)
#[test]
fn the_file_of_a_span_has_its_bytes_whatever_its_alignment() {
    let os = shared();
    for round in 0..3_u8 {
        let aligns = [PAGE, 8 << 10, 64 << 10, 1 << 20, 2 << 20, 4 << 20, 32 << 20, 64 << 20];
        let spans = aligns.map(|align| os.allocate(3 * PAGE, align).expect("memory"));
        for (span, byte) in spans.into_iter().zip(1 + round..) {
            write(span, byte);
        }
        for (span, byte) in spans.into_iter().zip(1 + round..) {
            assert!(in_file(&os, span).iter().all(|&found| found == byte));
        }
        // The next round finds other places in the file.
        spans.into_iter().step_by(2).for_each(|span| free(&os, span));
    }
}

/// Sharing goes by where a span is in the file, which neither splitting nor merging
/// changes. (UMF defect D4)
#[test]
fn the_file_of_a_span_has_its_bytes_after_splits_and_merges() {
    let os = shared();
    let span = os.allocate(16 * PAGE, 64 << 10).expect("memory");
    for page in 0..16 {
        // SAFETY: inside the span, which is the test's alone.
        unsafe { span.start.add(page * PAGE).write_bytes(page as u8 + 1, PAGE) };
    }
    let pages = |span| -> Vec<u8> { in_file(&os, span).into_iter().step_by(PAGE).collect() };
    // SAFETY: the spans are handed out, and not used after they were freed.
    unsafe {
        let (low, high) = os.split(span, 5 * PAGE).expect("inside");
        let (middle, high) = os.split(high, 4 * PAGE).expect("inside");
        assert_eq!(pages(middle), [6, 7, 8, 9]);
        assert_eq!(pages(Span::new(middle.start.add(PAGE), 2 * PAGE)), [7, 8], "a part");
        let back = os.merge(middle, high).expect("of one piece");
        assert_eq!(pages(back), [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        os.free(low).expect("live");
        assert!(is_foreign(os.share().expect("shared").file_of(low)));
        assert!(is_foreign(os.share().expect("shared").file_of(span)), "longer than what is left");
        assert_eq!(pages(back)[0], 6);
        let other = os.allocate(5 * PAGE, PAGE).expect("memory");
        assert_eq!(file_of(&os, other).1, 0, "the place in the file is used again");
        assert!(holds(other, 0));
        assert_eq!(pages(back)[0], 6);
    }
}

/// Side by side in memory is not side by side in the file, which is what a peer maps.
/// (UMF defect D4)
#[test]
fn shared_spans_become_one_only_where_their_file_has_them_as_one() {
    let os = shared();
    let mut spans: Vec<_> = (0..32).map(|_| os.allocate(PAGE, PAGE).expect("memory")).collect();
    spans.sort_by_key(|span| span.addr());
    spans.iter().zip(0..).for_each(|(&span, byte)| write(span, byte));
    let mut merged = 0;
    for pair in spans.chunks_exact(2) {
        let offsets = [pair[0], pair[1]].map(|span| file_of(&os, span).1);
        let whole = pair[0].end() == pair[1].addr() && offsets[0] + PAGE as u64 == offsets[1];
        let bytes = [in_file(&os, pair[0]), in_file(&os, pair[1])].concat();
        // SAFETY: the spans are handed out.
        match unsafe { os.merge(pair[0], pair[1]) } {
            Ok(span) => {
                assert!(whole && in_file(&os, span) == bytes);
                merged += 1;
            }
            Err(error) => assert!(!whole && matches!(error, ProviderError::Apart { .. })),
        }
    }
    // The system gives places from the top down, and the file is filled from its beginning.
    assert!(merged < 16, "the test has seen no two that are apart");
}

/// (UMF defect D5)
#[test]
fn shared_memory_goes_back_and_its_place_is_used_again() {
    let os = shared();
    let first = os.allocate(PAGE, PAGE).expect("memory");
    let (file, _) = file_of(&os, first);
    for round in 0..16 {
        let span = os.allocate(16 << 20, PAGE).expect("memory");
        write(span, round);
        assert_eq!(space(&file), (16 << 20) + PAGE as u64);
        free(&os, span);
        assert_eq!(space(&file), PAGE as u64);
    }
    assert!(file.metadata().expect("open").len() <= (16 << 20) + PAGE as u64);
}

/// (UMF defect D5)
#[test]
fn no_descriptor_outlives_its_provider() {
    let label = some_name("leak");
    let open = || {
        let entries = fs::read_dir("/proc/self/fd").expect("readable").flatten();
        let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.filter(|link| link.to_string_lossy().contains(&label)).count()
    };
    for _ in 0..100 {
        let options = OsOptions::new().name(&label).visibility(Visibility::Shared);
        let os = options.build().expect("a memory file");
        let spans = [PAGE, 64 << 10].map(|align| os.allocate(1 << 20, align).expect("memory"));
        assert_eq!(open(), 1, "one file however many spans");
        spans.into_iter().for_each(|span| free(&os, span));
    }
    for _ in 0..3 {
        let options = OsOptions::new().visibility(Visibility::Named(label.clone()));
        let os = options.build().expect("the name is free");
        let span = os.allocate(1, 1).expect("memory");
        free(&os, span);
    }
    assert_eq!(open(), 0);
    let maps = fs::read_to_string("/proc/self/maps").expect("readable");
    assert!(!maps.contains(&label), "nothing is mapped any more");
}

/// (UMF defect D6)
#[test]
fn a_size_that_is_no_multiple_of_pages_spoils_nothing() {
    let os = shared();
    for size in [100, 5000, 1, 4097, 100_000] {
        let span = os.allocate(size, 1).expect("memory");
        write(span, 9);
        let (_, offset) = file_of(&os, span);
        assert!(offset.is_multiple_of(PAGE as u64));
    }
}

/// (UMF defect D7)
#[test]
fn a_name_stays_for_any_number_of_consumers_and_spans() {
    let name = some_name("named");
    let path = PathBuf::from("/dev/shm").join(&name);
    let options = OsOptions::new().visibility(Visibility::Named(name.clone()));
    let os = options.build().expect("the name is free");
    let spans = [1, 2, 3].map(|pages| os.allocate(pages * PAGE, 64 << 10).expect("memory"));
    for (span, byte) in spans.into_iter().zip(1..) {
        write(span, byte);
    }
    for _consumer in 0..2 {
        for (span, byte) in spans.into_iter().zip(1..) {
            let range = os.share().expect("shared").file_of(span).expect("handed out");
            assert_eq!(range.name, SharedName::Shm(&name));
            let mut bytes = vec![0; range.len];
            let file = File::open(&path).expect("still there");
            file.read_exact_at(&mut bytes, range.offset).expect("inside");
            assert!(bytes.iter().all(|&found| found == byte));
        }
    }
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let error = options.build().expect_err("the name is in use");
    assert!(error.to_string().contains("in use"), "{error}");
    drop(os);
    assert!(!path.exists());
    let again = options.build().expect("the name is free again");
    // Who takes the name for something else keeps it.
    fs::remove_file(&path).expect("there");
    fs::write(&path, "another's").expect("written");
    drop(again);
    assert_eq!(fs::read(&path).expect("still there"), b"another's");
    fs::remove_file(&path).expect("there");
}

#[test]
fn a_forked_child_takes_no_name_away() {
    let name = some_name("forked");
    let options = OsOptions::new().visibility(Visibility::Named(name.clone()));
    let os = options.build().expect("the name is free");
    let span = os.allocate(PAGE, PAGE).expect("memory");
    // SAFETY: the child only drops its copy, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(os);
        // SAFETY: ends the child without what the test harness would do.
        unsafe { libc::_exit(0) };
    }
    let mut status = 1;
    // SAFETY: the status is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(PathBuf::from("/dev/shm").join(&name).exists());
    free(&os, span);
}

#[test]
fn names_that_are_none_are_errors() {
    for name in ["", ".", "..", "a/b", "a\0b", &"x".repeat(300)] {
        let options = OsOptions::new().visibility(Visibility::Named(name.into()));
        let error = options.build().expect_err("no name");
        assert!(matches!(error, ProviderError::BadSetting { .. }), "{error}");
    }
    let target = PathBuf::from("/dev/shm").join(some_name("target"));
    let link = PathBuf::from("/dev/shm").join(some_name("link"));
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    let options = OsOptions::new().visibility(Visibility::Named(some_name("link")));
    let result = options.build();
    fs::remove_file(&link).expect("there");
    result.expect_err("links are not followed");
    assert!(!target.exists());
}

/// (UMF defect D8)
#[test]
fn what_is_purged_by_force_is_zero_and_gone() {
    let os = shared();
    let span = os.allocate(64 * PAGE, PAGE).expect("memory");
    write(span, 0xAA);
    let (file, _) = file_of(&os, span);
    let (low, rest) = span.cut(16 * PAGE).expect("inside");
    // SAFETY: part of the span, which is the test's alone.
    unsafe { os.purge_force(low) }.expect("shared memory can be purged");
    assert_eq!(space(&file), 48 * PAGE as u64, "before reading brings pages back");
    assert!(holds(low, 0) && holds(rest, 0xAA));
    // SAFETY: as above.
    unsafe { os.purge_force(low) }.expect("shared memory can be purged");
    // SAFETY: as above.
    unsafe { os.commit(low) }.expect("there is memory");
    assert_eq!(space(&file), 64 * PAGE as u64);
    assert!(holds(low, 0) && holds(rest, 0xAA));
    // SAFETY: as above.
    let lazily = unsafe { os.purge_lazy(low) };
    assert!(matches!(lazily, Err(ProviderError::Unsupported { .. })), "{lazily:?}");

    let os = private();
    let span = os.allocate(64 * PAGE, PAGE).expect("memory");
    write(span, 0xAA);
    let (low, rest) = span.cut(16 * PAGE).expect("inside");
    // SAFETY: part of the span, which is the test's alone.
    unsafe { os.purge_force(low) }.expect("private memory can be purged");
    assert!(present(low) == 0 && holds(low, 0) && holds(rest, 0xAA));
    // SAFETY: as above.
    unsafe { os.purge_lazy(rest) }.expect("private memory can be purged");
    assert!(kilobytes(rest, "LazyFree") > 0 || holds(rest, 0), "the system may take it");
}

/// (UMF defect D21)
#[test]
fn shared_memory_is_no_secret_memory() {
    let os = shared();
    let span = os.allocate(16 << 20, PAGE).expect("more than may be locked by most");
    write(span, 1);
    let (file, _) = file_of(&os, span);
    let link = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("open");
    assert!(link.to_string_lossy().starts_with("/memfd:anymem.os"), "{link:?}");
    assert_eq!(kilobytes(span, "Locked"), 0);
    assert!(!mapping(span).contains("secretmem"));
}

#[test]
fn nobody_can_shrink_a_memory_file() {
    let os = shared();
    let span = os.allocate(4 * PAGE, PAGE).expect("memory");
    let (file, _) = file_of(&os, span);
    // SAFETY: the file is open; the call touches no memory.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    assert_eq!(seals & libc::F_SEAL_SHRINK, libc::F_SEAL_SHRINK);
    file.set_len(0).expect_err("sealed");
    // A peer that forbids growth or writing would stop the provider.
    for seal in [libc::F_SEAL_GROW, libc::F_SEAL_WRITE] {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seal) }, -1);
    }
    os.allocate(1 << 20, PAGE).expect("it grows");
}

#[test]
fn protection_is_what_was_asked_for() {
    let cases = [
        (Access::NONE, "---"),
        (Access::READ, "r--"),
        (Access::READ_WRITE, "rw-"),
        (Access::READ.and_execute(), "r-x"),
        (Access::READ_WRITE.and_execute(), "rwx"),
    ];
    for visibility in [Visibility::Private, Visibility::Shared] {
        for (access, letters) in cases {
            let options = OsOptions::new().access(access).visibility(visibility.clone());
            let os = options.build().expect("pages");
            let span = os.allocate(PAGE, PAGE).expect("memory");
            let line = mapping(span);
            let kind = if visibility == Visibility::Private { "p" } else { "s" };
            assert_eq!(line.split(' ').nth(1), Some(&*format!("{letters}{kind}")), "{line}");
            let touchable = access.can_read() && access.can_write();
            assert_eq!(os.touchable(), touchable);
            // SAFETY: the span is the test's alone.
            let filled = unsafe { os.fill(span.start, 1, 1) };
            assert_eq!(filled.is_ok(), touchable, "an error where it would be a signal");
            free(&os, span);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn executable_pages_can_be_executed() {
    let options = OsOptions::new().access(Access::READ_WRITE.and_execute());
    let os = options.build().expect("pages");
    let span = os.allocate(PAGE, PAGE).expect("memory");
    // mov eax, 42; ret
    let code = [0xb8, 42, 0, 0, 0, 0xc3_u8];
    // SAFETY: the span is that long, executable, and holds a function of that type.
    let answer = unsafe {
        span.start.copy_from_nonoverlapping(NonNull::from(&code).cast(), code.len());
        core::mem::transmute::<*mut u8, extern "C" fn() -> i32>(span.start.as_ptr())()
    };
    assert_eq!(answer, 42);
}

#[test]
fn populated_pages_are_there_before_they_are_touched() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        let options = OsOptions::new().visibility(visibility.clone());
        let os = options.clone().populate(true).build().expect("pages");
        let span = os.allocate(64 * PAGE, PAGE).expect("memory");
        assert_eq!(present(span), 64);
        free(&os, span);
        let os = options.build().expect("pages");
        let span = os.allocate(64 * PAGE, PAGE).expect("memory");
        assert_eq!(present(span), 0);
    }
    let none = OsOptions::new().access(Access::NONE).populate(true);
    assert!(matches!(none.build(), Err(ProviderError::BadSetting { .. })));
}

#[test]
fn locked_pages_stay_in_memory_and_can_be_purged() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        let options = OsOptions::new().visibility(visibility.clone()).lock(true);
        let os = options.build().expect("pages");
        let span = os.allocate(16 * PAGE, PAGE).expect("so much may be locked");
        // What is shown as `Locked` is less while a child of another test has the pages too.
        assert_eq!(kilobytes(span, "Rss"), 64);
        let flags = mapping(span).lines().last().map(str::to_owned);
        assert!(flags.as_ref().is_some_and(|flags| flags.contains(" lo")), "{flags:?}");
        write(span, 3);
        // SAFETY: the span is the test's alone.
        unsafe { os.purge_force(span) }.expect("purged");
        assert!(holds(span, 0));
        free(&os, span);
    }
}

#[test]
fn transparent_huge_pages_are_asked_for_where_they_fit() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        let options = OsOptions::new().visibility(visibility).huge_pages(HugePages::Transparent);
        let os = options.build().expect("pages");
        assert_eq!((os.min_page_size(), os.recommended_page_size(PAGE)), (PAGE, PAGE));
        assert_eq!(os.recommended_page_size(4 << 20), 2 << 20);
        let small = os.allocate(PAGE, PAGE).expect("memory");
        let large = match os.allocate(4 << 20, PAGE) {
            Err(ProviderError::Missing { what, .. }) => {
                skip("transparent", &what);
                continue;
            }
            result => result.expect("memory"),
        };
        assert!(large.addr().is_multiple_of(2 << 20));
        let flags = |span| mapping(span).lines().last().expect("flags").to_owned();
        assert!(flags(large).contains(" hg"), "{}", flags(large));
        assert!(!flags(small).contains(" hg"), "{}", flags(small));
    }
}

/// Whether the system has that many pages of a size.
fn has_huge_pages(size: usize, count: usize) -> bool {
    let path = format!("/sys/kernel/mm/hugepages/hugepages-{}kB/free_hugepages", size >> 10);
    let free = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    free.is_some_and(|free: usize| free >= count)
}

fn knows_huge_pages(size: usize) -> bool {
    Path::new(&format!("/sys/kernel/mm/hugepages/hugepages-{}kB", size >> 10)).exists()
}

#[test]
fn huge_pages_of_the_pool_are_used_or_named_as_missing() {
    for size in [2 << 20, 1 << 30] {
        for visibility in [Visibility::Private, Visibility::Shared] {
            let pages = HugePages::Of(Size::bytes(size));
            let options = OsOptions::new().visibility(visibility.clone()).huge_pages(pages);
            let os = match options.build() {
                Ok(os) => os,
                Err(error) if !knows_huge_pages(size) => {
                    assert!(error.to_string().contains("huge pages of"), "{error}");
                    let missing = format!("huge pages of {} at all", Size::bytes(size));
                    skip(&format!("huge-{}kB", size >> 10), &missing);
                    continue;
                }
                Err(error) => panic!("the machine knows the size: {error}"),
            };
            assert_eq!((os.min_page_size(), os.recommended_page_size(1)), (size, size));
            if !has_huge_pages(size, 2) {
                let error =
                    os.allocate(Size::gib(1 << 10).get(), 1).expect_err("the pool is empty");
                let text = error.to_string();
                assert!(text.contains("huge pages of") && text.contains("nr_hugepages"), "{text}");
                assert_eq!(os.usage().current, 0);
                let missing = format!("free huge pages of {}", Size::bytes(size));
                skip(&format!("huge-{}kB", size >> 10), &missing);
                continue;
            }
            let span = os.allocate(size + 1, 1).expect("memory");
            assert_eq!((span.len, os.page_size_of(span.start)), (2 * size, size));
            assert!(span.addr().is_multiple_of(size));
            assert_eq!(kilobytes(span, "KernelPageSize"), size >> 10);
            write(span, 5);
            // SAFETY: the spans are the test's alone, and not used after they were freed.
            unsafe {
                let (low, high) = os.split(span, size).expect("inside");
                os.purge_force(low).expect("purged");
                assert_eq!((low.start.read(), high.start.read()), (0, 5));
                os.free(low).expect("live");
                os.free(high).expect("live");
            }
            assert!(has_huge_pages(size, 2), "all went back");
        }
    }
}

#[test]
fn huge_pages_of_a_size_that_no_machine_has_are_named() {
    for size in [3 << 20, 8 << 10, 1] {
        let options = OsOptions::new().huge_pages(HugePages::Of(Size::bytes(size)));
        let error = options.build().expect_err("no such size");
        assert!(error.to_string().contains("huge pages of"), "{error}");
    }
}

/// Bound memory of both kinds is said where to be before it has pages.
#[test]
fn spans_are_bound_before_they_have_pages() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = calls.clone();
        let options = OsOptions::new().visibility(visibility).populate(true).bind(move |span| {
            assert_eq!(in_memory(span), 0);
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let os = options.build().expect("pages");
        for align in [PAGE, 64 << 10] {
            let span = os.allocate(8 * PAGE, align).expect("memory");
            assert_eq!(present(span), 8);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

/// With the call that the option is for, on the node that every machine has.
#[test]
fn shared_memory_can_be_bound_to_a_node() {
    let bind = |span: Span| {
        let (mode, nodes) = (2_usize, 1_u64);
        let start = span.start.as_ptr();
        // SAFETY: the span is mapped, and the mask is as long as was said.
        let result = unsafe {
            libc::syscall(libc::SYS_mbind, start, span.len, mode, &raw const nodes, 64, 0)
        };
        let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        let what = "node 0".to_owned();
        if result == 0 { Ok(()) } else { Err(ProviderError::System { call: "mbind", what, code }) }
    };
    for visibility in [Visibility::Private, Visibility::Shared] {
        let os = OsOptions::new().visibility(visibility).bind(bind).build().expect("pages");
        let span = match os.allocate(8 * PAGE, PAGE) {
            Err(ProviderError::System { call: "mbind", code: libc::ENOSYS, .. }) => {
                skip("numa", "NUMA in the kernel");
                return;
            }
            result => result.expect("node 0 is there"),
        };
        write(span, 1);
        let maps = fs::read_to_string("/proc/self/numa_maps").expect("readable");
        let line = format!("{:x} bind", span.addr());
        assert!(maps.lines().any(|it| it.starts_with(&line)), "{maps}");
    }
}

#[test]
fn a_span_that_cannot_be_bound_is_not_handed_out() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        let refused = ProviderError::Missing { what: "node 7".into(), hint: "take another" };
        let error = refused.clone();
        let options = OsOptions::new().visibility(visibility).bind(move |_| Err(error.clone()));
        let os = options.build().expect("pages");
        for _ in 0..3 {
            assert_eq!(os.allocate(1 << 20, PAGE), Err(refused.clone()));
        }
        assert_eq!(os.usage().current, 0);
    }
}

#[test]
fn many_threads_use_one_provider() {
    for os in [private(), shared()] {
        std::thread::scope(|scope| {
            for mark in 1..=4_u8 {
                let os = &os;
                scope.spawn(move || {
                    for round in 0..100_usize {
                        let span = os.allocate((round % 9 + 1) * PAGE, PAGE << (round % 6));
                        let span = span.expect("memory");
                        write(span, mark);
                        // SAFETY: the spans are this thread's alone.
                        let (low, high) = unsafe { os.split(span, PAGE) }
                            .unwrap_or((span, Span { len: 0, ..span }));
                        assert!(holds(low, mark) && holds(high, mark));
                        free(os, low);
                        if high.len > 0 {
                            free(os, high);
                        }
                    }
                });
            }
        });
        assert_eq!(os.usage().current, 0);
    }
}

#[test]
fn private_memory_cannot_be_shared() {
    assert!(private().share().is_none());
}
