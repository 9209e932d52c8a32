//! The letters of the wire: how messages and the values of scopes begin.
//!
//! They are literals of a macro, so that the Lua scripts can be put together from them at compile time.
//!
//! | where | text | meaning |
//! | --- | --- | --- |
//! | value of a scope | `L<expiry>:<writer>;…` | locked by these writers |
//! | value of a scope | `L<expiry>:<writer>+;…` | the same, and another change of the scope overlaps the write of that writer |
//! | value of a scope | `U<unique>` | the generation, with no write in progress |
//! | value of a scope | `U<unique>\|<expiry>` | the same, current until the earliest pending writer expires |
//! | bus | `I <scope>` | the scope was invalidated or locked |
//! | bus | `P <expiry> <writer> <scope>` | a writer is registered on a read method |
//! | bus | `R <writer> <scope>` | that writer has finished |
//! | bus | `Q <instance>` | the instance requests heartbeats of the others |
//! | bus | `N <instance>` | the instance has sent a heartbeat that others may wait for, or has left |
//! | an instance's own channel | `B <nonce> <epochs>` | one of its heartbeats |
//!
//! An expiry is in milliseconds of the server's clock.

/// Expands to the letter of a message or of the value of a scope.
macro_rules! wire {
    (invalidated) => {
        "I"
    };
    (registered) => {
        "P"
    };
    (finished) => {
        "R"
    };
    (requested) => {
        "Q"
    };
    (announced) => {
        "N"
    };
    (heartbeat) => {
        "B"
    };
    (locked) => {
        "L"
    };
    (overlapped) => {
        "+"
    };
    (free) => {
        "U"
    };
    (until) => {
        "|"
    };
}

pub(crate) use wire;
