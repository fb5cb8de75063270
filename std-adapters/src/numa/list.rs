//! Lists of numbers as the kernel writes them: `0-3,8`.

use core::fmt;

/// No list has larger numbers: there are fewer CPUs than that.
const MOST: u32 = 1 << 16;

/// The numbers of a list, which ascend; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        let follows = numbers.last().is_none_or(|&before| before < first);
        if !follows || first > last || last >= MOST {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

/// Writes ascending numbers as a list, `none` if there is none.
pub(super) fn write(f: &mut fmt::Formatter<'_>, numbers: impl Iterator<Item = u32>) -> fmt::Result {
    let mut numbers = numbers.peekable();
    if numbers.peek().is_none() {
        return f.write_str("none");
    }
    let mut comma = "";
    while let Some(first) = numbers.next() {
        let mut last = first;
        while let Some(next) = numbers.next_if(|&next| next == last + 1) {
            last = next;
        }
        match last - first {
            0 => write!(f, "{comma}{first}")?,
            _ => write!(f, "{comma}{first}-{last}")?,
        }
        comma = ",";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Written<'a>(&'a [u32]);

    impl fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, self.0.iter().copied())
        }
    }

    #[test]
    fn lists_are_read_as_they_are_written() {
        for (text, numbers) in [("0", &[0][..]), ("0-3,8", &[0, 1, 2, 3, 8]), ("2,4-5", &[2, 4, 5])]
        {
            assert_eq!(parse(&format!("{text}\n")).as_deref(), Some(numbers));
            assert_eq!(Written(numbers).to_string(), text);
        }
        assert_eq!(parse("\n"), Some(vec![]));
        assert_eq!(Written(&[]).to_string(), "none");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["x", "1-", "3-1", "-1", "0-4294967295", "1,1", "2,0-3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
