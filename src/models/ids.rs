//! Typed identifiers: a `DeviceId` can never be passed where a `UserId` is meant.
use diesel_derive_newtype::DieselNewType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, DieselNewType, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(/** A user, in the API. */ UserId(Uuid));
id!(/** A device, in the API. */ DeviceId(Uuid));
id!(/** A node, in the API. */ NodeId(Uuid));
id!(/** A group, in the API. */ GroupId(Uuid));
id!(/** A plan, in the API. */ PlanId(Uuid));
id!(/** An API token. */ TokenId(Uuid));
id!(/** A login of a person, with everything that was refreshed from it. */ SessionId(Uuid));
id!(/** A webhook, in the API. */ WebhookId(Uuid));
id!(/** One running process of this program. */ InstanceId(Uuid));
id!(/** A user's compact number, which travels in connection ids. */ UserNo(i64));
id!(/** A device's compact number, which travels in connection ids. */ DeviceNo(i64));
id!(/** A node's compact number, under the MAC of connection ids. */ NodeNo(i64));
id!(/** A group's compact number. */ GroupNo(i64));
id!(/** A plan's compact number. */ PlanNo(i64));
