//! What things are: rows as Rust values, typed ids, and rules as small predicates.
//! Models know the schema and nothing above it; they are not what the API shows (views are, in `handlers/`).
pub mod device;
pub mod event;
pub mod ids;
pub mod moment;
pub mod name;
pub mod node;
pub mod plan;
pub mod profile;
pub mod session;
pub mod token;
pub mod user;
pub mod webhook;
pub(crate) mod word;

pub(crate) use word::words;

pub use device::{Credential, CredentialKind, Device, OnConflict};
pub use event::Severity;
pub use ids::{
    DeviceId, DeviceNo, GroupId, GroupNo, InstanceId, NodeId, NodeNo, PlanId, PlanNo, SessionId,
    TokenId, UserId, UserNo, WebhookId,
};
pub use moment::{maybe_storable, storable};
pub use name::Named;
pub use node::{Group, Node, NodeConfigRow, NodeReading, Obfs};
pub use plan::Plan;
pub use profile::{Mode, Profile, WantedObfs};
pub use session::{Ended, Session, SessionKind};
pub use token::Token;
pub use user::{Role, Status, User, Window};
pub use webhook::{Delivery, DeliveryState, Webhook};
