//! C4, C6, C7, S9: the pages that need no panel, in a real browser.
use crate::harness::house::House;
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// The first superadmin, an invitation and a lost password, each by its link, once; no script runs that is not ours,
/// nothing is asked of another host, and no secret is where a script or a log could read it.
#[test]
fn c7_people_begin_by_their_links() {
    let house = House::start();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let done = Command::new("node")
        .arg(root.join("pages.mjs"))
        .args([house.url(), house.setup_link()])
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{why}");
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    let text = |key: &str| said[key].as_str().unwrap_or_default();
    assert!(text("common").starts_with("password: "), "{said:#}");
    assert!(!text("taken").starts_with("Done: "), "{said:#}");
    assert!(text("used").starts_with("invite: "), "{said:#}");
    for done in ["setup", "markup", "register", "reset"] {
        assert!(text(done).starts_with("Done: "), "{done}: {said:#}");
    }
    assert_eq!(
        json!([
            said["again"],
            said["me"],
            said["without_token"],
            said["old"],
            said["new"]
        ]),
        json!([404, "root", "csrf", 401, 200])
    );
}
