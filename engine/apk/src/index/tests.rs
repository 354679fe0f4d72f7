//! Records and index files, written ones and other people's.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::archive::{self, IndexArchive};
use super::record::Record;
use crate::key::PublicKeys;

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&match Record::parse(text) {
        Ok(record) => format!("{record}uninstallable: {:?}\n", record.uninstallable),
        Err(error) => format!("{error}\n"),
    });
}

#[test]
fn fields_are_written_in_apks_order() {
    check(
        "P:zlib\nV:1.3-r0\nk:5\ni:a b=1\np:so:libz.so.1=1.3\np:any\nD:so:libc.so.6 !old>2\nL:Zlib\nU:\nt:7\nz:future",
        &expect![[r#"
            P:zlib
            V:1.3-r0
            S:0
            I:0
            L:Zlib
            t:7
            k:5
            D:so:libc.so.6 !old>2
            p:so:libz.so.1=1.3 any
            i:a b=1
            z:future
            uninstallable: []
        "#]],
    );
}

#[test]
fn what_apk_does_not_understand_makes_a_package_uninstallable() {
    check(
        "P:a\nV:1\nD:b>=\nX:future",
        &expect![[r#"
            P:a
            V:1
            S:0
            I:0
            D:b>=
            X:future
            uninstallable: ["depends: `` is not a version, hint: write it like `1.2.3`, `1.2_rc1` or `1.2.3-r4`", "unknown field `X`"]
        "#]],
    );
}

#[test]
fn malformed_records_are_refused() {
    check("P:a", &expect!["a record has no `V:`\n"]);
    check("P:a\nV:", &expect!["`` is not a version, hint: write it like `1.2.3`, `1.2_rc1` or `1.2.3-r4`\n"]);
    check("P:a\nV:1\nS:many", &expect!["`S:` is `many`, not a number\n"]);
    check("P:a\nV:1\nnothing", &expect!["`nothing` is not a field, hint: fields look like `P:zlib`\n"]);
    check("P:a\nV:1\né", &expect!["`é` is not a field, hint: fields look like `P:zlib`\n"]);
}

#[test]
fn an_index_comes_back_from_its_archive() {
    let records = super::parse("P:a\nV:1\n\nP:b\nV:2\nD:a\n").unwrap();
    let bytes = archive::write(&records, "main v1", 1_700_000_000).unwrap();
    assert_eq!(bytes, archive::write(&records, "main v1", 1_700_000_000).unwrap());
    let index = IndexArchive::read(bytes.as_slice()).unwrap();
    assert_eq!((index.records().unwrap(), index.description.as_str()), (records, "main v1"));
    assert_eq!(index.verify(&PublicKeys::new()).unwrap_err().to_string(), "there is no signature");
    assert!(IndexArchive::read(std::io::empty()).is_err());
}

fn record_text() -> impl Strategy<Value = String> {
    let dependency = "!?[a-z]{1,4}(:[a-z]{1,3})?((=|<|>|<=|>=|~)[0-9]{1,2}(-r[0-9])?)?";
    let provide = "[a-z]{1,4}(=[0-9]{1,2})?";
    let list = |item: &'static str| prop::collection::vec(item, 0..4).prop_map(|items| items.join(" "));
    (
        "[a-z]{1,6}",
        "[0-9]{1,3}(\\.[0-9]{1,2})?",
        list(dependency),
        list(provide),
        list(dependency),
        "[ -~]{0,10}",
    )
        .prop_map(|(name, version, depends, provides, install_if, summary)| {
            format!("P:{name}\nV:{version}\nT:{summary}\nD:{depends}\np:{provides}\ni:{install_if}\n")
        })
}

proptest! {
    #[test]
    fn written_records_are_read_back(text in record_text()) {
        let record = Record::parse(&text).unwrap();
        prop_assert_eq!(Record::parse(&record.to_string()).unwrap(), record);
    }

    #[test]
    fn any_record_is_read_without_panicking(text in "([A-Za-z]:[ -~]{0,8}\n){0,6}") {
        let _ = Record::parse(&text);
    }
}
