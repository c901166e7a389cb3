//! Every list with every order and filter that it has, as a path of the API and as the same query in SQL.

/// One way to ask for a list.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which list, as the figures are named.
    pub list: &'static str,
    /// The API's path with its query, without limit and cursor.
    pub path: String,
    /// In SQL: what is listed, of which rows, in which order.
    pub from: String,
    pub condition: String,
    /// Columns of the order, all in the same direction.
    pub order: &'static [&'static str],
    pub descending: bool,
    /// A row's key as the cursor holds it: an expression of JSON.
    pub key: &'static str,
    /// Whether `total` may be asked for.
    pub counts: bool,
}

impl Case {
    /// Whether more than one filter is asked for, or one in a foreign order: no index holds just that.
    pub fn is_mixed(&self) -> bool {
        self.list.ends_with("_mixed")
    }

    fn new(list: &'static str, path: &str, table: &str) -> Self {
        Self {
            list,
            path: path.to_owned(),
            from: table.to_owned(),
            condition: "true".to_owned(),
            order: &["id"],
            descending: false,
            key: "to_json(id)",
            counts: false,
        }
    }

    fn by(mut self, order: &'static [&'static str], key: &'static str) -> Self {
        (self.order, self.key) = (order, key);
        self
    }

    fn newest(mut self, order: &'static [&'static str], key: &'static str) -> Self {
        self.descending = true;
        self.by(order, key)
    }

    fn only(mut self, query: &str, condition: &str) -> Self {
        if !query.is_empty() {
            let sign = if self.path.contains('?') { '&' } else { '?' };
            self.path = format!("{}{sign}{query}", self.path);
        }
        if !condition.is_empty() {
            self.condition = format!("{} AND {condition}", self.condition);
        }
        self
    }

    fn counting(mut self) -> Self {
        self.counts = true;
        self
    }
}

const SORTS: [(&str, &[&str], &str); 4] = [
    ("sort=id", &["id"], "json_build_object('Id', id)"),
    (
        "sort=name",
        &["lower(name) COLLATE \"C\""],
        "json_build_object('Name', name)",
    ),
    (
        "sort=created_at",
        &["created_at", "id"],
        "json_build_object('CreatedAt', json_build_array(created_at, id))",
    ),
    (
        "sort=expires_at",
        &["expires_at", "id"],
        "json_build_object('ExpiresAt', json_build_array(expires_at, id))",
    ),
];
const STATUSES: [(&str, &str); 7] = [
    ("", "deleted_at IS NULL"),
    (
        "status=active",
        "standing = 'active' AND (expires_at IS NULL OR expires_at > now())",
    ),
    (
        "status=limited",
        "standing = 'limited' AND (expires_at IS NULL OR expires_at > now())",
    ),
    (
        "status=on_hold",
        "standing = 'on_hold' AND (expires_at IS NULL OR expires_at > now())",
    ),
    (
        "status=expired",
        "standing = 'expired' AND expires_at - now() <= interval '0'",
    ),
    ("status=suspended", "standing = 'suspended'"),
    ("status=deleted", "standing = 'deleted'"),
];
/// From a third of all to nobody.
const SEARCHES: [&str; 4] = ["user", "user12", "member1234", "nobody"];
const GROUPS: [&str; 4] = ["default", "tenth", "small", "few"];

fn search(column: &str, text: &str) -> (String, String) {
    (
        format!("search={text}"),
        format!(
            "lower({column}) COLLATE \"C\" >= '{text}' AND lower({column}) COLLATE \"C\" < '{text}\u{10ffff}'"
        ),
    )
}

fn group(name: &str) -> (String, String) {
    (
        format!("group={name}"),
        format!(
            "number IN (SELECT user_no FROM group_users WHERE group_no = (SELECT number FROM groups WHERE name = '{name}'))"
        ),
    )
}

/// Users, asked for as the design promises: one filter at most, in an order that it has an index for.
fn users() -> Vec<Case> {
    let mut cases = Vec::new();
    for (query, order, key) in SORTS {
        for (status, condition) in STATUSES {
            let case = Case::new("users", "/users", "users").by(order, key);
            let dated = if order[0] == "expires_at" {
                "expires_at IS NOT NULL"
            } else {
                ""
            };
            cases.push(case.only(query, dated).only(status, condition).counting());
        }
    }
    let by_name = Case::new("users", "/users", "users").by(SORTS[1].1, SORTS[1].2);
    for text in SEARCHES {
        let (query, condition) = search("name", text);
        let case = by_name.clone().only(&query, &condition);
        cases.push(case.only("", "deleted_at IS NULL").counting());
    }
    let by_number = Case::new("users", "/users", "users")
        .by(&["number"], "json_build_object('Number', number)");
    for name in GROUPS {
        let (query, condition) = group(name);
        let case = by_number.clone().only(&query, &condition);
        cases.push(case.only("", "deleted_at IS NULL").counting());
    }
    cases
}

/// Users by everything else: two and three filters at once, or one in a foreign order.
fn users_mixed() -> Vec<Case> {
    let mut cases = Vec::new();
    let texts = || SEARCHES[1..3].iter().map(|text| Some(search("name", text)));
    let groups = || GROUPS[1..3].iter().map(|name| Some(group(name)));
    for (sort, order, key) in SORTS {
        for (status, standing) in [STATUSES[0], STATUSES[1], STATUSES[4], STATUSES[5]] {
            for searched in texts().chain([None]) {
                for grouped in groups().chain([None]) {
                    let promised = grouped.is_none()
                        && (searched.is_none() || status.is_empty() && sort == "sort=name");
                    if promised {
                        continue;
                    }
                    let mut case = Case::new("users_mixed", "/users", "users").by(order, key);
                    case = case.only(sort, "").only(status, standing).counting();
                    if order[0] == "expires_at" {
                        case = case.only("", "expires_at IS NOT NULL");
                    }
                    for (query, condition) in [&searched, &grouped].into_iter().flatten() {
                        case = case.only(query, condition);
                    }
                    cases.push(case);
                }
            }
        }
    }
    for (status, standing) in STATUSES.into_iter().skip(1) {
        for name in GROUPS {
            let (query, condition) = group(name);
            let case = Case::new("users_mixed", "/users", "users").only(&query, &condition);
            let case = case.by(&["number"], "json_build_object('Number', number)");
            cases.push(case.only(status, standing).counting());
        }
    }
    cases
}

/// What two and more filters show of the audit.
fn audit_mixed() -> Vec<Case> {
    let principals = [
        ("principal=token:often", "principal = 'token:often'"),
        ("principal=cli:0", "principal = 'cli:0'"),
    ];
    let others = [
        ("action=user.edit", "action = 'user.edit'"),
        ("action=user.erase", "action = 'user.erase'"),
        ("action=plan.", "split_part(action, '.', 1) = 'plan'"),
        ("subject=user:7", "subject = 'user:7'"),
        ("user=user7", "user_no = 7"),
        // every one of these is by the other
        (
            "action=device.create&from=2020-01-01T00:00:00Z",
            "action = 'device.create' AND at >= '2020-01-01T00:00:00Z'",
        ),
    ];
    let mut cases = Vec::new();
    for (principal, by) in principals {
        for (query, condition) in others {
            let case = Case::new("audit_mixed", "/audit", "audit")
                .newest(&["at", "number"], "json_build_array(at, number)");
            cases.push(case.only(principal, by).only(query, condition));
        }
    }
    cases
}

fn devices() -> Vec<Case> {
    let states = [
        ("", "removed_at IS NULL"),
        ("status=active", "removed_at IS NULL AND blocked_at IS NULL"),
        (
            "status=blocked",
            "removed_at IS NULL AND blocked_at IS NOT NULL",
        ),
        ("status=removed", "removed_at IS NOT NULL"),
        ("removed=true", ""),
    ];
    let mut cases = Vec::new();
    for (state, condition) in states {
        let all = Case::new("devices", "/devices", "devices")
            .only(state, condition)
            .counting();
        cases.push(all.clone().by(&["id"], "json_build_object('Id', id)"));
        for text in ["device", "device12", "old", "nothing"] {
            let (query, condition) = search("name", text);
            let by_name: &[&str] = &["lower(name) COLLATE \"C\"", "id"];
            let key = "json_build_object('Name', json_build_array(name, id))";
            cases.push(all.clone().by(by_name, key).only(&query, &condition));
        }
        let theirs = Case::new("devices", "/users/user1/devices", "devices").only(state, condition);
        cases.push(
            theirs
                .by(&["id"], "json_build_object('Id', id)")
                .only("", "user_no = 1"),
        );
    }
    cases
}

fn audit() -> Vec<Case> {
    let whole = || {
        Case::new("audit", "/audit", "audit")
            .newest(&["at", "number"], "json_build_array(at, number)")
    };
    let filters = [
        ("", ""),
        ("principal=token:often", "principal = 'token:often'"),
        ("principal=token:rare", "principal = 'token:rare'"),
        ("action=user.edit", "action = 'user.edit'"),
        ("action=plan.create", "action = 'plan.create'"),
        ("action=user.", "split_part(action, '.', 1) = 'user'"),
        ("action=plan.", "split_part(action, '.', 1) = 'plan'"),
        ("subject=user:7", "subject = 'user:7'"),
        ("user=user7", "user_no = 7"),
    ];
    let spans = [
        ("", ""),
        ("to=2026-01-01T00:00:00Z", "at < '2026-01-01T00:00:00Z'"),
        ("from=2020-01-01T00:00:00Z", "at >= '2020-01-01T00:00:00Z'"),
    ];
    let mut cases = Vec::new();
    for (query, condition) in filters {
        for (span, of) in spans {
            cases.push(whole().only(query, condition).only(span, of));
        }
    }
    let about =
        Case::new("audit", "/users/user7/audit", "audit").newest(&["number"], "to_json(number)");
    let devices = "SELECT 'device:' || id FROM devices WHERE user_no = 7 UNION SELECT 'user:' || id FROM users WHERE number = 7";
    cases.push(about.only("", &format!("subject = ANY (ARRAY({devices}))")));
    cases
}

fn kept() -> Vec<Case> {
    let deliveries = |state: &str| {
        let path = "/webhooks/many/deliveries";
        let case = Case::new("deliveries", path, "webhook_deliveries")
            .newest(&["sequence"], "to_json(sequence)")
            .only("", "webhook_id = '00000000-0000-7000-8000-000000000001'");
        let condition = format!("state = '{state}'");
        if state.is_empty() {
            case
        } else {
            case.only(&format!("state={state}"), &condition)
        }
    };
    let mut cases: Vec<Case> = ["", "delivered", "failed", "waiting"]
        .into_iter()
        .map(deliveries)
        .collect();
    for (all, open) in [("", "resolved_at IS NULL"), ("all=true", "")] {
        let held = Case::new("quarantine", "/quarantine", "quarantine")
            .by(&["number"], "to_json(number)")
            .only(all, open);
        cases.push(held.clone());
        cases.push(held.only("node=node3", "node_no = 3"));
    }
    let whose = [
        ("", ""),
        ("user=user7", "user_no = 7"),
        ("node=node3", "node_no = 3"),
        ("user=user7&node=node3", "user_no = 7 AND node_no = 3"),
    ];
    for (all, open) in [
        ("", "ended_at IS NULL AND online_at IS NOT NULL"),
        ("all=true", ""),
    ] {
        for (query, condition) in whose {
            let case = Case::new("connections", "/stats/connections", "connections");
            cases.push(case.only(all, open).only(query, condition));
        }
    }
    cases
}

fn others() -> Vec<Case> {
    let live = "ended_at IS NULL AND expires_at > now() AND used_at > now() - interval '7 days'";
    let logins = |user: &str, number: u64| {
        Case::new("logins", &format!("/users/{user}/sessions"), "sessions")
            .newest(&["id"], "to_json(id)")
            .only("", &format!("user_no = {number} AND {live}"))
    };
    vec![
        logins("user1", 1),
        logins("user7", 7),
        Case::new("plans", "/plans", "plans"),
        Case::new("groups", "/groups", "groups"),
        Case::new("nodes", "/nodes", "nodes").only("", "deleted_at IS NULL"),
    ]
}

/// All of them.
pub fn all() -> Vec<Case> {
    [
        users(),
        users_mixed(),
        audit_mixed(),
        devices(),
        audit(),
        kept(),
        others(),
        events(),
    ]
    .concat()
}

/// Events, which are followed: the cursor is a place between snapshots.
fn events() -> Vec<Case> {
    let key = "json_build_object('seen', '1:1:', 'at', '1970-01-01T00:00:00Z', 'within', json_build_array(pg_current_snapshot()::text, number))";
    vec![
        Case::new("events", "/events", "events")
            .by(&["number"], key)
            .only("after=start", ""),
    ]
}
