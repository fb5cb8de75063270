//! Named segments: names, permissions, and what else may be found there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use anymem::backend::{Backend, ShmBackend, ShmOptions};
use anymem::offset::Offset;
use anymem::{HeapError, Size};
use anymem_tests::{Directory, Name, Peer, files, is_root, listen, maps, role, skip, tell};

/// A user who is nobody in particular.
const NOBODY: u32 = 65534;

/// Segments and what their permission bits are to be.
const MODES: [(&str, u32); 4] = [("own", 0o600), ("group", 0o660), ("read", 0o444), ("none", 0)];

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["draft", dir] => {
            let options = ShmOptions::new().directory(dir);
            let _draft = options.create("never", Size::mib(1)).expect("a draft");
            tell("made");
            let _ = listen();
        }
        ["open", dir, name] => {
            let result = ShmOptions::new().directory(dir).open(name);
            tell(&result.map_or_else(|error| format!("{error:?}"), |_| "opened".into()));
        }
        ["create", dir, name] => {
            let made = ShmOptions::new().directory(dir).create(name, 1 << 20).expect("made");
            made.publish().expect("published");
        }
        ["umask", dir, bits] => {
            let bits = u32::from_str_radix(bits, 8).expect("octal");
            // SAFETY: takes bits, and concerns this process alone.
            unsafe { libc::umask(bits) };
            for (name, mode) in MODES {
                let options = ShmOptions::new().directory(dir).mode(mode);
                options.create(name, 1 << 20).expect(name).publish().expect(name);
            }
        }
        ["race", dir] => {
            let options = ShmOptions::new().directory(dir);
            tell("ready");
            loop {
                let name = listen();
                if name.is_empty() {
                    break;
                }
                let made = options.create(&name, 1 << 20).and_then(|it| it.publish().map(|()| it));
                tell(match made {
                    Ok(_) => "won",
                    Err(HeapError::Exists { .. }) => "lost",
                    Err(error) => panic!("{error}"),
                });
            }
        }
        _ => panic!("no such role: {words:?}"),
    }
}

#[test]
fn a_segment_is_seen_when_it_is_published() {
    let name = Name::new();
    let made = ShmBackend::create(&name, Size::mib(1)).expect("made");
    assert!(matches!(ShmBackend::open(&name), Err(HeapError::Missing { .. })));
    made.publish().expect("the name is free");
    made.publish().expect("it has the name already");
    let found = ShmBackend::open(&name).expect("there now");
    assert_ne!(made.base(), found.base());
    made.commit(Offset::NULL, 4096).expect("space");
    // SAFETY: the byte was committed, and only this thread uses the segment.
    unsafe {
        made.base().write(42);
        assert_eq!(found.base().read(), 42);
    }
    assert_eq!(made.span().id(), found.span().id());
    assert_eq!(found.len(), 1 << 20);
}

#[test]
fn the_second_creator_leaves_the_first_alone() {
    let name = Name::new();
    let first = ShmBackend::create(&name, 1 << 20).expect("made");
    let second = ShmBackend::create(&name, 1 << 20).expect("neither is published");
    first.publish().expect("the first");
    let exists = HeapError::Exists { name: name.to_string() };
    assert_eq!(second.publish(), Err(exists.clone()));
    assert_eq!(ShmBackend::create(&name, 1 << 20).expect_err("taken"), exists);
    let found = ShmBackend::open(&name).expect("still there");
    assert_eq!(found.span().id(), first.span().id());
}

#[test]
fn one_of_many_creators_wins() {
    let dir = Directory::new("race");
    let path = dir.path().to_str().expect("text");
    let mut peers: Vec<_> = (0..4).map(|_| Peer::start(&["race", path])).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    for round in 0..100 {
        peers.iter_mut().for_each(|peer| peer.say(&format!("round{round}")));
        let winners = peers.iter_mut().filter_map(|peer| (peer.hear() == "won").then_some(()));
        assert_eq!(winners.count(), 1);
    }
    peers.into_iter().for_each(Peer::finish);
    assert_eq!(dir.names().len(), 100);
}

#[test]
fn a_creator_that_dies_leaves_nothing() {
    let dir = Directory::new("dies");
    let mut peer = Peer::start(&["draft", dir.path().to_str().expect("text")]);
    assert_eq!(peer.hear(), "made");
    peer.kill();
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn only_the_owner_may_open() {
    let name = Name::new();
    let made = ShmBackend::create(&name, 1 << 20).expect("made");
    made.publish().expect("published");
    assert_eq!(fs::metadata(name.path()).expect("there").mode() & 0o777, 0o600);
}

#[test]
fn permissions_are_as_given_whatever_the_umask() {
    let dir = Directory::new("mode");
    let options = ShmOptions::new().directory(dir.path()).mode(0o666);
    options.create("wide", 1 << 20).expect("made").publish().expect("published");
    assert_eq!(fs::metadata(dir.path().join("anymem.wide")).expect("there").mode() & 0o777, 0o666);
    for mode in [0o4755, 0o1000, 0o10_000, u32::MAX] {
        let bad = ShmOptions::new().directory(dir.path()).mode(mode);
        let error = bad.create("set-user-id", 1 << 20).expect_err("no permission bits");
        assert_eq!(error, HeapError::BadMode { mode });
    }
    for umask in ["0", "22", "77", "777"] {
        let dir = Directory::new(&format!("umask-{umask}"));
        Peer::start(&["umask", dir.path().to_str().expect("text"), umask]).finish();
        for (name, mode) in MODES {
            let file = dir.path().join(format!("anymem.{name}"));
            let found = fs::metadata(file).expect("there").mode() & 0o7777;
            assert_eq!(found, mode, "{name} with umask {umask}");
        }
    }
}

#[test]
fn others_are_refused() {
    let dir = Directory::new("others");
    let path = dir.path().to_str().expect("text");
    let options = ShmOptions::new().directory(dir.path());
    options.create("mine", 1 << 20).expect("made").publish().expect("published");
    if is_root() {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
        let mut command = Peer::command(&["open", path, "mine"]);
        let mut peer = Peer::from_command(command.uid(NOBODY));
        let said = peer.hear();
        assert!(said.starts_with("Permission"), "{said}");
        peer.finish();
    } else {
        let file = dir.path().join("anymem.mine");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("set");
        let error = options.open("mine").expect_err("no rights");
        assert!(matches!(error, HeapError::Permission { .. }), "{error}");
    }
}

#[test]
fn segments_of_others_are_not_trusted() {
    if !is_root() {
        return skip("root", "right to make files of another user");
    }
    let dir = Directory::new("foreign");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("set");
    let mut command = Peer::command(&["create", dir.path().to_str().expect("text"), "theirs"]);
    Peer::from_command(command.uid(NOBODY)).finish();
    let options = ShmOptions::new().directory(dir.path());
    let error = options.open("theirs").expect_err("somebody else's");
    assert_eq!(error, HeapError::ForeignOwner { name: "theirs".into(), found: NOBODY });
    options.trust_other_owners(true).open("theirs").expect("trusted now");
}

#[test]
fn names_are_checked() {
    let long = "x".repeat(201);
    for name in ["", ".", "..", "a/b", "/a", "a\0b", &long] {
        for result in [
            ShmBackend::create(name, 1 << 20).map(drop),
            ShmBackend::open(name).map(drop),
            ShmBackend::unlink(name),
        ] {
            let error = result.expect_err(name);
            assert!(matches!(error, HeapError::BadName { .. }), "{name:?}: {error}");
        }
    }
    let dir = Directory::new("names");
    let options = ShmOptions::new().directory(dir.path());
    for name in ["x".repeat(200).as_str(), "...", "with space", "ümlaut", "-rf"] {
        options.create(name, 1 << 20).expect(name).publish().expect(name);
        options.open(name).expect(name);
        options.unlink(name).expect(name);
    }
}

#[test]
fn missing_things_are_told() {
    let name = Name::new();
    let missing = HeapError::Missing { name: name.to_string() };
    assert_eq!(ShmBackend::open(&name).expect_err("none"), missing);
    assert_eq!(ShmBackend::open_read_only(&name).expect_err("none"), missing);
    assert_eq!(ShmBackend::unlink(&name), Err(missing));
    let nowhere = ShmOptions::new().directory("/nonexistent/directory");
    let path = Path::new("/nonexistent/directory").to_owned();
    let expected = HeapError::NoDirectory { path };
    assert_eq!(nowhere.create("x", 1 << 20).expect_err("nowhere"), expected);
    assert_eq!(nowhere.list().expect_err("nowhere"), expected);
}

#[test]
fn sizes_out_of_reason_are_errors() {
    let name = Name::new();
    assert_eq!(ShmBackend::create(&name, 0).expect_err("nothing"), HeapError::ZeroSize);
    for size in [usize::MAX, isize::MAX as usize, 1 << 62, 1 << 55] {
        let size = Size::bytes(size);
        let error = ShmBackend::create(&name, size).expect_err("absurd");
        let known =
            [HeapError::AbsurdSize { size }, HeapError::NoAddressSpace { size }].contains(&error);
        assert!(known, "{error}");
    }
    assert!(!name.path().exists());
}

#[test]
fn other_things_are_not_segments() {
    let dir = Directory::new("things");
    let options = ShmOptions::new().directory(dir.path());
    let at = |name: &str| dir.path().join(format!("anymem.{name}"));
    options.create("real", 1 << 20).expect("made").publish().expect("published");
    symlink(at("real"), at("link")).expect("linked");
    fs::create_dir(at("directory")).expect("made");
    let pipe = std::ffi::CString::new(at("pipe").to_str().expect("text")).expect("text");
    // SAFETY: the path ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
    symlink("/nonexistent", at("dangling")).expect("linked");
    let mut others = vec!["link", "dangling", "directory", "pipe", "socket"];
    if is_root() {
        let device = std::ffi::CString::new(at("device").to_str().expect("text")).expect("text");
        let zero = libc::makedev(1, 5);
        // SAFETY: the path ends in a zero byte.
        let made = unsafe { libc::mknod(device.as_ptr(), libc::S_IFCHR | 0o600, zero) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        others.push("device");
    } else {
        skip("root", "right to make a device");
    }
    for name in others {
        for result in [options.open(name), options.open_read_only(name)] {
            let error = result.expect_err(name);
            assert!(matches!(error, HeapError::NotASegment { .. }), "{name}: {error}");
        }
        let error = options.create(name, 1 << 20).expect_err(name);
        assert_eq!(error, HeapError::Exists { name: name.into() });
        assert_eq!(options.unlink(name).is_ok(), name != "directory", "{name}");
    }
    assert!(at("real").exists(), "a link is unlinked, not what it leads to");
    let listed: Vec<_> = options.list().expect("readable").into_iter().map(|it| it.name).collect();
    assert_eq!(listed, ["real"]);
}

#[test]
fn short_files_are_refused() {
    let dir = Directory::new("short");
    let options = ShmOptions::new().directory(dir.path());
    for length in [0_u64, 1, 100, 4095] {
        fs::write(dir.path().join("anymem.short"), vec![0; length as usize]).expect("written");
        let error = options.open("short").expect_err("too short");
        let name = "short".to_owned();
        assert_eq!(error, HeapError::Truncated { name, length, needed: 4096 });
    }
}

#[test]
fn read_only_is_read_only() {
    let name = Name::new();
    ShmBackend::create(&name, 1 << 20).expect("made").publish().expect("published");
    let found = ShmBackend::open_read_only(&name).expect("there");
    assert!(found.read_only());
    assert!(!found.decommit(Offset::NULL, 65536));
    assert!(found.commit(Offset::NULL, 65536).is_err());
    let base = format!("{:x}-", found.base().addr());
    let maps = fs::read_to_string("/proc/self/maps").expect("readable");
    let line = maps.lines().find(|line| line.starts_with(&base)).expect("mapped");
    assert!(line.contains(" r--s "), "{line}");
}

#[test]
fn a_thousand_segments_leave_nothing() {
    let dir = Directory::new("cycles");
    let options = ShmOptions::new().directory(dir.path());
    let cycle = || {
        let made = options.create("again", 3 << 20).expect("made");
        made.publish().expect("published");
        let found = options.open("again").expect("there");
        options.unlink("again").expect("there");
        drop((made, found));
    };
    cycle();
    let before = [maps("anymem.cycles"), files("anymem.cycles")];
    (0..1000).for_each(|_| cycle());
    assert_eq!([maps("anymem.cycles"), files("anymem.cycles")], before);
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn lists_tell_size_and_use() {
    let dir = Directory::new("list");
    let options = ShmOptions::new().directory(dir.path());
    for name in ["b", "a"] {
        let made = options.create(name, Size::mib(8)).expect("made");
        made.commit(Offset::NULL, 1 << 20).expect("space");
        made.publish().expect("published");
    }
    fs::write(dir.path().join("unrelated"), "x").expect("written");
    let listed = options.list().expect("readable");
    let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(listed[0].size, Size::mib(8));
    assert!((1 << 20..2 << 20).contains(&listed[0].committed.get()), "{:?}", listed[0]);
    assert_eq!(listed[0].mode, 0o600);
}
