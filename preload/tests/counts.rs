//! `ANYMEM_STATS`: the table that is printed when a program exits.

mod common;

use std::process::Output;

use common::{compiled, library, preloaded, program, run, succeeds};

/// What a line of the table tells of a size of blocks; 0 stands for large ones.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Line {
    size: usize,
    live: usize,
    allocated: usize,
    freed: usize,
    peak: usize,
}

/// A line of the table, if it is one about a size of blocks.
fn line(text: &str) -> Option<Line> {
    let words: Vec<_> = text.strip_prefix("anymem:")?.split_whitespace().collect();
    let number = |index: usize| words.get(index)?.parse::<usize>().ok();
    let size = if *words.first()? == "large" { 0 } else { number(0)? };
    let (live, allocated, freed, peak) = (number(2)?, number(5)?, number(6)?, number(7)?);
    Some(Line { size, live, allocated, freed, peak })
}

/// The table, and the text after it. What the program is started with prints a
/// table as well, later.
fn table(output: &Output) -> (Vec<Line>, String) {
    let said = String::from_utf8_lossy(&output.stderr);
    let (said, _) = said.split_once("double frees seen").expect("a table");
    assert!(said.starts_with("anymem: block size "), "{said}");
    let lines: Vec<_> = said.lines().filter_map(line).collect();
    let header = said.lines().next().map_or(0, str::len);
    assert!(said.lines().take(1 + lines.len()).all(|line| line.len() == header), "aligned");
    let rest = said.lines().skip(1 + lines.len()).collect::<Vec<_>>().join("\n");
    (lines, rest)
}

#[test]
fn what_was_allocated_and_freed_is_counted() {
    let library = library().to_str().expect("a plain path");
    let mut command = program(compiled("counts.c", &[library]));
    let output = run(preloaded(&mut command).env("ANYMEM_STATS", "1"));
    succeeds(&output, "counts.c");
    let (lines, _) = table(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.lines().count(), 5);
    for expected in said.lines() {
        let number: Vec<usize> =
            expected.split(' ').map(|word| word.parse().expect("a number")).collect();
        // In hardened heaps blocks take more than may be used of them.
        let of_size = |line: &&Line| (line.size == 0) == (number[0] == 0) && line.size >= number[0];
        let found = lines.iter().find(of_size).expect("a line");
        assert_eq!(
            [found.live, found.allocated, found.freed, found.peak],
            number[1..],
            "{found:?}"
        );
    }
}

#[test]
fn the_table_is_true_of_any_program() {
    let script = "x = [str(i) * (i % 300) for i in range(20000)]; del x[::2]";
    let mut python = program("/usr/bin/python3");
    python.args(["-c", script]).env("PYTHONMALLOC", "malloc").env("ANYMEM_STATS", "1");
    let output = run(preloaded(&mut python));
    succeeds(&output, "python3");
    let (lines, rest) = table(&output);
    assert!(lines.len() > 20, "{lines:?}");
    for line in &lines {
        assert_eq!(line.allocated - line.freed, line.live, "{line:?}");
        assert!(line.live <= line.peak && line.peak <= line.allocated, "{line:?}");
    }
    let sum = |of: fn(&Line) -> usize| lines.iter().map(of).sum::<usize>();
    assert!(
        rest.contains(&format!("in {} blocks allocated", sum(|line| line.allocated))),
        "{rest}"
    );
    assert!(rest.contains(&format!("in {} blocks freed", sum(|line| line.freed))), "{rest}");
    assert!(rest.contains(&format!("in {} blocks live", sum(|line| line.live))), "{rest}");
}
