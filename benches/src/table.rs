//! Tables of figures, in Markdown.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

/// Returns a table of `rows`, each a name and its cells, below `head`.
pub(crate) fn table(
    head: impl IntoIterator<Item = String>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
