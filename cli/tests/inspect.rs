//! `anymem inspect`: as text, as JSON and as a map.

mod common;

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::process::Stdio;

use anymem::allocator::{Allocator, SlabUse};
use anymem::container::{ShmBox, ShmVec};
use anymem::{HeapOptions, SharedHeap, Size};
use common::{Finished, Name, Tree, anymem, run, send};
use rustix::process::Signal;
use serde_json::Value;

/// A heap with boxes, a large block and a root.
fn heap(name: &Name) -> SharedHeap {
    let heap = HeapOptions::new().slots(8).create(&name.0, Size::mib(64)).expect("a heap");
    for number in 0..500_u64 {
        std::mem::forget(ShmBox::new_in([number; 8], &heap).expect("a box"));
    }
    let large = ShmVec::<u8>::with_capacity_in(3 << 20, &heap).expect("a vector");
    std::mem::forget(large);
    let root = ShmBox::new_in(7_u64, &heap).expect("a box");
    heap.bind_root("the answer", root).expect("a root");
    heap
}

fn json(name: &Name) -> Value {
    let found = run(["inspect", "--json", &name.0]).succeeded();
    serde_json::from_str(&found.output).expect("JSON")
}

fn number(value: &Value, field: &str) -> usize {
    let number = value[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {value}"));
    usize::try_from(number).expect("a size")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no list {field} in {value}"))
}

#[test]
fn the_numbers_of_the_json_add_up_to_the_statistics() {
    let name = Name::new("json");
    let heap = heap(&name);
    let (stats, found) = (heap.stats(), json(&name));
    assert_eq!(number(&found, "schema"), 1);
    assert_eq!(found["name"], name.0.as_str());
    assert_eq!(found["id"], heap.id().to_string());
    assert_eq!(number(&found, "size"), 64 << 20);
    assert_eq!(number(&found["creator"], "pid"), std::process::id() as usize);
    assert_eq!(found["creator"]["alive"], true);
    let [live, capacity] = [stats.live, stats.capacity];
    for (field, value) in [("live", live), ("capacity", capacity), ("free", capacity - live)] {
        assert_eq!(number(&found, field), value, "{field}");
    }
    assert_eq!(number(&found, "committed"), stats.committed);
    assert_eq!(number(&found, "live_blocks"), stats.live_blocks);
    assert_eq!(number(&found, "slabs_in_use"), stats.slabs);

    let (classes, large) = (list(&found, "classes"), list(&found, "large"));
    let small = classes.iter().map(|class| number(class, "live") * number(class, "block_size"));
    let large_bytes = large.iter().map(|block| number(block, "bytes"));
    assert_eq!(small.sum::<usize>() + large_bytes.sum::<usize>(), live);
    let blocks = classes.iter().map(|class| number(class, "live")).sum::<usize>() + large.len();
    assert_eq!(blocks, stats.live_blocks);
    let slabs = classes.iter().map(|class| number(class, "slabs"));
    let large_slabs = large.iter().map(|block| number(block, "slabs"));
    assert_eq!(slabs.sum::<usize>() + large_slabs.sum::<usize>(), stats.slabs);
}

#[test]
fn slots_and_roots_are_named() {
    let name = Name::new("slots");
    let heap = heap(&name);
    let found = json(&name);
    let [slot] = list(&found, "slots") else { panic!("one slot was held: {found}") };
    assert_eq!(slot["state"], "alive");
    assert_eq!(number(slot, "pid"), std::process::id() as usize);
    assert_eq!(number(&found, "slot_count"), 8);
    let mut cached = 0;
    heap.allocator().for_each_cached(&mut |_| cached += 1);
    assert_eq!(number(slot, "cached_blocks"), cached);
    let mut owned = 0;
    heap.allocator().for_each_slab(&mut |slab| {
        if let SlabUse::Run { slot: Some(0), .. } = slab.used {
            owned += slab.slabs;
        }
    });
    assert_eq!(number(slot, "slabs"), owned);
    let [root] = list(&found, "roots") else { panic!("one root: {found}") };
    assert_eq!(root["name"], "the answer");
    assert!(root["type_name"].as_str().is_some_and(|name| name.contains("u64")), "{found}");
}

#[test]
fn roots_are_shown_with_their_fields() {
    let name = Name::new("fields");
    let heap = HeapOptions::new().slots(8).create(&name.0, Size::mib(8)).expect("a heap");
    let pairs = ShmVec::<(u64, u8)>::new_in(&heap);
    heap.bind_root("pairs", ShmBox::new_in(pairs, &heap).expect("room")).expect("a root");
    let found = json(&name);
    let [root] = list(&found, "roots") else { panic!("one root: {found}") };
    assert_eq!(root["kind"], "container");
    assert_eq!(number(root, "size"), size_of::<ShmVec<(u64, u8)>>());
    let [element] = list(root, "members") else { panic!("one parameter: {found}") };
    assert_eq!(
        (&element["kind"], &element["type_name"]),
        (&"parameter".into(), &"(u64, u8)".into())
    );
    let sizes: Vec<_> = list(element, "members").iter().map(|it| number(it, "size")).collect();
    assert_eq!(sizes, [8, 1]);
    let text = run(["inspect", &name.0]).succeeded();
    assert!(text.output.contains("T.0") && text.output.contains("T.1"), "{}", text.output);
}

#[test]
fn the_text_tells_the_same() {
    let name = Name::new("text");
    let heap = heap(&name);
    let found = run(["inspect", &name.0]).succeeded();
    let stats = heap.stats();
    assert_eq!(found.row("name"), [&name.0]);
    assert_eq!(found.row("created by"), [std::process::id().to_string()]);
    assert_eq!(found.row("live"), [Size::bytes(stats.live).to_string()]);
    assert_eq!(found.row("live blocks"), [stats.live_blocks.to_string()]);
    assert_eq!(found.row("64 B")[1], "500");
    assert_eq!(found.row("0")[..2], [&std::process::id().to_string(), "alive"]);
    assert_eq!(found.row("the answer")[..2], ["value", "u64"]);
}

/// Not a test of its own: the process that dies in the one below.
#[test]
#[ignore = "started by the_slot_of_a_dead_process_is_marked"]
fn dies_with_a_slot() {
    let heap = common::heap_to_die_with();
    std::mem::forget(ShmBox::new_in(1_u32, &heap).expect("a box"));
    send(Signal::KILL, std::process::id());
}

#[test]
fn the_slot_of_a_dead_process_is_marked() {
    let name = Name::new("dead slot");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let dead = common::die("dies_with_a_slot", &name);
    let found = json(&name);
    assert_eq!(found["slots"][0]["state"], "dead", "{found}");
    assert_eq!(number(&found["slots"][0], "pid"), dead as usize);
    run(["recover", &name.0]).succeeded();
    assert_eq!(json(&name)["slots"][0]["state"], "idle");
}

/// The cells of a map, each with what it says of itself.
fn cells(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("well-formed");
    let is_cell = |node: &roxmltree::Node<'_, '_>| node.attribute("class") == Some("cell");
    let title = |node: roxmltree::Node<'_, '_>| {
        let title = node
            .children()
            .find(|child| child.has_tag_name(("http://www.w3.org/2000/svg", "title")));
        title.and_then(|title| title.text()).expect("a title").trim().to_owned()
    };
    document.descendants().filter(is_cell).map(title).collect()
}

#[test]
fn the_map_has_a_cell_a_slab() {
    let (name, tree) = (Name::new("map <&\""), Tree::new());
    let heap = heap(&name);
    let path = tree.at("map.svg");
    run(["inspect", &name.0, "--svg", path.to_str().expect("UTF-8")]).succeeded();
    let cells = cells(&fs::read_to_string(path).expect("the map"));
    let slabs = heap.allocator().segment().geometry().slabs();
    assert_eq!(cells.len(), slabs);
    let count = |word: &str| cells.iter().filter(|cell| cell.contains(word)).count();
    assert_eq!(count("large blocks"), heap.stats().span_slabs);
    assert_eq!(count(": free"), slabs - heap.stats().slabs);
    assert!(count("heap slot 0, blocks of 64 B") > 0, "{cells:?}");
}

#[test]
fn the_map_of_a_large_heap_is_merged() {
    let (name, tree) = (Name::new("large map"), Tree::new());
    let heap = SharedHeap::create(&name.0, Size::gib(2)).expect("a heap");
    let path = tree.at("map.svg");
    run(["inspect", &name.0, "--svg", path.to_str().expect("UTF-8")]).succeeded();
    let slabs = heap.allocator().segment().geometry().slabs();
    assert!(slabs > 4096 * 7, "{slabs}");
    let cells = cells(&fs::read_to_string(path).expect("the map"));
    assert_eq!(cells.len(), slabs.div_ceil(slabs.div_ceil(4096)));
    assert!(cells[0].starts_with("slabs 0 to 7: "), "{}", cells[0]);
}

#[test]
fn a_map_that_cannot_be_written_is_told() {
    let (name, tree) = (Name::new("no map"), Tree::new());
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let path = tree.at("missing/map.svg");
    run(["inspect", &name.0, "--svg", path.to_str().expect("UTF-8")])
        .failed_with(1, "cannot write the map to");
}

#[test]
fn what_is_no_heap_is_refused_as_elsewhere() {
    let text = Name::new("inspect text");
    text.write("no segment ".repeat(10_000));
    run(["inspect", "no-such-heap"]).failed_with(1, "there is no heap named");
    run(["inspect", "a/b", "--json"]).failed_with(1, "cannot name a heap");
    run(["inspect", &text.0]).failed_with(1, "is not a heap");
    run(["inspect"]).failed_with(2, "required");
}

#[test]
fn a_heap_that_is_cut_off_meanwhile_is_told() {
    let (whole, name, tree) = (Name::new("inspect whole"), Name::new("inspect cut"), Tree::new());
    // A copy is cut, for this process uses the heap, too.
    let heap = heap(&whole);
    // Of many sizes, so that there is much to tell.
    for size in (1..40).map(|size| size * 256) {
        std::mem::forget(ShmVec::<u8>::with_capacity_in(size, &heap).expect("a vector"));
    }
    name.write(fs::read(whole.path()).expect("its bytes"));
    let (mut output, shown) = io::pipe().expect("a pipe");
    let room = rustix::pipe::fcntl_setpipe_size(&shown, 4096).expect("a small one");
    let child = anymem(["inspect", "--json", &name.0, "--svg"])
        .arg(tree.at("map.svg"))
        .stdout(shown)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // It goes on to the map when all of the text is taken from the pipe.
    let mut text = vec![0; 1];
    output.read_exact(&mut text).expect("the text begins");
    OpenOptions::new().write(true).open(name.path()).expect("it opens").set_len(0).expect("a cut");
    output.read_to_end(&mut text).expect("the rest");
    assert!(text.len() > room + 1, "the text fits into the pipe");
    let found = Finished::of(child.wait_with_output().expect("its output"));
    drop(heap);
    found.failed_with(1, "inspect cut\" was cut off while it was used");
}
