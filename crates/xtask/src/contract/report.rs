//! The results, as a table.

use std::fmt::Write;

use anyhow::Result;

/// Section of the table that a row belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A document checked by a linter.
    Document,
    /// A client generator.
    Generator,
    /// A program that used a generated client.
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

/// The rows so far.
#[derive(Default)]
pub struct Report {
    lines: Vec<(About, String, String, Outcome)>,
    /// What could not be downloaded from the registries.
    pub unfetched: Vec<&'static str>,
}

enum Outcome {
    Good(String),
    Failed(String),
    Skipped(String),
}

impl Report {
    /// Adds a row with a result.
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

    /// Adds a row for a skipped check with the missing prerequisite.
    pub fn skip(&mut self, about: About, name: &str, lacks: &str) {
        eprintln!("SKIPPED {name}: {lacks}");
        self.lines.push((about, name.to_owned(), String::new(), Outcome::Skipped(lacks.to_owned())));
    }

    /// Passes on the result of a download. A failure is recorded; the caller skips that part.
    pub fn fetched<T>(&mut self, what: &'static str, result: Result<T>) -> std::result::Result<T, String> {
        result.map_err(|error| {
            self.unfetched.push(what);
            format!("{what} cannot be fetched: {error:#}")
        })
    }

    /// Number of failed rows.
    pub fn failed(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.3, Outcome::Failed(_))).count()
    }

    /// Number of skipped rows.
    pub fn skipped(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.3, Outcome::Skipped(_))).count()
    }

    /// Formats the table.
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
                // A long message was already printed above the table; here its first line is enough.
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
