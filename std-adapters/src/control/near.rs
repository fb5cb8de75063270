//! Names that are written nearly so.

/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.6;

/// How many names are told.
const MOST: usize = 3;

/// Those of `names` that are written nearly as `name`, the nearest first.
pub(super) fn near(name: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<(f64, String)> = names
        .map(|other| (strsim::normalized_damerau_levenshtein(name, &other), other))
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    found.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Whether `name` is one that `pattern` means: part by part, where `*` is any part, and
/// whatever follows the last part of the pattern.
pub(super) fn is_meant(pattern: &str, name: &str) -> bool {
    let mut parts = name.split('.');
    let pattern = pattern.trim_end_matches('.');
    pattern.is_empty()
        || pattern
            .split('.')
            .all(|wanted| parts.next().is_some_and(|it| wanted == "*" || wanted == it))
}
