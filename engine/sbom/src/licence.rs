//! Licence expressions: SPDX's, by the rules and the list of SPDX.
//!
//! Unaware of who licenses what. Annex D of SPDX 2.3 is the grammar; the list is
//! the one of the crate `spdx`. Deprecated identifiers are refused, because
//! `GPL-2.0` leaves open what `GPL-2.0-only` and `GPL-2.0-or-later` say.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use spdx::{AdditionItem, Expression, LicenseItem};

/// The operators, which SPDX matches as written.
const OPERATORS: [&str; 3] = ["AND", "OR", "WITH"];

/// A valid licence expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Licence {
    text: String,
    references: BTreeSet<LicenceRef>,
}

impl Licence {
    /// Validates `text`, in which operators are in capitals.
    ///
    /// # Errors
    /// [`LicenceError`] if it is no expression, or names something that is not
    /// on the list, deprecated, or in another document.
    pub fn parse(text: &str) -> Result<Self, LicenceError> {
        let text = text.trim();
        check_operators(text)?;
        let expression = Expression::parse(text).map_err(|error| LicenceError {
            expression: text.to_owned(),
            term: text.get(error.span.clone()).unwrap_or_default().to_owned(),
            problem: error.reason.to_string(),
        })?;
        Ok(Self { text: text.to_owned(), references: references(text, &expression)? })
    }

    /// The expression as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The licences that the expression cannot do without and that are not among `allowed`:
    /// identifiers of the list or `LicenseRef-` names. None if a choice of them is allowed.
    #[must_use]
    pub fn refused(&self, allowed: &BTreeSet<String>) -> Vec<String> {
        let Ok(expression) = Expression::parse(&self.text) else { return vec![self.text.clone()] };
        let is_allowed = |requirement: &spdx::LicenseReq| {
            let text = requirement.license.to_string();
            allowed.contains(&text) || allowed.contains(&requirement.to_string())
        };
        match expression.evaluate_with_failures(is_allowed) {
            Ok(()) => Vec::new(),
            Err(failed) => failed.iter().map(|failed| failed.req.to_string()).collect(),
        }
    }

    /// The licences that are not on the list, whose text a document has to carry.
    pub fn references(&self) -> impl Iterator<Item = &LicenceRef> {
        self.references.iter()
    }
}

fn check_operators(text: &str) -> Result<(), LicenceError> {
    let words = text.split(|c: char| c.is_whitespace() || "()".contains(c));
    let small = |word: &&str| {
        OPERATORS.iter().any(|operator| word.eq_ignore_ascii_case(operator) && word != operator)
    };
    match { words }.find(small) {
        None => Ok(()),
        Some(word) => Err(refuse(text, word, "operators are in capitals")),
    }
}

fn references(text: &str, expression: &Expression) -> Result<BTreeSet<LicenceRef>, LicenceError> {
    let mut references = BTreeSet::new();
    for requirement in expression.requirements() {
        if let Some(AdditionItem::Other(addition)) = &requirement.req.addition {
            return Err(refuse(
                text,
                &addition.to_string(),
                "exceptions outside the list are not in SPDX 2.3",
            ));
        }
        match &requirement.req.license {
            LicenseItem::Spdx { .. } => {}
            LicenseItem::Other(other) if other.doc_ref.is_some() => {
                return Err(refuse(
                    text,
                    &other.to_string(),
                    "licences of other documents are not supported",
                ));
            }
            LicenseItem::Other(other) if other.lic_ref.is_empty() => {
                return Err(refuse(text, PREFIX, "the licence has no name"));
            }
            LicenseItem::Other(other) => {
                references.insert(LicenceRef(format!("{PREFIX}{}", other.lic_ref)));
            }
        }
    }
    Ok(references)
}

fn refuse(expression: &str, term: &str, problem: &str) -> LicenceError {
    LicenceError { expression: expression.to_owned(), term: term.to_owned(), problem: problem.to_owned() }
}

impl fmt::Display for Licence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Licence {
    type Err = LicenceError;

    fn from_str(text: &str) -> Result<Self, LicenceError> {
        Self::parse(text)
    }
}

/// What references begin with.
const PREFIX: &str = "LicenseRef-";

/// The name of a licence that is not on the list, such as `LicenseRef-public-domain`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicenceRef(String);

impl LicenceRef {
    /// Validates `text`: `LicenseRef-` and letters, digits, `-` and `.`.
    ///
    /// # Errors
    /// [`LicenceError`] on anything else.
    pub fn parse(text: &str) -> Result<Self, LicenceError> {
        let is_reference = Licence::parse(text)?.references.contains(&Self(text.to_owned()));
        is_reference
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| refuse(text, text, "it is not one `LicenseRef-…`"))
    }

    /// The name with its `LicenseRef-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its `LicenseRef-`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0[PREFIX.len()..]
    }
}

impl fmt::Display for LicenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a licence expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{expression}` is not an SPDX licence expression: {problem} at `{term}`; \
     hint: a licence that is not on the SPDX list is written `LicenseRef-<name>`"
)]
pub struct LicenceError {
    /// What was given.
    pub expression: String,
    /// The part that is wrong; empty if that is the end.
    pub term: String,
    /// What is wrong with it.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let shown = match Licence::parse(text) {
            Err(error) => error.to_string().split("; hint").next().unwrap().to_owned(),
            Ok(licence) => {
                let references = licence.references().map(LicenceRef::as_str);
                format!("{licence} [{}]", references.collect::<Vec<_>>().join(" "))
            }
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn expressions_of_the_list_are_accepted() {
        check(" Zlib ", expect!["Zlib []"]);
        check(
            "GPL-3.0-or-later WITH GCC-exception-3.1",
            expect!["GPL-3.0-or-later WITH GCC-exception-3.1 []"],
        );
        check(
            "(MIT OR Apache-2.0) AND LicenseRef-public.domain",
            expect!["(MIT OR Apache-2.0) AND LicenseRef-public.domain [LicenseRef-public.domain]"],
        );
        check("Apache-2.0+", expect!["Apache-2.0+ []"]);
    }

    #[test]
    fn everything_else_is_refused_with_its_place() {
        check("", expect!["`` is not an SPDX licence expression: empty expression at ``"]);
        check("GPL", expect!["`GPL` is not an SPDX licence expression: unknown term at `GPL`"]);
        check(
            "GPL-2.0",
            expect![
                "`GPL-2.0` is not an SPDX licence expression: a deprecated license identifier was used at `GPL-2.0`"
            ],
        );
        check(
            "GPL-2.0+",
            expect![
                "`GPL-2.0+` is not an SPDX licence expression: a deprecated license identifier was used at `GPL-2.0`"
            ],
        );
        check(
            "MIT and BSD-3-Clause",
            expect![
                "`MIT and BSD-3-Clause` is not an SPDX licence expression: operators are in capitals at `and`"
            ],
        );
        check(
            "MIT BSD-3-Clause",
            expect![
                "`MIT BSD-3-Clause` is not an SPDX licence expression: expected one of `AND`, `OR`, `WITH`, `)`, `+` here at `BSD-3-Clause`"
            ],
        );
        check(
            "MIT AND",
            expect![
                "`MIT AND` is not an SPDX licence expression: expected one of `<license>`, `(` here at ``"
            ],
        );
        check("(MIT", expect!["`(MIT` is not an SPDX licence expression: unclosed parens at `(`"]);
        check(
            "MIT WITH nothing",
            expect!["`MIT WITH nothing` is not an SPDX licence expression: unknown term at `nothing`"],
        );
        check(
            "DocumentRef-a:LicenseRef-b",
            expect![
                "`DocumentRef-a:LicenseRef-b` is not an SPDX licence expression: licences of other documents are not supported at `DocumentRef-a:LicenseRef-b`"
            ],
        );
        check(
            "MIT WITH AdditionRef-a",
            expect![
                "`MIT WITH AdditionRef-a` is not an SPDX licence expression: exceptions outside the list are not in SPDX 2.3 at `AdditionRef-a`"
            ],
        );
    }

    #[test]
    fn a_reference_is_one_name() {
        assert_eq!(LicenceRef::parse("LicenseRef-tz").map(|it| it.name().to_owned()), Ok("tz".to_owned()));
        for bad in ["MIT", "tz", "LicenseRef-", "LicenseRef-a OR MIT", "LicenseRef-a_b"] {
            assert!(LicenceRef::parse(bad).is_err(), "{bad}");
        }
    }
}
