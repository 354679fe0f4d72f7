//! Interpreters: of scripts by their first line, of Python modules by their folder.

use wiz_base::RelPath;

/// Linux looks at no more of a first line.
pub(super) const LONGEST: u64 = 256;

/// The command that runs a script which starts with `head`.
pub(super) fn interpreter(head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace();
    let program = words.next()?;
    let name = program.rsplit('/').next()?;
    if name != "env" {
        return program.starts_with('/').then(|| name.to_owned());
    }
    let assigned = |word: &&str| word.starts_with('-') || word.contains('=');
    words.find(|word| !assigned(word)).map(str::to_owned)
}

/// `3.13` for `usr/lib/python3.13/site-packages`.
pub(super) fn python_series(path: &RelPath) -> Option<String> {
    let inner = path.as_str().strip_prefix("usr/lib/python")?;
    let series = inner.strip_suffix("/site-packages")?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    series.split('.').all(digits).then(|| series.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_name_commands() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"#!/bin/sh\nrest", Some("sh")),
            (b"#! /usr/bin/perl -w\n", Some("perl")),
            (b"#!/usr/bin/env python3", Some("python3")),
            (b"#!/usr/bin/env -S A=b bash -e\n", Some("bash")),
            (b"#!relative\n", None),
            (b"#!\n", None),
            (b"\x7fELF", None),
            (b"#!/bin/\xff\n", None),
        ];
        for (head, expected) in cases {
            assert_eq!(interpreter(head).as_deref(), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn modules_belong_to_a_series_of_python() {
        let series = |text| python_series(&RelPath::new(text).unwrap());
        assert_eq!(series("usr/lib/python3.13/site-packages").as_deref(), Some("3.13"));
        assert_eq!(series("usr/lib/python3/site-packages").as_deref(), Some("3"));
        assert_eq!(series("usr/lib/pythonic/site-packages"), None);
        assert_eq!(series("usr/lib/python3.13"), None);
    }
}
