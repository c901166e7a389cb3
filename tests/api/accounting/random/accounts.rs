//! What happens to rows and users.
use super::{Flight, World};
use hywarden::services::accounting::settle::{Crossing, Rules, settle};
use std::collections::BTreeSet;
impl World {
    pub(super) fn retain(&mut self) {
        // Rows stay for `retention.connections` after the end besides: longer than a wrong server stands behind a name,
        // so what is forgotten is in nobody's map any more, nor in an answer that is still read.
        let mut kept: BTreeSet<String> = self
            .servers
            .iter()
            .flat_map(|s| s.online.iter().chain(s.map.keys()).cloned())
            .collect();
        for holder in &self.holders {
            if let Flight::Answer(answer, _) = &holder.flight {
                kept.extend(answer.keys().cloned());
            }
        }
        let before = self.tables.rows.clone();
        self.tables.forget(self.generation, |id| !kept.contains(id));
        for (id, row) in before {
            if !self.tables.rows.contains_key(&id) {
                *self.forgotten.entry(id).or_default() += row.tx.total() + row.rx.total();
            }
        }
    }

    /// The second transaction in its two steps: what is left is listed; later users are locked, summed and stored.
    pub(super) fn cross(&mut self) {
        let Some(listed) = self.crossing.take() else {
            let listed = self.touched.iter().map(|(u, s)| (*u, *s)).collect();
            self.crossing = Some(listed);
            return;
        };
        let rules = Rules {
            zone: chrono_tz::Tz::UTC,
            thresholds: vec![80, 95],
        };
        for (user, stamp) in listed {
            let sum = self.sum(user);
            let Some(account) = self.accounts.get_mut(&user) else {
                continue;
            };
            let before = account.clone();
            let crossings = settle(account, sum, &rules, self.now);
            assert!(account.used_total >= before.used_total, "used never falls");
            if crossings
                .iter()
                .any(|c| matches!(c, Crossing::Reset { .. }))
            {
                let window = account.window_baseline - before.window_baseline;
                *self.used_in_windows.entry(user).or_default() += window;
            }
            if self.touched.get(&user) == Some(&stamp) {
                self.touched.remove(&user);
            }
        }
    }

    pub(super) fn sum(&self, user: i64) -> i64 {
        let of_user = self.tables.totals.iter().filter(|((u, _), _)| *u == user);
        of_user.map(|(_, (tx, rx))| tx + rx).sum()
    }

    // What must hold.
}
