//! The options of one attribute as given: unknown, repeated and contradictory ones are reported.

use crate::diag::{Problem, Sink, closest, list};
use crate::model::Setting;
use crate::options::{Conflict, Row, Spec, Table};
use crate::parse::OptionSyntax;

/// The options of one attribute, each known and given once.
pub(super) struct Given<'a> {
    options: Vec<(&'a OptionSyntax, &'static Row)>,
    /// The names that unknown options resemble.
    meant: Vec<&'static str>,
}

impl<'a> Given<'a> {
    /// Keeps the known options and reports the others, and those that exclude each other.
    pub(super) fn check(options: &'a [OptionSyntax], table: &Table, sink: &mut Sink) -> Self {
        let mut given = Self { options: Vec::new(), meant: Vec::new() };
        for option in options {
            let name = option.name.to_string();
            let known = table.options.iter().find(|row| row.name == name);
            match known {
                None => {
                    sink.report(unknown(table, option, &name));
                    given.meant.extend(meant(table, &name));
                }
                Some(row) if !row.repeats && given.find(row).is_some() => sink.report(duplicate(option, &name)),
                Some(row) => given.options.push((option, row)),
            }
        }
        given.exclusions(table, sink);
        given
    }

    fn exclusions(&self, table: &Table, sink: &mut Sink) {
        for conflict in table.options.iter().flat_map(|row| row.conflicts) {
            if let (Some(option), Some(_)) = (self.matching(conflict.option), self.matching(conflict.other)) {
                sink.report(excluded(option, conflict));
            }
        }
    }

    /// The option that a pattern of a conflict means.
    fn matching(&self, pattern: &str) -> Option<&'a OptionSyntax> {
        self.options.iter().map(|(option, _)| *option).find(|option| Conflict::is(pattern, option))
    }

    /// Whether an option is neither present nor among the reported mistakes.
    pub(super) fn misses<T>(&self, spec: &Spec<T>) -> bool {
        self.get(spec).is_none() && !self.meant.contains(&spec.row.name)
    }

    /// The option as written.
    pub(super) fn get<T>(&self, spec: &Spec<T>) -> Option<&'a OptionSyntax> {
        self.find(&spec.row)
    }

    fn find(&self, row: &Row) -> Option<&'a OptionSyntax> {
        self.options.iter().find(|(_, other)| other.name == row.name).map(|(option, _)| *option)
    }

    /// The value of an option; `None` if it is missing or reported.
    pub(super) fn value<T>(&self, spec: &Spec<T>, sink: &mut Sink) -> Option<T> {
        let option = self.get(spec)?;
        sink.accept((spec.parse)(option, &spec.row))
    }

    /// The values of an option that may be given more than once.
    pub(super) fn values<T>(&self, spec: &Spec<T>, sink: &mut Sink) -> Vec<T> {
        let options = self.options.iter().filter(|(_, row)| row.name == spec.row.name);
        options.filter_map(|(option, _)| sink.accept((spec.parse)(option, &spec.row))).collect()
    }

    /// The calls of the policy's builder, in the order of the table.
    pub(super) fn settings(&self, table: &Table, sink: &mut Sink) -> Vec<Setting> {
        let given = table.options.iter().filter_map(|row| Some((row, row.setter?, self.find(row)?)));
        given.filter_map(|(row, setter, option)| sink.accept(setter(option, row))).collect()
    }
}

fn unknown(table: &Table, option: &OptionSyntax, name: &str) -> Problem {
    let attribute = table.attribute;
    let mut every = table.options.iter().chain(table.excluded);
    if every.any(|row| row.name == name) {
        return Problem::at(&option.name, format!("`{name}` and `batch` exclude each other"))
            .why("a batch shares the entries of the method over one key, which has this option")
            .instead(format!("leave `{name}` out"));
    }
    let problem = Problem::at(&option.name, format!("`#[{attribute}]` has no option `{name}`"));
    match meant(table, name) {
        Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
        None => problem.instead(format!("one of {}", list(names(table.options)))),
    }
}

/// The option that an unknown name resembles.
fn meant(table: &Table, name: &str) -> Option<&'static str> {
    let every = || table.options.iter().chain(table.excluded);
    let by_alias = every().find(|row| row.aliases.contains(&name)).map(|row| row.name);
    by_alias.or_else(|| closest(name, &every().map(|row| row.name).collect::<Vec<_>>()))
}

fn names(options: &'static [Row]) -> impl Iterator<Item = &'static str> {
    options.iter().map(|row| row.name)
}

fn duplicate(option: &OptionSyntax, name: &str) -> Problem {
    Problem::at(option, format!("`{name}` is given twice"))
        .why("only one of the two could count")
        .instead(format!("one `{name}`"))
}

fn excluded(option: &OptionSyntax, conflict: &Conflict) -> Problem {
    Problem::at(option, format!("`{}` and `{}` exclude each other", conflict.option, conflict.other))
        .why(conflict.why)
        .instead("one of the two")
}
