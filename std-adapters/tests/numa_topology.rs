//! What is made of sysfs, of machines that are made up and of this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::numa::{
    MemSpace, MemTarget, Node, NodeId, NumaError, TargetKind, Topology, current_node,
};
use proptest::prelude::*;

/// A machine of four nodes with gaps between their numbers: two processors, of which one
/// CPU is switched off, memory of its own on node 4 and CPUs without memory on node 7. On
/// node 1 the firmware does not know the latency of writing.
const FOUR_NODES: &str = include_str!("sysfs/four-nodes.txt");

/// A sysfs of a test's own, removed when it goes.
struct Sysfs(PathBuf);

impl Sysfs {
    /// Makes files of lines such as `node/online: 0-1`, where `;` ends a line of the
    /// file, and directories of lines that end in `/`.
    fn new(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test.anymem.sysfs.{}.{count}", std::process::id());
        let made = Self(std::env::temp_dir().join(name));
        for line in text.lines() {
            let (name, content) = line.split_once(':').unwrap_or((line, ""));
            let path = made.0.join("devices/system").join(name);
            let dir = if name.ends_with('/') { Some(&*path) } else { path.parent() };
            fs::create_dir_all(dir.expect("a parent")).expect("a directory");
            if !name.ends_with('/') {
                fs::write(&path, content.trim().replace("; ", "\n") + "\n").expect("a file");
            }
        }
        made
    }

    fn read(&self) -> Result<Topology, NumaError> {
        Topology::read(&self.0)
    }
}

impl Drop for Sysfs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn four_nodes() -> Topology {
    Sysfs::new(FOUR_NODES).read().expect("a topology")
}

fn node(number: u32) -> NodeId {
    NodeId::new(number)
}

fn order(space: &MemSpace) -> Vec<u32> {
    space.iter().map(|target| target.id().get()).collect()
}

#[test]
fn nodes_have_their_cpus_memory_and_distances() {
    let machine = four_nodes();
    let numbers: Vec<_> = machine.nodes().iter().map(|node| node.id.get()).collect();
    assert_eq!(numbers, [0, 1, 4, 7]);
    let first = &machine.nodes()[0];
    assert_eq!((first.total, first.free), (64 << 30, 1 << 30));
    assert_eq!(first.distance(node(4)), Some(24));
    assert_eq!(first.distance(node(3)), None);
    assert_eq!(machine.node(node(7)).expect("there").distance(node(1)), Some(21));
    assert_eq!(machine.with_memory().to_string(), "0-1,4");
}

#[test]
fn cpus_that_are_switched_off_are_on_no_node() {
    let machine = four_nodes();
    assert_eq!(machine.nodes()[0].cpus, [0, 1, 2]);
    assert_eq!(machine.node_of_cpu(3), None);
    assert_eq!(machine.node_of_cpu(9), Some(node(7)));
    assert!(machine.node(node(4)).expect("there").cpus.is_empty());
}

#[test]
fn cpus_without_memory_have_some_nearest() {
    let machine = four_nodes();
    let nearest = |number| machine.nearest_memory(node(number));
    assert_eq!([0, 4, 7].map(nearest), [0, 4, 1].map(|number| Some(node(number))));
    assert_eq!(nearest(3), None);
}

#[test]
fn all_of_the_host_is_what_has_memory() {
    assert_eq!(order(&MemSpace::host_all(&four_nodes())), [0, 1, 4]);
}

#[test]
fn the_largest_memory_comes_first() {
    let space = MemSpace::highest_capacity(&four_nodes());
    assert_eq!(order(&space), [4, 0, 1]);
    assert_eq!(order(&space.first(1)), [4]);
}

#[test]
fn the_fastest_memory_comes_first_as_seen_from_a_node() {
    let machine = four_nodes();
    assert_eq!(order(&MemSpace::lowest_latency(&machine, node(0)).expect("known")), [0, 4]);
    assert_eq!(order(&MemSpace::highest_bandwidth(&machine, node(1)).expect("known")), [1, 4]);
    // Where the firmware does not know the half of it, it knows nothing.
    assert_eq!(order(&MemSpace::lowest_latency(&machine, node(1)).expect("known")), [4]);
    // A device there has a faster way to this memory than any CPU.
    assert_eq!(order(&MemSpace::highest_bandwidth(&machine, node(9)).expect("known")), [4]);
}

#[test]
fn figures_are_the_worse_of_reading_and_writing() {
    let space = MemSpace::host_all(&four_nodes());
    let target = space.get(node(4)).expect("there");
    assert_eq!(target.kind(), TargetKind::Numa);
    assert_eq!(target.capacity(), 512 << 30);
    assert_eq!((target.latency(node(0)), target.bandwidth(node(0))), (Some(250), Some(30_000)));
    assert_eq!((target.latency(node(7)), target.bandwidth(node(7))), (None, None));
}

#[test]
fn without_hmat_the_error_names_it() {
    let text: Vec<_> = FOUR_NODES.lines().filter(|line| !line.contains("/access")).collect();
    let machine = Sysfs::new(&text.join("\n")).read().expect("a topology");
    let latency = MemSpace::lowest_latency(&machine, node(0));
    let bandwidth = MemSpace::highest_bandwidth(&machine, node(0));
    for (result, what) in [(latency, "latency"), (bandwidth, "bandwidth")] {
        assert_eq!(result, Err(NumaError::NoHmat { what, from: node(0) }));
        let text = result.expect_err("no figures").to_string();
        assert!(text.contains("HMAT") && text.contains(what), "{text}");
    }
    // From here there is a way to no memory that the firmware knows of.
    let far = MemSpace::lowest_latency(&four_nodes(), node(7));
    assert_eq!(far, Err(NumaError::NoHmat { what: "latency", from: node(7) }));
}

#[test]
fn a_missing_node_is_named() {
    let machine = four_nodes();
    for missing in [2, 7] {
        let error = MemSpace::of_nodes(&machine, [node(0), node(missing)]).expect_err("missing");
        let text = error.to_string();
        assert!(text.contains(&format!("node {missing}:")), "{text}");
        assert!(text.ends_with("0-1,4"), "{text}");
    }
}

#[test]
fn spaces_grow_shrink_and_are_filtered() {
    let machine = four_nodes();
    let mut space = MemSpace::of_nodes(&machine, [node(4), node(0)]).expect("there");
    assert_eq!(order(&space), [4, 0]);
    let copy = space.clone();
    let first = MemTarget::from(&machine.nodes()[0]);
    assert_eq!(space.add(first.clone()), Err(NumaError::Twice { node: node(0) }));
    assert_eq!(space.remove(node(0)), Ok(first.clone()));
    let have = space.nodes();
    assert_eq!(space.remove(node(0)), Err(NumaError::NotInSpace { node: node(0), have }));
    space.add(first).expect("not there");
    assert_eq!(space, copy);

    let all = MemSpace::host_all(&machine);
    assert_eq!(order(&all.on_nodes(&[node(1), node(3)])), [1]);
    assert_eq!(order(&all.at_least(64 << 30)), [0, 4]);
    assert_eq!(order(&all.filter(|target| target.id() != node(0))), [1, 4]);
    assert!(MemSpace::new().is_empty());
}

#[test]
fn spaces_are_displayed_as_people_read_them() {
    let space = MemSpace::host_all(&four_nodes());
    assert_eq!(space.to_string(), "node 0 (64 GiB), node 1 (32 GiB), node 4 (512 GiB)");
    assert_eq!(MemSpace::new().to_string(), "no memory");
}

/// The sum may be less than what the machine has in all: a virtual machine that was given
/// more memory while it ran need not have told its nodes.
#[test]
fn this_machine_has_the_memory_of_its_nodes() {
    let told = |node: &Node| {
        kib_of_memory(&format!("/sys/devices/system/node/node{}/meminfo", node.id)) << 10
    };
    let is_told = |it: &Topology| it.nodes().iter().all(|node| node.total == told(node));
    // A virtual machine may be given or lose some in between, though not each time.
    let machine = (0..100).map(|_| Topology::of_machine().expect("a topology")).find(is_told);
    let machine = machine.expect("nodes have what their files tell");
    let nodes = machine.nodes();
    let found: usize = nodes.iter().map(|node| node.total).sum();
    assert!(found > 0 && found >> 10 <= kib_of_memory("/proc/meminfo"), "{found} bytes");
    let here = machine.node(current_node()).expect("a node for this thread");
    assert!(!here.cpus.is_empty());
}

fn kib_of_memory(path: &str) -> usize {
    let text = fs::read_to_string(path).expect("readable");
    let total = text.lines().find_map(|line| Some(line.split_once("MemTotal:")?.1));
    let total = total.expect("a line").trim().strip_suffix(" kB").expect("a unit");
    total.parse().expect("a number")
}

#[test]
fn a_machine_without_nodes_is_an_error_that_says_so() {
    let error = Topology::read(Path::new("/nowhere")).expect_err("nothing there");
    let text = error.to_string();
    assert!(text.contains("/nowhere/devices/system/node/online"), "{text}");
    assert!(text.contains("kernel with NUMA"), "{text}");
}

#[test]
fn a_node_of_the_list_that_is_not_there_is_an_error_that_names_it() {
    let text = FOUR_NODES.replace("0-1,4,7", "0-1,4-5");
    let error = Sysfs::new(&text).read().expect_err("no node 5");
    assert!(matches!(error, NumaError::Unreadable { code: libc::ENOENT, .. }), "{error}");
    assert!(error.to_string().contains("node5/cpulist"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a file holds, it is read or refused.
    #[test]
    fn no_content_is_too_odd(
        line in any::<prop::sample::Index>(),
        content in "([0-9]{1,11}|-|,| |;|[a-zA-Z: ]{1,9}| kB){0,9}",
    ) {
        let mut lines: Vec<_> = FOUR_NODES.lines().map(str::to_owned).collect();
        let at = line.index(lines.len());
        if let Some((name, _)) = lines[at].clone().split_once(": ") {
            lines[at] = format!("{name}: {content}");
        }
        match Sysfs::new(&lines.join("\n")).read() {
            Ok(machine) => prop_assert!(!MemSpace::host_all(&machine).to_string().is_empty()),
            Err(NumaError::Malformed { .. }) => {}
            // A list of nodes may name one that is not there.
            Err(NumaError::Unreadable { .. }) if lines[at].starts_with("node/online: ") => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
