//! Command-line arguments.

use crate::cast::Database;
use crate::ledger::BYTES;
use crate::lively;

/// Scenarios that run by default. Two of them also run with long messages.
const USUAL: [&str; 9] =
    ["hot-room", "many-rooms", "calm", "sends", "connect", "history", "idle", "storm", "lively"];
/// Scenarios that run only when named.
const NAMED: [&str; 5] = ["cost", "crowd", "growth", "overload", "slow-readers"];
/// Scenarios with several nodes, which need PostgreSQL.
const OF_CLUSTERS: [&str; 1] = ["crowd"];
/// Scenarios that take `--bytes`.
const OF_ANY_LENGTH: [&str; 2] = ["hot-room", "many-rooms"];
/// Bytes of a long message.
const LONG: usize = 1000;
/// A message contains its time, its crowd, its number and its conversation, which sets the minimum; the server's limit
/// sets the maximum.
const LENGTHS: std::ops::RangeInclusive<usize> = 64..=parlour_protocol::limits::MESSAGE;

/// A scenario, and the length of its messages.
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Length of a text in bytes.
    pub bytes: usize,
}

impl Scenario {
    /// The name, with the length unless it is the default.
    pub fn title(&self) -> String {
        if self.bytes == BYTES { self.name.clone() } else { format!("{} {} B", self.name, self.bytes) }
    }
}

/// See the module.
pub struct Options {
    /// The scenarios to run, in order.
    pub scenarios: Vec<Scenario>,
    /// How many times to run them.
    pub runs: usize,
    /// Seconds of a round of `lively`.
    pub seconds: u64,
    /// The databases that each runs on.
    pub databases: Vec<Database>,
}

impl Options {
    /// Parses the arguments.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let (mut runs, mut seconds, mut bytes) = (1, lively::SECONDS, None);
        let mut databases = Database::ALL.to_vec();
        let (mut named, mut all) = (Vec::new(), arguments.iter().any(|argument| argument == "all"));
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<usize, String> {
                let value = arguments.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
                value.ok_or_else(|| format!("{argument} needs a number"))
            };
            match argument.as_str() {
                "--runs" => runs = number()?,
                "--seconds" => seconds = number()? as u64,
                "--bytes" => bytes = Some(number()?),
                "--database" => {
                    let name = arguments.next().map(String::as_str).unwrap_or_default();
                    databases.retain(|database| database.name() == name);
                    if databases.is_empty() {
                        return Err("--database is sqlite or postgres".to_owned());
                    }
                }
                "all" => {}
                name if USUAL.contains(&name) || NAMED.contains(&name) => named.push(name),
                other => {
                    let known = [&USUAL[..], &NAMED, &["all"]].concat().join(", ");
                    return Err(format!("there is no scenario {other}; there are {known}"));
                }
            }
        }
        if let Some(bytes) = bytes.filter(|bytes| !LENGTHS.contains(bytes)) {
            return Err(format!("--bytes is from {} to {}, not {bytes}", LENGTHS.start(), LENGTHS.end()));
        }
        all |= named.is_empty();
        if all {
            named.retain(|name| NAMED.contains(name));
            named.splice(..0, USUAL);
        }
        let mut scenarios = Vec::new();
        for name in named {
            let lengths = match bytes {
                _ if !OF_ANY_LENGTH.contains(&name) => vec![BYTES],
                Some(bytes) => vec![bytes],
                None if all => vec![BYTES, LONG],
                None => vec![BYTES],
            };
            scenarios.extend(lengths.into_iter().map(|bytes| Scenario { name: name.to_owned(), bytes }));
        }
        Ok(Self { scenarios, runs, seconds, databases })
    }

    /// Each scenario with each of its databases, in order.
    pub fn all(&self) -> impl Iterator<Item = (&Scenario, Database)> {
        self.scenarios.iter().flat_map(|scenario| {
            let clusters = OF_CLUSTERS.contains(&scenario.name.as_str());
            let fits = move |database: &&Database| !clusters || **database == Database::Postgres;
            self.databases.iter().filter(fits).map(move |database| (scenario, *database))
        })
    }
}
