//! The documented keys as a file to start from.

use super::Key;

/// The table of keys as a TOML file that sets every key to its default, each below its
/// documentation. Keys without a default are commented out.
#[must_use]
pub fn example(keys: &[Key]) -> String {
    // TOML takes the keys of the file itself only before the first table.
    let mut tables = vec![""];
    for key in keys {
        let table = table_of(key);
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    let mut text = String::new();
    for table in tables {
        let inside: Vec<&Key> = keys.iter().filter(|key| table_of(key) == table).collect();
        if !table.is_empty() {
            start_paragraph(&mut text);
            text.push_str(&format!("[{table}]\n"));
        }
        for key in inside {
            start_paragraph(&mut text);
            for line in key.doc.lines() {
                text.push_str(format!("# {line}").trim_end());
                text.push('\n');
            }
            text.push_str(&setting(key));
        }
    }
    text
}

fn table_of(key: &Key) -> &'static str {
    key.name.rsplit_once('.').map_or("", |(table, _)| table)
}

fn setting(key: &Key) -> String {
    let name = key.name.rsplit('.').next().unwrap_or(key.name);
    if key.default.is_empty() {
        format!("# {name} =\n")
    } else {
        format!("{name} = {}\n", key.default)
    }
}

fn start_paragraph(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}
