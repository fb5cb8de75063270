//! The settings and counts of a disjoint pool by name.

use super::lane;
use super::shelf::Counts;
use super::{DisjointPool, Tally};
use crate::control::{Knob, Value};
use crate::pool::PoolError;

pub(super) fn of(pool: &DisjointPool) -> Vec<Knob<'_>> {
    let mut knobs = settings(pool);
    knobs.extend(counts(pool));
    knobs.push(Knob::of("buckets.count", || Value::Count(lane::COUNT as u64)));
    knobs.extend((1..=lane::COUNT).flat_map(|lane| bucket(pool, lane)));
    knobs
}

fn settings(pool: &DisjointPool) -> Vec<Knob<'_>> {
    let settings = &pool.store.settings;
    let trace = Knob::of("params.pool_trace", || Value::Count(settings.trace()));
    let capacity = || Value::AutoCount(settings.capacity().map(|slabs| slabs as u64));
    let capacity = Knob::of("params.capacity", capacity);
    let renew = move |()| pool.renew_lanes();
    vec![
        Knob::of("params.slab_min_size", || Value::Bytes(settings.slab_min()))
            .settable(|value| told(settings.set_slab_min(number(value)?))),
        Knob::of("params.max_poolable_size", || Value::Bytes(settings.max_poolable()))
            .settable(move |value| told(settings.set_max_poolable(number(value)?)).map(renew)),
        Knob::of("params.min_bucket_size", || Value::Bytes(settings.min_bucket()))
            .settable(move |value| told(settings.set_min_bucket(number(value)?)).map(renew)),
        capacity.settable(|value| {
            let is_auto = matches!(value, Value::AutoCount(None));
            settings.set_capacity(if is_auto { None } else { Some(number(value)?) });
            Ok(())
        }),
        trace.settable(|value| {
            settings.set_trace(number(value)? as u64);
            Ok(())
        }),
        Knob::of("params.thread_cache", || Value::Bytes(settings.thread_cache())),
    ]
}

fn counts(pool: &DisjointPool) -> Vec<Knob<'_>> {
    let sum = |pick: fn(&Counts) -> usize| {
        move || {
            let mut sum = 0;
            pool.store.count(|_, counts| sum += pick(counts));
            Value::Count(sum as u64)
        }
    };
    let count = |pick: fn(&Tally) -> usize| move || Value::Count(pick(&pool.tally()) as u64);
    vec![
        Knob::of("stats.used_memory", || Value::Bytes(pool.tally().used)),
        Knob::of("stats.reserved_memory", || Value::Bytes(pool.tally().reserved)),
        Knob::of("stats.alloc_num", count(|tally| tally.ever)),
        Knob::of(
            "stats.alloc_pool_num",
            count(|tally| tally.ever_pooled.saturating_sub(tally.slabs)),
        ),
        Knob::of("stats.free_num", count(|tally| tally.ever.saturating_sub(tally.blocks))),
        Knob::of("stats.misuses", count(|tally| tally.misuses)),
        Knob::of("stats.curr_slabs_in_use", sum(|counts| counts.in_use)),
        Knob::of("stats.curr_slabs_in_pool", sum(|counts| counts.kept)),
        Knob::of("stats.max_slabs_in_use", sum(|counts| counts.most_in_use)),
        Knob::of("stats.max_slabs_in_pool", sum(|counts| counts.most_kept)),
    ]
}

fn bucket(pool: &DisjointPool, lane: usize) -> Vec<Knob<'_>> {
    let index = lane - 1;
    let count = |name: &str, pick: fn(&Counts) -> usize| {
        let read = move || Value::Count(pick(&pool.store.counts(lane)) as u64);
        Knob::of(format!("buckets.{index}.stats.{name}"), read)
    };
    vec![
        Knob::of(format!("buckets.{index}.size"), move || Value::Bytes(lane::size(lane))),
        count("blocks", |counts| counts.taken),
        count("slabs_made", |counts| counts.made),
        count("curr_slabs_in_use", |counts| counts.in_use),
        count("curr_slabs_in_pool", |counts| counts.kept),
        count("max_slabs_in_use", |counts| counts.most_in_use),
        count("max_slabs_in_pool", |counts| counts.most_kept),
    ]
}

fn number(value: &Value) -> Result<usize, String> {
    let too_large = || format!("{value} is too large");
    match value {
        Value::Bytes(bytes) => Ok(*bytes),
        Value::Count(count) | Value::AutoCount(Some(count)) => {
            usize::try_from(*count).map_err(|_| too_large())
        }
        other => Err(format!("a number is needed, not {other}")),
    }
}

fn told(set: Result<(), PoolError>) -> Result<(), String> {
    set.map_err(|error| error.to_string())
}
