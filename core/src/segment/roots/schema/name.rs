//! Names of types, short enough to be kept and told.

use super::super::Text;

/// The longest name that a schema keeps, in bytes.
pub(super) const NAME: usize = 64;

/// A type's name without the modules that its parts are in: `ShmVec<Order>` for
/// `anymem_core::container::vec::ShmVec<shop::Order>`.
pub(in super::super) fn without_modules(name: &str) -> Text<NAME> {
    let mut short = [0; NAME];
    // Where the identifier that is being copied starts, and where it ends.
    let (mut word, mut end) = (0, 0);
    for character in name.chars() {
        if character == ':' {
            end = word;
            continue;
        }
        let Some(room) = short.get_mut(end..end + character.len_utf8()) else { break };
        character.encode_utf8(room);
        end += room.len();
        if !character.is_alphanumeric() && character != '_' {
            word = end;
        }
    }
    let bytes = short.get(..end).unwrap_or_default();
    Text::new(core::str::from_utf8(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_left_out_and_all_else_is_kept() {
        for (name, short) in [
            ("u32", "u32"),
            ("shop::Order", "Order"),
            ("(u8, a::b::C)", "(u8, C)"),
            ("[x::Y; 3]", "[Y; 3]"),
            ("a::b::Map<c::d::Key, core::option::Option<f64>>", "Map<Key, Option<f64>>"),
            ("ä::Größe", "Größe"),
            ("", ""),
        ] {
            assert_eq!(without_modules(name).as_str(), short);
        }
        assert_eq!(without_modules(&"x".repeat(200)).as_str(), "x".repeat(64));
        assert_eq!(without_modules(&"ä".repeat(50)).as_str(), "ä".repeat(32));
    }
}
