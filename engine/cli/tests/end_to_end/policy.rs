//! Exceptions from policies end: the one thing in a policy that a clock decides.

use crate::fixture::Fixture;

const RULE: &str = r#"
PolicyInfo = provider(doc = "A policy.", fields = {"exceptions": provider_field(list[dict], doc = "What it lets pass.")})

def _impl(ctx: AnalysisContext) -> list[Provider]:
    report = ctx.actions.write("policy.json", "{}")
    exception = {"rule": "no_shell", "subject": "/usr/bin/sh", "reason": "a test", "expires": ctx.attrs.expires}
    return [DefaultInfo(), PolicyInfo(exceptions = [exception]), TestInfo(results = [report])]

image = rule(impl = _impl, doc = "Has a policy.", attrs = {"expires": attrs.string(doc = "The last day.")})
"#;

const TARGETS: &str = r#"
load(":image.star", "image")
image(name = "ended", expires = "2020-02-29")
image(name = "open", expires = "9999-12-31")
"#;

#[test]
fn an_exception_that_has_ended_fails_the_test() {
    let fixture = Fixture::new(&[("p/image.star", RULE), ("p/BUILD.star", TARGETS)]);
    let passed = fixture.wiz(&["test", "//p:open"]);
    assert_eq!((passed.status, &*passed.stdout), (0, "//p:open\tpassed\tpolicy.json\n"), "{passed}");
    assert!(fixture.wiz(&["test", "//p:open"]).stderr.contains("nothing to do"));
    // Once and again: what was found out before must not hide it.
    for _ in 0..2 {
        let ended = fixture.wiz(&["test", "//p:ended"]);
        assert!(ended.status == 1 && ended.stderr.contains("WIZ2032"), "{ended}");
        assert!(ended.stderr.contains("for `/usr/bin/sh` ended on 2020-02-29"), "{ended}");
    }
    assert_eq!(fixture.wiz(&["test", "//p:all"]).status, 1);
    assert_eq!(fixture.wiz(&["build", "//p:ended"]).status, 0);
}
