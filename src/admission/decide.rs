//! The decision. Everything that can be known without changing anything; who is online is asked afterwards
//! (`concurrency`), because that takes a place.
use super::{
    addr::AddrKey,
    credential_key::{CredentialKeys, OwnForm},
    decision::Code,
    directory::{DeviceEntry, Directory, Found, NodeEntry, NodeState, UserEntry},
    guesses::Guesses,
    recent::Addresses,
};
use crate::models::{DeviceNo, UserNo};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Longest credential, in bytes.
pub const MAX_AUTH: usize = 1024;

/// One login at one node.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub node: &'a NodeEntry,
    pub auth: &'a str,
    /// `None` where the node sent garbage: then only what needs no address is decided.
    pub addr: Option<AddrKey>,
}

/// What admission remembers beside the directory.
pub struct Memory {
    pub keys: CredentialKeys,
    pub guesses: Guesses,
    pub addresses: Addresses,
    /// Refuse every login while maintenance lasts.
    pub maintenance: std::sync::atomic::AtomicBool,
}

/// A refusal, and whom it concerns if anybody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub whom: Option<(UserNo, DeviceNo)>,
}

/// Somebody who may come in, if there is a place.
#[derive(Clone, Debug)]
pub struct Admittance {
    pub user: Arc<UserEntry>,
    pub device: DeviceEntry,
    /// Its clock starts with this admission.
    pub starts: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Verdict {
    Admit(Admittance),
    Refuse(Refusal),
}

/// Decides one login at `now`, in the order of design section 9.
pub fn decide(directory: &Directory, memory: &Memory, ask: Ask<'_>, now: DateTime<Utc>) -> Verdict {
    let refuse = |code| Verdict::Refuse(Refusal { code, whom: None });
    if ask.auth.len() > MAX_AUTH {
        return refuse(Code::Malformed);
    }
    if ask.node.state != NodeState::Open {
        return refuse(Code::NodeDisabled);
    }
    let form = OwnForm::of(ask.auth);
    let over = ask
        .addr
        .is_some_and(|addr| memory.guesses.is_over(addr, now));
    if form == OwnForm::WrongChecksum {
        return refuse(if over {
            Code::RateLimited
        } else {
            Code::BadSecret
        });
    }
    match directory.find(&memory.keys, ask.auth, now) {
        // over the limit 128 random bits are still no guess, and neither is a device where it was online lately
        Found::Device(user, device)
            if !over
                || form == OwnForm::Valid
                || memory.addresses.knows(device.number, ask.addr, now) =>
        {
            known(memory, ask.node, user, device, now)
        }
        Found::Revoked(user, device) if !over || form == OwnForm::Valid => {
            Verdict::Refuse(Refusal {
                code: Code::DeviceRevoked,
                whom: Some((user, device)),
            })
        }
        Found::Nobody if !over => {
            if let Some(addr) = ask.addr {
                memory.guesses.charge(addr, now);
            }
            refuse(Code::UnknownCredential)
        }
        _ => refuse(Code::RateLimited),
    }
}

/// The rest, for a user and a device that are known.
fn known(
    memory: &Memory,
    node: &NodeEntry,
    user: Arc<UserEntry>,
    device: DeviceEntry,
    now: DateTime<Utc>,
) -> Verdict {
    let code = user.refused(&device, now).or_else(|| {
        let refused = user.refused_by(node);
        if refused.is_some() {
            refused
        } else if user.has_quota && node.is_blind(now) {
            Some(Code::StatsUnreadable)
        } else {
            // before a place is asked for, so that nobody is displaced by a login that maintenance refuses
            memory
                .maintenance
                .load(std::sync::atomic::Ordering::Relaxed)
                .then_some(Code::MaintenanceDeny)
        }
    });
    match code {
        Some(code) => Verdict::Refuse(Refusal {
            code,
            whom: Some((user.number, device.number)),
        }),
        None => Verdict::Admit(Admittance {
            starts: user.is_on_hold(),
            user,
            device,
        }),
    }
}
