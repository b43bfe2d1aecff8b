//! AWS Signature Version 4, for the one question that every AWS key may ask: who am I?
//!
//! Source: AWS General Reference, "Signing AWS API requests"; checked with its published vector.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::call::AwsScope;
use crate::revoke::plan::hex;

/// A request to sign. The path is `/` and there is no query: all our calls are POSTs of a form.
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) body: &'a [u8],
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// The headers `x-amz-date` and `authorization`.
pub(crate) fn sign(request: &Unsigned<'_>, scope: &AwsScope, id: &str, key: &str, unix: i64) -> Vec<(String, String)> {
    let time = jiff::Timestamp::from_second(unix).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let stamp = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &stamp[..8];
    let canonical = format!(
        "{}\n/\n\nhost:{}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
        request.method,
        request.host,
        hex(&Sha256::digest(request.body))
    );
    let path = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{path}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut signing = format!("AWS4{key}").into_bytes();
    for part in [day, &scope.region, &scope.service, "aws4_request"] {
        signing = hmac(&signing, part.as_bytes());
    }
    let signature = hex(&hmac(&signing, text.as_bytes()));
    let value =
        format!("AWS4-HMAC-SHA256 Credential={id}/{path}, SignedHeaders=host;x-amz-date, Signature={signature}");
    vec![("x-amz-date".to_owned(), stamp), ("authorization".to_owned(), value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_specification() {
        let scope = AwsScope { service: "service".into(), region: "us-east-1".into() };
        let key = ["wJalrXUtnFEMI", "/K7MDENG+bPxRfi", "CYEXAMPLEKEY"].concat();
        let request = Unsigned { method: "GET", host: "example.amazonaws.com", body: b"" };
        let headers = sign(&request, &scope, "AKIDEXAMPLE", &key, 1_440_938_160);
        assert_eq!(headers[0].1, "20150830T123600Z");
        let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(headers[1].1.ends_with(signature), "{}", headers[1].1);
    }
}
