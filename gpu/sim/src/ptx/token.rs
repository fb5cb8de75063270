//! Cutting a text into words, numbers and marks.

/// A piece of the text, and the line it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) line: u32,
}

/// The pieces of a text, without spaces and comments.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut rest, mut line, mut found) = (text, 1, Vec::new());
    while let Some(first) = rest.chars().next() {
        let len = length(rest, first);
        let (piece, after) = rest.split_at(len);
        if !first.is_whitespace() && !is_comment(rest) {
            found.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count() as u32;
        rest = after;
    }
    found
}

/// Bytes of the piece that a text starts with.
fn length(text: &str, first: char) -> usize {
    if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else if text.starts_with("/*") {
        text.find("*/").map_or(text.len(), |end| end + 2)
    } else if is_of_word(first) {
        text.find(|next| !is_of_word(next)).unwrap_or(text.len())
    } else {
        first.len_utf8()
    }
}

fn is_comment(text: &str) -> bool {
    text.starts_with("//") || text.starts_with("/*")
}

/// Whether words consist of it: names, opcodes with their dots, numbers.
fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$' | '%' | '.')
}
