//! What the macros refuse, word for word, and what they take.
//!
//! `TRYBUILD=overwrite cargo test -p cache-ui` writes the expected messages anew.

#[test]
fn mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
    cases.pass("pass/*.rs");
}
