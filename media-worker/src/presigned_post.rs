//! S3's presigned POST: a policy that a browser uploads under, signed with Signature Version 4.
//!
//! Pure: keys and the time are arguments. See "Browser-based uploads using POST" in the reference of
//! Amazon S3; the SDK for Rust has no such thing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::secrets::hmac_sha256;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");
const SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
const EXPIRATION: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");

/// What may be uploaded, once and for how long.
pub(crate) struct Policy<'a> {
    pub bucket: &'a str,
    pub region: &'a str,
    pub key: &'a str,
    pub content_type: &'a str,
    pub max_bytes: usize,
    pub good_for: Duration,
}

impl Policy<'_> {
    /// The fields of the form, all of which go before `file`.
    ///
    /// # Errors
    /// When `now` is no time that a calendar knows.
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Result<BTreeMap<String, String>, time::error::Format> {
        let end = OffsetDateTime::from(now + self.good_for).format(EXPIRATION)?;
        let now = OffsetDateTime::from(now);
        let (day, second) = (now.format(DAY)?, now.format(SECOND)?);
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let mut fields = BTreeMap::from([
            ("key".to_owned(), self.key.to_owned()),
            ("Content-Type".to_owned(), self.content_type.to_owned()),
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential".to_owned(), format!("{}/{scope}", credentials.access_key_id())),
            ("x-amz-date".to_owned(), second),
        ]);
        if let Some(token) = credentials.session_token() {
            fields.insert("x-amz-security-token".to_owned(), token.to_owned());
        }
        let mut conditions: Vec<_> =
            fields.iter().map(|(name, value)| json!({ (name.as_str()): value })).collect();
        conditions.push(json!({ "bucket": self.bucket }));
        conditions.push(json!(["content-length-range", 1, self.max_bytes]));
        let policy = json!({ "expiration": end, "conditions": conditions }).to_string();
        let policy = STANDARD.encode(policy);
        let secret = credentials.secret_access_key();
        fields.insert("x-amz-signature".to_owned(), signature(secret, &day, self.region, &policy));
        fields.insert("policy".to_owned(), policy);
        Ok(fields)
    }
}

fn signature(secret: &str, day: &str, region: &str, policy: &str) -> String {
    let mut key = hmac_sha256(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    hex::encode(hmac_sha256(&key, policy.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy of "Examples: Browser-based upload using HTTP POST" in the reference.
    const PUBLISHED: &str = concat!(
        "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7",
        "ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91",
        "c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3Qi",
        "OiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwi",
        "fSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRh",
        "LXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVT",
        "MjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNy",
        "ZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9",
        "LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAi",
        "MjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9",
    );

    #[test]
    fn the_published_example_has_the_published_signature() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(
            signature(secret, "20151229", "us-east-1", PUBLISHED),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn the_policy_names_every_field() {
        let policy = Policy {
            bucket: "media",
            region: "eu-central-1",
            key: "uploads/m-1",
            content_type: "image/jpeg",
            max_bytes: 100,
            good_for: Duration::from_mins(10),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(403_152);
        let keys = Credentials::new("AKID", "secret", Some("session".to_owned()), None, "test");
        let fields = policy.sign(&keys, now).unwrap();
        assert_eq!(fields["x-amz-date"], "20151229T000000Z");
        assert_eq!(fields["x-amz-credential"], "AKID/20151229/eu-central-1/s3/aws4_request");
        let signed = STANDARD.decode(&fields["policy"]).unwrap();
        let signed: serde_json::Value = serde_json::from_slice(&signed).unwrap();
        assert_eq!(signed["expiration"], "2015-12-29T00:10:00.000Z");
        let conditions = signed["conditions"].as_array().unwrap();
        for (name, value) in &fields {
            let named = conditions.contains(&json!({ (name.as_str()): value }));
            assert_eq!(named, !["policy", "x-amz-signature"].contains(&name.as_str()), "{name}");
        }
        assert!(conditions.contains(&json!(["content-length-range", 1, 100])));
        assert!(conditions.contains(&json!({ "bucket": "media" })));
    }
}
