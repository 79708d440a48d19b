//! What lies on the disk is its owner's alone: files 0600 in folders 0700, whatever the umask.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Creates a folder with those above it that are missing. Whatever is there stays as it is: it is somebody's
/// choice.
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

/// Creates a file, to write to.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`]: one that is there is not even opened. On closing it this process would lose
/// the locks that SQLite holds on it.
pub fn create_file(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// What the group or everybody may do something with: the folder, and what is in it under a name that begins
/// with `stem`, which finds a database, its log, the secret beside it, and copies of them.
///
/// # Errors
/// If it cannot be looked into, unless it does not exist.
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
            // A log that was just folded into its database, or a link to nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    exposed.sort();
    Ok(exposed)
}

/// There are no such permissions here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn exposed(_: &Path, _: &str) -> io::Result<Vec<PathBuf>> {
    Ok(Vec::new())
}
