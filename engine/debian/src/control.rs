//! Control files: paragraphs of `Name: value`, values going on in indented lines, as
//! Debian Policy 5.1 has them. Unaware of what fields mean.

/// A line that is neither a field nor the rest of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no field: `{text}`")]
pub struct ControlError {
    /// Counted from 1.
    pub line: usize,
    /// At most its first 80 characters.
    pub text: String,
}

/// The fields of one paragraph, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paragraph<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Paragraph<'a> {
    /// A field's value with the lines it goes on in, without white space around it. Names
    /// are compared without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }
}

/// All paragraphs of a text.
///
/// # Errors
/// [`ControlError`] at the first line that is wrong.
pub fn paragraphs(text: &str) -> Result<Vec<Paragraph<'_>>, ControlError> {
    let mut all = Vec::new();
    let mut current = Paragraph::default();
    let mut begin = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = begin + line.len();
        if line.trim().is_empty() {
            if !current.fields.is_empty() {
                all.push(std::mem::take(&mut current));
            }
        } else if line.starts_with([' ', '\t'])
            && let Some((_, value)) = current.fields.last_mut()
        {
            // A value and the line it goes on in stand one after the other in the text.
            *value = &text[end - line.len() - value.len()..end];
        } else {
            let (name, _) = line.split_once(':').filter(|(name, _)| is_name(name)).ok_or_else(|| {
                ControlError { line: number + 1, text: line.trim_end().chars().take(80).collect() }
            })?;
            current.fields.push((&text[begin..begin + name.len()], &text[begin + name.len() + 1..end]));
        }
        begin = end;
    }
    if !current.fields.is_empty() {
        all.push(current);
    }
    Ok(all)
}

/// Printable ASCII but for white space and the colon, and no comment's start.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '-']) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_in_indented_lines() {
        let found = paragraphs("A: 1\nLong:\n x y\n\tz\nb:2\n\n\nA: 3").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("a"), Some("1"));
        assert_eq!(found[0].get("Long"), Some("x y\n\tz"));
        assert_eq!(found[0].get("B"), Some("2"));
        assert_eq!(found[1].get("A"), Some("3"));
        assert_eq!(found[1].get("B"), None);
        assert_eq!(paragraphs("\n \n").unwrap(), []);
    }

    #[test]
    fn other_lines_are_refused() {
        for (text, line) in [("A: 1\nno field\n", 2), (" x\n", 1), ("A: 1\n\n: 2\n", 3), ("a b: c\n", 1)] {
            assert_eq!(paragraphs(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
