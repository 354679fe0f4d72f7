//! The archives that apt is configured to use: sources.list(5), both of its formats.
//! Takes `http` and `https` URIs of archives with suites. Unaware of credentials, and of
//! what the archives hold.

use std::fs;
use std::path::Path;

/// The base URLs of all enabled archives below apt's configuration folder, in the order
/// in which apt reads them, each once.
pub(super) fn archives(apt: &Path) -> Vec<String> {
    let mut urls = Vec::new();
    if let Ok(text) = fs::read_to_string(apt.join("sources.list")) {
        one_line(&text, &mut urls);
    }
    let parts = fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten();
    let mut parts: Vec<_> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    for part in parts {
        let Ok(text) = fs::read_to_string(&part) else { continue };
        match part.extension().and_then(|extension| extension.to_str()) {
            Some("list") => one_line(&text, &mut urls),
            Some("sources") => deb822(&text, &mut urls),
            _ => {}
        }
    }
    urls
}

/// `deb [options] uri suite component...`
fn one_line(text: &str, urls: &mut Vec<String>) {
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb-src").or_else(|| line.strip_prefix("deb")) else { continue };
        if !rest.starts_with([' ', '\t', '[']) {
            continue;
        }
        let rest = rest.trim_start();
        let rest =
            if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            add(uri, suite, urls);
        }
    }
}

/// Stanzas of `Name: value`, values going on in indented lines.
fn deb822(text: &str, urls: &mut Vec<String>) {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            stanza(&fields, urls);
            fields.clear();
        } else if line.starts_with('#') {
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn stanza(fields: &[(String, String)], urls: &mut Vec<String>) {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    if field("enabled").is_some_and(|value| ["no", "false", "0"].contains(&value)) {
        return;
    }
    let suite = field("suites").and_then(|suites| suites.split_whitespace().next());
    if let (Some(uris), Some(suite)) = (field("uris"), suite) {
        uris.split_whitespace().for_each(|uri| add(uri, suite, urls));
    }
}

/// A suite that ends in `/` is a folder of packages, which has no pool.
fn add(uri: &str, suite: &str, urls: &mut Vec<String>) {
    let is_http = uri.starts_with("http://") || uri.starts_with("https://");
    let url = uri.trim_end_matches('/').to_owned();
    if is_http && !suite.ends_with('/') && !urls.contains(&url) {
        urls.push(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read_in_order() {
        let apt = tempfile::tempdir().unwrap();
        let parts = apt.path().join("sources.list.d");
        fs::create_dir(&parts).unwrap();
        fs::write(
            apt.path().join("sources.list"),
            "# deb http://commented.test x main\n\
             deb [arch=amd64 signed-by=/k] https://a.test/debian/ stable main # note\n\
             deb-src https://a.test/debian stable main\n\
             deb cdrom:[disc]/ stable main\n\
             deb http://flat.test ./\n",
        )
        .unwrap();
        fs::write(
            parts.join("b.sources"),
            "Types: deb\n# comment\nURIs: http://b.test/debian\n http://c.test\nSuites: stable\n\n\
             Types: deb\nEnabled: no\nURIs: http://off.test\nSuites: stable\n\n\
             Types: deb\nURIs: http://folder.test\nSuites: ./\n",
        )
        .unwrap();
        fs::write(parts.join("c.list.disabled"), "deb http://disabled.test stable main\n").unwrap();
        let expected = ["https://a.test/debian", "http://b.test/debian", "http://c.test"];
        assert_eq!(archives(apt.path()), expected);
    }

    #[test]
    fn without_apt_there_are_none() {
        assert_eq!(archives(Path::new("/nonexistent")), Vec::<String>::new());
    }
}
