//! A question as a tree: sets named by words, functions of sets, and sets put together.

use std::ops::Range;

use super::QueryError;
use super::tokens::{Placed, Token, tokens};

/// How deep parentheses may stand in each other.
const MOST_DEPTH: usize = 100;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// What a word names.
    Word(String, Range<usize>),
    /// A function of sets and texts.
    Call(Function, Vec<Argument>, Range<usize>),
    /// Sets put together from left to right.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
}

/// What a function is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A set.
    Set(Expression),
    /// A text.
    Text(String, Range<usize>),
    /// A number of steps.
    Depth(usize),
}

/// How two sets are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// What is in one of them: `+`, `|`, `union`.
    Union,
    /// What is in the left one only: `-`, `except`.
    Except,
    /// What is in both: `^`, `intersect`.
    Intersect,
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `deps(SET[, DEPTH])`: the set and what it needs.
    Deps,
    /// `rdeps([UNIVERSE,] SET[, DEPTH])`: the set and what of the universe needs it.
    Rdeps,
    /// `allpaths(FROM, TO)`: everything between the two sets, themselves included.
    Allpaths,
    /// `somepath(FROM, TO)`: one shortest way from the one to the other.
    Somepath,
    /// `kind(REGEX, SET)`: what is of a kind.
    Kind,
    /// `attr(NAME, REGEX, SET)`: what has an attribute of that value.
    Attr,
    /// `filter(REGEX, SET)`: what has such a name.
    Filter,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Set,
    Text,
    Depth,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Allpaths, Self::Attr, Self::Deps, Self::Filter, Self::Kind, Self::Rdeps, Self::Somepath];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deps => "deps",
            Self::Rdeps => "rdeps",
            Self::Allpaths => "allpaths",
            Self::Somepath => "somepath",
            Self::Kind => "kind",
            Self::Attr => "attr",
            Self::Filter => "filter",
        }
    }

    /// How it is called.
    #[must_use]
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Deps => "deps(SET) or deps(SET, DEPTH)",
            Self::Rdeps => "rdeps(SET), rdeps(UNIVERSE, SET) or rdeps(UNIVERSE, SET, DEPTH)",
            Self::Allpaths => "allpaths(FROM, TO)",
            Self::Somepath => "somepath(FROM, TO)",
            Self::Kind => "kind(REGEX, SET)",
            Self::Attr => "attr(NAME, REGEX, SET)",
            Self::Filter => "filter(REGEX, SET)",
        }
    }

    /// What it takes, by the number of arguments it is given; `None` if it does not take that many.
    fn parameters(self, count: usize) -> Option<&'static [Parameter]> {
        use Parameter::{Depth, Set, Text};
        let all: &[&[Parameter]] = match self {
            Self::Deps => &[&[Set], &[Set, Depth]],
            Self::Rdeps => &[&[Set], &[Set, Set], &[Set, Set, Depth]],
            Self::Allpaths | Self::Somepath => &[&[Set, Set]],
            Self::Kind | Self::Filter => &[&[Text, Set]],
            Self::Attr => &[&[Text, Text, Set]],
        };
        all.iter().find(|parameters| parameters.len() == count).copied()
    }
}

impl Expression {
    /// Reads a question.
    ///
    /// # Errors
    /// [`QueryError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len() };
        let expression = parser.expression(0)?;
        match parser.peek() {
            None => Ok(expression),
            Some((token, place)) => Err(unexpected(token, place.clone())),
        }
    }

    /// Every word that names nodes, with its place.
    #[must_use]
    pub fn words(&self) -> Vec<(&str, Range<usize>)> {
        let mut words = Vec::new();
        self.visit(&mut |expression| {
            if let Self::Word(word, place) = expression {
                words.push((word.as_str(), place.clone()));
            }
        });
        words
    }

    /// Whether it asks who needs something among everything there is.
    #[must_use]
    pub fn needs_everything(&self) -> bool {
        let mut found = false;
        self.visit(&mut |expression| {
            found |= matches!(expression, Self::Call(Function::Rdeps, arguments, _) if arguments.len() == 1);
        });
        found
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a Self)) {
        visitor(self);
        match self {
            Self::Word(..) => {}
            Self::Call(_, arguments, _) => {
                for argument in arguments {
                    if let Argument::Set(set) = argument {
                        set.visit(visitor);
                    }
                }
            }
            Self::Chain(first, rest) => {
                first.visit(visitor);
                rest.iter().for_each(|(_, operand)| operand.visit(visitor));
            }
        }
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    /// Bytes of the question.
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Placed> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    /// Takes a sign if it comes next.
    fn takes(&mut self, sign: char) -> bool {
        let is_next = matches!(self.peek(), Some((Token::Sign(next), _)) if *next == sign);
        self.next += usize::from(is_next);
        is_next
    }

    fn at_end(&self, expected: &str) -> QueryError {
        QueryError::new(self.end..self.end, format!("the question ends where {expected} should be"))
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, QueryError> {
        let first = self.operand(depth)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.peek().and_then(|(token, _)| operator(token)) {
            self.next += 1;
            rest.push((operator, self.operand(depth)?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Chain(Box::new(first), rest) })
    }

    fn operand(&mut self, depth: usize) -> Result<Expression, QueryError> {
        let Some((token, place)) = self.take() else { return Err(self.at_end("a label or a function")) };
        if depth > MOST_DEPTH {
            return Err(QueryError::new(place, format!("parentheses stand more than {MOST_DEPTH} deep")));
        }
        match token {
            Token::Sign('(') => {
                let inner = self.expression(depth + 1)?;
                self.close(place)?;
                Ok(inner)
            }
            Token::Word(word) if self.takes('(') => self.call(&word, place, depth),
            Token::Word(_) if operator(&token).is_some() => Err(unexpected(&token, place)),
            Token::Word(word) | Token::Quoted(word) => Ok(Expression::Word(word, place)),
            Token::Sign(_) => Err(unexpected(&token, place)),
        }
    }

    fn close(&mut self, opened: Range<usize>) -> Result<usize, QueryError> {
        match self.take() {
            Some((Token::Sign(')'), place)) => Ok(place.end),
            Some((token, place)) => Err(unexpected(&token, place)),
            None => Err(QueryError::new(opened, "what is opened here is not closed").hint("`)` is missing")),
        }
    }

    fn call(&mut self, name: &str, place: Range<usize>, depth: usize) -> Result<Expression, QueryError> {
        let Some(function) = Function::ALL.into_iter().find(|function| function.name() == name) else {
            let names = Function::ALL.map(Function::name).join(", ");
            return Err(QueryError::new(place, format!("there is no function `{name}`"))
                .hint(format!("there are {names}")));
        };
        // What each argument is, is known once their number is.
        let mut arguments = Vec::new();
        if !matches!(self.peek(), Some((Token::Sign(')'), _))) {
            loop {
                let first = self.next;
                let expression = self.expression(depth + 1)?;
                arguments.push((expression, self.tokens[first..self.next].to_vec()));
                if !self.takes(',') {
                    break;
                }
            }
        }
        let end = self.close(place.clone())?;
        let Some(parameters) = function.parameters(arguments.len()) else {
            let given = match arguments.len() {
                1 => "1 argument".to_owned(),
                count => format!("{count} arguments"),
            };
            return Err(QueryError::new(place.start..end, format!("`{name}` does not take {given}"))
                .hint(format!("it is {}", function.usage())));
        };
        let typed = parameters.iter().zip(arguments);
        let typed = typed
            .map(|(parameter, (expression, tokens))| argument(function, *parameter, expression, &tokens));
        Ok(Expression::Call(function, typed.collect::<Result<_, _>>()?, place.start..end))
    }
}

fn argument(
    function: Function,
    parameter: Parameter,
    expression: Expression,
    tokens: &[Placed],
) -> Result<Argument, QueryError> {
    let whole =
        tokens.first().map_or(0, |(_, place)| place.start)..tokens.last().map_or(0, |(_, place)| place.end);
    match (parameter, expression) {
        (Parameter::Set, expression) => Ok(Argument::Set(expression)),
        (Parameter::Text, Expression::Word(text, place)) => Ok(Argument::Text(text, place)),
        (Parameter::Depth, Expression::Word(text, place)) => match text.parse() {
            Ok(depth) => Ok(Argument::Depth(depth)),
            Err(_) => Err(QueryError::new(place, format!("`{text}` is not a number of steps"))
                .hint(format!("`{}` is {}", function.name(), function.usage()))),
        },
        (Parameter::Text | Parameter::Depth, _) => Err(QueryError::new(
            whole,
            "a set stands where a text or a number should be",
        )
        .hint(format!("`{}` is {}", function.name(), function.usage()))),
    }
}

fn operator(token: &Token) -> Option<Operator> {
    match token {
        Token::Sign('+' | '|') => Some(Operator::Union),
        Token::Sign('-') => Some(Operator::Except),
        Token::Sign('^') => Some(Operator::Intersect),
        Token::Word(word) => match word.as_str() {
            "union" => Some(Operator::Union),
            "except" => Some(Operator::Except),
            "intersect" => Some(Operator::Intersect),
            _ => None,
        },
        _ => None,
    }
}

fn unexpected(token: &Token, place: Range<usize>) -> QueryError {
    match token {
        Token::Sign(sign) => QueryError::new(place, format!("`{sign}` cannot stand here")),
        Token::Word(word) | Token::Quoted(word) => {
            QueryError::new(place, format!("`{word}` cannot stand here"))
                .hint("between two sets stands `+`, `-` or `^`, with a space before it")
        }
    }
}
