//! However a count ends, no segment and no worker is left behind.

mod common;

use std::os::unix::process::CommandExt;

use common::{Running, Tree, anymem, killed_by, run, send, until};
use rustix::process::Signal;

fn start(tree: &Tree, workers: &str) -> Running {
    let path = tree.path().to_str().expect("UTF-8");
    let mut command = anymem(["demo", "--check", "--workers", workers, path]);
    // What a terminal does: one group for the program and its workers.
    command.process_group(0);
    let running = Running::start(&mut command, workers.parse().expect("a number"));
    assert!(running.has_segment());
    running
}

#[test]
fn a_worker_that_is_killed_ends_the_count() {
    let tree = Tree::endless();
    let mut running = start(&tree, "3");
    let victim = running.workers[1];
    send(Signal::KILL, victim);
    let message = format!("(process {victim}) ended with signal: 9");
    running.finish().failed_with(1, &message);
    assert!(!running.has_segment());
    assert!(running.is_alone());
}

#[test]
fn signals_end_the_count() {
    let tree = Tree::endless();
    for (signal, code, name) in
        [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM"), (Signal::HUP, 129, "SIGHUP")]
    {
        let mut running = start(&tree, "2");
        send(signal, running.pid());
        running.finish().failed_with(code, &format!("ended by {name}"));
        assert!(!running.has_segment());
        assert!(running.is_alone());
    }
}

#[test]
fn the_interrupt_of_a_terminal_goes_to_all_and_ends_the_count() {
    let tree = Tree::endless();
    let mut running = start(&tree, "2");
    let group = rustix::process::Pid::from_raw(running.pid().cast_signed()).expect("a process");
    rustix::process::kill_process_group(group, Signal::INT).expect("it is there");
    running.finish().failed_with(130, "ended by SIGINT");
    assert!(!running.has_segment());
    assert!(running.is_alone());
}

#[test]
fn workers_tidy_up_after_a_parent_that_is_killed() {
    let tree = Tree::endless();
    let mut running = start(&tree, "2");
    send(Signal::KILL, running.pid());
    // Ends when the workers have, for they share its standard error.
    assert_eq!(killed_by(running.finish().status), Some(9));
    until("the workers' end", || running.is_alone().then_some(()));
    assert!(!running.has_segment());
}

#[test]
fn a_count_is_listed_while_it_runs() {
    let tree = Tree::endless();
    let running = start(&tree, "2");
    let listed = run(["ls"]).succeeded();
    let row = listed.row(&running.name());
    assert_eq!(row[0], "1 GiB");
    assert_eq!(row[3], "ready");
    for pid in running.workers.iter().chain([&running.pid()]) {
        let mut pids = row[4].split(", ");
        assert!(pids.any(|listed| listed == pid.to_string()), "{pid} is not in {listed:#?}");
    }
}

#[test]
fn removing_the_segment_of_a_count_does_not_disturb_it() {
    let text: String = (0..1000).map(|i| format!("word{i} ")).collect();
    let tree = (0..300).fold(Tree::new(), |tree, i| tree.file(&format!("{i}"), &text));
    let path = tree.path().to_str().expect("UTF-8");
    let mut running = Running::start(&mut anymem(["demo", "--check", "-w2", path]), 0);
    // It may have ended by now, or not have begun: both are fine.
    let _ = run(["rm", &running.name()]);
    let found = running.finish();
    let removed_early = found.errors.contains("there is no heap named");
    assert!(removed_early || found.last_line().starts_with("check=ok words=300000 "), "{found:#?}");
    assert!(!running.has_segment());
}
