//! Secrets in files: a password, a token.

use std::io;
use std::path::{Path, PathBuf};

/// The longest secret taken, in bytes: servers' own bounds are higher, and no real one comes near.
const SECRET_BYTES_MAX: usize = 4_096;
/// Where the service manager puts what it was told to hand over.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Reads a secret, which may have changed since the last time: from a whole path, or by the name of a credential of the
/// service. A failure names the file.
pub(crate) fn read(named: &Path) -> Result<String, (String, io::Error)> {
    let path = match std::env::var_os(CREDENTIALS) {
        Some(directory) if named.is_relative() => PathBuf::from(directory).join(named),
        _ => named.to_path_buf(),
    };
    let failed = |source| (path.display().to_string(), source);
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    if secret.is_empty() || secret.len() > SECRET_BYTES_MAX || secret.contains('\0') {
        let reason = "it is empty, too long or no text";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
    }
    Ok(secret.to_owned())
}
