//! One run of a program on a library.

use core::time::Duration;
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus},
};

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    pub(super) peak_mib: f64,
}

/// The program that starts and measures another; see `launch.c`.
const LAUNCH: &str = concat!(env!("PROGRAMS"), "/launch");

/// Runs `command` with `library` preloaded, for `limit` at most. Returns what it
/// took, and what it has printed anywhere.
pub(super) fn launch(
    library: &Path,
    command: &[String],
    limit: Duration,
) -> Result<(Sample, Vec<u8>), String> {
    let printed = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let report = Command::new(LAUNCH)
        .arg(library)
        .arg(limit.as_secs().to_string())
        .arg(printed.path())
        .args(command)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("PYTHONHASHSEED", "0")])
        .output()
        .map_err(|error| format!("{LAUNCH}: {error}"))?;
    let printed = fs::read(printed.path()).map_err(|error| error.to_string())?;
    match parse(&String::from_utf8_lossy(&report.stdout)) {
        None => Err(format!("{LAUNCH} failed: {}", String::from_utf8_lossy(&report.stderr))),
        Some((sample, status)) if status.success() => Ok((sample, printed)),
        Some((_, status)) => Err(format!("{status}: {}", last_line(&printed))),
    }
}

/// Reads the line that `launch` prints.
fn parse(line: &str) -> Option<(Sample, ExitStatus)> {
    let numbers: Vec<i64> = line.split_whitespace().flat_map(str::parse).collect();
    let [wall_ns, cpu_us, peak_kib, status] = numbers[..] else { return None };
    let sample = Sample {
        wall_ms: wall_ns as f64 / 1e6,
        cpu_ms: cpu_us as f64 / 1e3,
        peak_mib: peak_kib as f64 / 1024.0,
    };
    Some((sample, ExitStatus::from_raw(status as i32)))
}

fn last_line(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    text.lines().next_back().unwrap_or("without a word").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<(Sample, Vec<u8>), String> {
        let command = ["sh", "-c", script].map(String::from);
        launch(Path::new("libc.so.6"), &command, Duration::from_secs(1))
    }

    #[test]
    fn a_run_tells_what_it_took_and_printed() {
        let (sample, printed) = sh("sleep 0.05; echo $LD_PRELOAD; echo out >&2").unwrap();
        assert_eq!(printed, b"libc.so.6\nout\n");
        assert!(sample.wall_ms >= 50.0 && sample.cpu_ms < sample.wall_ms, "{sample:?}");
        assert!(sample.peak_mib > 0.5 && sample.peak_mib < 8.0, "{sample:?}");
    }

    #[test]
    fn a_failure_tells_how_it_ended() {
        assert_eq!(sh("echo why; exit 3").unwrap_err(), "exit status: 3: why");
        assert!(sh("kill -SEGV $$").unwrap_err().contains("SIGSEGV"));
    }

    #[test]
    fn what_hangs_is_killed() {
        assert!(sh("sleep 60; true").unwrap_err().contains("SIGKILL"));
    }
}
