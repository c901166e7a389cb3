//! Paths of the API, built so that no name can reach another route.
use super::failure::Failure;
use url::Url;

/// A path under `/api/v1` with its query.
#[derive(Clone, Debug)]
pub struct Path(Url);

impl Path {
    /// Joins segments, each escaped. Empty ones and dots are refused: a URL would swallow them.
    pub fn of(segments: &[&str]) -> Result<Self, Failure> {
        let mut url =
            Url::parse("http://hywarden/api/v1").map_err(|why| Failure::failed(why.to_string()))?;
        for segment in segments {
            if segment.is_empty() || matches!(*segment, "." | "..") {
                return Err(Failure::usage(format!("{segment:?} is no name")));
            }
        }
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        Ok(Self(url))
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, key: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.0
            .query_pairs_mut()
            .append_pair(key, &value.to_string());
        self
    }

    /// Adds a query parameter when there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(key, &value),
            None => self,
        }
    }

    /// This path on `server`, behind whatever prefix a proxy gave it.
    pub fn on(&self, server: &Url) -> Url {
        let mut url = server.clone();
        url.set_path(&format!(
            "{}{}",
            server.path().trim_end_matches('/'),
            self.0.path()
        ));
        url.set_query(self.0.query());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_one_segment() {
        let server = Url::parse("https://h.example/panel/").unwrap();
        let path = Path::of(&["users", "a/b?c#d e%"]).unwrap();
        assert_eq!(
            path.with("limit", &2)
                .with_some("q", None::<u8>)
                .on(&server)
                .as_str(),
            "https://h.example/panel/api/v1/users/a%2Fb%3Fc%23d%20e%25?limit=2"
        );
        for bad in ["", ".", ".."] {
            assert!(Path::of(&["users", bad]).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_place(name in "\\PC{1,20}") {
            if let Ok(path) = Path::of(&["users", &name, "suspend"]) {
                let url = path.on(&Url::parse("http://h/").unwrap());
                prop_assert!(url.path().starts_with("/api/v1/users/"));
                prop_assert!(url.path().ends_with("/suspend"));
                prop_assert_eq!(url.path().matches('/').count(), 5);
                prop_assert!(url.query().is_none());
            }
        }
    }
}
