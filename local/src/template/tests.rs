//! The model of the template that is deployed, and of templates that are wrong.

use std::time::Duration;

use super::*;

fn account() -> Account {
    Account {
        region: "us-east-1".to_owned(),
        id: "000000000000".to_owned(),
        queues_endpoint: "http://127.0.0.1:9324".to_owned(),
        parameters: [
            ("Stage", "local"),
            ("KafkaClusterArn", "arn:aws:kafka:us-east-1:000000000000:cluster/local/0"),
            ("SubnetIds", "none"),
            ("SecurityGroupIds", "none"),
            ("NumberPepper", "a pepper of tests"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
    }
}

fn deployed() -> Template {
    Template::read(include_str!("../../../template.yaml"), &account()).unwrap()
}

fn function<'a>(template: &'a Template, name: &str) -> &'a Function {
    template.functions.iter().find(|function| function.name == name).unwrap()
}

#[test]
fn the_deployed_template_is_understood_as_a_whole() {
    let template = deployed();
    let assemble = function(&template, "local-assemble");
    assert_eq!(assemble.binary, "assemble");
    assert_eq!(assemble.timeout, Duration::from_mins(1));
    assert_eq!(assemble.environment["STAGE"], "local");
    assert_eq!(assemble.environment["TABLE_ASSEMBLIES"], "local-assemblies");
    assert_eq!(
        assemble.environment["QUEUE_ASSEMBLY_DEADLINES"],
        "http://127.0.0.1:9324/000000000000/local-assembly-deadlines"
    );
}

#[test]
fn mappings_have_the_settings_of_the_template() {
    let template = deployed();
    let assemble = function(&template, "local-assemble");
    let Event::Kafka(parts) = &assemble.events[0].1 else { panic!("no Kafka mapping") };
    assert_eq!(parts.topics, ["customer-incoming-message-parts"]);
    assert_eq!((parts.group.as_str(), parts.from_start), ("assemble", true));
    assert_eq!((parts.window, parts.retries_max, parts.age_max), (Duration::ZERO, None, None));
    assert!(!parts.partial && !parts.bisect);
    let deadlines = assemble.events.iter().find_map(|(_, event)| match event {
        Event::Sqs(deadlines) => Some(deadlines),
        _ => None,
    });
    let deadlines = deadlines.unwrap();
    assert!(deadlines.partial);
    assert!(deadlines.queue_arn.ends_with(":local-assembly-deadlines"));
}

#[test]
fn tables_have_their_indexes_and_queues_follow_those_they_redrive_to() {
    let template = deployed();
    let assemblies = template.tables.iter().find(|it| it.name == "local-assemblies").unwrap();
    assert_eq!(assemblies.ttl.as_deref(), Some("ttl"));
    assert!(assemblies.indexes.iter().any(|index| index.projection == "INCLUDE"));
    let place = |name: &str| template.queues.iter().position(|queue| queue.name == name).unwrap();
    let dead = place("local-assembly-deadlines-dead");
    assert!(dead < place("local-assembly-deadlines"), "a queue follows the one it redrives to");
    assert!(!template.queues[dead].attributes.contains_key("RedrivePolicy"));
    let deadlines = &template.queues[place("local-assembly-deadlines")];
    let policy = &deadlines.attributes["RedrivePolicy"];
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    assert!(policy["maxReceiveCount"].is_i64());
}

#[test]
fn a_kafka_mapping_without_a_window_gets_500_ms() {
    let text = minimal(
        "Type: MSK\n          Properties: { Topics: [t], ConsumerGroupId: g, StartingPosition: LATEST }",
    );
    let template = Template::read(&text, &bare()).unwrap();
    let Event::Kafka(mapping) = &template.functions[0].events[0].1 else { panic!("no mapping") };
    assert_eq!((mapping.window, mapping.batch_size), (Duration::from_millis(500), 100));
}

#[test]
fn what_is_not_played_is_refused_with_path_and_line() {
    for (event, word) in [
        ("Type: S3\n          Properties: {}", "S3"),
        (
            "Type: MSK\n          Properties: { Topics: [t], ConsumerGroupId: g, StartingPosition: LATEST, FilterCriteria: {} }",
            "FilterCriteria",
        ),
    ] {
        let error = Template::read(&minimal(event), &bare()).unwrap_err();
        assert!(error.message.contains(word), "{error}");
        assert!(error.path.starts_with("Resources.F.Properties.Events.E"), "{error}");
        assert!(error.line >= 7, "{error}");
    }
}

#[test]
fn a_parameter_without_value_and_an_unknown_override_are_refused() {
    let text = "Parameters:\n  A: { Type: String }\nResources: {}\n";
    assert_eq!(Template::read(text, &bare()).unwrap_err().path, "Parameters.A");
    let mut account = bare();
    account.parameters.insert("B".to_owned(), "1".to_owned());
    assert!(Template::read("Resources: {}", &account).unwrap_err().message.contains('B'));
}

fn bare() -> Account {
    Account { parameters: BTreeMap::new(), ..account() }
}

fn minimal(event: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{ BuildProperties: {{ Binary: f }} }}\n    Properties:\n      Events:\n        E:\n          {event}\n"
    )
}
