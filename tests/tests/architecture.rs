//! The direction of dependencies (design, section 12): `domain` and `smpp` depend on no crate of
//! ours and on no runtime; `wire` on `domain`; `journal` and `scheduling` on `wire`; `platform` on those
//! whose tables it keeps; deployables on those and never on each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

const RUNTIMES: [&str; 6] =
    ["tokio", "rdkafka", "aws-config", "hyper", "lambda_runtime", "futures-util"];

/// What each crate may depend on; a deployable has what [`LIBRARIES`] lists.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    const LIBRARIES: &[&str] = &["domain", "smpp", "wire", "journal", "scheduling", "platform"];
    Some(match name {
        "domain" | "smpp" => &[],
        "wire" => &["domain"],
        "journal" => &["wire"],
        "scheduling" => &["domain", "wire"],
        "platform" => &["domain", "wire", "scheduling"],
        // A load and a provider know SMPP and ids, and nothing else of the gateway.
        "simulator" => &["domain", "smpp"],
        "gateway-tests" => return None,
        _ => LIBRARIES,
    })
}

#[test]
fn dependencies_point_inwards_only() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong = BTreeMap::new();
    for package in &metadata.packages {
        let Some(allowed) = allowed(&package.name) else { continue };
        let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        let pure = ["domain", "smpp", "wire", "journal", "scheduling"];
        let pure = pure.contains(&package.name.as_str());
        for dependency in normal {
            let name = dependency.name.as_str();
            let forbidden = ours.contains(name) && !allowed.contains(&name);
            if forbidden || (pure && RUNTIMES.contains(&name)) {
                wrong.insert(package.name.to_string(), name.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "these must not depend on each other: {wrong:?}");
}
