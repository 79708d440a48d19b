//! `cargo xtask bench`: the server's benchmarks, beside a release site.

use crate::{
    Outcome,
    build::{self, Weight},
    cargo::cargo_like_leptos,
    layout, npm,
    process::run,
    steps::Steps,
    tools,
};

/// The command. Arguments are passed on to the benchmark, which finds the weight of the wasm in its
/// environment.
pub(crate) fn bench(_: &mut Steps, arguments: &[String]) -> Outcome {
    tools::for_leptos()?;
    npm::packages()?;
    build::release(&[])?;
    let Weight { raw, gzip, brotli } = build::weigh(&layout::site()?)?;
    run(cargo_like_leptos([
        "bench",
        "--package",
        "server",
        "--no-default-features",
        "--bench",
        "auth",
        "--",
    ])?
    .args(arguments)
    .env("LEPTOS_SITE_ROOT", layout::site()?)
    .env("WASM_BYTES", raw.to_string())
    .env("WASM_GZIP_BYTES", gzip.to_string())
    .env("WASM_BROTLI_BYTES", brotli.to_string()))
}
