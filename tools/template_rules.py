"""Our own rules over the deployed form of template.yaml (after the SAM transform).

Each rule takes a template's resources and yields findings that name cause and cure. What AWS's linters
check is not repeated here; these are promises of the design (sections 3, 4, 5; hazards) that a change of
the template could break without any program noticing. test_template_rules.py shows that each refuses.
"""

import json

FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
TABLE = "AWS::DynamoDB::Table"
QUEUE = "AWS::SQS::Queue"

# A produce is answered or given up after 30 s, and must be so 5 s before the function is stopped.
KAFKA_TIMEOUT_S_MIN = 36
# No message waits for what is recorded of it, and each further event that meets in a batch costs no write.
WAITED_FOR_BY_NOBODY = "RecordFunctionMessageEvents"
WINDOW_S_MAX = 5
# The HTTP API gives up after 30 s, whatever the function does.
HTTP_TIMEOUT_S_MAX = 29
# AWS's advice for a queue that triggers a function; below it, deliveries overlap.
VISIBILITY_FACTOR = 6
RECEIVES_MIN = 1000

# Actions that AWS offers on the resource "*" only, or on things that have no name before the call.
STAR_NEEDED = {
    "ec2:CreateNetworkInterface": "the interface has no name before the call",
    "ec2:DeleteNetworkInterface": "Lambda checks for it on * when a function is put in a VPC",
    "ec2:DescribeNetworkInterfaces": "describe calls of EC2 know no resource",
    "ec2:DescribeSecurityGroups": "describe calls of EC2 know no resource",
    "ec2:DescribeSubnets": "describe calls of EC2 know no resource",
    "ec2:DescribeVpcs": "describe calls of EC2 know no resource",
}


def kafka_mapping_never_waits_for_a_batch(resources):
    for name, mapping in kafka_mappings(resources):
        window = mapping.get("MaximumBatchingWindowInSeconds")
        if window != 0 and not (name == WAITED_FOR_BY_NOBODY and window in range(1, WINDOW_S_MAX + 1)):
            yield f"{name} waits for a batch (500 ms where nothing is set); set MaximumBatchingWindowInSeconds: 0"


def kafka_mapping_has_provisioned_pollers(resources):
    for name, mapping in kafka_mappings(resources):
        if mapping.get("ProvisionedPollerConfig", {}).get("MinimumPollers", 0) < 1:
            yield f"{name} has no pollers of its own; set ProvisionedPollerConfig with MinimumPollers"


def kafka_mapping_never_gives_a_batch_up(resources):
    for name, mapping in kafka_mappings(resources):
        if "DestinationConfig" in mapping:
            yield f"{name} has an on-failure destination, with which an outage discards good batches; take it out"
        for limit in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds"):
            if mapping.get(limit, -1) != -1:
                yield f"{name} limits {limit}, so an outage discards good batches; set it to -1"


def kafka_mapping_begins_at_the_oldest_record(resources):
    for name, mapping in kafka_mappings(resources):
        if mapping.get("StartingPosition") != "TRIM_HORIZON":
            yield f"{name} would skip what came before it was made; set StartingPosition: TRIM_HORIZON"
        if not consumer_group(mapping):
            yield f"{name} gets a random consumer group and begins anew when replaced; set ConsumerGroupId"


def kafka_mapping_fails_whole_batches(resources):
    for name, mapping in kafka_mappings(resources):
        if mapping.get("FunctionResponseTypes"):
            yield f"{name} takes partial answers, where none at all means success; take FunctionResponseTypes out"


def function_knows_the_group_of_its_mapping(resources):
    for name, mapping in kafka_mappings(resources):
        function = target(mapping)
        settings = variables(resources[function]["Properties"]).items()
        told = [group for setting, group in settings if setting.startswith("KAFKA_CONSUMER_GROUP")]
        if told and consumer_group(mapping) not in told:
            yield f"{function} is told of group {', '.join(told)}, not of that of {name}; set KAFKA_CONSUMER_GROUP to its ConsumerGroupId"


def kafka_mapping_has_a_group_of_its_own(resources):
    seen = {}
    for name, mapping in kafka_mappings(resources):
        group = consumer_group(mapping)
        if group in seen:
            yield f"{name} shares group {group} with {seen[group]}, which AWS refuses; give it a ConsumerGroupId of its own"
        seen[group] = name


# They send what is not due yet to the queue that it came from.
REQUEUE = ("AssembleFunction", "ReleaseFunction")


def only_who_requeues_may_feed_itself(resources):
    for name, function in of_type(resources, FUNCTION):
        loop = function.get("RecursiveLoop", "Terminate")
        if name in REQUEUE and loop != "Allow":
            yield f"{name} re-queues what is not due and Lambda would stop it; set RecursiveLoop: Allow"
        if name not in REQUEUE and loop != "Terminate":
            yield f"{name} may feed itself without end; take RecursiveLoop out"


def function_time_out_fits_what_calls_it(resources):
    kafka = {target(mapping) for _, mapping in kafka_mappings(resources)}
    http = http_functions(resources)
    for name, function in of_type(resources, FUNCTION):
        timeout = function.get("Timeout", 3)
        if name in kafka and timeout < KAFKA_TIMEOUT_S_MIN:
            yield f"{name} is stopped after {timeout} s, before a produce is answered; set Timeout ≥ {KAFKA_TIMEOUT_S_MIN}"
        if name in http and timeout > HTTP_TIMEOUT_S_MAX:
            yield f"{name} may outlive the HTTP API's 30 s; set Timeout ≤ {HTTP_TIMEOUT_S_MAX}"
        if timeout > 900:
            yield f"{name} asks for {timeout} s, Lambda gives 900; set Timeout lower"


def function_is_a_bootstrap_for_arm64(resources):
    for name, function in of_type(resources, FUNCTION):
        if function.get("Architectures") != ["arm64"]:
            yield f"{name} is not built for arm64; set Architectures: [arm64]"
        if function.get("Runtime") != "provided.al2023" or function.get("Handler") != "bootstrap":
            yield f"{name} is not a bootstrap binary; set Runtime: provided.al2023, Handler: bootstrap"


def function_logs_are_kept_for_a_set_time(resources):
    for name, function in of_type(resources, FUNCTION):
        group = ref(function.get("LoggingConfig", {}).get("LogGroup"))
        if "RetentionInDays" not in resources.get(group, {}).get("Properties", {}):
            yield f"{name} logs to a group that is kept for ever; set LoggingConfig.LogGroup to one with RetentionInDays"


def queue_outwaits_its_consumer(resources):
    for name, mapping in of_type(resources, MAPPING):
        queue = ref(mapping.get("EventSourceArn"))
        if resources.get(queue, {}).get("Type") != QUEUE:
            continue
        visibility = resources[queue]["Properties"].get("VisibilityTimeout", 30)
        needed = VISIBILITY_FACTOR * resources[target(mapping)]["Properties"].get("Timeout", 3)
        if visibility < needed:
            yield f"{queue} shows a message again while {target(mapping)} may hold it; set VisibilityTimeout ≥ {needed}"
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} repeats nine good messages for a bad one; set FunctionResponseTypes: [ReportBatchItemFailures]"


def queue_is_encrypted_and_gives_up_late(resources):
    for name, queue in of_type(resources, QUEUE):
        if not queue.get("SqsManagedSseEnabled") and "KmsMasterKeyId" not in queue:
            yield f"{name} is not encrypted; set SqsManagedSseEnabled: true"
        receives = queue.get("RedrivePolicy", {}).get("maxReceiveCount", RECEIVES_MIN)
        if receives < RECEIVES_MIN:
            yield f"{name} gives up after {receives} tries, which an outage uses up; set maxReceiveCount: {RECEIVES_MIN}"


def table_survives_mistakes(resources):
    for name, table in of_type(resources, TABLE):
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield f"{name} cannot be put back to an earlier time; set PointInTimeRecoveryEnabled: true"
        if not table.get("SSESpecification", {}).get("SSEEnabled"):
            yield f"{name} is not encrypted under a key of the account; set SSEEnabled: true"
        if not table.get("DeletionProtectionEnabled"):
            yield f"{name} can be deleted by a slip; set DeletionProtectionEnabled: true"
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resources[name].get(policy) != "Retain":
                yield f"{name} goes with the stack; set {policy}: Retain"


def table_is_on_demand_with_one_name_for_ttl(resources):
    for name, table in of_type(resources, TABLE):
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} has a fixed capacity; set BillingMode: PAY_PER_REQUEST"
        if table.get("TimeToLiveSpecification", {}).get("AttributeName", "ttl") != "ttl":
            yield f"{name} expires by another attribute than the programs write; set AttributeName: ttl"
    if "TimeToLiveSpecification" in resources.get("ConfigTable", {}).get("Properties", {}):
        yield "ConfigTable would forget versions, which are kept for ever; take TimeToLiveSpecification out"


def right_names_its_resource(resources):
    for name, statement in statements(resources):
        actions, targets = listed(statement.get("Action")), listed(statement.get("Resource"))
        for action in filter(None, actions):
            if "*" in action:
                yield f"{name} allows {action}; name the actions one by one"
            if "*" in targets and action not in STAR_NEEDED:
                yield f"{name} allows {action} on everything; name the resource (or add the reason to STAR_NEEDED)"
        for part in ("NotAction", "NotResource"):
            if part in statement:
                yield f"{name} allows all but something ({part}); name what is allowed"


def rights_are_all_ours(resources):
    """SAM's own roles and AWS's managed policies bring rights on *, unseen in the template."""
    for name, role in of_type(resources, "AWS::IAM::Role"):
        for policy in role.get("ManagedPolicyArns", []):
            if resources.get(ref(policy), {}).get("Type") != "AWS::IAM::ManagedPolicy":
                yield f"{name} takes AWS's policy {json.dumps(policy)}; give the function a Role with statements of its own"


def admin_route_asks_for_iam(resources):
    routes = list(http_routes(resources))
    if not routes:
        yield "there is no admin API; declare AdminApi and its routes"
    for name, method, path, route in routes:
        if not any("AWS_IAM" in security for security in route.get("security", [])):
            yield f"{name}: {method.upper()} {path} is open to everybody; set DefaultAuthorizer: AWS_IAM, and no Authorizer: NONE"


RULES = [
    kafka_mapping_never_waits_for_a_batch,
    kafka_mapping_has_provisioned_pollers,
    kafka_mapping_never_gives_a_batch_up,
    kafka_mapping_begins_at_the_oldest_record,
    kafka_mapping_fails_whole_batches,
    function_knows_the_group_of_its_mapping,
    kafka_mapping_has_a_group_of_its_own,
    only_who_requeues_may_feed_itself,
    function_time_out_fits_what_calls_it,
    function_is_a_bootstrap_for_arm64,
    function_logs_are_kept_for_a_set_time,
    queue_outwaits_its_consumer,
    queue_is_encrypted_and_gives_up_late,
    table_survives_mistakes,
    table_is_on_demand_with_one_name_for_ttl,
    right_names_its_resource,
    rights_are_all_ours,
    admin_route_asks_for_iam,
]


def of_type(resources, kind):
    return [(name, r.get("Properties", {})) for name, r in resources.items() if r["Type"] == kind]


def kafka_mappings(resources):
    return [(name, mapping) for name, mapping in of_type(resources, MAPPING) if "Topics" in mapping]


def consumer_group(mapping):
    return mapping.get("AmazonManagedKafkaEventSourceConfig", {}).get("ConsumerGroupId")


def target(mapping):
    return ref(mapping["FunctionName"])


def variables(function):
    return function.get("Environment", {}).get("Variables", {})


def ref(value):
    """The logical id that a Ref or a GetAtt names, else None."""
    if not isinstance(value, dict):
        return None
    attribute = value.get("Fn::GetAtt", "")
    return value.get("Ref") or (attribute.split(".") if isinstance(attribute, str) else attribute)[0]


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(resources):
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        documents = [properties.get("PolicyDocument")] if resource["Type"].startswith("AWS::IAM::") else []
        documents += [policy.get("PolicyDocument") for policy in properties.get("Policies", [])]
        for document in filter(None, documents):
            for statement in listed(document["Statement"]):
                if statement.get("Effect") == "Allow":
                    yield name, statement


def http_routes(resources):
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api"):
        for path, methods in api.get("Body", {}).get("paths", {}).items():
            for method, route in methods.items():
                yield name, method, path, route


def http_functions(resources):
    routes = [json.dumps(route) for _, _, _, route in http_routes(resources)]
    return {name for name, _ in of_type(resources, FUNCTION) if any(f"{name}.Arn" in route for route in routes)}
