//! The table at the end: each figure of each scenario, over all runs, beside its upper bound.

use serde_json::Value;

/// The field of a line that gives the upper bounds of its figures.
const AT_MOST: &str = "at_most";

struct Row {
    scenario: String,
    figure: String,
    numbers: Vec<f64>,
    texts: Vec<String>,
    at_most: Option<f64>,
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
                    let at_most = line[AT_MOST][figure].as_f64();
                    let (scenario, figure) = (scenario.clone(), figure.clone());
                    rows.insert(at, Row { scenario, figure, numbers: vec![], texts: vec![], at_most });
                    &mut rows[at]
                }
            };
            row.numbers.extend(value.as_f64());
            row.texts.extend(value.as_str().filter(|_| figure != "scenario").map(str::to_owned));
        }
    }
    println!("\n{:<22} {:<46} {:>24}  at most", "scenario", "figure", "value");
    for row in rows {
        let value = match (row.numbers.is_empty(), row.texts.is_empty()) {
            (false, _) => range(&row.numbers),
            (true, false) => row.texts.join("; "),
            (true, true) => continue,
        };
        let beside = row.at_most.map_or_else(String::new, |most| {
            let kept = row.numbers.iter().all(|number| *number <= most);
            format!("{most}{}", if kept { "" } else { "  MISSED" })
        });
        println!("{:<22} {:<46} {value:>24}  {beside}", row.scenario, row.figure);
    }
}

/// The minimum and maximum of all runs.
fn range(numbers: &[f64]) -> String {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if numbers.len() == 1 { format!("{least:.2}") } else { format!("{least:.2} – {most:.2}") }
}
