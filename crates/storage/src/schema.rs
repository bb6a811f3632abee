//! The tables, for Diesel. One schema for both databases, so it uses only types that both have.
//!
//! Invariant: the columns are the same as in `migrations/*/`; a test compares them.

#![expect(missing_docs, reason = "the migrations describe tables and columns")]

diesel::table! {
    server_state (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        handle -> Text,
        handle_key -> Text,
        display_name -> Text,
        bio -> Text,
        avatar_id -> Nullable<BigInt>,
        password_hash -> Text,
        is_admin -> Bool,
        created_at -> BigInt,
        handle_changed_at -> BigInt,
        suspended_at -> Nullable<BigInt>,
        last_useq -> BigInt,
        notifications_read -> BigInt,
        findable_by -> SmallInt,
        requests_from -> SmallInt,
        presence_to -> SmallInt,
        asked_since -> BigInt,
        asked_count -> BigInt,
        pending_since -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        erased_at -> Nullable<BigInt>,
        owner_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        actor_id -> Nullable<BigInt>,
        subject_id -> Nullable<BigInt>,
        address -> Nullable<Text>,
        operation -> Nullable<Text>,
    }
}

diesel::table! {
    invites (id) {
        id -> BigInt,
        code_hash -> Binary,
        created_by -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        uses -> BigInt,
        used -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    password_resets (user_id) {
        user_id -> BigInt,
        token_hash -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> BigInt,
        nonce -> Binary,
        confirmed_at -> Nullable<BigInt>,
        last_step -> BigInt,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> BigInt,
        code_hash -> Binary,
    }
}

diesel::table! {
    emails (user_id) {
        user_id -> BigInt,
        address -> Nullable<Text>,
        address_key -> Nullable<Text>,
        verified_at -> Nullable<BigInt>,
        pending -> Nullable<Text>,
        pending_hash -> Nullable<Binary>,
        pending_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (name) {
        name -> Binary,
        request -> Binary,
        user_id -> Nullable<BigInt>,
        result -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    outgoing_mail (id) {
        id -> BigInt,
        user_id -> BigInt,
        kind -> SmallInt,
        address -> Text,
        address_hash -> Nullable<Binary>,
        nonce -> Nullable<Binary>,
        created_at -> BigInt,
        next_try_at -> BigInt,
        tries -> BigInt,
        sent_at -> Nullable<BigInt>,
        failed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        key -> Nullable<Text>,
        data -> Text,
        run_at -> BigInt,
        tries -> BigInt,
        leased_until -> Nullable<BigInt>,
        failed_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> BigInt,
        user_id -> BigInt,
        credential_id -> Binary,
        passkey -> Text,
        name -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    reset_requests (id) {
        id -> BigInt,
        who -> Text,
        nonce -> Binary,
        client_address -> Text,
        requested_at -> BigInt,
    }
}

diesel::table! {
    passkey_ceremonies (id) {
        id -> Binary,
        user_id -> Nullable<BigInt>,
        kind -> SmallInt,
        state -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    blocks (blocker_id, blocked_id) {
        blocker_id -> BigInt,
        blocked_id -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    declined_requests (asked_by, declined_by) {
        asked_by -> BigInt,
        declined_by -> BigInt,
        declined_at -> BigInt,
    }
}

diesel::table! {
    avatars (id) {
        id -> BigInt,
        user_id -> BigInt,
        media_type -> Text,
        small -> Binary,
        large -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        user_id -> BigInt,
        device -> Text,
        token_hash -> Binary,
        previous_hash -> Nullable<Binary>,
        rotated_at -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        network -> Nullable<Binary>,
        scope -> Nullable<SmallInt>,
        conversations -> Nullable<Text>,
    }
}

diesel::table! {
    conversations (id) {
        id -> BigInt,
        kind -> SmallInt,
        name -> Nullable<Text>,
        name_key -> Nullable<Text>,
        topic -> Text,
        low_user -> Nullable<BigInt>,
        high_user -> Nullable<BigInt>,
        last_seq -> BigInt,
        changed_seq -> BigInt,
        member_count -> BigInt,
        last_activity_at -> BigInt,
        active_span -> BigInt,
        created_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    members (conversation_id, user_id) {
        conversation_id -> BigInt,
        user_id -> BigInt,
        role -> SmallInt,
        joined_at -> BigInt,
        read_seq -> BigInt,
    }
}

diesel::table! {
    events (conversation_id, seq) {
        conversation_id -> BigInt,
        seq -> BigInt,
        kind -> SmallInt,
        author_id -> BigInt,
        at -> BigInt,
        cid -> Nullable<Text>,
        target -> Nullable<BigInt>,
        body -> Nullable<Text>,
        current_body -> Nullable<Text>,
        edited_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        mentions -> Nullable<Text>,
        target_author -> Nullable<BigInt>,
    }
}

diesel::table! {
    mentions (user_id, conversation_id, seq) {
        user_id -> BigInt,
        conversation_id -> BigInt,
        seq -> BigInt,
        author_id -> BigInt,
        useq -> Nullable<BigInt>,
        at -> BigInt,
    }
}

diesel::table! {
    reactions (conversation_id, seq, emoji, user_id) {
        conversation_id -> BigInt,
        seq -> BigInt,
        emoji -> Text,
        user_id -> BigInt,
        event_seq -> BigInt,
    }
}

diesel::table! {
    friendships (low_user, high_user) {
        low_user -> BigInt,
        high_user -> BigInt,
        requested_by -> BigInt,
        created_at -> BigInt,
        accepted_at -> Nullable<BigInt>,
        hidden -> Bool,
    }
}

diesel::table! {
    user_events (user_id, useq) {
        user_id -> BigInt,
        useq -> BigInt,
        at -> BigInt,
        data -> Text,
        notify -> Bool,
    }
}

diesel::table! {
    identities (id) {
        id -> BigInt,
        user_id -> BigInt,
        issuer -> Text,
        subject -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(members -> conversations (conversation_id));
diesel::joinable!(members -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    server_state,
    users,
    audit_log,
    blocks,
    declined_requests,
    identities,
    invites,
    password_resets,
    second_factors,
    recovery_codes,
    emails,
    idempotency_keys,
    jobs,
    outgoing_mail,
    reset_requests,
    passkeys,
    passkey_ceremonies,
    avatars,
    sessions,
    conversations,
    members,
    mentions,
    events,
    reactions,
    friendships,
    user_events
);
