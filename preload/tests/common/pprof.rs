//! pprof's files, read with another description of them than the one they are
//! written with: the fields by their numbers in `profile.proto`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    types: Vec<Type>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Raw>,
    #[prost(message, repeated, tag = "3")]
    mappings: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    locations: Vec<Location>,
    #[prost(string, repeated, tag = "6")]
    texts: Vec<String>,
    #[prost(int64, tag = "9")]
    time: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<Type>,
    #[prost(int64, tag = "12")]
    period: i64,
    #[prost(int64, tag = "14")]
    default: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(int64, tag = "1")]
    name: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Raw {
    #[prost(uint64, repeated, tag = "1")]
    locations: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    start: u64,
    #[prost(uint64, tag = "3")]
    end: u64,
    #[prost(uint64, tag = "4")]
    offset: u64,
    #[prost(int64, tag = "5")]
    file: i64,
    #[prost(int64, tag = "6")]
    build_id: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
}

/// Blocks allocated, bytes allocated, blocks in use, bytes in use.
pub(crate) type Values = [i64; 4];

/// The samples of a profile.
pub(crate) struct Samples {
    /// Bytes between two that are sampled.
    pub(crate) rate: i64,
    /// The files whose code is mapped, with their build ids.
    pub(crate) files: Vec<(String, String)>,
    samples: Vec<(Vec<u64>, Values)>,
}

impl Samples {
    /// Reads a profile, which refers to nothing that is not there.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let profile = Profile::decode(&*bytes).expect("a profile");
        profile.has_the_types_of_a_heap();
        let locations = profile.checked_locations();
        let stack = |raw: &Raw| raw.locations.iter().map(|id| locations[id]).collect();
        let values = |raw: &Raw| raw.values.clone().try_into().expect("four values");
        let file = |it: &Mapping| (profile.text(it.file).into(), profile.text(it.build_id).into());
        Self {
            rate: profile.period,
            files: profile.mappings.iter().map(file).collect(),
            samples: profile.samples.iter().map(|raw| (stack(raw), values(raw))).collect(),
        }
    }

    /// What was allocated by code in `addresses`, or by what it called.
    pub(crate) fn of(&self, addresses: &Range<u64>) -> Values {
        let is_there = |stack: &[u64]| stack.iter().any(|address| addresses.contains(address));
        self.sum(|stack, _| is_there(stack))
    }

    /// What was allocated by calls from `addresses`.
    pub(crate) fn directly_of(&self, addresses: &Range<u64>) -> Values {
        self.sum(|stack, _| stack.first().is_some_and(|address| addresses.contains(address)))
    }

    /// What was allocated where all blocks have `size` bytes.
    pub(crate) fn of_size(&self, size: i64) -> Values {
        self.sum(|_, [blocks, bytes, ..]| *bytes == size * blocks)
    }

    /// What was allocated at all.
    pub(crate) fn total(&self) -> Values {
        self.sum(|_, _| true)
    }

    fn sum(&self, is_meant: impl Fn(&[u64], &Values) -> bool) -> Values {
        let mut sum = [0; 4];
        for (_, values) in self.samples.iter().filter(|(stack, values)| is_meant(stack, values)) {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        sum
    }
}

impl Profile {
    fn text(&self, index: i64) -> &str {
        &self.texts[usize::try_from(index).expect("not negative")]
    }

    fn has_the_types_of_a_heap(&self) {
        let named = |it: &Type| (self.text(it.name), self.text(it.unit));
        let types: Vec<_> = self.types.iter().map(named).collect();
        let (count, bytes) = ("count", "bytes");
        let allocated = [("alloc_objects", count), ("alloc_space", bytes)];
        assert_eq!(types, [allocated, [("inuse_objects", count), ("inuse_space", bytes)]].concat());
        assert_eq!(self.period_type.as_ref().map(named), Some(("space", bytes)));
        assert_eq!(self.text(self.default), "inuse_space");
        assert_eq!(self.texts[0], "");
        assert!(self.time > 0);
    }

    /// The addresses of the locations, by their ids.
    fn checked_locations(&self) -> HashMap<u64, u64> {
        let mappings: HashMap<_, _> = self.mappings.iter().map(|it| (it.id, it)).collect();
        assert!(mappings.len() == self.mappings.len() && !mappings.contains_key(&0));
        for location in self.locations.iter().filter(|location| location.mapping != 0) {
            let mapping = mappings[&location.mapping];
            assert!((mapping.start..mapping.end).contains(&location.address), "{location:?}");
        }
        let ids: HashSet<_> = self.locations.iter().map(|it| it.id).collect();
        assert!(ids.len() == self.locations.len() && !ids.contains(&0));
        self.locations.iter().map(|it| (it.id, it.address)).collect()
    }
}
