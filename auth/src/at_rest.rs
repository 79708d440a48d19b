//! Files on the disk are accessible to their owner only: files 0600 in folders 0700, whatever the umask.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Creates a folder and its missing parents. An existing folder keeps its permissions, which may be deliberate.
///
/// # Errors
/// If it cannot be created.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Creates a file and opens it for writing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`]: an existing file is not even opened, since closing it would lose the locks
/// that SQLite in this process holds on it.
pub fn create_file(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// The paths that the group or others have any permission for: the folder, and its entries whose names begin with
/// `stem`. Those are a database, its log, the secret beside it, and copies of them.
///
/// # Errors
/// If the folder cannot be read, unless it does not exist.
#[cfg(unix)]
pub fn exposed(folder: &Path, stem: &str) -> io::Result<Vec<PathBuf>> {
    use std::os::unix::fs::MetadataExt;

    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = vec![folder.to_owned()];
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(stem) {
            paths.push(entry.path());
        }
    }
    let mut exposed = Vec::new();
    for path in paths {
        match path.metadata() {
            Ok(data) if data.mode() & 0o077 != 0 => exposed.push(path),
            Ok(_) => {}
            // A log that has just been folded into its database, or a dangling link.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    exposed.sort();
    Ok(exposed)
}

/// This system has no such permissions.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn exposed(_: &Path, _: &str) -> io::Result<Vec<PathBuf>> {
    Ok(Vec::new())
}
