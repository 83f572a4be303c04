//! A table for people.

use toolkit::console::printable;

/// No column is wider; characters.
const WIDEST: usize = 100;

/// Columns with their names and a line under them; cells that are too long are cut.
pub(crate) fn render(names: &[String], rows: &[Vec<String>]) -> String {
    let cut = |text: &str| -> String {
        let text = printable(&text.replace('\n', " "));
        if text.chars().count() <= WIDEST {
            return text;
        }
        let mut cut: String = text.chars().take(WIDEST - 1).collect();
        cut.push('…');
        cut
    };
    let names: Vec<String> = names.iter().map(|name| cut(name)).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cut(cell)).collect())
        .collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .chain(names.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = cells.get(column).map_or("", String::as_str);
                format!("{cell:<width$}")
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut text = line(&names);
    text.push_str(&line(&rule));
    for row in &rows {
        text.push_str(&line(row));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_columns_up() {
        let names = ["level".to_owned(), "count(*)".to_owned()];
        let rows = [
            vec!["ERROR".to_owned(), "3".to_owned()],
            vec!["a much longer one".to_owned()],
        ];
        assert_eq!(
            render(&names, &rows),
            "level              count(*)\n\
             ─────────────────  ────────\n\
             ERROR              3\n\
             a much longer one\n"
        );
    }

    #[test]
    fn cuts_what_is_too_long() {
        let text = render(&["m".to_owned()], &[vec!["x".repeat(500)]]);
        assert_eq!(text.lines().last().unwrap().chars().count(), WIDEST);
    }
}
