//! Aligned columns.

/// What stands between two columns.
const GAP: &str = "  ";

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table with a header. Columns in which nothing stands are left out.
pub fn table(header: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let used: Vec<usize> = (0..header.len())
        .filter(|column| rows.iter().any(|row| !cell(row, *column).is_empty()))
        .collect();
    let width = |column: &usize| {
        let cells = rows.iter().map(|row| chars(&cell(row, *column)));
        cells.chain([chars(header[*column].0)]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = used.iter().map(width).collect();
    let line = |texts: Vec<String>| {
        let cells = texts
            .iter()
            .zip(&widths)
            .zip(&used)
            .map(|((text, width), column)| padded(text, *width, header[*column].1));
        let cells: Vec<_> = cells.collect();
        format!("{}\n", cells.join(GAP).trim_end())
    };
    let mut out = line(used.iter().map(|column| header[*column].0.to_owned()).collect());
    for row in rows {
        out.push_str(&line(used.iter().map(|column| cell(row, *column)).collect()));
    }
    out
}

/// Names and what belongs to them, below one another.
pub fn pairs<'a>(indent: &str, rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| chars(name)).max().unwrap_or(0);
    let line = |(name, text): &(&str, String)| {
        let line = format!("{indent}{}{GAP}{text}", padded(name, width, Side::Left));
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn padded(text: &str, width: usize, side: Side) -> String {
    let space = " ".repeat(width.saturating_sub(chars(text)));
    match side {
        Side::Left => format!("{text}{space}"),
        Side::Right => format!("{space}{text}"),
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let header = [("NAME", Side::Left), ("NOTE", Side::Left), ("USED", Side::Right)];
        let text = table(&header, &[row(["ü", "", "7"]), row(["longer", "", "1,200"])]);
        assert_eq!(text, "NAME     USED\nü           7\nlonger  1,200\n");
    }

    #[test]
    fn pairs_are_aligned() {
        assert_eq!(
            pairs("  ", [("a", "1".to_owned()), ("long", "2".to_owned())]),
            "  a     1\n  long  2\n"
        );
    }
}
