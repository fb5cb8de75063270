//! Programs that people use, on this heap: the same output as without it, and no
//! message. What they are given to do is in `programs`.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    PACKAGE, packages, preloaded, program, run, same_as_without, scratch, succeeds,
    succeeds_silently,
};

fn script(name: &str) -> PathBuf {
    packages();
    Path::new(PACKAGE).join("tests/programs").join(name)
}

#[test]
fn python_runs_a_long_script() {
    let script = script("long.py");
    same_as_without(|| {
        let mut python = program("/usr/bin/python3");
        python.arg(&script).env("PYTHONHASHSEED", "0");
        python
    });
}

#[test]
fn python_passes_its_own_tests() {
    packages();
    let place = scratch("python");
    let mut python = program("/usr/bin/python3");
    python.args(["-m", "test", "-q", "test_list", "test_dict", "test_set", "test_json"]);
    python.args(["test_gc", "test_thread", "test_bytes"]);
    let output = run(preloaded(&mut python).current_dir(place));
    succeeds(&output, "python3 -m test");
    // On a busy machine it finds that threads of its own take long to end.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().all(|line| line.starts_with("Warning -- ")), "{said}");
}

#[test]
fn perl_runs_a_long_script() {
    let script = script("long.pl");
    same_as_without(|| {
        let mut perl = program("/usr/bin/perl");
        perl.arg(&script).env("PERL_HASH_SEED", "0");
        perl
    });
}

#[test]
fn sqlite_fills_and_asks_a_database() {
    let script = script("long.sql");
    same_as_without(|| {
        let mut sqlite = program("/usr/bin/sqlite3");
        sqlite.arg(":memory:").arg(format!(".read {}", script.display()));
        sqlite
    });
}

#[test]
fn git_keeps_a_repository() {
    let script = script("history.sh");
    same_as_without(|| {
        let mut shell = program("/bin/bash");
        shell.arg(&script).current_dir(scratch("git")).env("HOME", "/nonexistent");
        shell
    });
}

/// A source file of many functions.
fn large_source(functions: usize) -> String {
    let mut text = String::from("extern int printf(const char *, ...);\n");
    for number in 0..functions {
        let _ = writeln!(
            text,
            "struct pair{number} {{ long a; double b[{}]; }};\n\
             static int work{number}(int n) {{\n\
             \tstruct pair{number} p = {{ n, {{ {number} }} }}; int sum = 0;\n\
             \tfor (int i = 0; i < n; i++) {{ switch ((i ^ {number}) % 7) {{\n\
             \tcase 0: sum += i * {number}; break; case 1: sum ^= (int)p.a; break;\n\
             \tcase 2: sum -= (int)p.b[0]; break; default: sum += printf(\"%d {number}\", i); }} }}\n\
             \treturn sum; }}\n\
             int call{number}(int n) {{ return work{number}(n) + work{number}(n + {number}); }}",
            number % 9 + 1
        );
    }
    text
}

/// Compiles a file with and without the library; the object files are alike.
fn compiles(compiler: &str, source: &Path, options: &[&str]) {
    packages();
    let objects = ["without.o", "with.o"].map(|name| source.with_file_name(name));
    let mut outputs = objects.each_ref().map(|object| {
        let mut compile = program(compiler);
        compile.args(options).arg("-o").arg(object).arg("-c").arg(source);
        compile
    });
    succeeds_silently(&run(&mut outputs[0]), compiler);
    succeeds_silently(&run(preloaded(&mut outputs[1])), compiler);
    let [without, with] = objects.map(|object| fs::read(object).expect("an object file"));
    assert!(without == with, "{compiler} made something else");
}

#[test]
fn gcc_compiles_a_large_file() {
    let source = scratch("gcc").join("large.c");
    fs::write(&source, large_source(1500)).expect("writable");
    compiles("/usr/bin/gcc", &source, &["-O1"]);
}

#[test]
fn gxx_compiles_many_templates() {
    let source = scratch("gxx").join("templates.cpp");
    fs::copy(script("templates.cpp"), &source).expect("writable");
    compiles("/usr/bin/g++", &source, &["-std=c++17", "-O1"]);
}

/// Of a crate that is not part of the workspace which its directory happens to
/// be in.
const MANIFEST: &str = "\
[package]
name = \"words\"
version = \"0.1.0\"
edition = \"2024\"

[workspace]
";

#[test]
fn cargo_builds_a_crate() {
    let place = scratch("crate");
    let cargo = |arguments: &[&str]| {
        let mut cargo = program(env!("CARGO"));
        cargo.args(arguments).arg("--quiet").current_dir(&place).env("CARGO_NET_OFFLINE", "true");
        cargo.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("RUSTC_WRAPPER");
        cargo
    };
    fs::create_dir_all(place.join("src")).expect("writable");
    fs::copy(script("words.rs"), place.join("src/main.rs")).expect("writable");
    fs::write(place.join("Cargo.toml"), MANIFEST).expect("writable");
    succeeds_silently(&run(preloaded(&mut cargo(&["build", "--release"]))), "cargo build");
    let words = || program(place.join("target/release/words"));
    let output = same_as_without(words);
    assert!(!output.stdout.is_empty());
}

/// A server, ended when the test is over.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for something, as long as a program may take.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(150), "waited in vain until {what}");
        std::thread::yield_now();
    }
}

#[test]
fn redis_serves() {
    packages();
    let place = scratch("redis");
    let socket = place.join("socket");
    let mut server = Command::new("/usr/bin/redis-server");
    server.args(["--port", "0", "--daemonize", "no", "--appendonly", "yes"]);
    // It saves when it is told to, and not after a minute as well: one child at a time.
    server.args(["--save", "", "--auto-aof-rewrite-percentage", "0", "--unixsocket", "socket"]);
    server.current_dir(&place).stdout(Stdio::null()).stderr(Stdio::piped());
    let server = Server(preloaded(&mut server).spawn().expect("redis-server"));
    until("the server answers", || UnixStream::connect(&socket).is_ok());
    let mut bench = program("/usr/bin/redis-benchmark");
    bench.arg("-s").arg(&socket).args(["-q", "-n", "20000", "-r", "5000", "-d", "100"]);
    bench.args(["-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"]);
    succeeds(&run(preloaded(&mut bench)), "redis-benchmark");
    let ask = |words: &[&str]| {
        let mut client = program("/usr/bin/redis-cli");
        let output = run(preloaded(client.arg("-s").arg(&socket).args(words)));
        succeeds_silently(&output, "redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(ask(&["set", "greeting", "hello"]), "OK");
    // The file is written by a fork of the server.
    assert!(ask(&["bgsave"]).starts_with("Background saving started"));
    let saves = || ask(&["info", "persistence"]).contains("rdb_bgsave_in_progress:1");
    until("the server's child has ended", || !saves());
    assert!(ask(&["info", "persistence"]).contains("rdb_last_bgsave_status:ok"));
    assert!(place.join("dump.rdb").exists());
    assert_eq!(ask(&["get", "greeting"]), "hello");
    assert!(ask(&["dbsize"]).parse::<usize>().expect("a number") > 1000);
    ended_well(server, &ask);
}

/// Shuts the server down, which says nothing and ends well.
fn ended_well(mut server: Server, ask: &impl Fn(&[&str]) -> String) {
    ask(&["shutdown", "save"]);
    let status = server.0.wait().expect("it was started");
    let mut said = String::new();
    let mut stderr = server.0.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut stderr, &mut said).expect("readable");
    assert!(status.success() && said.is_empty(), "{status} {said}");
}
