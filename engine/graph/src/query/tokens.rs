//! A question cut into words, quoted text and signs. Unaware of what they mean together.

use std::ops::Range;

use super::QueryError;

/// One piece of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A label, a pattern, a number, a function's name, or an operator spelled out.
    Word(String),
    /// Text in quotes, which is never a name or an operator.
    Quoted(String),
    /// One of `( ) , + - ^ |`.
    Sign(char),
}

/// A piece and its place in bytes.
pub(super) type Placed = (Token, Range<usize>);

/// Cuts a question into pieces. `-` and `+` within or at the end of a word belong to it, so an
/// operator that is a sign stands apart from the word before it.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        match c {
            _ if c.is_whitespace() => {}
            '(' | ')' | ',' | '+' | '-' | '|' => {
                tokens.push((Token::Sign(c), start..start + c.len_utf8()));
            }
            '^' if !rest.peek().is_some_and(|(_, next)| is_in_word(*next)) => {
                tokens.push((Token::Sign(c), start..start + c.len_utf8()));
            }
            '"' | '\'' => {
                let end = rest.find(|(_, other)| *other == c).map(|(end, _)| end).ok_or_else(|| {
                    QueryError::new(start..text.len(), "a quote is not closed")
                        .hint(format!("end it with `{c}`"))
                })?;
                tokens.push((Token::Quoted(text[start + 1..end].to_owned()), start..end + 1));
            }
            _ if is_in_word(c) => {
                let mut end = start + c.len_utf8();
                while let Some((at, c)) = rest.next_if(|(_, c)| is_in_word(*c) || matches!(c, '-' | '+')) {
                    end = at + c.len_utf8();
                }
                tokens.push((Token::Word(text[start..end].to_owned()), start..end));
            }
            _ => {
                let place = start..start + c.len_utf8();
                return Err(QueryError::new(place, format!("`{c}` means nothing here"))
                    .hint("put text with unusual characters, such as a regular expression, in quotes"));
            }
        }
    }
    Ok(tokens)
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || "/:.@_*=~$^[]\\?{}".contains(c)
}
