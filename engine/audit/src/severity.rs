//! How bad a vulnerability is: CVSS 3.0, 3.1 and 4.0 vectors are scored, words taken as they are.

use std::fmt;
use std::str::FromStr;

use cvss::Cvss;

/// The qualitative scale of CVSS (3.1, section 5; 4.0, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nobody has said.
    Unknown,
    /// A score of 0.
    None,
    /// 0.1 to 3.9.
    Low,
    /// 4.0 to 6.9.
    Medium,
    /// 7.0 to 8.9.
    High,
    /// 9.0 to 10.
    Critical,
}

impl Level {
    /// The level that counts for a decision: what nobody has judged counts as medium.
    #[must_use]
    pub fn judged(self) -> Self {
        if self == Self::Unknown { Self::Medium } else { self }
    }

    /// The level in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level a feed names by a word, `MODERATE` included.
    pub(crate) fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "low" | "negligible" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    fn of_score(score: f64) -> Self {
        match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A level, and the vector it was scored from.
#[derive(Clone, Debug, PartialEq)]
pub struct Severity {
    /// The level.
    pub level: Level,
    /// The score, from 0 to 10, where there is a vector.
    pub score: Option<f64>,
    /// The CVSS vector.
    pub vector: Option<String>,
}

impl Severity {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { level: Level::Unknown, score: None, vector: None };

    /// The severity of a CVSS vector; none if it is not one.
    pub(crate) fn of_vector(vector: &str) -> Option<Self> {
        let score = Cvss::from_str(vector).ok()?.score();
        Some(Self { level: Level::of_score(score), score: Some(score), vector: Some(vector.to_owned()) })
    }

    /// The severity of a word.
    pub(crate) fn of_word(word: &str) -> Self {
        Self { level: Level::of_word(word), ..Self::UNKNOWN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scored_as_their_specifications_do() {
        // CVE-2021-44228 and CVE-2014-0160 in the National Vulnerability Database; the last is
        // an example of CVSS 4.0.
        for (vector, score, level) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, Level::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, Level::High),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, Level::Critical),
        ] {
            let severity = Severity::of_vector(vector).expect("is a vector");
            assert_eq!((severity.score, severity.level), (Some(score), level), "{vector}");
        }
        assert_eq!(Severity::of_vector("AV:N"), None);
    }

    #[test]
    fn words_of_feeds_are_levels() {
        assert_eq!(Level::of_word("MODERATE"), Level::Medium);
        assert_eq!(Level::of_word("to be triaged"), Level::Unknown);
    }
}
