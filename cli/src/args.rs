//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anymem::Size;
use clap::{Parser, Subcommand};

use crate::guard;

/// The most worker processes that can be asked for.
const MOST_WORKERS: i64 = 256;

/// The most workers that can be asked to be killed.
const MOST_KILLS: i64 = 1_000_000;

/// The shortest time between two looks at a heap, in seconds.
const SHORTEST: f64 = 0.05;

/// Reads a number of seconds.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds >= SHORTEST);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("give a number of seconds, {SHORTEST} or more"))
}

/// Heaps that live in shared memory.
#[derive(Debug, Parser)]
#[command(name = "anymem", version, arg_required_else_help = true)]
pub(crate) struct Args {
    /// This is the process that may be lost.
    #[arg(long = guard::OPTION, hide = true)]
    pub(crate) guarded: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Count the words of files with several processes in one shared map.
    ///
    /// Creates a segment, and starts worker processes that attach to it, take
    /// files from a queue in it, and count into one hash map in it.
    ///
    /// All regular files under the paths are read; symbolic links are followed
    /// where they are named as a path, not below. A file that cannot be read or
    /// is not UTF-8 is reported and skipped. The text is lower-cased, and a
    /// word is as many letters, digits and underscores as stand together.
    Demo(Demo),
    /// Count into a segment that `demo` made.
    #[command(hide = true)]
    Worker(Worker),
    /// List the segments of this machine.
    ///
    /// Shown are each segment's size, how much memory it takes, how much of it
    /// is in blocks that are in use, the processes that have it attached, and
    /// whether it can be opened. A process that died without giving its part of
    /// the heap back is marked.
    Ls,
    /// Say what is wrong in a heap.
    ///
    /// Walks all tables of the heap, and names each fault, where it is, and what
    /// it means. Nothing is changed. The exit status is 1 if there is a fault.
    ///
    /// While others use the heap, only what is still there on a second and a
    /// third look is called a fault.
    Verify {
        /// The segment, as `ls` names it.
        name: String,
    },
    /// Show what is in a heap, and who has it.
    ///
    /// Nothing is changed. While others use the heap, each number was true at
    /// some moment.
    Inspect(Inspect),
    /// Show what is in a heap, again and again.
    ///
    /// Ends when the heap is removed, or on an interrupt. Where the output is no
    /// terminal it is shown once.
    Top {
        /// The segment, as `ls` names it.
        name: String,
        /// Seconds between two looks.
        #[arg(long, default_value = "1", value_parser = interval)]
        interval: Duration,
    },
    /// Take back what dead processes held of a heap.
    ///
    /// What they had cached becomes free, what they had begun is finished or
    /// taken back. Blocks that they had in use stay. Others may use the heap
    /// meanwhile.
    Recover {
        /// The segment, as `ls` names it.
        name: String,
    },
    /// Write down what is seen of a segment, for `ls`.
    #[command(hide = true)]
    Look {
        /// The segment.
        name: String,
    },
    /// Remove segments by name.
    ///
    /// Processes that have a segment open keep it until they end. What is not a
    /// segment is refused.
    Rm {
        /// The segments, as `ls` names them.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

impl Command {
    /// The segment that somebody named, who may cut it off meanwhile.
    pub(crate) fn segment(&self) -> Option<&str> {
        match self {
            Self::Verify { name } | Self::Top { name, .. } | Self::Recover { name } => Some(name),
            Self::Inspect(what) => Some(&what.name),
            // These have it in hand, or other processes look for them.
            Self::Demo(_) | Self::Worker(_) | Self::Ls | Self::Look { .. } | Self::Rm { .. } => {
                None
            }
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Files and directories whose words to count.
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,

    /// How many processes count.
    #[arg(short, long, default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(1..=MOST_WORKERS))]
    pub(crate) workers: u32,

    /// How large the segment is; what is not used takes no memory.
    #[arg(short, long, default_value = "1GiB")]
    pub(crate) size: Size,

    /// How many of the most frequent words to show.
    #[arg(short = 'n', long, default_value_t = 20)]
    pub(crate) top: usize,

    /// Count again in this process with `std`'s map, and compare every entry.
    ///
    /// The last line of the output is then `check=ok …`, or `check=FAILED …`
    /// and the exit status 1.
    #[arg(long)]
    pub(crate) check: bool,

    /// Change the shared map once for every word.
    ///
    /// Without it a worker adds up each file's words by itself first, and
    /// changes the shared map once for every different word of the file.
    #[arg(long)]
    pub(crate) per_word: bool,

    /// Kill so many workers meanwhile, at random moments; 20 if no number is
    /// given.
    ///
    /// Each is replaced by another, which goes on where it was killed, so that
    /// the counts come out right all the same. What the killed ones held of the
    /// heap is recovered, and the heap is verified at the end. A short count
    /// may end before so many are killed.
    #[arg(long, value_name = "KILLS", num_args = 0..=1, require_equals = true,
          default_missing_value = "20",
          value_parser = clap::value_parser!(u32).range(1..=MOST_KILLS))]
    pub(crate) kill: Option<u32>,

    /// What decides which workers are killed, and how long after each other;
    /// random if it is not given.
    #[arg(long, requires = "kill")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The segment, as `ls` names it.
    pub(crate) name: String,

    /// Write it as JSON, whose fields the program's documentation describes.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a map of the heap's slabs to this file as well, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Worker {
    /// The segment.
    pub(crate) name: String,
    /// Which of the workers this is.
    pub(crate) index: u32,
}
