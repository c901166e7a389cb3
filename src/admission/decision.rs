//! The decision codes: one word in log, metric, rings and API for each way a login can end.
use crate::models::words;

words!(/** Why a login was admitted or refused, in the order in which it is decided (design, section 9). */ Code {
    /** No such node: 401. */ NodeUnknown = "node_unknown",
    /** The node's secret is wrong: 401. */ NodeSecretBad = "node_secret_bad",
    /** Not JSON, or `auth` is missing or over 1 KiB. */ Malformed = "malformed",
    /** The node takes no new logins. */ NodeDisabled = "node_disabled",
    /** Too many guesses from this address. */ RateLimited = "rate_limited",
    /** A secret of ours with a wrong checksum: mistyped. */ BadSecret = "bad_secret",
    /** No device has it. */ UnknownCredential = "unknown_credential",
    /** Removed or rotated within 30 days. */ DeviceRevoked = "device_revoked",
    /** The user is suspended or deleted. */ UserSuspended = "user_suspended",
    /** The user's time is over. */ UserExpired = "user_expired",
    /** The user's bytes of this window are used up. */ QuotaExceeded = "quota_exceeded",
    /** The device is blocked. */ DeviceBlocked = "device_blocked",
    /** The user has no right to this node. */ NodeNotPermitted = "node_not_permitted",
    /** A paid node, a user without a paid plan. */ PlanRequired = "plan_required",
    /** The node's stats cannot be read and the user has a quota. */ StatsUnreadable = "stats_unreadable",
    /** The user has as many devices online as it may. */ DeviceLimit = "device_limit",
    /** The device's connections displace each other. */ DeviceConcurrency = "device_concurrency",
    /** Maintenance that refuses logins. */ MaintenanceDeny = "maintenance_deny",
    /** Something of ours failed: closed, never open. */ BackendError = "backend_error",
    /** Admitted. */ Ok = "ok",
    /** Admitted, and its clock starts now. */ OkOnHoldStarted = "ok_on_hold_started",
    /** Admitted by an agent from its replica. */ OkOfflineSnapshot = "ok_offline_snapshot",
});

impl Code {
    /// Whether the client was let in.
    pub fn admits(self) -> bool {
        matches!(
            self,
            Self::Ok | Self::OkOnHoldStarted | Self::OkOfflineSnapshot
        )
    }
}
