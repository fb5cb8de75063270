//! Where lines for people go, by name.

use super::{Knob, Node, Value};
use crate::log::{self, Log};

/// `log.…` in the tree of settings.
pub(super) struct LogKnobs;

impl Node for LogKnobs {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        see(&[
            Knob::of("output", || Log::now().output.into()).settable(set_output),
            switch("timestamp", |log| &mut log.timestamp),
            switch("pid", |log| &mut log.pid),
        ]);
    }

    fn is_there(&self) -> bool {
        true
    }
}

fn switch(name: &str, place: fn(&mut Log) -> &mut bool) -> Knob<'_> {
    Knob::of(name, move || (*place(&mut Log::now())).into()).settable(move |value| {
        let on = value.as_switch().ok_or("give on or off")?;
        Log::change(|log| *place(log) = on);
        Ok(())
    })
}

fn set_output(value: &Value) -> Result<(), String> {
    let output = value.as_text().ok_or("give stderr, stdout or the path of a file")?;
    if !["stderr", "stdout"].contains(&output) {
        log::open(output).map_err(|error| error.to_string())?;
    }
    Log::change(|log| log.output = output.to_owned());
    Ok(())
}
