//! The values that were set, read by name.
//!
//! Invariant: the first mistake is kept, and `finish` reports it; a value that may hold a password is in no message.

use std::collections::BTreeMap;

use super::table::{self, Fallback, SETTINGS, Setting, Values};

/// What the file and the environment say, and the first mistake found in it.
#[derive(Default)]
pub(super) struct Given {
    texts: BTreeMap<&'static str, String>,
    mistake: Option<String>,
}

impl Given {
    /// Combines the text of a file with a lookup that takes precedence. An empty value counts as not set.
    pub(super) fn collect(file: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let entries: toml::Table = file.parse().map_err(|error| format!("parlour.toml: {error}"))?;
        let mut texts = BTreeMap::new();
        for (key, value) in entries {
            let setting = table::find(&key).ok_or_else(|| {
                format!("parlour.toml: there is no setting {key:?}; docs/settings.md lists them all")
            })?;
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(list) => {
                    list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(format!("parlour.toml: {key} must be a text, a number or a list of texts")),
            };
            texts.insert(setting.name, text);
        }
        for Setting { name, .. } in SETTINGS {
            if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
                texts.insert(name, value);
            }
        }
        Ok(Self { texts, mistake: None })
    }

    /// Reports the first mistake.
    pub(super) fn finish(self) -> Result<(), String> {
        self.mistake.map_or(Ok(()), Err)
    }

    /// Records a mistake, unless there was one before.
    pub(super) fn fail(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }

    /// The value of a result; a failure is recorded.
    pub(super) fn check<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.fail(mistake)).ok()
    }

    /// A text that was set or applies without being set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let given = self.texts.get(name).map(|text| text.trim().to_owned());
        given.or_else(|| match table::find(name)?.values {
            Values::Text { fallback: Fallback::Value(text), .. } => Some(text.to_owned()),
            _ => None,
        })
    }

    /// The parts of a text between commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A switch.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                self.fail(format!("{name} must be true or false, not {other:?}"));
                false
            }
        }
    }

    /// A number within the limits of its setting.
    pub(super) fn number(&mut self, name: &str) -> usize {
        let Some(Setting { values: Values::Number { default, least, most }, .. }) = table::find(name) else {
            self.fail(format!("{name} is not a number among the settings"));
            return 0;
        };
        let default = default.unwrap_or_else(cores);
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if (*least..=*most).contains(&number) => number,
            _ => {
                self.fail(format!("{name} must be a number from {least} to {most}, not {text:?}"));
                default
            }
        }
    }

    /// A number within the limits of its setting, which must fit.
    pub(super) fn small_number(&mut self, name: &str) -> u32 {
        u32::try_from(self.number(name)).unwrap_or(u32::MAX)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
