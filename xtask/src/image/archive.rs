//! The archive of an image, in the layout of OCI, which `docker load` takes as well.

use std::{env, fs, path::Path};

use super::{Labels, USER};
use crate::{
    Outcome,
    process::{ask, command, run},
};

/// The file's name.
pub(super) const NAME: &str = "image.tar";

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes the image of `root` into `folder`. The same files give the same bytes.
///
/// Its parts are described at <https://github.com/opencontainers/image-spec>.
pub(super) fn write(folder: &Path, root: &Path, labels: &Labels) -> Outcome {
    let parts = folder.join("parts");
    if parts.exists() {
        fs::remove_dir_all(&parts).map_err(|error| format!("cannot empty {}: {error}", parts.display()))?;
    }
    fs::create_dir_all(parts.join("blobs/sha256"))
        .map_err(|error| format!("cannot create {}: {error}", parts.display()))?;

    let layer = parts.join("layer.tar");
    tar(root, &layer, &labels.time)?;
    let uncompressed = digest(&layer)?;
    // Without a name and a time.
    run(command("gzip", &parts).args(["-9", "--no-name", "layer.tar"]))?;
    let layer = stored(&parts, &parts.join("layer.tar.gz"))?;

    let config = written(&parts, &config(labels, &uncompressed)?)?;
    let manifest = written(
        &parts,
        &format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
            config.describe(CONFIG),
            layer.describe(LAYER)
        ),
    )?;
    let name = &labels.name;
    file(
        &parts,
        "index.json",
        &format!(
            r#"{{"schemaVersion":2,"manifests":[{{{},"annotations":{{"org.opencontainers.image.ref.name":"{name}:latest"}}}}]}}"#,
            manifest.members(MANIFEST)
        ),
    )?;
    file(&parts, "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    // For Docker before 25.
    file(
        &parts,
        "manifest.json",
        &format!(
            r#"[{{"Config":"blobs/sha256/{}","RepoTags":["{name}:latest"],"Layers":["blobs/sha256/{}"]}}]"#,
            config.digest, layer.digest
        ),
    )?;
    tar(&parts, &folder.join(NAME), &labels.time)
}

/// The configuration of an image: how its server is started.
fn config(labels: &Labels, layer: &str) -> Outcome<String> {
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => return Err(format!("images have no name for {other}")),
    };
    let created = ask(command("date", Path::new("/")).args([
        "--utc",
        &format!("--date=@{}", labels.time),
        "+%Y-%m-%dT%H:%M:%SZ",
    ]))
    .ok_or("`date` does not write a time: images are built with GNU's")?;
    let revision = labels
        .commit
        .as_ref()
        .map(|commit| format!(r#","org.opencontainers.image.revision":"{commit}""#))
        .unwrap_or_default();
    Ok(format!(
        r#"{{"created":"{created}","architecture":"{architecture}","os":"linux","config":{{"User":"{USER}:{USER}","ExposedPorts":{{"3000/tcp":{{}}}},"Env":["LEPTOS_SITE_ADDR=0.0.0.0:3000","LEPTOS_SITE_ROOT=/site","DATABASE_URL=sqlite:/data/app.db"],"Entrypoint":["/server"],"Volumes":{{"/data":{{}}}},"WorkingDir":"/","Labels":{{"org.opencontainers.image.title":"{}"{revision}}},"StopSignal":"SIGTERM","Healthcheck":{{"Test":["CMD","/server","ready"],"Interval":30000000000,"Timeout":6000000000,"StartPeriod":30000000000}}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{layer}"]}},"history":[{{"created":"{created}","created_by":"cargo xtask image"}}]}}"#,
        labels.name
    ))
}

/// A part of an image, which is named by its SHA-256.
struct Part {
    digest: String,
    size: u64,
}

impl Part {
    fn describe(&self, kind: &str) -> String {
        format!("{{{}}}", self.members(kind))
    }

    fn members(&self, kind: &str) -> String {
        let Self { digest, size } = self;
        format!(r#""mediaType":"{kind}","digest":"sha256:{digest}","size":{size}"#)
    }
}

fn written(parts: &Path, text: &str) -> Outcome<Part> {
    file(parts, "part", text)?;
    stored(parts, &parts.join("part"))
}

fn file(folder: &Path, name: &str, text: &str) -> Outcome {
    let file = folder.join(name);
    fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Moves a file to where its digest says.
fn stored(parts: &Path, file: &Path) -> Outcome<Part> {
    let digest = digest(file)?;
    let place = parts.join("blobs/sha256").join(&digest);
    fs::rename(file, &place)
        .and_then(|()| fs::metadata(&place))
        .map(|metadata| Part {
            digest,
            size: metadata.len(),
        })
        .map_err(|error| format!("cannot move {} to {}: {error}", file.display(), place.display()))
}

fn digest(file: &Path) -> Outcome<String> {
    ask(command("sha256sum", Path::new("/")).arg(file))
        .and_then(|line| Some(line.split_whitespace().next()?.to_owned()))
        .ok_or_else(|| format!("`sha256sum {}` failed", file.display()))
}

/// Archives what is in a folder, in a fixed order and with fixed owners and times.
fn tar(folder: &Path, archive: &Path, time: &str) -> Outcome {
    run(command("tar", folder)
        .args(["--create", "--sort=name", "--format=posix", "--numeric-owner"])
        // Its own times and process id would be in the headers.
        .arg("--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime")
        .arg(format!("--mtime=@{time}"))
        .args([format!("--owner={USER}"), format!("--group={USER}")])
        .arg("--file")
        .arg(archive)
        .arg("."))
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{super::Labels, NAME, write};
    use crate::process::{alone, ask, command};

    #[test]
    fn the_same_files_give_the_same_image() {
        let _alone = alone();
        let folder = env::temp_dir().join(format!("xtask-image-{}", process::id()));
        let root = folder.join("root");
        fs::create_dir_all(root.join("site")).expect("a folder is created");
        let labels = Labels {
            name: "app".to_owned(),
            time: "1700000000".to_owned(),
            commit: Some("abc".to_owned()),
        };
        let build = || {
            fs::write(root.join("site/page"), "text").expect("a file is written");
            write(&folder, &root, &labels).expect("an image is written");
            fs::read(folder.join(NAME)).expect("it is there")
        };
        let first = build();
        assert!(first == build(), "two builds differ");

        let list = ask(command("tar", &folder).args(["--list", "--file", NAME])).expect("it is an archive");
        for file in ["./oci-layout", "./index.json", "./manifest.json"] {
            assert!(list.lines().any(|line| line == file), "{file} in {list}");
        }
        // Configuration, manifest and layer, each named by its digest.
        assert_eq!(
            list.lines()
                .filter(|line| line.len() == "./blobs/sha256/".len() + 64)
                .count(),
            3
        );

        fs::write(root.join("site/page"), "other").expect("a file is written");
        write(&folder, &root, &labels).expect("an image is written");
        assert!(first != fs::read(folder.join(NAME)).expect("it is there"));
        fs::remove_dir_all(folder).expect("the folder is removed");
    }
}
