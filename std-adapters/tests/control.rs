//! Settings and counts by name.

mod turn;

use std::alloc::Layout;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use anymem::control::{ConfigError, ControlError, Knob, Node, Tree, Value};
use anymem::pool::{DisjointOptions, Pool, PoolError, PoolHandle, PoolStats, Tracked};
use anymem::provider::{Meter, OsProvider, Provider, ProviderError, Span, Usage};
use turn::turn;

/// A thing with settings of each type.
#[derive(Debug, Default)]
struct Thing {
    room: AtomicUsize,
    label: Mutex<String>,
    runs: AtomicUsize,
}

struct Known(Weak<Thing>);

impl Node for Known {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        let Some(thing) = self.0.upgrade() else { return };
        let room = Knob::of("room", || Value::Bytes(thing.room.load(Ordering::Relaxed))).settable(
            |value| match value.as_bytes() {
                Some(bytes) if bytes.is_power_of_two() => {
                    thing.room.store(bytes, Ordering::Relaxed);
                    Ok(())
                }
                _ => Err("it must be a power of two".into()),
            },
        );
        let label = Knob::of("label", || thing.label.lock().expect("whole").as_str().into())
            .settable(|value| {
                *thing.label.lock().expect("whole") = value.to_string();
                Ok(())
            });
        let runs = Knob::of("stats.runs", || (thing.runs.load(Ordering::Relaxed) as u64).into());
        let run = Knob::action("run", || {
            thing.runs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let fail = Knob::action("fail", || Err("it always does".into()));
        see(&[room, label, runs, run, fail]);
    }

    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }
}

fn things(names: &[&str]) -> (Tree, Vec<Arc<Thing>>) {
    let tree = Tree::new();
    let things: Vec<_> = names.iter().map(|_| Arc::new(Thing::default())).collect();
    for ((id, name), thing) in (0..).zip(names).zip(&things) {
        tree.add("thing", id, name, Known(Arc::downgrade(thing))).expect("a new number");
    }
    (tree, things)
}

#[test]
fn what_there_is_is_read_set_and_run_by_number_and_by_name() {
    let (tree, things) = things(&["a", "b", "a"]);
    tree.set("thing.by_id.0.room", 4096_usize).expect("settable");
    assert_eq!(tree.get("thing.by_id.0.room"), Ok(Value::Bytes(4096)));
    assert_eq!(tree.get("thing.by_name.a.0.room"), Ok(Value::Bytes(4096)));
    assert_eq!(tree.get("thing.by_name.a.1.room"), Ok(Value::Bytes(0)));
    assert_eq!(tree.get("thing.by_name.b.room"), Ok(Value::Bytes(0)));
    tree.set("thing.by_name.b.label", "hello").expect("settable");
    assert_eq!(tree.get("thing.by_id.1.label"), Ok(Value::Text("hello".into())));
    tree.run("thing.by_name.a.run").expect("an action");
    let runs: Vec<_> = things.iter().map(|it| it.runs.load(Ordering::Relaxed)).collect();
    assert_eq!(runs, [1, 0, 1], "all of the name");
}

#[test]
fn a_text_is_read_as_what_stands_there() {
    let (tree, things) = things(&["a"]);
    tree.set("thing.by_id.0.room", "64 KiB").expect("a size");
    assert_eq!(things[0].room.load(Ordering::Relaxed), 65536);
    for wrong in [Value::from("many"), Value::from(true), Value::from(4096_u64)] {
        let error = tree.set("thing.by_id.0.room", wrong).expect_err("no size");
        assert!(matches!(error, ControlError::WrongType { .. }), "{error}");
        assert!(error.to_string().contains("64KiB"), "{error}");
    }
    assert_eq!(things[0].room.load(Ordering::Relaxed), 65536, "as it was");
}

/// (UMF defect D16: an unknown name was a success, and nothing was changed.)
#[test]
fn each_thing_that_cannot_be_done_is_an_error_of_its_own() {
    let (tree, _things) = things(&["alpha", "alpha"]);
    let name = "thing.by_id.0.rooms";
    for error in [
        tree.get(name).map(drop).expect_err("no such name"),
        tree.set(name, "1").expect_err("no such name"),
        tree.run(name).expect_err("no such name"),
    ] {
        let ControlError::Unknown { near, .. } = &error else { panic!("{error}") };
        assert_eq!(near[0], "thing.by_id.0.room");
        assert!(error.to_string().contains("thing.by_id.0.room,"), "{error}");
    }
    let error = tree.get("thing.by_id.7.room").expect_err("no such number");
    assert!(matches!(error, ControlError::Unknown { .. }), "{error}");
    let error = tree.get("").expect_err("no name");
    assert!(matches!(&error, ControlError::Unknown { near, .. } if near.is_empty()), "{error}");
    let error = tree.get("thing.by_id.0.run").expect_err("an action");
    assert!(matches!(error, ControlError::NotReadable { .. }), "{error}");
    for name in ["thing.by_id.0.run", "thing.by_id.0.stats.runs"] {
        let error = tree.set(name, 1_u64).expect_err("not settable");
        assert!(matches!(error, ControlError::NotSettable { .. }), "{error}");
    }
    let error = tree.run("thing.by_id.0.room").expect_err("no action");
    assert!(matches!(error, ControlError::NotRunnable { .. }), "{error}");
    let error = tree.run("thing.by_id.0.fail").expect_err("it fails");
    assert!(error.to_string().contains("always"), "{error}");
    let error = tree.set("thing.by_id.0.room", 3_usize).expect_err("no power of two");
    assert!(matches!(error, ControlError::Refused { .. }), "{error}");
    let error = tree.get("thing.by_name.alpha.room").expect_err("there are two");
    let ControlError::Ambiguous { count: 2, example, .. } = error else { panic!("{error}") };
    assert_eq!(example, "thing.by_id.0.room");
}

#[test]
fn what_is_gone_has_no_names_and_its_number_is_free() {
    let (tree, mut things) = things(&["a", "b"]);
    let next = Arc::new(Thing::default());
    let error = tree.add("thing", 1, "c", Known(Arc::downgrade(&next))).expect_err("in use");
    assert_eq!(error, ControlError::Taken { kind: "thing".into(), id: 1 });
    things.pop();
    tree.get("thing.by_id.1.room").expect_err("it is gone");
    assert!(tree.list("thing.by_id.1").is_empty());
    tree.add("thing", 1, "c", Known(Arc::downgrade(&next))).expect("free again");
    tree.get("thing.by_name.c.room").expect("there");
}

#[test]
fn names_are_listed_by_patterns() {
    let (tree, _things) = things(&["a", "b"]);
    let names = |pattern: &str| -> Vec<_> {
        tree.list(pattern).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(
        names("thing.by_id.*.room"),
        ["thing.by_id.0.room", "thing.by_id.1.room"].map(str::to_owned)
    );
    assert_eq!(names("thing.*.*.stats"), ["thing.by_id.0.stats.runs", "thing.by_id.1.stats.runs"]);
    assert_eq!(names("thing.by_name.b").len(), 5);
    assert_eq!(names("").len(), 20);
    assert!(names("thin").is_empty(), "parts are whole");
    let listed = tree.list("thing.by_id.0.run");
    assert_eq!(listed, [("thing.by_id.0.run".to_owned(), None)]);
}

#[test]
fn what_is_made_later_begins_with_what_was_said() {
    let tree = Tree::new();
    let settings =
        [("room", Value::Bytes(1)), ("shared", Value::Switch(false)), ("most", Value::Count(4))];
    let error = tree.set("pool.default.mine.room", "2").expect_err("nobody declared it");
    assert!(matches!(error, ControlError::Unknown { .. }), "{error}");
    tree.configure("pool.default.mine.room=1KiB; pool.default.mine.shared=on").expect("waits");
    tree.declare("pool", "mine", &settings).expect("all right");
    let found = tree.defaults("pool", "mine");
    assert_eq!((found.bytes("room"), found.switch("shared")), (Some(1024), Some(true)));
    assert_eq!((found.count("most"), found.text("most")), (Some(4), None));
    tree.set("pool.default.mine.most", 5_u64).expect("declared");
    assert_eq!(tree.get("pool.default.mine.most"), Ok(Value::Count(5)));
    assert_eq!(tree.list("pool.default").len(), 3);
    tree.declare("pool", "mine", &settings).expect("declared before");
    assert_eq!(tree.defaults("pool", "mine").count("most"), Some(5), "what was said stays");
    assert!(tree.defaults("pool", "other").get("room").is_none());
    tree.run("pool.default.mine.most").expect_err("no action");
}

#[test]
fn what_waited_in_vain_is_told() {
    let tree = Tree::new();
    tree.configure("pool.default.mine.rom=1;pool.default.mine.room=x").expect("waits");
    assert_eq!(tree.problems().len(), 2, "nobody uses them");
    let wrong = tree.declare("pool", "mine", &[("room", Value::Bytes(1))]).expect_err("both");
    assert_eq!(wrong.len(), 2);
    assert!(wrong[0].to_string().contains("pool.default.mine.room"), "{}", wrong[0]);
    assert!(wrong[1].to_string().contains("entry 2"), "{}", wrong[1]);
    assert!(tree.problems().is_empty(), "the declaration told them");
}

#[test]
fn all_that_is_right_in_a_configuration_is_set() {
    let (tree, things) = things(&["a"]);
    let text = "thing.by_id.0.room=4096;;no setting;thing.by_id.0.label = x=y ;thing.by_id.0.x=1;";
    let wrong = tree.configure(text).expect_err("two are wrong");
    assert!(matches!(wrong[0], ConfigError::Syntax { entry: 3, .. }), "{}", wrong[0]);
    assert!(matches!(wrong[1], ConfigError::Setting { entry: 5, .. }), "{}", wrong[1]);
    assert_eq!(things[0].room.load(Ordering::Relaxed), 4096);
    assert_eq!(*things[0].label.lock().expect("whole"), "x=y");
}

#[test]
fn a_knob_may_use_the_tree() {
    struct Nosy(Weak<Tree>);
    impl Node for Nosy {
        fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
            let tree = self.0.upgrade().expect("there");
            let all = Knob::of("all", || Value::Count(tree.list("pool").len() as u64));
            let add = Knob::action("add", || {
                let again = Self(self.0.clone());
                tree.add("nosy", 1, "again", again).map_err(|error| error.to_string())
            });
            see(&[all, add]);
        }
        fn is_there(&self) -> bool {
            self.0.strong_count() > 0
        }
    }
    let tree = Arc::new(Tree::new());
    tree.declare("pool", "x", &[("y", Value::Count(1))]).expect("nothing set");
    tree.add_only("nosy", Nosy(Arc::downgrade(&tree))).expect("the only one");
    assert_eq!(tree.get("nosy.all"), Ok(Value::Count(1)));
    tree.run("nosy.add").expect("added");
    assert_eq!(tree.get("nosy.by_name.again.all"), Ok(Value::Count(1)));
    tree.add_only("nosy", Nosy(Arc::downgrade(&tree))).expect_err("there is one");
}

#[test]
fn threads_use_one_tree() {
    let (tree, things) = things(&["a"]);
    std::thread::scope(|scope| {
        for id in 1..5 {
            let (tree, things) = (&tree, &things);
            scope.spawn(move || {
                for _ in 0..100 {
                    tree.run("thing.by_id.0.run").expect("there");
                    let mine = Arc::new(Thing::default());
                    tree.add("thing", id, "mine", Known(Arc::downgrade(&mine))).expect("free");
                    tree.get(&format!("thing.by_id.{id}.room")).expect("there");
                    assert!(things[0].runs.load(Ordering::Relaxed) > 0);
                }
            });
        }
    });
    assert_eq!(tree.get("thing.by_id.0.stats.runs"), Ok(Value::Count(400)));
}

/// A provider and a pool that only count.
#[derive(Debug, Default)]
struct Counting(Meter);

// SAFETY: hands out nothing.
unsafe impl Provider for Counting {
    fn name(&self) -> &str {
        "counting"
    }
    fn allocate(&self, size: usize, _: usize) -> Result<Span, ProviderError> {
        self.0.add(size);
        Err(ProviderError::BadSize { requested: size })
    }
    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.0.sub(span.len);
        Ok(())
    }
    fn min_page_size(&self) -> usize {
        4096
    }
    fn usage(&self) -> Usage {
        self.0.usage()
    }
    fn reset_peak(&self) {
        self.0.reset_peak();
    }
    fn knobs(&self) -> Vec<Knob<'_>> {
        vec![Knob::of("own", || "here".into())]
    }
}

#[derive(Debug, Default)]
struct Empty(Counting, Arc<AtomicUsize>);

// SAFETY: hands out nothing.
unsafe impl Pool for Empty {
    fn name(&self) -> &str {
        "empty"
    }
    fn provider(&self) -> &dyn Provider {
        &self.0
    }
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        Err(PoolError::TooLarge { requested: layout.size() })
    }
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        Err(PoolError::Nobodys { address: block.addr().get() })
    }
    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        Err(PoolError::Nobodys { address: block.addr().get() })
    }
    fn trim(&self, _: usize) -> usize {
        self.1.fetch_add(1, Ordering::Relaxed)
    }
    fn stats(&self) -> PoolStats {
        PoolStats { used: 1, reserved: 2, blocks: 3 }
    }
}

#[test]
fn providers_have_what_all_of_them_have_and_their_own() {
    let tree = Tree::new();
    let provider: Arc<dyn Provider> = Arc::new(Counting::default());
    tree.add_provider(5, &provider).expect("a new number");
    provider.allocate(100, 1).expect_err("it only counts");
    // SAFETY: it only counts.
    unsafe { provider.free(Span::new(NonNull::dangling(), 60)) }.expect("counted");
    let get = |name| tree.get(name).expect("there");
    assert_eq!(get("provider.by_id.5.stats.allocated"), Value::Bytes(40));
    assert_eq!(get("provider.by_name.counting.stats.peak"), Value::Bytes(100));
    tree.run("provider.by_name.counting.stats.peak.reset").expect("an action");
    assert_eq!(get("provider.by_name.counting.stats.peak"), Value::Bytes(40));
    assert_eq!(get("provider.by_id.5.own"), Value::Text("here".into()));
    assert_eq!(get("provider.by_id.5.kind"), Value::Text("host".into()));
}

// Tests whose pools are in the process's tree take turns: who looks at it holds all pools
// for that long.

#[test]
fn registered_pools_are_in_the_processs_tree() {
    let _turn = turn();
    let tree = Tree::global();
    let trimmed = Arc::new(AtomicUsize::new(0));
    let pool = PoolHandle::named("an.empty.one", Empty(Counting::default(), trimmed.clone()));
    let name = |knob: &str| format!("pool.by_id.{}.{knob}", pool.id());
    assert_eq!(tree.get(&name("stats.used")), Ok(Value::Bytes(1)));
    assert_eq!(tree.get("pool.by_name.an.empty.one.stats.blocks"), Ok(Value::Count(3)));
    assert_eq!(tree.get(&name("provider.name")), Ok(Value::Text("counting".into())));
    tree.run("pool.by_name.an.empty.one.0.trim").expect("an action");
    assert_eq!(trimmed.load(Ordering::Relaxed), 1);
    assert!(!tree.list(&format!("pool.by_id.{}.provider.stats", pool.id())).is_empty());
    let gone = name("stats.used");
    drop(pool);
    tree.get(&gone).expect_err("the tree keeps nothing alive");
}

#[test]
fn a_disjoint_pool_is_told_while_it_works() {
    let _turn = turn();
    let memory = Tracked::new(Arc::new(OsProvider::new().expect("a provider"))).expect("room");
    let pool = PoolHandle::new(DisjointOptions::new().build(memory).expect("a pool"));
    let tree = Tree::global();
    let name = |knob: &str| format!("pool.by_id.{}.params.{knob}", pool.id());
    assert_eq!(tree.get(&name("capacity")), Ok(Value::AutoCount(None)));
    for (value, now) in [("8", Some(8)), ("auto", None)] {
        tree.set(&name("capacity"), value).expect("settable");
        assert_eq!(tree.get(&name("capacity")), Ok(Value::AutoCount(now)));
    }
    tree.set(&name("capacity"), 5_u64).expect("a count");
    assert_eq!(tree.get(&name("capacity")), Ok(Value::AutoCount(Some(5))));
    let error = tree.set(&name("capacity"), "some").expect_err("no count");
    assert!(error.to_string().contains("auto"), "{error}");
    let error = tree.set(&name("min_bucket_size"), 3_usize).expect_err("no power of two");
    assert!(matches!(error, ControlError::Refused { .. }), "{error}");
    let error = tree.get(&name("capacty")).expect_err("misspelt");
    assert!(error.to_string().contains(&name("capacity")), "{error}");
}

/// The process that the environment is set for.
#[test]
fn child() {
    if std::env::var_os("ANYMEM_TEST_CHILD").is_none() {
        return;
    }
    let settings = [("a", Value::Bytes(0)), ("b", Value::Switch(false)), ("c", Value::Count(0))];
    Tree::global().declare("pool", "child", &settings).expect("all right");
    let found = Tree::global().defaults("pool", "child");
    assert_eq!((found.bytes("a"), found.switch("b")), (Some(2048), Some(true)));
    assert_eq!(found.count("c"), Some(7));
    let memory = Tracked::new(Arc::new(OsProvider::new().expect("a provider"))).expect("room");
    let pool = PoolHandle::new(DisjointOptions::new().build(memory.clone()).expect("a pool"));
    let get = |pool: &PoolHandle, knob: &str| {
        Tree::global().get(&format!("pool.by_id.{}.params.{knob}", pool.id())).expect("there")
    };
    assert_eq!(get(&pool, "slab_min_size"), Value::Bytes(1 << 20));
    assert_eq!(get(&pool, "capacity"), Value::AutoCount(Some(3)));
    let options = DisjointOptions::new().slab_min_size(1 << 18);
    let asked_for = PoolHandle::new(options.build(memory).expect("a pool"));
    assert_eq!(get(&asked_for, "slab_min_size"), Value::Bytes(1 << 18), "the program decides");
    let os = OsProvider::new().expect("a provider");
    assert!(os.share().is_some(), "shared");
    let span = os.allocate(1 << 20, 4096).expect("memory");
    let mut there = [0_u8; 256];
    // SAFETY: the span is mapped, and there is a byte for each page.
    let told = unsafe { libc::mincore(span.start.as_ptr().cast(), span.len, there.as_mut_ptr()) };
    assert!(told == 0 && there.iter().all(|page| page & 1 == 1), "populated");
    let status = std::fs::read_to_string("/proc/self/status").expect("readable");
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("told");
    assert_ne!(locked.trim(), "0 kB", "locked");
    for problem in Tree::global().problems() {
        println!("told: {problem}");
    }
}

#[test]
fn the_environment_and_its_file_say_what_to_begin_with() {
    let file = std::env::temp_dir().join(format!("anymem-control-{}", std::process::id()));
    let text = "# ours\npool.default.disjoint.params.slab_min_size=1MiB\n\
                pool.default.disjoint.params.capacity=3\npool.default.child.a = 1KiB # less\n\npool.default.child.c=7\nnonsense\n";
    std::fs::write(&file, text).expect("writable");
    let conf = "pool.default.child.a=2KiB;pool.default.child.b=yes;ipd.x=1;\
                provider.default.os.params.shared=on;provider.default.os.params.populate=on;\
                provider.default.os.params.lock=on";
    let run = |file: &std::path::Path| {
        let output = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "child", "--nocapture"])
            .env("ANYMEM_TEST_CHILD", "1")
            .env("ANYMEM_CONF", conf)
            .env("ANYMEM_CONF_FILE", file)
            .output()
            .expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.success(), text(output.stdout) + &text(output.stderr))
    };
    let (went_well, said) = run(&file);
    std::fs::remove_file(&file).expect("there");
    assert!(went_well, "{said}");
    for told in ["told: entry 7 of", "anymem: entry 7 of", "told: entry 3 of ANYMEM_CONF", "ipd.x"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    let (_, said) = run(&file);
    assert!(said.contains("No such file"), "{said}");
}
