//! Writing filters so that they read back as they were.

use super::filter::{Comparator, Comparison, Filter, Literal, Path};
use core::fmt::{self, Write};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " AND "),
            Self::Or(parts) => joined(f, parts, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                operand(f, inner)
            }
            Self::Compare(comparison) => comparison.fmt(f),
            Self::Mention(text) => quoted(f, [text.as_str()]),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Filter], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        match part {
            // The only operator that binds tighter than both.
            Filter::Not(_) => write!(f, "{part}")?,
            _ => operand(f, part)?,
        }
    }
    Ok(())
}

fn operand(f: &mut fmt::Formatter<'_>, part: &Filter) -> fmt::Result {
    match part {
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) => write!(f, "({part})"),
        Filter::Compare(_) | Filter::Mention(_) => write!(f, "{part}"),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.path, self.comparator, self.literal)
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Self::ALL.iter().find(|(comparator, _)| comparator == self);
        f.write_str(sign.map_or("", |(_, sign)| sign))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            quoted(f, [name.as_str()])?;
        }
        Ok(())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(pattern) => quoted(f, pattern.0.iter().map(alloc::string::String::as_str)),
            Self::Number(number) => f.write_str(&number.text),
            Self::Bool(flag) => flag.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}

fn quoted<'a>(f: &mut fmt::Formatter<'_>, pieces: impl IntoIterator<Item = &'a str>) -> fmt::Result {
    f.write_char('"')?;
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            f.write_char('*')?;
        }
        for c in piece.chars() {
            if matches!(c, '"' | '\\' | '*') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
    }
    f.write_char('"')
}
