//! Traces as text.

use core::fmt;
use core::str::{FromStr, Split};

use super::{Call, Trace};

const HEAD: &str = "stream,call,block,bytes,align";

/// Why a text is no trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the trace is {found:?}, which is no call: {HEAD} are needed")]
pub struct TraceError {
    /// Which line, from 1 on.
    pub line: usize,
    /// What stands there.
    pub found: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocate { stream, block, bytes, align } => {
                write!(f, "{stream},allocate,{block},{bytes},{align}")
            }
            Self::Free { stream, block } => write!(f, "{stream},free,{block}"),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        self.calls.iter().try_for_each(|call| writeln!(f, "{call}"))
    }
}

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let lines = text.lines().enumerate().filter(|(_, line)| *line != HEAD && !line.is_empty());
        let call = |(index, line): (usize, &str)| {
            call(line).ok_or_else(|| TraceError { line: index + 1, found: line.to_owned() })
        };
        Ok(Self { calls: lines.map(call).collect::<Result<_, _>>()? })
    }
}

fn call(line: &str) -> Option<Call> {
    let mut words = line.split(',');
    let stream = number(&mut words)?;
    let call = match words.next()? {
        "allocate" => {
            let (block, bytes) = (number(&mut words)?, number(&mut words)?);
            let align = number(&mut words).filter(|align: &usize| align.is_power_of_two())?;
            Call::Allocate { stream, block, bytes, align }
        }
        "free" => Call::Free { stream, block: number(&mut words)? },
        _ => return None,
    };
    words.all(str::is_empty).then_some(call)
}

fn number<T: FromStr>(words: &mut Split<'_, char>) -> Option<T> {
    words.next()?.parse().ok()
}
