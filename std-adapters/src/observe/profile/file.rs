//! A profile as a file for pprof.

use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;
use std::{fs, io};

use prost::Message;

use super::mappings::{Mapping, mappings};
use super::samples::{CallSite, Estimate};
use super::{HeapProfile, message};

/// Functions of these names, and all that they call, are not part of the program
/// but of the allocator. None may be one that calls the program.
const ALLOCATOR: &str = "<?anymem(_core)?::.*|__rustc::__.*|__rust_(alloc|alloc_zeroed|realloc)|\
                         alloc::alloc::.*|(m|c|re)alloc|reallocarray|posix_memalign|\
                         aligned_alloc|memalign|operator new.*";

/// Writes a profile.
///
/// pprof reads it compressed as well, but what compresses needs more of a stack
/// than the thread may have that ends the process.
pub(super) fn write(path: &Path, sites: &[CallSite], rate: usize) -> io::Result<()> {
    fs::write(path, Builder::new(mappings()).build(sites, rate).encode_to_vec())
}

/// Collects what several parts of a profile refer to.
struct Builder {
    mappings: Vec<Mapping>,
    texts: Vec<String>,
    /// By address: the number of a location.
    locations: HashMap<usize, u64>,
}

impl Builder {
    fn new(mappings: Vec<Mapping>) -> Self {
        Self { mappings, texts: vec![String::new()], locations: HashMap::new() }
    }

    fn build(mut self, sites: &[CallSite], rate: usize) -> message::Profile {
        let space = self.value_type("space", "bytes");
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        message::Profile {
            sample_type: vec![
                self.value_type("alloc_objects", "count"),
                self.value_type("alloc_space", "bytes"),
                self.value_type("inuse_objects", "count"),
                self.value_type("inuse_space", "bytes"),
            ],
            sample: sites.iter().map(|site| self.sample(site)).collect(),
            mapping: (0..self.mappings.len()).map(|index| self.mapping(index)).collect(),
            location: self
                .locations
                .iter()
                .map(|(&address, &id)| self.location(address, id))
                .collect(),
            drop_frames: self.text(ALLOCATOR),
            time_nanos: since_epoch.map_or(0, |time| time.as_nanos() as i64),
            period_type: Some(space),
            period: rate as i64,
            default_sample_type: self.text("inuse_space"),
            string_table: self.texts,
        }
    }

    fn text(&mut self, text: &str) -> i64 {
        let known = self.texts.iter().position(|known| known == text);
        let index = known.unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        });
        index as i64
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> message::ValueType {
        message::ValueType { r#type: self.text(kind), unit: self.text(unit) }
    }

    fn sample(&mut self, site: &CallSite) -> message::Sample {
        let values = |Estimate { blocks, bytes }| [blocks.round() as i64, bytes.round() as i64];
        let frames = &site.stack[self.own_frames(&site.stack)..];
        message::Sample {
            location_id: frames.iter().map(|&address| self.location_id(address)).collect(),
            value: [values(site.allocated), values(site.live)].concat(),
        }
    }

    /// How many of the innermost calls are in a library that this code is part
    /// of. If it is part of the program itself, names must tell.
    fn own_frames(&self, stack: &[usize]) -> usize {
        let own = self.mapping_of(HeapProfile::write as *const () as usize);
        let is_own = |&&address: &&usize| own > Some(0) && self.mapping_of(address) == own;
        stack.iter().take_while(is_own).count()
    }

    fn mapping_of(&self, address: usize) -> Option<usize> {
        self.mappings.iter().position(|mapping| mapping.addresses.contains(&address))
    }

    fn location_id(&mut self, address: usize) -> u64 {
        let next = self.locations.len() as u64 + 1;
        *self.locations.entry(address).or_insert(next)
    }

    fn location(&self, address: usize, id: u64) -> message::Location {
        let mapping = self.mapping_of(address).map_or(0, |index| index as u64 + 1);
        message::Location { id, mapping_id: mapping, address: address as u64 }
    }

    fn mapping(&mut self, index: usize) -> message::Mapping {
        let Mapping { addresses, offset, file, build_id } = self.mappings[index].clone();
        message::Mapping {
            id: index as u64 + 1,
            memory_start: addresses.start as u64,
            memory_limit: addresses.end as u64,
            file_offset: offset as u64,
            filename: self.text(&file),
            build_id: self.text(&build_id),
        }
    }
}
