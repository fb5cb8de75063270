//! The bar that shows how far the job is.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::job::Job;
use crate::numbers::grouped;

const TEMPLATE: &str = "{bar:32} {pos}/{len} files, {msg}, {elapsed}";

/// A bar on standard error; nothing where that is not a terminal. It goes when
/// it is dropped.
#[derive(Debug)]
pub(crate) struct Progress<'j> {
    bar: ProgressBar,
    job: &'j Job,
}

impl<'j> Progress<'j> {
    /// The bar of `job`.
    pub(crate) fn of(job: &'j Job) -> Self {
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(job.len() as u64), target);
        let style = ProgressStyle::with_template(TEMPLATE);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, job }
    }

    /// Draws it anew.
    pub(crate) fn update(&self) {
        // Damage is told by those who count.
        let Ok(tally) = self.job.tally() else { return };
        self.bar.set_message(format!("{} words", grouped(tally.words)));
        self.bar.set_position(tally.files.saturating_add(tally.skipped));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
