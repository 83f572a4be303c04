//! Tables for people.

use std::fmt::Write as _;

use toolkit::console::printable;

/// A table under its heading; nothing at all without rows.
pub(crate) fn section<const N: usize>(
    out: &mut String,
    heading: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<[String; N]> = rows.map(|row| row.map(|cell| printable(&cell))).collect();
    if rows.is_empty() {
        return;
    }
    let heading = heading.map(str::to_owned);
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            rows.iter()
                .chain([&heading])
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    out.push('\n');
    for row in [&heading].into_iter().chain(&rows) {
        let mut text = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            line(&mut text, format_args!(" {cell:<width$} "));
        }
        line(out, format_args!("{}\n", text.trim_end()));
    }
}

/// Appends to a text.
pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes any text");
}
