//! Payload format 2.0, both ways.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::routes::Found;

/// The event of a request.
#[must_use]
pub fn request<T>(head: &Parts, body: &Bytes, route: &Found<'_, T>, peer: SocketAddr) -> Bytes {
    let now = OffsetDateTime::now_utc();
    let header = |name| head.headers.get(name).and_then(|it| it.to_str().ok());
    let cookies: Vec<_> =
        header(COOKIE).unwrap_or_default().split("; ").filter(|it| !it.is_empty()).collect();
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&head.headers),
        "requestContext": {
            "accountId": crate::ACCOUNT,
            "apiId": "local",
            "domainName": header(HOST).unwrap_or_default(),
            "domainPrefix": "local",
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": peer.ip(),
                "userAgent": header(USER_AGENT).unwrap_or_default(),
            },
            "requestId": uuid::Uuid::new_v4(),
            "routeKey": route.key,
            "stage": "$default",
            "time": clf_time(now),
            "timeEpoch": now.unix_timestamp() * 1_000 + i64::from(now.millisecond()),
        },
        "isBase64Encoded": false,
    });
    let mut add = |name: &str, value: Value| event[name] = value;
    if !cookies.is_empty() {
        add("cookies", json!(cookies));
    }
    if !query.is_empty() {
        add("queryStringParameters", json!(query_parameters(query)));
    }
    if !route.parameters.is_empty() {
        add("pathParameters", json!(route.parameters));
    }
    if let Ok(text) = std::str::from_utf8(body) {
        if !text.is_empty() {
            add("body", json!(text));
        }
    } else {
        add("body", json!(STANDARD.encode(body)));
        add("isBase64Encoded", json!(true));
    }
    Bytes::from(event.to_string())
}

/// Names in lower case; values of one name joined by commas; cookies and the token stand apart.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        if name == COOKIE || name == hyper::header::AUTHORIZATION {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str())
            .and_modify(|it| {
                it.push(',');
                it.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all.entry(name.into_owned())
            .and_modify(|it| {
                it.push(',');
                it.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

/// `12/Mar/2020:19:03:58 +0000`.
fn clf_time(now: OffsetDateTime) -> String {
    let format = time::macros::format_description!(
        "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000"
    );
    now.format(format).unwrap_or_default()
}

/// A function's response; what carries no `statusCode` is the body of a 200.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    cookies: Option<Vec<String>>,
}

/// The HTTP response of what a function answered; none: it is malformed, API Gateway's 500.
#[must_use]
pub fn response(answer: &[u8]) -> Option<Response<Full<Bytes>>> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if value.get("statusCode").is_none() {
        let text = if let Value::String(text) = value { text } else { value.to_string() };
        let built = Response::builder().header(CONTENT_TYPE, "application/json");
        return built.body(Full::from(text)).ok();
    }
    let reply: Reply = serde_json::from_value(value).ok()?;
    let mut built = Response::builder().status(StatusCode::from_u16(reply.status_code).ok()?);
    for (name, value) in reply.headers.into_iter().flatten() {
        let text = if let Value::String(text) = value { text } else { value.to_string() };
        built = built.header(name, text);
    }
    for cookie in reply.cookies.into_iter().flatten() {
        built = built.header(SET_COOKIE, cookie);
    }
    let body = reply.body.unwrap_or_default();
    let body = match reply.is_base64_encoded {
        true => Bytes::from(STANDARD.decode(body).ok()?),
        false => Bytes::from(body),
    };
    built.body(Full::new(body)).ok()
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
    use http_body_util::BodyExt as _;

    use super::*;

    fn event(request: hyper::http::request::Builder, body: &[u8]) -> ApiGatewayV2httpRequest {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let parameters = [("version".to_owned(), "7".to_owned())].into();
        let route = Found { key: "GET /config/{version}".to_owned(), parameters, target: &() };
        let peer = SocketAddr::from(([127, 0, 0, 1], 5000));
        let bytes = request_event(&head, body, &route, peer);
        serde_json::from_slice(&bytes).unwrap()
    }

    fn request_event(head: &Parts, body: &[u8], route: &Found<'_, ()>, peer: SocketAddr) -> Bytes {
        request(head, &Bytes::copy_from_slice(body), route, peer)
    }

    #[test]
    fn a_request_is_what_the_typed_event_reads() {
        let builder = hyper::Request::get("/config/7?a=1&a=2&b=x%20y")
            .header("Accept", "text/plain")
            .header("Authorization", "Bearer secret")
            .header("Cookie", "c=1; d=2");
        let event = event(builder, b"{}");
        assert_eq!(event.route_key.as_deref(), Some("GET /config/{version}"));
        assert_eq!(event.raw_path.as_deref(), Some("/config/7"));
        assert_eq!(event.path_parameters["version"], "7");
        assert_eq!(event.query_string_parameters.first("b"), Some("x y"));
        assert_eq!(event.headers["accept"], "text/plain");
        assert!(!event.headers.contains_key("authorization"));
        assert_eq!(event.cookies.as_deref(), Some(&["c=1".to_owned(), "d=2".to_owned()][..]));
        assert_eq!(event.body.as_deref(), Some("{}"));
        assert_eq!(event.request_context.http.method, "GET");
        assert_eq!(event.request_context.http.source_ip.as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn a_binary_body_is_base64() {
        let event = event(hyper::Request::post("/"), b"\xff\x00");
        assert!(event.is_base64_encoded);
        assert_eq!(event.body.as_deref(), Some("/wA="));
    }

    async fn read(answer: &[u8]) -> (u16, HeaderMap, Bytes) {
        let response = response(answer).unwrap();
        let (head, body) = response.into_parts();
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn a_typed_response_becomes_http() {
        let mut typed = ApiGatewayV2httpResponse::default();
        typed.status_code = 409;
        typed.headers.insert("content-type", "text/plain".parse().unwrap());
        typed.body = Some("no".into());
        let (status, headers, body) = read(&serde_json::to_vec(&typed).unwrap()).await;
        assert_eq!((status, &body[..]), (409, &b"no"[..]));
        assert_eq!(headers["content-type"], "text/plain");
    }

    #[tokio::test]
    async fn what_has_no_status_is_the_body_of_a_200() {
        let (status, headers, body) = read(br#"{"a":1}"#).await;
        assert_eq!((status, &body[..]), (200, &br#"{"a":1}"#[..]));
        assert_eq!(headers["content-type"], "application/json");
    }

    #[tokio::test]
    async fn base64_bodies_and_cookies_are_decoded_and_set() {
        let answer =
            br#"{"statusCode":200,"body":"/wA=","isBase64Encoded":true,"cookies":["a=1"]}"#;
        let (_, headers, body) = read(answer).await;
        assert_eq!((&body[..], headers["set-cookie"].as_bytes()), (&b"\xff\x00"[..], &b"a=1"[..]));
    }

    #[test]
    fn a_malformed_response_is_none() {
        for answer in ["", "nonsense", r#"{"statusCode":"x"}"#, r#"{"statusCode":99}"#] {
            assert!(response(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
