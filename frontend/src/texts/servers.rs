//! Texts for choosing a server, if the page was not loaded from one.

texts! {
    title = "Choose your server";
    text = "Parlour runs on servers that people host themselves. Which one is yours?";
    address = "Server address";
    address_hint = "You'll find it in an invite, or in the address bar of someone who's already there.";
    address_example = "chat.example.org";
    connect = "Continue";

    enter_address = "Enter the address of your server.";
    not_an_address = "That's not an address. It should look like chat.example.org.";
    needs_tls = "From here, only servers whose address starts with https:// can be reached.";
    no_answer(host: &str) = "Can't reach {host}. Check the address and your connection, and try again.";
    not_parlour(host: &str) = "There's no Parlour server at {host}. Check the address.";

    on_server(host: &str) = "You're on {host}.";
    use_another = "Use another server";
    open(host: &str) = "Open {host}";

    passkeys_elsewhere = "Passkeys belong to the server's own page: open it to add one or to log in with one.";
    provider_elsewhere(provider: &str) = "Logging in with {provider} works on the server's own page.";
    identities_elsewhere(provider: &str) = "Open the server's own page to connect your {provider} account.";
}
