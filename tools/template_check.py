"""The part of tools/template-check that needs the pinned libraries: transform, lint, our own rules.

Works without network and credentials. Linting the template as written is not enough (errors in MSK
events pass there), so it is transformed to plain CloudFormation first, as the deployment does it.
"""

import json
import pathlib
import sys
import tempfile
import tomllib

import cfnlint.api
from cfnlint.config import ManualArgs
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

import template_rules

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-west-1"  # any one will do: it decides which resource types exist


class _Session:
    """Stands for a boto session: the translator asks it for the region only."""

    region_name = REGION


def source():
    return yaml_parse(TEMPLATE.read_text())


def transform(template):
    """Plain CloudFormation, with S3 addresses in place of what `sam build` and `sam package` fill in."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://built/by-sam"
    # The map of AWS's managed policies stays empty: every role is ours (rule rights_are_all_ours).
    return Translator({}, Parser(), boto_session=_Session()).translate(template, {})


def unbuilt(template):
    """Functions whose binary no crate of ours has: `sam build` would fail at the deployment only."""
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        binary = resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary")
        manifest = ROOT / resource["Properties"]["CodeUri"] / "Cargo.toml"
        crate = tomllib.loads(manifest.read_text())["package"]["name"] if manifest.is_file() else None
        if resource.get("Metadata", {}).get("BuildMethod") != "rust-cargolambda" or crate is None or binary != crate:
            yield f"{name} builds {binary} from {resource['Properties']['CodeUri']}, whose crate is {crate}; correct CodeUri and Metadata"


def lint(template):
    findings = cfnlint.api.lint(json.dumps(template, indent=1), None, [REGION], ManualArgs(regions=[REGION]))
    return [f"{f.rule.id} {'/'.join(map(str, f.path or []))}: {f.message}" for f in findings]


def report(check, findings):
    """One line when it holds, else one a finding. Returns whether it holds."""
    findings = list(findings)
    for finding in findings:
        print(f"template: FAILED {check}: {finding}", file=sys.stderr)
    if not findings:
        print(f"template: ok {check}")
    return not findings


def main():
    try:
        deployed = transform(source())
    except InvalidDocumentException as error:
        report("transform to CloudFormation", [f"{cause.message}; correct template.yaml" for cause in error.causes])
        return 1
    report("transform to CloudFormation", [])
    held = [
        report("cfn-lint of the transformed template", lint(deployed)),
        report("every function has its crate", unbuilt(source())),
    ]
    for rule in template_rules.RULES:
        held.append(report(rule.__name__.replace("_", " "), rule(deployed["Resources"])))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
