//! What somebody wants listed, read from text.

use super::page::{Place, Wanted};
use super::token::{self, TokenError};
use super::{Filter, Mask, Order, QueryError, Words};
use crate::name::{NameError, Namespace};
use alloc::string::String;

/// Models of a page when nobody says how many, and at most: a page of the longest ones stays within what a client of
/// the socket reads.
const PAGE_SIZE_DEFAULT: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;

/// A listing as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Of which namespace; of all when it is not said.
    pub namespace: Option<String>,
    /// Which models ([`Filter`]).
    pub filter: Option<String>,
    /// In which order ([`Order`]).
    pub order_by: Option<String>,
    /// Which parts of them ([`Mask`]).
    pub fields: Option<String>,
    /// Words to look for ([`Words`]).
    pub q: Option<String>,
    /// How many models a page has.
    pub page_size: Option<String>,
    /// The `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// A listing that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The namespace has no such name.
    #[error("reading the namespace: {0}")]
    Namespace(#[from] NameError),
    /// A text of a query language is wrong.
    #[error("reading {parameter}: {error}")]
    Query {
        /// Which text.
        parameter: &'static str,
        /// Where, and what should stand there.
        error: QueryError,
    },
    /// A page has too many models, or none.
    #[error("reading page_size: {0:?} is out of range; use 1 to {PAGE_SIZE_MAX}")]
    PageSize(String),
    /// It is no token.
    #[error("reading page_token: it is none; use the next_page_token of the page before, as it is")]
    Token,
    /// It is the token of something else.
    #[error(
        "reading page_token: it is of another listing; ask with the namespace, filter, order_by and q of the page before, or begin anew without a token"
    )]
    OtherToken,
}

/// A listing that can be made.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which models, and how many.
    pub wanted: Wanted,
    /// Which parts of them; all when it is not said.
    pub mask: Option<Mask>,
    /// What its tokens are told apart from those of others by.
    listing: u64,
}

impl Question {
    /// Reads all parts. `count` overrides the size of a page.
    ///
    /// # Errors
    ///
    /// Names the part that cannot be read.
    pub fn read(&self, count: Option<usize>) -> Result<Listed, QuestionError> {
        let of = |parameter| move |error| QuestionError::Query { parameter, error };
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let listing = token::listing_of([&self.namespace, &self.filter, &self.order_by, &self.q].map(Option::as_deref));
        let after = match self.page_token.as_deref() {
            None => None,
            Some(text) => Some(token::place(text, listing).map_err(|error| match error {
                TokenError::None => QuestionError::Token,
                TokenError::Other => QuestionError::OtherToken,
            })?),
        };
        let wanted = Wanted {
            namespace: self.namespace.clone().map(Namespace::new).transpose()?,
            filter: Filter::parse(&text(&self.filter)).map_err(of("filter"))?,
            words: Words::parse(&text(&self.q)).map_err(of("q"))?,
            order: Order::parse(&text(&self.order_by)).map_err(of("order_by"))?,
            after,
            count: count.map_or_else(|| self.count(), Ok)?,
        };
        let mask = self.fields.as_deref().filter(|fields| !fields.trim().is_empty());
        let mask = mask.map(Mask::parse).transpose().map_err(of("fields"))?;
        Ok(Listed { wanted, mask, listing })
    }

    fn count(&self) -> Result<usize, QuestionError> {
        let Some(text) = &self.page_size else {
            return Ok(PAGE_SIZE_DEFAULT);
        };
        let count = text.parse().ok().filter(|count| (1..=PAGE_SIZE_MAX).contains(count));
        count.ok_or_else(|| QuestionError::PageSize(text.chars().take(40).collect()))
    }
}

impl Listed {
    /// The token of the page after a place.
    #[must_use]
    pub fn token_of(&self, place: &Place) -> String {
        token::token(self.listing, place)
    }
}
