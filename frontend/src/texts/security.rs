//! Texts of the security settings: password, sessions, e-mail, second factor, passkeys, other log-ins.

texts! {
    no_password_yet = "You don't have a password yet, so this works only within ten minutes of logging in.";

    password = "Password";
    current_password = "Current password";
    new_password = "New password";
    new_password_hint = "At least 8 characters. You'll be logged out on all other devices.";
    change_password = "Change password";
    password_changed = "Password changed. You've been logged out on all other devices.";
    wrong_current_password = "That's not your current password.";

    sessions = "Devices";
    sessions_text = "Devices where you're logged in. End any you don't recognise.";
    this_device = "This device";
    log_out_device = "Log out";
    log_out_named(device: &str) = "Log out {device}";
    end_title = "Log out this device?";
    end_text = "Someone will have to log in again there.";
    end_others = "Log out all other devices";
    end_others_title = "Log out all other devices?";
    end_others_text = "You'll stay logged in here only.";
    ended_others = "All other devices are logged out.";
    first_and_last(first: &str, last: &str) = "Logged in {first} · last used {last}";

    email = "Email";
    email_none = "You haven't added an address. With one, you can set a new password if you forget yours.";
    email_waiting(address: &str) = "We sent a link to {address}. Open it to confirm.";
    email_confirmed(address: &str, day: &str) = "{address}, confirmed on {day}.";
    email_changing(address: &str, day: &str, next: &str) = "{address}, confirmed on {day}. We sent a link to {next}. Open \
                                                            it to switch to that address.";
    email_text = "Only you can see your address. We email you when your account changes or when you ask for a new password.";
    email_address = "Address";
    email_other = "New address";
    email_example = "ada@example.org";
    email_change = "Change";
    email_again = "Send again";
    email_sent(address: &str) = "We've sent an email to {address}.";
    email_removed = "Email address removed.";

    factor = "Two-factor authentication";
    factor_off = "Off. When on, you enter a code from an authenticator app as well as your password, so a stolen password \
                  isn't enough.";
    turn_on = "Turn on";
    turn_off = "Turn off";
    qr_label = "QR code with the secret";
    scan_before = "Scan this with your authenticator app, or enter the secret by hand.";
    open_in_app = "Open in an app on this device";
    factor_code_hint = "The six-digit code the app shows now.";
    confirm = "Confirm";
    codes_text = "Two-factor authentication is on. Keep these recovery codes somewhere safe: each one logs you in once \
                  without the app, and you won't see them again.";
    download = "Download";
    saved_them = "I've saved them";
    factor_is_off = "Two-factor authentication is off.";
    factor_on(day: &str, left: &str) = "On since {day}. You have {left} left.";
    new_codes = "New recovery codes";

    passkeys = "Passkeys";
    passkeys_text = "A passkey logs you in without a password: with your fingerprint, face, screen lock or a security key. \
                     It also replaces the code of two-factor authentication.";
    passkeys_none = "No passkeys yet.";
    passkeys_not_here = "This browser can't add passkeys here.";
    passkey_added_used(day: &str, ago: &str) = "Added {day}, last used {ago}";
    passkey_added_unused(day: &str) = "Added {day}, never used";
    rename = "Rename";
    rename_named(name: &str) = "Rename {name}";
    remove_named(name: &str) = "Remove {name}";
    new_name = "New name";
    passkey_removed = "That passkey can't log you in any more. You can delete it on your device, too.";
    passkey_added(name: &str) = "Passkey \u{201c}{name}\u{201d} added.";
    name = "Name";
    name_hint = "A name to recognise it by.";
    add_passkey = "Add a passkey";
    passkey_cancelled_new = "No passkey was created: it was cancelled, or it took too long.";
    passkey_cancelled = "No passkey was used: it was cancelled, it took too long, or this device has none for you.";
    passkey_known = "This device already has a passkey of yours.";
    passkey_address = "Passkeys don't work at this address.";
    passkey_unsupported = "This device can't do this: it needs a screen lock, a fingerprint, a face or a PIN.";
    passkey_failed = "The browser couldn't do this with passkeys.";

    identities(provider: &str) = "Log in with {provider}";
    identities_none(provider: &str) = "Connect your {provider} account, and you can log in with it here.";
    connect(provider: &str) = "Connect {provider}";
    continue_on = "Continue";
    last_used(ago: &str) = "Last used {ago}";
    added(ago: &str) = "Added {ago}";
}

/// `8 recovery codes`.
pub(crate) fn recovery_codes(count: i64) -> String {
    super::counted(count, "recovery code", "recovery codes")
}
