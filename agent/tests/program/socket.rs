//! Who may use the daemon's socket.

use crate::device::{Device, Method, StatusCode};
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

#[test]
fn the_socket_has_the_mode_and_the_group_of_the_configuration() {
    let device = Device::new();
    let own = std::fs::metadata(device.file("agent.toml")).unwrap().gid();
    // Another group than its own can be given by root alone.
    let group = if rustix::process::geteuid().is_root() {
        own + 1
    } else {
        own
    };
    device.configure(&format!("[api]\nsocket_mode = \"0600\"\nsocket_group = \"{group}\""));
    let _daemon = device.start();
    let found = std::fs::metadata(device.socket()).unwrap();
    assert_eq!((mode(&found), found.gid()), (0o600, group));
    assert_eq!(device.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
}

#[test]
fn a_group_that_is_not_there_is_refused_with_the_remedy() {
    let device = Device::with("[api]\nsocket_group = \"no-such-group\"");
    let line = device.agent(&["run"]).refused();
    assert!(
        line.contains("there is no group \"no-such-group\"") && line.contains("make it, or name another"),
        "{line}"
    );
    assert!(!device.socket().exists());
}

/// Sockets that somebody else could reach, wider than they should be.
fn wider_than(wanted: u32, directory: &Path, found: &mut Vec<(String, u32)>) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        // What is gone again was not there for long, and is looked at next time.
        let Ok(about) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        let open_to_others = about.is_dir() && mode(&about) & 0o011 != 0;
        if open_to_others {
            wider_than(wanted, &path, found);
        } else if about.file_type().is_socket() && mode(&about) & !wanted != 0 {
            found.push((path.display().to_string(), mode(&about)));
        }
    }
}

/// Ends who looks, also when the test fails meanwhile.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn there_is_no_moment_in_which_the_socket_is_open_to_more() {
    let device = Device::with("[api]\nsocket_mode = \"0600\"");
    let directory = device.file("");
    let (ready, end) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let ends = Ends(&end);
        let watcher = scope.spawn(|| {
            let (mut found, mut looks) = (Vec::new(), 0_u64);
            while !end.load(Ordering::Acquire) {
                wider_than(0o600, &directory, &mut found);
                looks += 1;
                ready.store(true, Ordering::Release);
            }
            (found, looks)
        });
        while !ready.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        for _ in 0..5 {
            // Nothing of the mode is to come from the mask.
            let agent = device.command(&["run"]);
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg("umask 000; exec \"$0\" \"$@\"")
                .arg(agent.get_program())
                .args(agent.get_args());
            let _daemon = Device::running(shell);
            assert_eq!(mode(&std::fs::metadata(device.socket()).unwrap()), 0o600);
        }
        drop(ends);
        let (found, looks) = watcher.join().unwrap();
        assert!(found.is_empty(), "in {looks} looks: {found:?}");
    });
}
