//! One method of [`Api`] for each operation, generated from the table; only the special cases are written by hand.

use super::api::{Api, ApiError};
use super::lines::Lines;
use crate::operations::calls;
use crate::operations::types::*;

macro_rules! methods {
    ($(
        $(#[doc = $doc:tt])*
        $name:ident: $method:ident $path:literal ($($argument:ident: $type:ty),*)
            $(query $query:ident)? $(body $body:ident)? -> $answer:ty $(, $mark:ident)*;
    )*) => {
        /// The operations, named as the published description names them.
        impl Api {
            $(methods! {
                @$name [$(#[doc = $doc])*] ($($argument: $type),*) [$($query)?] [$($body)?] $answer
            })*
        }
    };
    (@export_account $($rest:tt)*) => {
        /// Exports the user's own data as lines of JSON, read as they arrive.
        pub async fn export_account(&self, body: &ConfirmPassword) -> Result<Lines, ApiError> {
            Ok(Lines::new(self.send(&calls::export_account(body)).await?))
        }
    };
    (@delete_current_session $($rest:tt)*) => {
        /// Logs out and clears the tokens.
        pub async fn delete_current_session(&self) -> Result<(), ApiError> {
            self.run(calls::delete_current_session()).await?;
            self.set_tokens(None, None);
            Ok(())
        }
    };
    (@$name:ident [$($doc:tt)*] ($($argument:ident: $type:ty),*) [$($query:ident)?] [$($body:ident)?] $answer:ty) => {
        $($doc)*
        pub async fn $name(
            &self,
            $($argument: $type,)*
            $(query: &$query,)?
            $(body: &$body,)?
        ) -> Result<$answer, ApiError> {
            self.run(calls::$name($($argument,)* $(methods!(@value query $query),)? $(methods!(@value body $body))?)).await
        }
    };
    (@value $value:ident $type:ident) => { $value };
}

crate::operations!(methods);
