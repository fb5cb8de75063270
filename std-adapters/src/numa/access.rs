//! How fast memory is, as the firmware says.

use std::path::Path;

use super::{NodeId, NodeList, NumaError, sysfs};

/// How fast the memory of a node is for those that are closest to it, as the firmware's
/// heterogeneous memory attribute table (HMAT) says.
///
/// Linux tells of the closest nodes only: how fast the memory is for others cannot be
/// known from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The nodes whose CPUs or devices are closest to the memory.
    pub initiators: NodeList,
    /// Megabytes a second, the lower of reading and writing.
    pub bandwidth: Option<u32>,
    /// Nanoseconds, the higher of reading and writing.
    pub latency: Option<u32>,
}

impl Access {
    /// What sysfs says of the node whose directory `node` is: of all who may use
    /// memory, and of CPUs alone.
    pub(super) fn read(node: &Path) -> Result<Vec<Self>, NumaError> {
        let classes = ["access0", "access1"].map(|class| node.join(class).join("initiators"));
        classes.iter().filter_map(|class| Self::of_class(class).transpose()).collect()
    }

    /// `None` where the firmware says nothing.
    fn of_class(class: &Path) -> Result<Option<Self>, NumaError> {
        let names = sysfs::names(class)?;
        let number = |name: &String| name.strip_prefix("node")?.parse().ok().map(NodeId::new);
        let initiators: NodeList = names.iter().filter_map(number).collect();
        if initiators.is_empty() {
            return Ok(None);
        }
        let bandwidth = both(class, "bandwidth", u32::min)?;
        let latency = both(class, "latency", u32::max)?;
        Ok(Some(Self { initiators, bandwidth, latency }))
    }
}

/// The worse of reading and writing; `None` if either is not known, which firmware also
/// says with a 0.
fn both(
    class: &Path,
    what: &'static str,
    worse: fn(u32, u32) -> u32,
) -> Result<Option<u32>, NumaError> {
    let figure = |way: &str| {
        let path = class.join(format!("{way}_{what}"));
        let found = sysfs::parse(path, "a number", |text| text.parse::<u32>().ok());
        Ok(sysfs::optional(found)?.filter(|&figure| figure > 0))
    };
    let (read, write) = (figure("read")?, figure("write")?);
    Ok(read.zip(write).map(|(read, write)| worse(read, write)))
}
