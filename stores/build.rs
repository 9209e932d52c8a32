//! Builds the crate anew when a migration is added: the macro that embeds the files sees only those that it knew.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
