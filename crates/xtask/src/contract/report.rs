//! What was found, as a table.

use std::fmt::Write;

use anyhow::Result;

/// What a line of the table is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A document, looked at by a linter.
    Document,
    /// A generator of clients.
    Generator,
    /// Something that used a generated client.
    Run,
}

impl About {
    fn title(self) -> &'static str {
        match self {
            Self::Document => "Documents",
            Self::Generator => "Generators",
            Self::Run => "Runs",
        }
    }
}

/// The lines so far.
#[derive(Default)]
pub struct Report {
    lines: Vec<(About, String, String, Outcome)>,
    /// What registries didn't give.
    pub unfetched: Vec<&'static str>,
}

enum Outcome {
    Good(String),
    Failed(String),
    Skipped(String),
}

impl Report {
    /// Notes what something came to.
    pub fn note(&mut self, about: About, name: &str, version: &str, result: Result<String>) {
        let outcome = match result {
            Ok(said) => Outcome::Good(said),
            Err(error) => {
                eprintln!("          {name}: {error:#}");
                Outcome::Failed(format!("{error:#}"))
            }
        };
        self.lines.push((about, name.to_owned(), version.to_owned(), outcome));
    }

    /// Notes what could not be looked at, and what it lacks.
    pub fn skip(&mut self, about: About, name: &str, lacks: &str) {
        eprintln!("SKIPPED {name}: {lacks}");
        self.lines.push((about, name.to_owned(), String::new(), Outcome::Skipped(lacks.to_owned())));
    }

    /// What came of fetching something: without it, its part is skipped, and in the end that is said.
    pub fn fetched<T>(&mut self, what: &'static str, result: Result<T>) -> std::result::Result<T, String> {
        result.map_err(|error| {
            self.unfetched.push(what);
            format!("{what} cannot be fetched: {error:#}")
        })
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.3, Outcome::Failed(_))).count()
    }

    /// How many were left out.
    pub fn skipped(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.3, Outcome::Skipped(_))).count()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut table = String::new();
        let widest =
            |of: fn(&(About, String, String, Outcome)) -> usize| self.lines.iter().map(of).max().unwrap_or(0);
        let (name, version) = (widest(|line| line.1.len()), widest(|line| line.2.len()));
        for about in [About::Document, About::Generator, About::Run] {
            let _ = writeln!(table, "{}", about.title());
            for (_, called, of, outcome) in self.lines.iter().filter(|line| line.0 == about) {
                let said = match outcome {
                    Outcome::Good(said) => said.clone(),
                    Outcome::Failed(error) => format!("FAILED: {error}"),
                    Outcome::Skipped(lacks) => format!("SKIPPED: {lacks}"),
                };
                // A long story stands above the table; here its first line is enough.
                let said = said.lines().next().unwrap_or_default();
                let _ = writeln!(table, "  {called:name$}  {of:version$}  {said}");
            }
        }
        table
    }
}

#[cfg(test)]
mod checks {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_failed_and_what_was_skipped_is_told_apart() {
        let mut report = Report::default();
        report.note(About::Run, "TypeScript", "5", Ok("69 requests".into()));
        report.note(About::Run, "Rust", "", Err(anyhow!("it broke\nin two")));
        report.skip(About::Generator, "progenitor", "cargo is missing");
        assert_eq!((report.failed(), report.skipped()), (1, 1));
        let table = report.table();
        assert!(table.contains("  TypeScript  5  69 requests\n"), "{table}");
        assert!(table.contains("FAILED: it broke\n") && table.contains("SKIPPED: cargo"), "{table}");
    }
}
