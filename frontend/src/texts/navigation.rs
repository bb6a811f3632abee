//! Texts of the sidebar, the bottom bar and the quick switcher.

texts! {
    home(server: &str) = "{server}, home";
    jump_to = "Jump to…";
    shortcut = "Ctrl K";
    conversations = "Conversations";
    rooms = "Rooms";
    create_room = "Create a room";
    direct_chats = "Direct chats";
    message_friend = "Message a friend";
    add_friend_hint = "Add a friend to talk privately";
    draft = "Draft";

    switcher_title = "Jump to a conversation, a person or a page";
    switcher_places = "Places";
    no_results = "No results";
    room = "Room";
    page = "Page";
    joinable_room = "Room to join";
    browse_rooms = "Browse rooms";
    friends = "Friends";
    notifications = "Activity";
    administration = "Administration";
    chats = "Chats";
    you = "You";
    places = "Places";
    main = "Main";
    your_settings = "Your profile and settings";
    settings = "Settings";
}
