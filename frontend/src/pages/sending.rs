//! Submitting forms: one request at a time, and each refusal is shown at the field it concerns.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::problems::ErrorCode;

use crate::api::http::Answer;
use crate::components::form::{Input, check_all};
use crate::state::failure::Failure;

/// Whether a request is in flight, and why the last one failed.
#[derive(Clone, Copy)]
pub(crate) struct Sending {
    pub(crate) busy: RwSignal<bool>,
    pub(crate) failure: RwSignal<Option<Failure>>,
}

/// The field that a failure concerns, and what is wrong with it.
pub(crate) type Place = Option<(Input, String)>;

/// Finds the field that a failure concerns by the server's field names. A wrong password is cleared.
pub(crate) fn place(why: &Failure, password: Option<Input>, fields: &[(&str, Input)]) -> Place {
    if why.code() == Some(ErrorCode::BadCredentials)
        && let Some(password) = password
    {
        let _ = password.value.try_set(String::new());
        return Some((password, why.message()));
    }
    fields.iter().find_map(|(name, input)| Some((*input, why.violation(name)?)))
}

/// The place of a failure because something is taken already, and what to say there.
pub(crate) fn taken(why: &Failure, input: Input, text: &str) -> Place {
    (why.code() == Some(ErrorCode::Taken)).then(|| (input, text.to_owned()))
}

/// A failure that concerns no shown field, with the server's first message about other fields.
fn whole(why: Failure) -> Failure {
    match why {
        Failure::Problem(mut problem) if !problem.violations.is_empty() => {
            problem.detail = problem.violations.first().map(|one| one.message.clone());
            Failure::Problem(problem)
        }
        why => why,
    }
}

impl Sending {
    /// No request is in flight.
    pub(crate) fn new() -> Self {
        Self { busy: RwSignal::new(false), failure: RwSignal::new(None) }
    }

    /// Handles the submission of a form: runs `then` if no request is in flight and all fields are valid.
    pub(crate) fn on_submit<const N: usize>(
        self,
        fields: [Input; N],
        then: impl Fn() + Clone + 'static,
    ) -> impl Fn(SubmitEvent) + Clone + 'static {
        move |event| {
            event.prevent_default();
            if !self.busy.get_untracked() && check_all(&fields) {
                then();
            }
        }
    }

    /// Sends a form's request; `then` gets the answer, and `place` finds the field that a failure concerns.
    pub(crate) fn send<T: 'static>(
        self,
        place: impl FnOnce(&Failure) -> Place + 'static,
        request: impl Future<Output = Answer<T>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            let answer = request.await;
            let _ = self.busy.try_set(false);
            match answer {
                Ok(answer) => then(answer),
                Err(why) => match place(&why) {
                    Some((input, message)) => {
                        let _ = input.error.try_set(Some(message));
                        input.focus();
                    }
                    None => {
                        let _ = self.failure.try_set(Some(whole(why)));
                    }
                },
            }
        });
    }
}
