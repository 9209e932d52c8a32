//! The decorator in a crate outside this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this package.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_program_outside_the_workspace_builds_and_runs() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--manifest-path"])
        .arg(Path::new(HERE).join("outside").join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target().join("outside"))
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("works outside"), "{errors}");
}

/// The workspace's target folder.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(HERE).join("..").join("target"), PathBuf::from)
}
