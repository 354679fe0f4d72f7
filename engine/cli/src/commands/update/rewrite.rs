//! A definition's text with another version. Touches nothing but version, digest, size and the
//! ending of the archive's name, each where it stands once.

use super::upstream::{Newer, Source};

/// The text with the newer version; what is missing in it, otherwise.
pub(super) fn rewritten(
    text: &str,
    version: &str,
    source: &Source,
    newer: &Newer,
) -> Result<String, &'static str> {
    let text = once(text, &format!("version = \"{version}\""), &format!("version = \"{}\"", newer.version))
        .ok_or("version of the package's own")?;
    let place = text.find(&source.sha256).ok_or("digest of the source")?;
    let text = text.replacen(&source.sha256, &newer.sha256, 1);
    let text = resized(&text, place, newer.size);
    let ending = source.urls.iter().find_map(|url| url.rsplit_once(".orig.tar.").map(|(_, ending)| ending));
    match ending.filter(|ending| *ending != newer.compression) {
        None => Ok(text),
        Some(ending) => {
            let (old, new) = (format!(".orig.tar.{ending}\""), format!(".orig.tar.{}\"", newer.compression));
            once(&text, &old, &new).ok_or("name of the archive")
        }
    }
}

/// The first `size = ` behind the digest, within its own call.
fn resized(text: &str, digest: usize, size: u64) -> String {
    let (before, behind) = text.split_at(digest);
    let call = &behind[..behind.find(')').unwrap_or(behind.len())];
    let Some(place) = call.find("size = ") else { return text.to_owned() };
    let number = place + "size = ".len();
    let end = call[number..].find(|c: char| !c.is_ascii_digit()).map_or(call.len(), |end| number + end);
    format!("{before}{}{size}{}", &behind[..number], &behind[end..])
}

/// The text with the one place where `old` stands replaced; none if there is no or another one.
fn once(text: &str, old: &str, new: &str) -> Option<String> {
    (text.matches(old).count() == 1).then(|| text.replacen(old, new, 1))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const TEXT: &str = r#"package(
    name = "lib",
    version = "1.2",  # kept
    source = archive(
        ["debian:pool/main/l/lib/lib_{version}.orig.tar.gz"],
        sha256 = "0a0a",
        size = 12,
    ),
    needs = {"cores": 2},
)
"#;

    fn newer() -> Newer {
        Newer {
            version: "1.10".to_owned(),
            parsed: "1.10".parse().unwrap(),
            url: String::new(),
            sha256: "0b0b".to_owned(),
            size: 345,
            compression: "xz".to_owned(),
        }
    }

    fn source() -> Source {
        Source {
            urls: vec!["debian:pool/main/l/lib/lib_1.2.orig.tar.gz".to_owned()],
            sha256: "0a0a".to_owned(),
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        expect![[r#"
            package(
                name = "lib",
                version = "1.10",  # kept
                source = archive(
                    ["debian:pool/main/l/lib/lib_{version}.orig.tar.xz"],
                    sha256 = "0b0b",
                    size = 345,
                ),
                needs = {"cores": 2},
            )
        "#]]
        .assert_eq(&rewritten(TEXT, "1.2", &source(), &newer()).unwrap());
        let sizeless = TEXT.replace("        size = 12,\n", "");
        assert!(rewritten(&sizeless, "1.2", &source(), &newer()).unwrap().contains("0b0b\",\n    ),"));
    }

    #[test]
    fn what_does_not_stand_there_is_said() {
        assert_eq!(rewritten(TEXT, "1.3", &source(), &newer()), Err("version of the package's own"));
        assert_eq!(
            rewritten(&TEXT.replace("0a0a", "x"), "1.2", &source(), &newer()),
            Err("digest of the source")
        );
    }
}
