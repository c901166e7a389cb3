//! What devices' client configurations are made with.
use crate::{
    models::{DeviceNo, Profile},
    schema::device_profiles,
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A device's profile.
pub async fn find(conn: &mut AsyncPgConnection, device: DeviceNo) -> QueryResult<Option<Profile>> {
    Profile::query()
        .filter(device_profiles::device_no.eq(device))
        .first(conn)
        .await
        .optional()
}

/// Writes it whole, under the device's lock.
pub async fn put(conn: &mut AsyncPgConnection, profile: &Profile) -> QueryResult<Profile> {
    diesel::insert_into(device_profiles::table)
        .values(profile)
        .on_conflict(device_profiles::device_no)
        .do_update()
        .set(profile)
        .returning(Profile::as_returning())
        .get_result(conn)
        .await
}

/// Removes it: the device has the defaults again. False: it had them.
pub async fn delete(conn: &mut AsyncPgConnection, device: DeviceNo) -> QueryResult<bool> {
    diesel::delete(device_profiles::table.find(device))
        .execute(conn)
        .await
        .map(|n| n > 0)
}
