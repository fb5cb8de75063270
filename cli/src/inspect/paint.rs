//! A map as a picture: what takes the heap, at a glance.
//!
//! A cell's colour says whose it is, how far it is filled from below how full,
//! and the strip under it how large its blocks are. What slots keep at hand
//! counts as filled. A cell's tooltip tells all of it in words.

use std::collections::BTreeSet;

use anymem::Size;
use svg::Document;
use svg::node::element::{Group, Rectangle, Text, Title};

use super::map::{Kind, Map};
use super::report::Report;

/// Cells in a row.
const COLUMNS: usize = 64;

/// Distance of cells.
const STEP: usize = 14;

/// Side of a cell.
const SIDE: f64 = 12.0;

/// Height of the strip that tells the block size.
const STRIP: f64 = 3.0;

/// Space around the picture, and above the cells.
const MARGIN: usize = 16;
const TOP: usize = 56;

/// Distance of the legend's lines, and the most slots it names.
const LINE: usize = 18;
const MOST_SLOTS: usize = 24;

const FREE: &str = "#eeeeee";

/// Draws `map`.
pub(super) fn paint(report: &Report, map: &Map) -> Document {
    let legend = legend(map);
    let rows = map.cells.len().div_ceil(COLUMNS);
    let under = TOP + rows * STEP + MARGIN;
    let (width, height) = (2 * MARGIN + COLUMNS * STEP, under + legend.len() * LINE + MARGIN);
    let mut picture = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("font-family", "sans-serif")
        .set("font-size", 12)
        .add(Rectangle::new().set("width", width).set("height", height).set("fill", "white"))
        .add(text(MARGIN, MARGIN + 8, report.name.escape_debug().to_string()).set("font-size", 16))
        .add(text(MARGIN, MARGIN + 28, totals(report, map)));
    for index in 0..map.cells.len() {
        picture = picture.add(cell(map, index));
    }
    for (line, (colour, meaning)) in legend.into_iter().enumerate() {
        let y = under + line * LINE;
        picture = picture
            .add(block(MARGIN as f64, y as f64, SIDE, &colour).set("class", "key"))
            .add(text(MARGIN + 20, y + 10, meaning));
    }
    picture
}

fn totals(report: &Report, map: &Map) -> String {
    let [live, capacity] = [report.live, report.capacity].map(Size::bytes);
    let cell = match map.slabs_a_cell {
        1 => "a cell is one slab".into(),
        slabs => format!("a cell is {slabs} slabs"),
    };
    format!(
        "{live} of {capacity} live, {} of {} slabs used; {cell}",
        report.slabs_in_use, map.slabs
    )
}

fn text(x: usize, y: usize, text: String) -> Text {
    Text::new(text).set("x", x).set("y", y)
}

fn block(x: f64, y: f64, height: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", x)
        .set("y", y)
        .set("width", SIDE)
        .set("height", height)
        .set("fill", colour)
}

fn cell(map: &Map, index: usize) -> Group {
    let x = (MARGIN + index % COLUMNS * STEP) as f64;
    let y = (TOP + index / COLUMNS * STEP) as f64;
    let group = Group::new()
        .set("class", "cell")
        .add(Title::new(words(map, index)))
        .add(block(x, y, SIDE, FREE));
    let Some(kind) = map.cells.get(index).and_then(|cell| cell.kind()) else { return group };
    let strip = block_size(kind).map(strip_colour);
    let room = if strip.is_some() { SIDE - STRIP } else { SIDE };
    // What is used at all is seen, however little of it is full.
    let full = (map.fullness(index) * room).clamp(1.0, room);
    let group = group.add(block(x, y + room - full, full, &colour(kind)));
    match strip {
        Some(colour) => group.add(block(x, y + room, STRIP, &colour)),
        None => group,
    }
}

fn words(map: &Map, index: usize) -> String {
    let slabs = match map.range(index) {
        (first, last) if first == last => format!("slab {first}"),
        (first, last) => format!("slabs {first} to {last}"),
    };
    let Some(kind) = map.cells.get(index).and_then(|cell| cell.kind()) else {
        return format!("{slabs}: free");
    };
    let blocks = block_size(kind)
        .map_or_else(String::new, |size| format!("blocks of {}, ", Size::bytes(size as usize)));
    format!("{slabs}: {}, {blocks}{:.0} % full", owner(kind), map.fullness(index) * 100.0)
}

fn block_size(kind: Kind) -> Option<u32> {
    match kind {
        Kind::Owned { block_size, .. } | Kind::Shared { block_size } => Some(block_size),
        _ => None,
    }
}

fn owner(kind: Kind) -> String {
    match kind {
        Kind::Owned { slot, .. } => format!("heap slot {slot}"),
        Kind::Shared { .. } => "shared by all".into(),
        Kind::Large => "large blocks".into(),
        Kind::Changing => "being claimed or freed".into(),
        Kind::Damaged => "damaged".into(),
    }
}

fn colour(kind: Kind) -> String {
    match kind {
        // The golden angle: neighbours in number are far apart in colour. The
        // reds are left to what is damaged.
        Kind::Owned { slot, .. } => format!("hsl({}, 60%, 50%)", 30 + slot * 137 % 300),
        Kind::Shared { .. } => "#888888".into(),
        Kind::Large => "#333344".into(),
        Kind::Changing => "#ffcc00".into(),
        Kind::Damaged => "#dd0000".into(),
    }
}

/// Small blocks are light, large ones dark.
fn strip_colour(block_size: u32) -> String {
    let light = 95_u32.saturating_sub(block_size.max(16).ilog2().saturating_sub(4) * 7);
    format!("hsl(210, 70%, {light}%)")
}

/// Colours, and what they mean.
fn legend(map: &Map) -> Vec<(String, String)> {
    let kinds: BTreeSet<_> = map.cells.iter().filter_map(|cell| cell.kind()).collect();
    let mut owners: Vec<(String, String)> = Vec::new();
    for kind in kinds {
        let entry = (colour(kind), owner(kind));
        if !owners.contains(&entry) && owners.len() < MOST_SLOTS {
            owners.push(entry);
        }
    }
    let sizes = [16, 256, 4096, 65536].map(|size| {
        (strip_colour(size), format!("strip: blocks of {}", Size::bytes(size as usize)))
    });
    let free =
        (FREE.into(), "free, and what a slab has free: the fill shows how full it is".into());
    owners.into_iter().chain([free]).chain(sizes).collect()
}
