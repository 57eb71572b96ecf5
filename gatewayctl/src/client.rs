//! The admin API over HTTP: a token on one machine, an AWS signature elsewhere. Bodies go
//! compressed: a table of 100,000 prefixes would not fit into a request otherwise.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::admin_api::ProblemBody;

use crate::cli::Gateway;
use crate::failure::Failure;
use crate::signature;

/// Longer than the admin API itself takes at most (30 s).
const PATIENCE: Duration = Duration::from_secs(35);
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// The gateway's admin API.
#[derive(Debug)]
pub struct Client {
    url: String,
    token: Option<Token>,
}

struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Client {
    /// The gateway that the arguments name.
    ///
    /// # Errors
    /// The token cannot be read, or would go over an open network.
    pub fn new(gateway: &Gateway) -> Result<Self, Failure> {
        let url = gateway.url.trim_end_matches('/').to_owned();
        let uri: Uri = url.parse().map_err(|_| Failure::Unusable(format!("{url} is no URL")))?;
        if uri.scheme_str() == Some("http") && !is_loopback(uri.host().unwrap_or_default()) {
            let why = format!("{url}: plain HTTP only to this machine; use https");
            return Err(Failure::Unusable(why));
        }
        let read = |path: &std::path::PathBuf| {
            std::fs::read_to_string(path)
                .map(|text| Token(text.trim().to_owned()))
                .map_err(|error| Failure::Unusable(format!("{}: {error}", path.display())))
        };
        let token = gateway.token_file.as_ref().map(read).transpose()?;
        Ok(Self { url, token })
    }

    /// `GET`.
    ///
    /// # Errors
    /// The gateway refuses or does not answer.
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, Failure> {
        self.call(Method::GET, path, Vec::new()).await
    }

    /// `GET` with the parameters that have a value.
    ///
    /// # Errors
    /// The gateway refuses or does not answer.
    pub async fn ask<A: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, Option<String>)],
    ) -> Result<A, Failure> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            query.extend_pairs(value.iter().map(|value| (name, value)));
        }
        self.get(&format!("{path}?{}", query.finish())).await
    }

    /// `POST`.
    ///
    /// # Errors
    /// The gateway refuses or does not answer.
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Failure> {
        let json = serde_json::to_vec(body).map_err(|e| Failure::Unusable(e.to_string()))?;
        let mut zip = GzEncoder::new(Vec::new(), Compression::default());
        let zipped = zip.write_all(&json).and_then(|()| zip.finish());
        self.call(Method::POST, path, zipped.map_err(|e| Failure::Unusable(e.to_string()))?).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<A, Failure> {
        let answered = tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await;
        let (status, answer) = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::Unreachable(format!("{error:#}"))),
            Err(_) => return Err(Failure::Unreachable("no answer in time".to_owned())),
        };
        read(status, &answer)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let uri: Uri = format!("{}{path}", self.url).parse()?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(uri).header("host", host);
        if !body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .header("content-encoding", "gzip");
        }
        if let Some(Token(token)) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Full::new(Bytes::from(body.clone())))?;
        if self.token.is_none() {
            request = signature::signed(request, &body).await?;
        }
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let response = Http::builder(TokioExecutor::new()).build(https).request(request).await?;
        let status = response.status();
        let answer = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let answer = answer.map_err(|error| anyhow::anyhow!("the answer is cut: {error}"))?;
        Ok((status, answer.to_bytes()))
    }
}

fn read<A: DeserializeOwned>(status: StatusCode, answer: &[u8]) -> Result<A, Failure> {
    if status.is_success() {
        let read = serde_json::from_slice(answer);
        return read.map_err(|error| Failure::Unreachable(format!("not our admin API: {error}")));
    }
    let problem = serde_json::from_slice(answer).unwrap_or_else(|_| ProblemBody {
        title: format!("HTTP {status}"),
        cure: match status.as_u16() {
            401 | 403 => "check --token-file, or the AWS identity and its rights".to_owned(),
            _ => "check --url".to_owned(),
        },
        mistakes: Vec::new(),
    });
    Err(match status.as_u16() {
        502..=504 => Failure::Unreachable(problem.title),
        _ => Failure::Refused(problem),
    })
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
