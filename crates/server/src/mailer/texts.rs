//! Texts of mails: plain text, a few lines each.
//!
//! Invariant: the only text in them that users can choose is the handle, which consists of letters, digits and
//! underscores: nobody can send their own words to somebody else's address.

use parlour_chat::mail_queue::MailKind;

/// Maximum length of the server's name in a mail, in characters.
const NAME: usize = 60;

/// Subject and body of a mail.
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) body: String,
}

/// Joins a text into one line without control characters, at most [`NAME`] characters long.
pub(super) fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(NAME).collect()
}

/// The text of a mail about an account, for a server with this name and address.
pub(super) fn text(kind: MailKind, name: &str, address: &str, handle: &str, token: &str) -> Text {
    let not_me = format!(
        "If this wasn't you, someone may know your password. Set a new one at\n{address}/forgot\nor ask an \
         administrator of {name} for help."
    );
    let help = format!("If this wasn't you, ask an administrator of {name} for help: {address}");
    let (subject, words) = match kind {
        MailKind::Verification => (
            format!("Confirm your address for {name}"),
            format!(
                "This address was added to the account @{handle} on {name}. To confirm it, open this link within a day:\n\
                 \n\
                 {address}/verify-email#{token}\n\
                 \n\
                 If you don't know this account, ignore this email: without the link the address isn't used."
            ),
        ),
        MailKind::ResetLink => (
            format!("A new password for {name}"),
            format!(
                "Someone asked for a new password for the account @{handle} on {name}. To choose one, open this link \
                 within an hour:\n\
                 \n\
                 {address}/reset#{token}\n\
                 \n\
                 It works once. If it wasn't you who asked, ignore this email: your password stays as it is."
            ),
        ),
        MailKind::EmailChosen => (
            format!("Another address for your account on {name}"),
            format!(
                "Another email address was added to the account @{handle} on {name}. Once it's confirmed, emails go \
                 there and no longer to you.\n\
                 \n\
                 {not_me}"
            ),
        ),
        MailKind::EmailChanged => (
            format!("The address of your account on {name} has changed"),
            format!(
                "The account @{handle} on {name} has a new email address. This is the last email to this one.\n\
                 \n\
                 {help}"
            ),
        ),
        MailKind::EmailRemoved => (
            format!("The address of your account on {name} was removed"),
            format!(
                "The account @{handle} on {name} no longer has an email address. This is the last email to this one.\n\
                 \n\
                 {help}"
            ),
        ),
        MailKind::PasswordChanged => (
            format!("Your password on {name} has changed"),
            format!("The password of the account @{handle} on {name} was changed.\n\n{not_me}"),
        ),
        MailKind::PasswordReset => (
            format!("Your password on {name} has changed"),
            format!(
                "A new password was set for the account @{handle} on {name} by a link. It's logged out everywhere.\n\
                 \n\
                 {not_me}"
            ),
        ),
        MailKind::SecondFactorRemoved => (
            format!("Two-factor authentication on {name} is off"),
            format!(
                "Two-factor authentication was turned off for the account @{handle} on {name}. The password alone is \
                 enough to log in now.\n\
                 \n\
                 {not_me}"
            ),
        ),
    };
    let body = format!(
        "Hello @{handle},\n\n{words}\n\nThis email was sent automatically. No one reads replies to it.\n"
    );
    Text { subject, body: body.replace('\n', "\r\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_carry_their_token_in_the_fragment_and_notices_carry_none() {
        for number in 1..=8 {
            let kind = MailKind::of(number).unwrap();
            let text = text(kind, "Tea", "https://chat.example", "ada", "token0");
            let with_token = matches!(kind, MailKind::Verification | MailKind::ResetLink);
            assert_eq!(text.body.contains("#token0"), with_token, "{kind:?}");
            assert!(text.body.contains("@ada") && text.subject.contains("Tea"), "{kind:?}");
            assert!(text.body.lines().all(|line| line.len() < 500), "{kind:?}");
        }
        assert!(MailKind::of(0).is_none() && MailKind::of(9).is_none());
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(one_line("Tea\r\nBcc: eve@evil.example\u{0}"), "Tea Bcc: eve@evil.example");
        assert_eq!(one_line(&"x".repeat(100)).len(), 60);
    }
}
