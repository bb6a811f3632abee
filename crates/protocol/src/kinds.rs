//! Kinds that are texts on the wire and in the database.
//!
//! Invariant: a kind that a version does not know is read as `Unknown`, never as an error.

/// Declares an enum of kinds, each with its text, and `Unknown` for all others. `$all` documents the list of kinds.
macro_rules! kinds {
    ($(#[$meta:meta])* $kinds:ident, $all:literal, $($(#[$doc:meta])* $name:ident = $text:tt,)*) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $kinds {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A kind this version doesn't know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl $kinds {
            #[doc = $all]
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind as it is written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// Parses a kind; unknown text gives `Unknown`.
            pub fn of(text: &str) -> Self {
                match text { $($text => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

pub(crate) use kinds;
