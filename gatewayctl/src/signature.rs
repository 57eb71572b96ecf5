//! Requests to an admin API on AWS are signed with the caller's identity (Signature Version 4,
//! AWS IAM User Guide); service `execute-api`.

use std::time::SystemTime;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

/// Signs with the identity of the environment (profile, role, SSO, as the AWS SDK finds it).
pub(crate) async fn signed(
    request: Request<Full<Bytes>>,
    body: &[u8],
) -> anyhow::Result<Request<Full<Bytes>>> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let provider = config.credentials_provider().context("no AWS credentials are configured")?;
    let credentials = provider.provide_credentials().await.context("no AWS credentials found")?;
    let region = config.region().context("AWS_REGION is not set")?.to_string();
    sign_with(request, body, credentials, &region, SystemTime::now())
}

fn sign_with(
    mut request: Request<Full<Bytes>>,
    body: &[u8],
    credentials: Credentials,
    region: &str,
    now: SystemTime,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("execute-api")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let method = request.method().as_str();
    let signable = SignableRequest::new(method, uri, headers, SignableBody::Bytes(body))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_signed_request_names_who_signed_what_and_when() {
        let request = Request::builder()
            .method("POST")
            .uri("https://api.example.eu-west-1.amazonaws.com/config/plan")
            .header("host", "api.example.eu-west-1.amazonaws.com")
            .body(Full::new(Bytes::from_static(b"{}")))
            .unwrap();
        let credentials = Credentials::new("AKIDEXAMPLE", "not-a-real-key", None, None, "test");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
        let signed = sign_with(request, b"{}", credentials, "eu-west-1", at).unwrap();
        let header = signed.headers()["authorization"].to_str().unwrap();
        let scope = "Credential=AKIDEXAMPLE/20251009/eu-west-1/execute-api/aws4_request";
        assert!(header.starts_with("AWS4-HMAC-SHA256 ") && header.contains(scope), "{header}");
        assert!(header.contains("SignedHeaders=host;x-amz-date"), "{header}");
        assert_eq!(signed.headers()["x-amz-date"], "20251009T085320Z");
    }
}
