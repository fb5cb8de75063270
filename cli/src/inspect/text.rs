//! A report as tables.

use anymem::Size;

use super::report::{Creator, LargeReport, MemberReport, Report, SlotReport};
use crate::numbers::{grouped, percent};
use crate::tables::{facts, table};

/// The most large blocks that are told one by one, the largest first.
const LARGE: usize = 10;

/// The tables, without those that would be empty.
pub(super) fn of(report: &Report) -> String {
    let tables = [
        (&["slot", "process", "state", "slabs", "cached blocks"][..], slots(report)),
        (&["block size", "slabs", "live", "free", "full"][..], classes(report)),
        (&["large block", "offset", "size"][..], large(report)),
        (&["root", "kind", "type", "offset", "size"][..], roots(report)),
        (&["root's", "member", "type", "at", "size"][..], members(report)),
    ];
    let mut text = identity(report).to_string();
    for (header, rows) in tables.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let mut table = table(header);
        table.add_rows(rows);
        text.push_str(&format!("\n{table}"));
    }
    let more = report.large.len().saturating_sub(LARGE);
    if more > 0 {
        text.push_str(&format!("\nand {} smaller large blocks", number(more)));
    }
    text
}

fn number(number: usize) -> String {
    grouped(number as u64)
}

fn size(bytes: usize) -> String {
    Size::bytes(bytes).to_string()
}

fn identity(report: &Report) -> comfy_table::Table {
    let creator = report.creator.as_ref().map_or_else(unknown, process);
    let age = report.age_seconds.map_or_else(unknown, |age| format!("{} s", grouped(age)));
    facts(&[
        ("name", report.name.escape_debug().to_string()),
        ("id", report.id.clone()),
        ("format version", report.format_version.to_string()),
        ("created by", creator),
        ("age", age),
        ("size", size(report.size)),
        ("capacity", size(report.capacity)),
        ("committed", size(report.committed)),
        ("live", size(report.live)),
        ("free", size(report.free)),
        ("live blocks", number(report.live_blocks)),
        ("slabs in use", format!("{} of {}", number(report.slabs_in_use), number(report.slabs))),
        ("heap slots used", format!("{} of {}", report.slots.len(), report.slot_count)),
        ("double frees", number(report.double_frees)),
        ("overflows", number(report.overflows)),
    ])
}

fn unknown() -> String {
    "not known".into()
}

fn process(process: &Creator) -> String {
    let mark = if process.alive { "" } else { " (dead)" };
    format!("{}{mark}", process.pid)
}

fn slots(report: &Report) -> Vec<Vec<String>> {
    let row = |slot: &SlotReport| {
        vec![
            slot.number.to_string(),
            slot.pid.map_or_else(|| "-".into(), |pid| pid.to_string()),
            slot.state.into(),
            number(slot.slabs),
            number(slot.cached_blocks),
        ]
    };
    report.slots.iter().map(row).collect()
}

fn classes(report: &Report) -> Vec<Vec<String>> {
    let classes = report.classes.iter().map(|class| {
        let all = class.live + class.free;
        vec![
            size(class.block_size),
            number(class.slabs),
            number(class.live),
            number(class.free),
            percent(class.live as u64, all as u64),
        ]
    });
    classes.collect()
}

fn large(report: &Report) -> Vec<Vec<String>> {
    let mut blocks: Vec<&LargeReport> = report.large.iter().collect();
    blocks.sort_by_key(|block| core::cmp::Reverse(block.slabs));
    let row = |block: &&LargeReport| {
        vec![format!("slab {}", block.slab), block.offset.to_string(), size(block.bytes)]
    };
    blocks.iter().take(LARGE).map(row).collect()
}

fn roots(report: &Report) -> Vec<Vec<String>> {
    let roots = report.roots.iter().map(|root| {
        let [name, kind] = [&root.name, &root.type_name].map(|it| it.escape_debug().to_string());
        vec![name, root.kind.into(), kind, root.offset.to_string(), size(root.size)]
    });
    roots.collect()
}

/// What the roots are made of, and what that is made of.
fn members(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for root in &report.roots {
        for member in &root.members {
            rows.push(member_row(&root.name, &member.name, member));
            let inner = member.members.iter().map(|inner| {
                member_row(&root.name, &format!("{}.{}", member.name, inner.name), inner)
            });
            rows.extend(inner);
        }
    }
    rows
}

fn member_row(root: &str, path: &str, member: &MemberReport) -> Vec<String> {
    let [root, path, kind] =
        [root, path, &member.type_name].map(|it| it.escape_debug().to_string());
    let (at, bytes) = match member.kind {
        "variant" => ((member.at as i64).to_string(), String::new()),
        "parameter" => (String::new(), member.size.to_string()),
        _ => (member.at.to_string(), member.size.to_string()),
    };
    vec![root, path, kind, at, bytes]
}
