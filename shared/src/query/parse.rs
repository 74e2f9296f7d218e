//! Reading queries: by the grammar of AIP-160, in which `OR` binds tighter than `AND`.
//!
//! ```text
//! filter      = [ expression ]
//! expression  = factor { [ "AND" ] factor }
//! factor      = term { "OR" term }
//! term        = [ "NOT" | "-" ] simple
//! simple      = "(" expression ")" | path [ comparator literal ]
//! path        = name { "." name }
//! ```

use super::filter::{Comparator, Comparison, Filter, Literal, NumberText, Path, Pattern};
use super::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX, QueryError};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// What begins a term.
const TERM: &str = "a comparison such as task = \"chat\", or a parenthesis";

/// Reads a text from its front.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            terms: 0,
        }
    }

    pub(super) fn filter(mut self) -> Result<Filter, QueryError> {
        if self.is_at_end() {
            return Ok(Filter::ALL);
        }
        let filter = self.expression()?;
        match self.is_at_end() {
            true => Ok(filter),
            false => Err(self.expected("AND, OR, another comparison or the end")),
        }
    }

    fn expression(&mut self) -> Result<Filter, QueryError> {
        let mut parts = alloc::vec![self.factor()?];
        while !self.is_at_end() && self.peek() != Some(')') {
            self.keyword("AND");
            parts.push(self.factor()?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn factor(&mut self) -> Result<Filter, QueryError> {
        let mut parts = alloc::vec![self.term()?];
        while self.keyword("OR") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn term(&mut self) -> Result<Filter, QueryError> {
        if self.keyword("NOT") || self.eat("-") {
            return Ok(Filter::Not(Box::new(self.simple()?)));
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Filter, QueryError> {
        self.skip_spaces();
        if self.peek() != Some('(') {
            return self.comparison();
        }
        if self.depth == FILTER_DEPTH_MAX {
            return Err(self.expected(alloc::format!(
                "at most {FILTER_DEPTH_MAX} parentheses within each other"
            )));
        }
        self.at += 1;
        self.depth += 1;
        let inner = self.expression()?;
        if !self.eat(")") {
            return Err(self.expected("AND, OR, another comparison or a closing parenthesis"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Filter, QueryError> {
        self.terms += 1;
        if self.terms > FILTER_TERMS_MAX {
            return Err(self.expected(alloc::format!("at most {FILTER_TERMS_MAX} comparisons")));
        }
        if ["AND", "OR", "NOT"].iter().any(|word| self.is_keyword(word)) {
            return Err(self.expected(TERM));
        }
        let path = self.path(TERM)?;
        if self.peek() == Some('(') {
            return Err(self.expected("a comparator; there are no functions"));
        }
        let Some(comparator) = self.comparator() else {
            return Ok(Filter::Mention(path.joined()));
        };
        Ok(Filter::Compare(Comparison {
            path,
            comparator,
            literal: self.literal()?,
        }))
    }

    /// A path, which must stand here.
    pub(super) fn path(&mut self, expected: &str) -> Result<Path, QueryError> {
        self.skip_spaces();
        let mut names = alloc::vec![self.name(expected)?];
        while self.peek() == Some('.') {
            self.at += 1;
            names.push(self.name("a name after the dot")?);
        }
        Ok(Path(names))
    }

    fn name(&mut self, expected: &str) -> Result<String, QueryError> {
        if let Some(pieces) = self.quoted()? {
            return Ok(pieces.join("*"));
        }
        match self.word(is_of_name) {
            "" => Err(self.expected(expected)),
            word => Ok(word.into()),
        }
    }

    fn comparator(&mut self) -> Option<Comparator> {
        let found = Comparator::ALL.iter().find(|(_, sign)| self.eat(sign));
        found.map(|(comparator, _)| *comparator)
    }

    fn literal(&mut self) -> Result<Literal, QueryError> {
        self.skip_spaces();
        if let Some(pieces) = self.quoted()? {
            return Ok(Literal::Text(Pattern(pieces)));
        }
        Ok(match self.word(is_of_literal) {
            "" => return Err(self.expected("a value: a text in quotes, a number, true, false or null")),
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            word => match NumberText::read(word) {
                Some(number) => Literal::Number(number),
                None => Literal::Text(Pattern(word.split('*').map(String::from).collect())),
            },
        })
    }

    /// A text in quotes, cut at its wildcards, if one stands here.
    fn quoted(&mut self) -> Result<Option<Vec<String>>, QueryError> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(None);
        };
        self.at += 1;
        let mut pieces = alloc::vec![String::new()];
        let mut escaped = false;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            let last = pieces.len() - 1;
            match c {
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                '*' if !escaped => pieces.push(String::new()),
                c if c == quote && !escaped => return Ok(Some(pieces)),
                c => pieces[last].push(c),
            }
            escaped = false;
        }
        Err(self.expected(alloc::format!("a closing {quote}")))
    }

    fn word(&mut self, belongs: fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn is_keyword(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let after = self.text[self.at..].strip_prefix(word);
        after.is_some_and(|after| !after.starts_with(|c| is_of_name(c) || matches!(c, '.' | ':')))
    }

    /// Passes over a word of the language, if it stands here.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Passes over a sign, if it stands here.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        self.skip_spaces();
        let found = self.text[self.at..].starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.at == self.text.len()
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The error that something else should stand here.
    pub(super) fn expected(&self, expected: impl alloc::string::ToString) -> QueryError {
        QueryError::new(self.text, self.at, expected)
    }
}

fn one_or(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    if parts.len() > 1 {
        return several(parts);
    }
    parts.pop().unwrap_or(Filter::ALL)
}

/// What a name is made of that stands without quotes.
pub(super) fn is_of_name(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | '\'' | ',' | '=' | '<' | '>' | '!' | ':' | '.')
}

/// What a value is made of that stands without quotes: times and decimals too.
fn is_of_literal(c: char) -> bool {
    is_of_name(c) || matches!(c, ':' | '.')
}
