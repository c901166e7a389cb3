//! The tables, as the migrations leave them. Written by `make schema`, compared with the database by `tests/api/database/schema.rs`; never edited.

diesel::table! {
    api_tokens (id) {
        id -> Uuid,
        name -> Text,
        secret_hash -> Bytea,
        scopes -> Array<Text>,
        allowed_cidrs -> Array<Cidr>,
        created_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        owner_no -> Nullable<Int8>,
    }
}

diesel::table! {
    audit (number) {
        number -> Int8,
        principal -> Text,
        action -> Text,
        subject -> Text,
        detail -> Jsonb,
        at -> Timestamptz,
        user_no -> Nullable<Int8>,
        personal -> Nullable<Bytea>,
    }
}

diesel::table! {
    audit_seals (sequence) {
        sequence -> Int8,
        audit_no -> Int8,
        key_id -> Int2,
        row_mac -> Bytea,
        chain_mac -> Bytea,
        sealed_at -> Timestamptz,
    }
}

diesel::table! {
    audit_unsealed (number) {
        number -> Int8,
    }
}

diesel::table! {
    changes (number) {
        number -> Int8,
        xid -> Int8,
        kind -> Text,
        entity -> Int8,
        at -> Timestamptz,
    }
}

diesel::table! {
    connections (id) {
        id -> Text,
        node_no -> Int8,
        user_no -> Int8,
        device_no -> Int8,
        credential_version -> Int4,
        generation -> Int8,
        base_tx -> Int8,
        prev_tx -> Int8,
        cur_tx -> Int8,
        base_rx -> Int8,
        prev_rx -> Int8,
        cur_rx -> Int8,
        client_addr -> Nullable<Inet>,
        admitted_at -> Nullable<Timestamptz>,
        moved_at -> Nullable<Timestamptz>,
        online_at -> Nullable<Timestamptz>,
        kicked_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    credentials (device_no, version) {
        device_no -> Int8,
        version -> Int4,
        kind -> Text,
        pepper_id -> Int2,
        hash -> Bytea,
        secret_sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        folded_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    device_profiles (device_no) {
        device_no -> Int8,
        node_no -> Nullable<Int8>,
        obfs -> Nullable<Text>,
        up -> Nullable<Int8>,
        down -> Nullable<Int8>,
        mode -> Text,
        listen -> Nullable<Text>,
        lazy -> Bool,
        fast_open -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    devices (id) {
        id -> Uuid,
        number -> Int8,
        user_no -> Int8,
        name -> Text,
        credential_version -> Int4,
        max_connections -> Int2,
        on_conflict -> Text,
        blocked_at -> Nullable<Timestamptz>,
        removed_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    events (number, at) {
        number -> Int8,
        xid -> Int8,
        kind -> Text,
        severity -> Text,
        actor -> Text,
        user_no -> Nullable<Int8>,
        device_no -> Nullable<Int8>,
        node_no -> Nullable<Int8>,
        data -> Jsonb,
        at -> Timestamptz,
    }
}

diesel::table! {
    factors (user_no) {
        user_no -> Int8,
        password_hash -> Nullable<Text>,
        password_set_at -> Nullable<Timestamptz>,
        totp_sealed -> Nullable<Bytea>,
        totp_since -> Nullable<Timestamptz>,
        totp_step -> Int8,
        totp_pending_sealed -> Nullable<Bytea>,
        totp_pending_since -> Nullable<Timestamptz>,
        totp_failed_step -> Int8,
        totp_failed_in_step -> Int2,
        totp_failed_at -> Array<Timestamptz>,
    }
}

diesel::table! {
    group_nodes (group_no, node_no) {
        group_no -> Int8,
        node_no -> Int8,
    }
}

diesel::table! {
    group_users (user_no, group_no) {
        group_no -> Int8,
        user_no -> Int8,
    }
}

diesel::table! {
    groups (id) {
        id -> Uuid,
        number -> Int8,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    invites (id) {
        id -> Uuid,
        secret_hash -> Bytea,
        email -> Nullable<Text>,
        role -> Text,
        quota -> Nullable<Int8>,
        valid_for_seconds -> Nullable<Int8>,
        note -> Text,
        created_by -> Text,
        inviter_no -> Nullable<Int8>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        used_by -> Nullable<Int8>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    kept_answers (id) {
        id -> Bytea,
        claim -> Uuid,
        request_sealed -> Bytea,
        status -> Nullable<Int2>,
        answer_sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
        held_until -> Timestamptz,
    }
}

diesel::table! {
    key_fingerprints (purpose, key_id) {
        purpose -> Text,
        key_id -> Int2,
        fingerprint -> Bytea,
        created_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    node_configs (node_no, version) {
        node_no -> Int8,
        version -> Int4,
        reason -> Text,
        made_by -> Text,
        settings -> Jsonb,
        obfs_password_sealed -> Nullable<Bytea>,
        stats_secret_sealed -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    node_overrides (user_no, node_no) {
        user_no -> Int8,
        node_no -> Int8,
        allowed -> Bool,
    }
}

diesel::table! {
    node_readings (node_no) {
        node_no -> Int8,
        epoch -> Int8,
        holder -> Nullable<Uuid>,
        held_until -> Nullable<Timestamptz>,
        generation -> Int8,
        doubtful_generation -> Int8,
        cleaned_at -> Nullable<Timestamptz>,
        shared_with -> Nullable<Int8>,
        read_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        unreadable_reported -> Bool,
        entries -> Int4,
        doubts -> Int8,
    }
}

diesel::table! {
    nodes (id) {
        id -> Uuid,
        number -> Int8,
        name -> Text,
        address -> Text,
        sni -> Nullable<Text>,
        pin_sha256 -> Nullable<Text>,
        obfs -> Nullable<Text>,
        obfs_password_sealed -> Nullable<Bytea>,
        hook_secret_hash -> Bytea,
        hook_secret_sealed -> Bytea,
        old_hook_secret_hash -> Nullable<Bytea>,
        hook_secret_used_at -> Nullable<Timestamptz>,
        stats_url -> Text,
        stats_secret_sealed -> Bytea,
        allow_plaintext -> Array<Text>,
        allow_targets -> Array<Cidr>,
        own_addresses -> Array<Inet>,
        line_rate -> Nullable<Int8>,
        require_stats_seconds -> Nullable<Int4>,
        paid -> Bool,
        disabled_at -> Nullable<Timestamptz>,
        draining_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        gaming -> Bool,
        streaming -> Bool,
        removing -> Bool,
        config_version -> Int4,
    }
}

diesel::table! {
    outbox (event) {
        event -> Int8,
        at -> Timestamptz,
    }
}

diesel::table! {
    password_links (secret_hash) {
        secret_hash -> Bytea,
        user_no -> Int8,
        created_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    plan_groups (plan_no, group_no) {
        plan_no -> Int8,
        group_no -> Int8,
    }
}

diesel::table! {
    plans (id) {
        id -> Uuid,
        number -> Int8,
        name -> Text,
        note -> Text,
        quota -> Nullable<Int8>,
        quota_window -> Text,
        valid_for_seconds -> Nullable<Int8>,
        device_limit -> Nullable<Int4>,
        online_limit -> Nullable<Int4>,
        paid -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    quarantine (number) {
        number -> Int8,
        node_no -> Int8,
        connection_id -> Text,
        generation -> Int8,
        reason -> Text,
        tx -> Int8,
        rx -> Int8,
        first_seen_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        resolution -> Nullable<Text>,
    }
}

diesel::table! {
    readers (instance) {
        instance -> Uuid,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    recovery_codes (user_no, hash) {
        user_no -> Int8,
        hash -> Bytea,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Bytea,
        session -> Uuid,
        issued_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        successor -> Nullable<Bytea>,
        successor_sealed -> Nullable<Bytea>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_no -> Int8,
        kind -> Text,
        cookie_hash -> Nullable<Bytea>,
        created_at -> Timestamptz,
        fresh_at -> Timestamptz,
        used_at -> Timestamptz,
        expires_at -> Timestamptz,
        addr -> Nullable<Inet>,
        user_agent -> Text,
        ended_at -> Nullable<Timestamptz>,
        ended -> Nullable<Text>,
        opened_from -> Nullable<Inet>,
    }
}

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    usage_daily (user_no, device_no, node_no, day) {
        user_no -> Int8,
        device_no -> Int8,
        node_no -> Int8,
        day -> Date,
        tx -> Int8,
        rx -> Int8,
    }
}

diesel::table! {
    usage_hourly (user_no, device_no, node_no, hour) {
        user_no -> Int8,
        device_no -> Int8,
        node_no -> Int8,
        hour -> Timestamptz,
        tx -> Int8,
        rx -> Int8,
    }
}

diesel::table! {
    usage_totals (user_no, device_no, node_no) {
        user_no -> Int8,
        device_no -> Int8,
        node_no -> Int8,
        tx -> Int8,
        rx -> Int8,
    }
}

diesel::table! {
    usage_touched (node_no, user_no) {
        node_no -> Int8,
        user_no -> Int8,
        stamp -> Int8,
    }
}

diesel::table! {
    user_keys (user_no) {
        user_no -> Int8,
        key_sealed -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        number -> Int8,
        name -> Text,
        role -> Text,
        note -> Text,
        quota -> Nullable<Int8>,
        quota_window -> Text,
        window_anchor -> Nullable<Timestamptz>,
        window_started_at -> Timestamptz,
        window_baseline -> Int8,
        used_total -> Int8,
        used -> Int8,
        warned_percent -> Int2,
        expires_at -> Nullable<Timestamptz>,
        on_hold -> Bool,
        valid_for_seconds -> Nullable<Int8>,
        activated_at -> Nullable<Timestamptz>,
        device_limit -> Nullable<Int4>,
        online_limit -> Nullable<Int4>,
        suspended_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        erased_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        email -> Nullable<Text>,
        name_skeleton -> Nullable<Text>,
        lapsed_at -> Nullable<Timestamptz>,
        standing -> Nullable<Text>,
        plan_no -> Nullable<Int8>,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Uuid,
        sequence -> Int8,
        webhook_id -> Uuid,
        kind -> Text,
        user_no -> Nullable<Int8>,
        body -> Text,
        state -> Text,
        attempts -> Int4,
        next_at -> Timestamptz,
        last_at -> Nullable<Timestamptz>,
        last_status -> Nullable<Int4>,
        last_error -> Nullable<Text>,
        last_ms -> Nullable<Int4>,
        created_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
        queued_at -> Timestamptz,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Uuid,
        name -> Text,
        url -> Text,
        events -> Array<Text>,
        secret_sealed -> Bytea,
        old_secret_sealed -> Nullable<Bytea>,
        old_secret_until -> Nullable<Timestamptz>,
        enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        failures -> Int4,
        resting_until -> Nullable<Timestamptz>,
        created_by -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int8,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    api_tokens,
    audit,
    audit_seals,
    audit_unsealed,
    changes,
    connections,
    credentials,
    device_profiles,
    devices,
    events,
    factors,
    group_nodes,
    group_users,
    groups,
    invites,
    kept_answers,
    key_fingerprints,
    node_configs,
    node_overrides,
    node_readings,
    nodes,
    outbox,
    password_links,
    plan_groups,
    plans,
    quarantine,
    readers,
    recovery_codes,
    refresh_tokens,
    sessions,
    settings,
    usage_daily,
    usage_hourly,
    usage_totals,
    usage_touched,
    user_keys,
    users,
    webhook_deliveries,
    webhooks,
);
