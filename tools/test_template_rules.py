"""Each rule accepts the real template and refuses a mutant of it: run by tools/template-check."""

import copy
import unittest

import template_check
import template_rules as rules

DEPLOYED = template_check.transform(template_check.source())
SWEEP_RIGHTS = ("SweepRole", "Policies", 0, "PolicyDocument", "Statement", 1)


def put(mutant, name, *path_and_value):
    """Sets a property of a resource: its path, then the value; the value None takes it out."""
    *path, last, value = path_and_value
    place = mutant["Resources"][name]["Properties"]
    for step in path:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value


def route(mutant, path, method):
    return mutant["Resources"]["AdminApi"]["Properties"]["Body"]["paths"][path][method]


# Rule, what was done to the template, how. A mutant that its rule lets through is a rule that guards nothing.
MUTANTS = [
    (rules.kafka_mapping_never_waits_for_a_batch, "window left out",
     lambda t: put(t, "AssembleFunctionParts", "MaximumBatchingWindowInSeconds", None)),
    (rules.kafka_mapping_never_waits_for_a_batch, "window of a second",
     lambda t: put(t, "RouteFunctionMessages", "MaximumBatchingWindowInSeconds", 1)),
    (rules.kafka_mapping_never_waits_for_a_batch, "events of a minute",
     lambda t: put(t, "RecordFunctionMessageEvents", "MaximumBatchingWindowInSeconds", 60)),
    (rules.kafka_mapping_never_waits_for_a_batch, "no window for events",
     lambda t: put(t, "RecordFunctionMessageEvents", "MaximumBatchingWindowInSeconds", None)),
    (rules.kafka_mapping_has_provisioned_pollers, "no pollers",
     lambda t: put(t, "RouteFunctionMessages", "ProvisionedPollerConfig", None)),
    (rules.kafka_mapping_never_gives_a_batch_up, "on-failure destination",
     lambda t: put(t, "AssembleFunctionParts", "DestinationConfig", {"OnFailure": {"Destination": "arn:aws:sqs:x"}})),
    (rules.kafka_mapping_never_gives_a_batch_up, "ten tries",
     lambda t: put(t, "RouteFunctionMessages", "MaximumRetryAttempts", 10)),
    (rules.kafka_mapping_never_gives_a_batch_up, "records of an hour",
     lambda t: put(t, "RouteFunctionMessages", "MaximumRecordAgeInSeconds", 3600)),
    (rules.kafka_mapping_begins_at_the_oldest_record, "latest",
     lambda t: put(t, "RouteFunctionMessages", "StartingPosition", "LATEST")),
    (rules.kafka_mapping_begins_at_the_oldest_record, "no group",
     lambda t: put(t, "RouteFunctionMessages", "AmazonManagedKafkaEventSourceConfig", None)),
    (rules.kafka_mapping_fails_whole_batches, "partial responses",
     lambda t: put(t, "AssembleFunctionParts", "FunctionResponseTypes", ["ReportBatchItemFailures"])),
    (rules.function_knows_the_group_of_its_mapping, "another group",
     lambda t: put(t, "AssembleFunction", "Environment", "Variables", "KAFKA_CONSUMER_GROUP", "other")),
    (rules.function_knows_the_group_of_its_mapping, "another group of its second mapping",
     lambda t: put(t, "AssembleFunction", "Environment", "Variables", "KAFKA_CONSUMER_GROUP_HANDSETS", "other")),
    (rules.kafka_mapping_has_a_group_of_its_own, "two mappings, one group",
     lambda t: put(t, "AssembleFunctionHandsetParts", "AmazonManagedKafkaEventSourceConfig", "ConsumerGroupId", "assemble")),
    (rules.only_who_requeues_may_feed_itself, "assemble may not",
     lambda t: put(t, "AssembleFunction", "RecursiveLoop", None)),
    (rules.only_who_requeues_may_feed_itself, "release may not",
     lambda t: put(t, "ReleaseFunction", "RecursiveLoop", None)),
    (rules.only_who_requeues_may_feed_itself, "sweep may",
     lambda t: put(t, "SweepFunction", "RecursiveLoop", "Allow")),
    (rules.function_time_out_fits_what_calls_it, "stopped before a produce is answered",
     lambda t: put(t, "RouteFunction", "Timeout", 30)),
    (rules.function_time_out_fits_what_calls_it, "longer than the API waits",
     lambda t: put(t, "ConfigureFunction", "Timeout", 60)),
    (rules.function_time_out_fits_what_calls_it, "longer than Lambda allows",
     lambda t: put(t, "SweepFunction", "Timeout", 901)),
    (rules.function_is_a_bootstrap_for_arm64, "x86",
     lambda t: put(t, "SweepFunction", "Architectures", ["x86_64"])),
    (rules.function_is_a_bootstrap_for_arm64, "old runtime",
     lambda t: put(t, "SweepFunction", "Runtime", "provided.al2")),
    (rules.function_logs_are_kept_for_a_set_time, "Lambda's own group",
     lambda t: put(t, "RouteFunction", "LoggingConfig", None)),
    (rules.function_logs_are_kept_for_a_set_time, "kept for ever",
     lambda t: put(t, "RouteLogGroup", "RetentionInDays", None)),
    (rules.queue_outwaits_its_consumer, "visible too early",
     lambda t: put(t, "AssemblyDeadlinesQueue", "VisibilityTimeout", 359)),
    (rules.queue_outwaits_its_consumer, "slower consumer",
     lambda t: put(t, "AssembleFunction", "Timeout", 61)),
    (rules.queue_outwaits_its_consumer, "whole batches fail",
     lambda t: put(t, "AssembleFunctionDeadlines", "FunctionResponseTypes", None)),
    (rules.queue_is_encrypted_and_gives_up_late, "plain",
     lambda t: put(t, "AssemblyDeadlinesQueue", "SqsManagedSseEnabled", False)),
    (rules.queue_is_encrypted_and_gives_up_late, "gives up early",
     lambda t: put(t, "AssemblyDeadlinesQueue", "RedrivePolicy", "maxReceiveCount", 5)),
    (rules.table_survives_mistakes, "no point-in-time recovery",
     lambda t: put(t, "ConfigTable", "PointInTimeRecoverySpecification", None)),
    (rules.table_survives_mistakes, "no encryption",
     lambda t: put(t, "AssembliesTable", "SSESpecification", "SSEEnabled", False)),
    (rules.table_survives_mistakes, "no protection",
     lambda t: put(t, "AssembliesTable", "DeletionProtectionEnabled", None)),
    (rules.table_survives_mistakes, "goes with the stack",
     lambda t: t["Resources"]["AssembliesTable"].pop("DeletionPolicy")),
    (rules.table_is_on_demand_with_one_name_for_ttl, "fixed capacity",
     lambda t: put(t, "AssembliesTable", "BillingMode", "PROVISIONED")),
    (rules.table_is_on_demand_with_one_name_for_ttl, "another attribute",
     lambda t: put(t, "AssembliesTable", "TimeToLiveSpecification", "AttributeName", "expires")),
    (rules.table_is_on_demand_with_one_name_for_ttl, "versions expire",
     lambda t: put(t, "ConfigTable", "TimeToLiveSpecification", {"AttributeName": "ttl", "Enabled": True})),
    (rules.right_names_its_resource, "everything",
     lambda t: put(t, *SWEEP_RIGHTS, "Resource", "*")),
    (rules.right_names_its_resource, "everything, in a list",
     lambda t: put(t, *SWEEP_RIGHTS, "Resource", ["arn:aws:dynamodb:x", "*"])),
    (rules.right_names_its_resource, "every action",
     lambda t: put(t, *SWEEP_RIGHTS, "Action", ["dynamodb:*"])),
    (rules.right_names_its_resource, "all but one action",
     lambda t: put(t, *SWEEP_RIGHTS, "NotAction", "dynamodb:DeleteTable")),
    (rules.right_names_its_resource, "a shared policy on everything",
     lambda t: put(t, "KafkaPolicy", "PolicyDocument", "Statement", 0, "Resource", "*")),
    (rules.rights_are_all_ours, "policy of AWS",
     lambda t: put(t, "SweepRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"])),
    (rules.admin_route_asks_for_iam, "open route",
     lambda t: route(t, "/config/apply", "post").pop("security")),
    (rules.admin_route_asks_for_iam, "route without authorizer",
     lambda t: route(t, "/doubts", "get").update(security=[{"NONE": []}])),
    (rules.admin_route_asks_for_iam, "no API",
     lambda t: t["Resources"].pop("AdminApi")),
]


class TemplateRules(unittest.TestCase):
    def test_each_rule_accepts_the_real_template(self):
        for rule in rules.RULES:
            with self.subTest(rule.__name__):
                self.assertEqual([], list(rule(DEPLOYED["Resources"])))

    def test_each_mutant_is_refused_with_cause_and_cure(self):
        for rule, done, mutate in MUTANTS:
            with self.subTest(f"{rule.__name__}: {done}"):
                mutant = copy.deepcopy(DEPLOYED)
                mutate(mutant)
                findings = list(rule(mutant["Resources"]))
                self.assertTrue(findings)
                self.assertTrue(all("; " in finding for finding in findings), findings)

    def test_each_rule_has_a_mutant(self):
        self.assertEqual(set(rules.RULES), {rule for rule, _, _ in MUTANTS})

    def test_the_linter_refuses_an_unknown_property_of_a_kafka_mapping(self):
        mutant = copy.deepcopy(DEPLOYED)
        put(mutant, "RouteFunctionMessages", "ProvisionedPollerConfig", "MinimumPolers", 2)
        self.assertTrue(template_check.lint(mutant))

    def test_a_function_without_a_crate_is_refused(self):
        mutant = template_check.source()
        mutant["Resources"]["SweepFunction"]["Metadata"]["BuildProperties"]["Binary"] = "sweeper"
        mutant["Resources"]["RouteFunction"]["Properties"]["CodeUri"] = "functions/nowhere"
        self.assertEqual(2, len(list(template_check.unbuilt(mutant))))

    def test_an_own_role_is_needed_or_sam_brings_rights_on_everything(self):
        mutant = template_check.source()
        del mutant["Resources"]["SweepFunction"]["Properties"]["Role"]
        self.assertTrue(list(rules.rights_are_all_ours(template_check.transform(mutant)["Resources"])))


if __name__ == "__main__":
    unittest.main()
