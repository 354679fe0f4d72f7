//! A lock file's text: lists of pinned packages, one a line, as Starlark. Read back by
//! line, so that a file somebody has damaged still says what it can.

use std::fmt::Write as _;

/// A lock file as it ought to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockFile {
    /// What it says of itself.
    pub(super) doc: String,
    /// The target that asks for it.
    pub(super) label: String,
    /// Its lists, in order.
    pub(super) lists: Vec<PinnedList>,
}

/// A list of pinned packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PinnedList {
    /// The name it is loaded by.
    pub(super) name: String,
    /// What it is for.
    pub(super) doc: String,
    /// The packages, ordered by name and version.
    pub(super) packages: Vec<Pin>,
}

/// A pinned package; its fields are written in this order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Pin {
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// The size of its archive in bytes, where the index says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// Where its archive lies below the root of all, where that does not follow from its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The SHA-256 of its archive.
    pub(super) sha256: String,
}

impl LockFile {
    /// The file's text.
    pub(super) fn text(&self) -> String {
        let (doc, label) = (&self.doc, &self.label);
        let mut text = format!(
            "\"\"\"{}\n\nWritten by `wiz lock --update {label}`: change what is asked for there, not this file.\n\"\"\"\n",
            doc.replace('\\', "\\\\").replace("\"\"\"", "\\\"\"\"")
        );
        for list in &self.lists {
            let _ = write!(text, "\n# {}\n{} = [\n", list.doc, list.name);
            list.packages.iter().for_each(|pin| {
                let _ = writeln!(text, "    {},", pin.line());
            });
            text.push_str("]\n");
        }
        text
    }

    /// The lists that a text has, without what they are for.
    pub(super) fn read(text: &str) -> Vec<PinnedList> {
        let mut lists: Vec<PinnedList> = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_suffix(" = [") {
                lists.push(PinnedList { name: name.to_owned(), doc: String::new(), packages: Vec::new() });
            } else if let Some(list) = lists.last_mut() {
                let pin = serde_json::from_str(line.trim().trim_end_matches(','));
                list.packages.extend(pin.ok());
            }
        }
        lists
    }
}

impl Pin {
    fn line(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut fields = vec![("name", text(&self.name)), ("version", text(&self.version))];
        fields.extend(self.size.map(|size| ("size", size.to_string())));
        fields.extend(self.path.as_deref().map(|path| ("path", text(path))));
        fields.push(("sha256", text(&self.sha256)));
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        format!("{{{}}}", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pin = |name: &str| Pin {
            name: name.to_owned(),
            version: "1:2~\"3\"".to_owned(),
            size: (name == "a").then_some(7),
            path: (name == "a").then(|| format!("pool/{name}.deb")),
            sha256: "0f".repeat(32),
        };
        let list = |name: &str, doc: &str, packages| PinnedList {
            name: name.to_owned(),
            doc: doc.to_owned(),
            packages,
        };
        let lists = vec![list("A", "Some.", vec![pin("a"), pin("b")]), list("B", "None.", vec![])];
        let file = LockFile { doc: "\"\"\" \\".to_owned(), label: "//x:y".to_owned(), lists };
        let mut bare = file.lists.clone();
        bare.iter_mut().for_each(|list| list.doc.clear());
        assert_eq!(LockFile::read(&file.text()), bare);
        let damaged = file.text().replace("    {\"name\": \"a\"", "<<<<<<< ours\n    {\"nome\": \"a\"");
        assert_eq!(LockFile::read(&damaged)[0].packages, [pin("b")]);
    }
}
