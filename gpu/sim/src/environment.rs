//! What a machine is like by the environment of the process.
//!
//! | variable | what |
//! |---|---|
//! | `ANYMEM_GPU_SIM_DEVICES` | how many devices |
//! | `ANYMEM_GPU_SIM_MEMORY` | bytes of memory of each; `K`, `M` or `G` may follow |
//! | `ANYMEM_GPU_SIM_GRANULARITY` | bytes that physical memory comes in multiples of, likewise |
//! | `ANYMEM_GPU_SIM_COMPLETION` | `eager`, `lazy` or `background` |
//! | `ANYMEM_GPU_SIM_OTHER_ADDRESS` | `1`: registered memory has another address on the device |
//! | `ANYMEM_GPU_SIM_WITHOUT` | what it does not have, by commas: `managed`, `ipc`, `stream-ordered`, `virtual-memory`, `host-atomics` |
//! | `ANYMEM_GPU_SIM_FAULTS` | what fails, by commas: `Allocate:3` fails the fourth call of that [kind](Call), for want of memory if it allocates; `Copy:0:2` the first two |

use std::env;
use std::sync::Arc;

use crate::{Call, Completion, Machine, Options, SimError};

impl Machine {
    /// A machine as the environment wants it, and else as [`Options::default`].
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] names the variable that is none; and those of
    /// [`new`](Self::new).
    pub fn from_environment() -> Result<Arc<Self>, SimError> {
        let machine = Self::new(Options::from_environment()?)?;
        for (call, after, times) in read("ANYMEM_GPU_SIM_FAULTS", faults)?.unwrap_or_default() {
            machine.fail(call, after, times, wanted(call, &machine));
        }
        Ok(machine)
    }
}

impl Options {
    fn from_environment() -> Result<Self, SimError> {
        let mut options = Self::default();
        set(&mut options.devices, "ANYMEM_GPU_SIM_DEVICES", |it| it.parse().ok())?;
        set(&mut options.memory, "ANYMEM_GPU_SIM_MEMORY", size)?;
        set(&mut options.granularity, "ANYMEM_GPU_SIM_GRANULARITY", size)?;
        set(&mut options.completion, "ANYMEM_GPU_SIM_COMPLETION", completion)?;
        set(&mut options.same_address, "ANYMEM_GPU_SIM_OTHER_ADDRESS", |it| Some(it != "1"))?;
        let without = |text: &str| text.split(',').try_for_each(|it| options.remove(it));
        read("ANYMEM_GPU_SIM_WITHOUT", without)?;
        Ok(options)
    }

    /// Takes away what is named.
    fn remove(&mut self, what: &str) -> Option<()> {
        *match what {
            "managed" => &mut self.managed,
            "ipc" => &mut self.ipc,
            "stream-ordered" => &mut self.stream_ordered,
            "virtual-memory" => &mut self.virtual_memory,
            "host-atomics" => &mut self.host_atomics,
            _ => return None,
        } = false;
        Some(())
    }
}

/// The value of a variable, if it is there.
fn read<T>(name: &'static str, of: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, SimError> {
    match env::var(name) {
        Ok(text) => of(&text).map(Some).ok_or(SimError::Invalid { what: name }),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(SimError::Invalid { what: name }),
    }
}

fn set<T>(
    option: &mut T,
    name: &'static str,
    of: impl FnOnce(&str) -> Option<T>,
) -> Result<(), SimError> {
    if let Some(value) = read(name, of)? {
        *option = value;
    }
    Ok(())
}

fn size(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

fn completion(text: &str) -> Option<Completion> {
    Some(match text {
        "eager" => Completion::Eager,
        "lazy" => Completion::Lazy,
        "background" => Completion::Background,
        _ => return None,
    })
}

/// Which calls fail: after how many, and how many of them.
fn faults(text: &str) -> Option<Vec<(Call, u64, u64)>> {
    text.split(',').map(fault).collect()
}

fn fault(text: &str) -> Option<(Call, u64, u64)> {
    let mut parts = text.split(':');
    let call = Call::by_name(parts.next()?)?;
    let after = parts.next()?.parse().ok()?;
    let times = parts.next().map_or(Some(1), |it| it.parse().ok())?;
    parts.next().is_none().then_some((call, after, times))
}

/// What a call fails with that is to fail.
fn wanted(call: Call, machine: &Machine) -> SimError {
    let total = machine.options().memory;
    match call {
        Call::Allocate
        | Call::AllocateOn
        | Call::AllocateManaged
        | Call::AllocatePinned
        | Call::CreatePhysical => SimError::OutOfMemory { asked: 0, free: 0, total },
        _ => SimError::Unsupported { what: "luck" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(size("64"), Some(64));
        assert_eq!(size("3M"), Some(3 << 20));
        assert_eq!(size("M"), None);
        assert_eq!(size("99999999999G"), None);
        assert_eq!(completion("by-hand"), None);
        let wanted = vec![(Call::Allocate, 3, 1), (Call::Copy, 0, 2)];
        assert_eq!(faults("Allocate:3,Copy:0:2"), Some(wanted));
        assert_eq!(faults("Allocate"), None);
        assert_eq!(faults("Sing:1"), None);
    }
}
