//! `cargo xtask upstream DIR|URL`: takes over what the template has changed since the project was made from it.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{
    Outcome, layout,
    process::{ask, command, interrupted, run},
    rename,
    steps::Steps,
    template, tree, wings,
};

/// Where the template's newest commit is kept.
const REFERENCE: &str = "refs/template/head";

const USAGE: &str = "name the template's repository, as in `cargo xtask upstream ../template`. `--since COMMIT` \
                     says which of its commits the project was made from";

/// The arguments of the command.
pub(crate) fn takes(arguments: &[String]) -> Outcome {
    source_in(arguments).map(drop)
}

/// The template's repository, and its commit if that is named.
fn source_in(arguments: &[String]) -> Outcome<(&String, Option<&str>)> {
    match arguments {
        [source] if !source.starts_with('-') => Ok((source, None)),
        [source, flag, commit] if flag == "--since" => Ok((source, Some(commit.as_str()))),
        _ => Err(USAGE.to_owned()),
    }
}

/// The command. Leaves the result uncommitted.
pub(crate) fn upstream(_: &mut Steps, arguments: &[String]) -> Outcome {
    let (source, since) = source_in(arguments)?;
    take_over(&layout::workspace()?, source, since)
}

/// Brings two commits of the template into the project's shape, which is without the wings that the project has removed
/// and with its name: the commit that the project was made from, and the newest. What then differs between them is what
/// the template has changed, and it is merged into the project.
fn take_over(root: &Path, source: &str, since: Option<&str>) -> Outcome {
    tree::is_clean(root)?;
    run(command("git", root)
        .args(["fetch", "--quiet", "--no-tags", source])
        .arg(format!("+HEAD:{REFERENCE}")))?;
    let newest = git(root, &["rev-parse", REFERENCE])?;
    let base = match since {
        Some(commit) => git(root, &["rev-parse", "--verify", &format!("{commit}^{{commit}}")])?,
        None => base(root, &newest)?,
    };
    if !is_ancestor(root, &base, &newest) {
        return Err(format!(
            "{base} is not in the template's history: say with `--since` which commit is"
        ));
    }
    if base == newest {
        println!("The project has everything that the template has, up to {newest}.");
        return Ok(());
    }
    println!("The template's commits since the one that the project has:");
    run(command("git", root)
        .args(["--no-pager", "log", "--oneline", "--no-decorate"])
        .arg(format!("{base}..{newest}")))?;

    let shapes = Shapes::new(root)?;
    let before = shapes.checkout(&base)?;
    // What later commits add is wanted.
    let removed = &wings_of(&before)? - &shapes.wings;
    let before = shapes.shaped(&before, &removed)?;
    let after = shapes.shaped(&shapes.checkout(&newest)?, &removed)?;
    drop(shapes);

    let conflicts = merge(root, &before, &after)?;
    template::record(root, Some(&newest))?;
    print!("{}", report(&newest, &conflicts));
    Ok(())
}

/// The template's commit that the project has: the one that `Cargo.toml` records, or the last one that both histories
/// share, or the one with the files that the project began with.
fn base(root: &Path, newest: &str) -> Outcome<String> {
    let recorded = template::recorded(root)?;
    if let Some(commit) = recorded
        .as_ref()
        .filter(|commit| is_ancestor(root, commit, newest))
    {
        return Ok(commit.clone());
    }
    if let Some(commit) = ask(command("git", root).args(["merge-base", "HEAD", newest])) {
        return Ok(commit);
    }
    let first = match recorded {
        Some(commit) => commit,
        None => git(root, &["rev-list", "--max-parents=0", "HEAD"])?,
    };
    let first = first.lines().last().unwrap_or_default();
    git(root, &["rev-list", newest])?
        .lines()
        .find(|commit| {
            // cargo-generate leaves its own file out.
            let same = ["diff", "--quiet", first, commit, "--", ".", ":!cargo-generate.toml"];
            ask(command("git", root).args(same)).is_some()
        })
        .map(str::to_owned)
        .ok_or_else(|| {
            "cannot tell which of the template's commits the project was made from: say so with `--since COMMIT`"
                .to_owned()
        })
}

/// Checkouts of the template in a temporary folder.
struct Shapes<'a> {
    root: &'a Path,
    folder: PathBuf,
    name: String,
    wings: BTreeSet<String>,
}

impl Drop for Shapes<'_> {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
        ask(command("git", self.root).args(["worktree", "prune"]));
    }
}

impl<'a> Shapes<'a> {
    fn new(root: &'a Path) -> Outcome<Self> {
        let folder = env::temp_dir().join(format!("xtask-upstream-{}", process::id()));
        fs::create_dir(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self {
            name: rename::current(root)?,
            wings: wings::names(root)?,
            root,
            folder,
        })
    }

    fn checkout(&self, commit: &str) -> Outcome<PathBuf> {
        let checkout = self.folder.join(commit);
        run(command("git", self.root)
            .args(["worktree", "add", "--quiet", "--detach"])
            .args([checkout.as_os_str(), commit.as_ref()]))?;
        Ok(checkout)
    }

    /// A commit with a checkout's files as they would be in the project. The checkout's own commands do that: only they
    /// know its files.
    fn shaped(&self, checkout: &Path, removed: &BTreeSet<String>) -> Outcome<String> {
        let removed = &wings_of(checkout)? & removed;
        if !removed.is_empty() {
            run(xtask(checkout)?.arg("remove").args(removed))?;
            commit_all(checkout)?;
        }
        if rename::current(checkout)? != self.name {
            run(xtask(checkout)?.args(["rename", &self.name]))?;
        }
        // As in the project, so that there is nothing to merge.
        template::record(checkout, template::recorded(self.root)?.as_deref())?;
        commit_all(checkout)?;
        git(checkout, &["rev-parse", "HEAD"])
    }
}

fn wings_of(checkout: &Path) -> Outcome<BTreeSet<String>> {
    let list = ask(xtask(checkout)?.args(["remove", "--list"]))
        .ok_or_else(|| format!("`cargo xtask remove --list` failed in {}", checkout.display()))?;
    Ok(list
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

/// The commands of a checkout, compiled where they disturb nothing.
fn xtask(checkout: &Path) -> Outcome<Command> {
    let mut cargo = command("cargo", checkout);
    cargo
        .args(["run", "--quiet", "--package", "xtask", "--"])
        .env("CARGO_TARGET_DIR", layout::target()?.join("upstream"));
    Ok(cargo)
}

/// Commits by somebody who needs no name: these commits are never in a branch.
const AS_TEMPLATE: [&str; 6] = [
    "-c",
    "user.name=template",
    "-c",
    "user.email=template@localhost",
    "-c",
    "commit.gpgsign=false",
];

fn commit_all(checkout: &Path) -> Outcome {
    git(checkout, &["add", "--all"])?;
    run(command("git", checkout).args(AS_TEMPLATE).args([
        "commit",
        "--quiet",
        "--no-verify",
        "--allow-empty",
        "--message=shape",
    ]))
}

/// Merges what differs between two commits into the project, uncommitted. Returns the files with conflicts.
fn merge(root: &Path, before: &str, after: &str) -> Outcome<Vec<String>> {
    let change = ask(command("git", root)
        .args(AS_TEMPLATE)
        .args(["commit-tree", "-p", before, "-m", "The template's changes"])
        .arg(format!("{after}^{{tree}}")))
    .ok_or("git cannot commit the template's changes")?;
    let picked = run(command("git", root).args(AS_TEMPLATE).args([
        "cherry-pick",
        "--no-commit",
        "--allow-empty",
        &change,
    ]));
    let unmerged = |root| {
        let files = git(root, &["diff", "--name-only", "--diff-filter=U"])?;
        Ok::<Vec<String>, String>(files.lines().map(str::to_owned).collect())
    };
    if let Err(error) = picked {
        if interrupted() || unmerged(root)?.is_empty() {
            return Err(error);
        }
        // Cargo brings it up to date with the merged manifests.
        if unmerged(root)?.iter().any(|file| file == "Cargo.lock") {
            git(root, &["checkout", "--ours", "--", "Cargo.lock"])?;
            git(root, &["add", "--", "Cargo.lock"])?;
        }
    }
    unmerged(root)
}

fn report(newest: &str, conflicts: &[String]) -> String {
    let mut text = format!("\nTaken over up to {newest}, which Cargo.toml records now.\n");
    if !conflicts.is_empty() {
        text += "\nBoth the template and the project have changed the same lines of these files. Look for `<<<<<<<`:\n";
        for file in conflicts {
            text += &format!("  {file}\n");
        }
    }
    text + "\nReview with `git diff HEAD`, run `cargo xtask test`, commit. `git reset --hard` undoes it. What has to be done \
            by hand is in docs/upgrading.md.\n"
}

fn is_ancestor(root: &Path, commit: &str, of: &str) -> bool {
    ask(command("git", root).args(["merge-base", "--is-ancestor", commit, of])).is_some()
}

/// The output of a git command that must succeed.
fn git(root: &Path, arguments: &[&str]) -> Outcome<String> {
    ask(command("git", root).args(arguments)).ok_or_else(|| format!("`git {}` failed", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        path::{Path, PathBuf},
        process,
    };

    use super::{commit_all, git, take_over};
    use crate::{
        layout,
        process::{alone, ask, command},
        rename, template, tree, wings,
    };

    fn edit(root: &Path, file: &str, from: &str, to: &str) {
        let path = root.join(file);
        let text = fs::read_to_string(&path).expect("a file is read");
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replacen(from, to, 1)).expect("a file is written");
    }

    fn copy(from: &Path, to: &Path) {
        for file in tree::all_files(from).expect("git lists the files") {
            let target = to.join(&file);
            fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder is created");
            fs::copy(from.join(&file), target).expect("a file is copied");
        }
        git(to, &["init", "--quiet", "--initial-branch=main"]).expect("a repository is created");
        commit_all(to).expect("a commit is created");
    }

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    /// With another name, without a wing, and without the template's history.
    #[test]
    fn a_project_takes_over_what_the_template_has_changed_and_keeps_what_it_has_changed_itself() {
        let _alone = alone();
        let folder = Folder(env::temp_dir().join(format!("xtask-upstream-test-{}", process::id())));
        let (template, project) = (folder.0.join("template"), folder.0.join("project"));
        let here = layout::workspace().expect("the workspace is found");
        let known = rename::current(&here).expect("it has a name");
        let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
        copy(&here, &template);
        // If this is a project, it records a commit of another history.
        template::record(&template, None).expect("the commit is forgotten");
        fs::write(template.join("lines"), lines(&format!("of {known}"), "last")).expect("a file is written");
        fs::write(template.join("line"), "a line").expect("a file is written");
        commit_all(&template).expect("a commit is created");
        copy(&template, &project);

        // The project makes the template its own. It may have no preset.
        let files = tree::files(&project).expect("git lists them");
        let wing = wings::take_out_a_preset(&project).expect("a wing is removed");
        rename::give(&project, &files, &known, "quite-another").expect("it is renamed");
        edit(&project, "lines", "last", "last of ours");
        edit(&project, "line", "a line", "a line of ours");
        fs::write(project.join("own"), "ours").expect("a file is written");
        commit_all(&project).expect("a commit is created");

        // Meanwhile, in the template.
        edit(&template, "lines", "of", "now of");
        edit(&template, "line", "a line", "another line");
        if let Some(file) = &wing {
            edit(&template, file, "\n", "\n\n");
        }
        fs::write(template.join("new"), format!("new in {known}")).expect("a file is written");
        commit_all(&template).expect("a commit is created");
        let newest = git(&template, &["rev-parse", "HEAD"]).expect("it has a commit");

        let source = template.display().to_string();
        take_over(&project, &source, None).expect("the changes are taken over");

        let read = |file: &str| fs::read_to_string(project.join(file)).expect("a file is read");
        assert_eq!(read("lines"), lines("now of quite-another", "last of ours"));
        assert_eq!(read("new"), "new in quite-another");
        assert_eq!(read("own"), "ours");
        if let Some(file) = &wing {
            assert!(!project.join(file).exists(), "the wing came back");
        }
        // Both changed this line.
        for text in ["<<<<<<<", "a line of ours", "another line"] {
            assert!(read("line").contains(text), "{text}");
        }
        assert_eq!(template::recorded(&project), Ok(Some(newest)));
        assert!(
            ask(command("git", &project).args(["diff", "--quiet", "HEAD"])).is_none(),
            "it is uncommitted"
        );

        // The conflict is resolved, and there is nothing more to take over.
        fs::write(project.join("line"), "a line of both").expect("a file is written");
        take_over(&project, &source, None).expect_err("there are uncommitted changes");
        commit_all(&project).expect("a commit is created");
        let before = git(&project, &["rev-parse", "HEAD^{tree}"]);
        take_over(&project, &source, None).expect("nothing is to be done");
        assert!(tree::is_clean(&project).is_ok());
        assert_eq!(git(&project, &["rev-parse", "HEAD^{tree}"]), before);
    }
}
