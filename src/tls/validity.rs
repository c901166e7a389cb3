//! When a certificate ends: the one field of X.509 that somebody must be told of in time.
use chrono::{DateTime, NaiveDateTime, Utc};

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a DER certificate's validity (RFC 5280, 4.1); `None`: it is none.
pub fn ends_at(der: &[u8]) -> Option<DateTime<Utc>> {
    let certificate = element(der)?;
    let signed = element(certificate.content)?.content;
    // the version, absent from version 1; the serial number, the algorithm, the issuer
    let before = if element(signed)?.tag == VERSION {
        4
    } else {
        3
    };
    let mut fields = signed;
    for _ in 0..before {
        fields = element(fields)?.rest;
    }
    let validity = element(fields)?.content;
    let end = element(element(validity)?.rest)?;
    let format = match end.tag {
        UTC_TIME => "%y%m%d%H%M%SZ",
        GENERALIZED_TIME => "%Y%m%d%H%M%SZ",
        _ => return None,
    };
    let text = std::str::from_utf8(end.content).ok()?;
    Some(NaiveDateTime::parse_from_str(text, format).ok()?.and_utc())
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

/// The first element of some DER.
fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if bytes.len() > 3 {
            return None;
        }
        let length = bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_in_both_forms_and_garbage_has_none() {
        for (year, expected) in [
            (2031, "2031-02-03T00:00:00Z"),
            (2077, "2077-02-03T00:00:00Z"),
        ] {
            let mut params = rcgen::CertificateParams::new(["a.test".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 2, 3);
            let key = rcgen::KeyPair::generate().unwrap();
            let der = params.self_signed(&key).unwrap().der().to_vec();
            assert_eq!(ends_at(&der), Some(expected.parse().unwrap()));
            for cut in 0..der.len() {
                assert_eq!(ends_at(&der[..cut]), None, "{cut} bytes of it");
            }
        }
        assert_eq!(ends_at(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
