//! The table at the end: each figure of each scenario, over all runs, beside its bound.

use serde_json::Value;

/// The fields of a line that give bounds of its figures.
const AT_MOST: &str = "at_most";
/// See [`AT_MOST`].
const AT_LEAST: &str = "at_least";

struct Row {
    scenario: String,
    figure: String,
    numbers: Vec<f64>,
    texts: Vec<String>,
    at_most: Option<f64>,
    at_least: Option<f64>,
}

/// Prints the table.
pub fn print(lines: &[(String, Value)]) {
    let mut rows: Vec<Row> = Vec::new();
    for (scenario, line) in lines {
        for (figure, value) in line.as_object().into_iter().flatten() {
            let at = rows.iter().position(|row| row.scenario == *scenario && row.figure == *figure);
            let row = match at {
                Some(at) => &mut rows[at],
                None => {
                    // Rows of a scenario stay together, whichever run they come from.
                    let behind = rows.iter().rposition(|row| row.scenario == *scenario);
                    let at = behind.map_or(rows.len(), |behind| behind + 1);
                    let row = Row {
                        scenario: scenario.clone(),
                        figure: figure.clone(),
                        numbers: vec![],
                        texts: vec![],
                        at_most: line[AT_MOST][figure].as_f64(),
                        at_least: line[AT_LEAST][figure].as_f64(),
                    };
                    rows.insert(at, row);
                    &mut rows[at]
                }
            };
            row.numbers.extend(value.as_f64());
            row.texts.extend(
                value
                    .as_str()
                    .filter(|_| !["scenario", "database"].contains(&figure.as_str()))
                    .map(str::to_owned),
            );
        }
    }
    println!("\n{:<28} {:<48} {:>24}  bound", "scenario", "figure", "value");
    for row in rows {
        let value = match (row.numbers.is_empty(), row.texts.is_empty()) {
            (false, _) => range(&row.numbers),
            (true, false) => row.texts.join("; "),
            (true, true) => continue,
        };
        println!("{:<28} {:<48} {value:>24}  {}", row.scenario, row.figure, row.bound());
    }
}

impl Row {
    fn bound(&self) -> String {
        let missed = |kept: bool| if kept { "" } else { "  MISSED" };
        match (self.at_most, self.at_least) {
            (Some(most), _) => {
                format!("≤ {most}{}", missed(self.numbers.iter().all(|number| *number <= most)))
            }
            (None, Some(least)) => {
                format!("≥ {least}{}", missed(self.numbers.iter().all(|number| *number >= least)))
            }
            (None, None) => String::new(),
        }
    }
}

/// The minimum and maximum of all runs.
fn range(numbers: &[f64]) -> String {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if numbers.len() == 1 { format!("{least:.2}") } else { format!("{least:.2} – {most:.2}") }
}
