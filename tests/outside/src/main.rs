//! A program of another workspace, with demanding settings.
//!
//! The crate has another name, the error type is its own and implements nothing, the store is generic and has a where
//! clause, and every lint that a strict team would deny is denied.
#![deny(warnings, clippy::pedantic, missing_docs, missing_debug_implementations, unreachable_pub)]
#![forbid(unsafe_code)]

mod people;
mod shelf;

use std::sync::Arc;

use caching::Cache;
use people::Person;
use shelf::{CachingShelf, Memory, Shelf};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let memory = Arc::new(Memory::default());
    let shelf: CachingShelf<Memory<Person>, Person> = CachingShelf::new(Arc::clone(&memory), &Cache::single_instance());

    shelf.put(Person::new("ada", 36)).await.expect("memory takes everything");
    assert_eq!(read_twice(&shelf).await, [36, 36]);
    assert_eq!(memory.reads(), 1);

    shelf.put(Person::new("ada", 37)).await.expect("memory takes everything");
    assert_eq!(read_twice(&shelf).await, [37, 37]);
    assert_eq!(memory.reads(), 2);
    assert!(shelf.get(&people::Name::of("nobody")).await.is_err());
    println!("the decorator works outside of its workspace");
}

async fn read_twice(shelf: &impl Shelf<Person>) -> [u32; 2] {
    let name = people::Name::of("ada");
    let mut ages = [0; 2];
    for age in &mut ages {
        *age = shelf.get(&name).await.expect("ada is there").age();
    }
    ages
}
