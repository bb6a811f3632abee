//! Texts of log-in, registration, and the pages that links in mails lead to.

texts! {
    tagline = "A quiet room for your people.";
    story = "Rooms for everyone, private chats with friends. In real time, on a server of your own.";

    log_in = "Log in";
    log_in_to(server: &str) = "Log in to {server}";
    username = "Username";
    username_example = "ada";
    password = "Password";
    show_password = "Show password";
    hide_password = "Hide password";
    forgot_link = "Forgot your password?";
    new_here = "New here?";
    create_account_link = "Create an account";
    enter_username = "Enter your username.";
    enter_password = "Enter your password.";
    enter_code = "Enter the code.";

    create_account_title = "Create your account";
    create_account = "Create account";
    username_hint = "3 to 24 letters, digits or underscores, starting with a letter. Friends find you by it.";
    display_name_optional = "Display name (optional)";
    display_name_hint = "What others see. You can change it at any time.";
    display_name_example = "Ada Lovelace";
    new_password_hint = "At least 8 characters. A few words in a row are easy to remember.";
    invite_code = "Invite code";
    invite_code_hint = "You'll find it in the link or message you were sent.";
    username_taken = "That username is taken.";
    by_invite = "You need an invite code to join this server.";
    by_approval = "New accounts need an administrator's approval. With an invite you can join right away.";
    closed = "This server doesn't accept new accounts. Ask its administrator for one.";
    have_account = "Already have an account?";
    invited = "You've been invited. Create your account to join.";

    almost_there = "Almost there";
    approval_pending(handle: &str) = "Your account @{handle} is waiting for an administrator's approval. Once it's \
                                      approved, you can log in with your username and password.";

    second_step_title = "Two-factor authentication";
    code = "Code";
    code_hint = "The six-digit code from your authenticator app, or one of your recovery codes.";
    or_passkey = "Log in with a passkey";
    use_passkey = "Use a passkey";

    continue_with(provider: &str) = "Continue with {provider}";
    logging_in = "Logging you in";
    log_in_failed = "Couldn't log you in";
    provider_refused = "The other page didn't let you in. You can try again.";
    choose_username = "Choose your username";
    choose_username_text = "You're new here. Friends find you by your username.";
    username_hint_short = "3 to 24 letters, digits or underscores, starting with a letter.";
    provider_title = "Log-in";
    provider_added = "From now on you can log in with it.";
    back_to_settings = "Back to settings";

    forgot_title = "Forgot your password?";
    forgot_field = "Username or email address";
    forgot_hint = "We'll send a link for a new password to your confirmed address.";
    enter_forgot = "Enter your username or email address.";
    send_email = "Send email";
    check_email = "Check your email";
    forgot_done = "If there's an account with a confirmed address, we've sent it an email. The link in it works for an hour.";
    forgot_no_mail = "No email? An administrator can give you a link.";

    reset_title = "Choose a new password";
    new_password = "New password";
    reset_hint = "At least 8 characters. You'll be logged out everywhere.";
    set_password = "Set password";
    reset_done = "Your new password is set. Log in with it.";

    verify_title = "Confirm your email address";
    verify_text = "Emails about your account will go to this address.";
    verify_button = "Confirm address";
    verified_title = "Email address confirmed";
    verified_text = "You can close this page.";
    go_to_chats = "Go to chats";

    logged_out = "You've been logged out.";
    session_over = "Your session has ended. Log in again.";
    suspended = "This account is suspended.";
}
