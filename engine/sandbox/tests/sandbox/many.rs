//! Many layers, and many runs at once.

use std::fs;

use wiz_base::RelPath;
use wiz_sandbox::Ending;

use crate::rig::{Rig, write};

#[test]
fn hundreds_of_layers_are_one_root() {
    // As long as a digest, so that no page would hold all names.
    let name = |number: usize| format!("{number:064x}");
    let mut rig = Rig::new().ask(&["cat=/file-1", "cat=/file-498", "ls=/bin"]);
    for number in 1..499 {
        write(&rig.spec.layers_dir.join(name(number)).join(format!("file-{number}")), &number.to_string());
        rig.spec.layers.push(RelPath::new(&name(number)).unwrap());
    }
    assert_eq!(rig.log(), "/file-1: 1\n/file-498: 498\n/bin: witness\n");
}

#[test]
fn more_layers_than_the_kernel_takes_are_refused() {
    let mut rig = Rig::new().ask(&["who"]);
    rig.spec.layers = vec![RelPath::new("base").unwrap(); 500];
    let error = rig.try_run().err().unwrap().to_string();
    assert_eq!(
        error,
        "cannot make a sandbox: the root has 500 layers, more than the 499 that can be mounted"
    );
}

#[test]
fn threads_run_sandboxes_side_by_side() {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    Rig::new().ask(&["who"]).log();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for number in 0..25 {
                    let text = format!("{thread}-{number}");
                    let rig =
                        Rig::new().ask(&[&format!("put={text}>/build/out/file"), "pids", "fds", "exit=4"]);
                    let ran = rig.try_run().unwrap();
                    assert_eq!(ran.finished.ending, Ending::Exited(4), "{}", ran.log);
                    assert_eq!(ran.log, "put /build/out/file: ok\npids: 1 2\nfds: 0 1 2\n");
                    assert_eq!(fs::read_to_string(rig.scratch("out/file")).unwrap(), text);
                }
            });
        }
    });
    // Other tests of this process open some meanwhile, but not as many as runs were made.
    assert!(open() < 200, "{}", open());
}
