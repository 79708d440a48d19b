//! Migrations are compiled in, and cargo knows only of the files that were there the last time.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
