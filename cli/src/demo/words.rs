//! What a word is.

/// The words of `text`, which is in lower case: as many letters, digits and
/// underscores as stand together.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let start = length_of(rest, |is_word| !is_word);
        let (_, from) = rest.split_at_checked(start)?;
        let end = length_of(from, |is_word| is_word);
        let (word, behind) = from.split_at_checked(end)?;
        rest = behind;
        (!word.is_empty()).then_some(word)
    })
}

/// How many bytes at the front of `text` are characters that are `wanted`, told
/// whether they are part of words.
#[inline]
fn length_of(text: &str, wanted: impl Fn(bool) -> bool) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        if !byte.is_ascii() {
            return at + length_beyond_ascii(text.get(at..).unwrap_or_default(), wanted);
        }
        if !wanted(IS_WORD[byte as usize & 0x7f]) {
            break;
        }
        at += 1;
    }
    at
}

/// The same, for text that starts with a character beyond ASCII.
#[cold]
fn length_beyond_ascii(text: &str, wanted: impl Fn(bool) -> bool) -> usize {
    let is_other = |&(_, character): &(usize, char)| !wanted(is_word(character));
    text.char_indices().find(is_other).map_or(text.len(), |(at, _)| at)
}

/// Whether a character is part of words.
const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

const IS_WORD: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = is_word_byte(byte as u8);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text).collect()
    }

    #[test]
    fn words_are_letters_digits_and_underscores() {
        assert_eq!(split("let my_x2 = 0xff;"), ["let", "my_x2", "0xff"]);
        assert_eq!(split("  a\n\tb--c "), ["a", "b", "c"]);
    }

    #[test]
    fn there_may_be_none() {
        assert!(split("").is_empty());
        assert!(split(" \n …—").is_empty());
    }

    #[test]
    fn letters_of_any_script_count() {
        assert_eq!(split("größe naïve—слово, 漢字。x"), ["größe", "naïve", "слово", "漢字", "x"]);
        assert_eq!(split("é"), ["é"]);
        assert_eq!(split("…é…"), ["é"]);
    }

    #[test]
    fn it_agrees_with_a_plain_split() {
        let text = include_str!("words.rs");
        let plain = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        assert!(words(text).eq(plain));
    }
}
