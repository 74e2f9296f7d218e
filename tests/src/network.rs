//! A network of its own for some programs: a namespace of the kernel's, with nothing in it but its loopback interface.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The longest that a network lasts whose owner was killed.
const SECONDS_MAX: &str = "7200";

/// A network. Dropping it ends it, once the programs in it have ended.
#[derive(Debug)]
pub struct Network {
    holder: Child,
}

impl Network {
    /// Makes a network whose interface is down. It takes root's rights, and the programs `unshare`, `nsenter` and `ip`.
    pub fn make() -> io::Result<Self> {
        let script = format!("echo ready; exec sleep {SECONDS_MAX}");
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = holder.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let network = Self { holder };
        match line.as_str() {
            "ready\n" => Ok(network),
            _ => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "making a network of its own takes root's rights; run this as root",
            )),
        }
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// A program in `directory` that runs `binary` in this network.
    pub fn within(&self, directory: &Path, binary: &Path) -> io::Result<PathBuf> {
        let path = directory.join(format!("in-network-{}", self.holder.id()));
        let (net, binary) = (self.path(), binary.display());
        fs::write(
            &path,
            format!("#!/bin/sh\nexec nsenter --net={net} '{binary}' \"$@\"\n"),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Takes its interface up or down.
    pub fn set_up(&self, up: bool) -> io::Result<()> {
        let (net, state) = (format!("--net={}", self.path()), if up { "up" } else { "down" });
        let status = Command::new("nsenter")
            .args([&net, "ip", "link", "set", "lo", state])
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("setting the interface {state}: {status}"))),
        }
    }

    /// Bytes of all packets that it has carried, with the headers of IP and of what is in it (the kernel's
    /// `IpExt: InOctets`).
    pub fn octets(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/net/netstat", self.holder.id()))?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("IpExt: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let octets = pairs.find(|(name, _)| *name == "InOctets");
        octets
            .and_then(|(_, value)| value.parse().ok())
            .ok_or_else(|| io::Error::other("this kernel does not count the bytes of a network"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
