"""Prints a SAM template as CloudFormation works with it: process.py TEMPLATE NAME=VALUE...

SAM's own translator makes the resources, with the parameters that are given; then
conditions are decided and what hangs on parameters is put in. References to
resources and to pseudo parameters stay.
"""
import json
import re
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

DROPPED = {"Ref": "AWS::NoValue"}


class NoPolicies:
    """The translator asks for the ARNs of managed policies, of which the template names none."""

    def load(self):
        return {}


def resolved(value, parameters, conditions):
    def each(inner):
        return resolved(inner, parameters, conditions)

    if isinstance(value, list):
        return [each(one) for one in value if each(one) != DROPPED]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        return {name: each(one) for name, one in value.items() if each(one) != DROPPED}
    (function, argument), = value.items()
    match function:
        case "Ref" if argument in parameters:
            return parameters[argument]
        case "Condition" if argument in conditions:
            return each(conditions[argument])
        case "Fn::If":
            return each(argument[1] if each(conditions[argument[0]]) else argument[2])
        case "Fn::Equals":
            left, right = each(argument)
            return str(left) == str(right)
        case "Fn::Not":
            return not each(argument)[0]
        case "Fn::And":
            return all(each(argument))
        case "Fn::Or":
            return any(each(argument))
        case "Fn::Split" if isinstance(each(argument[1]), str):
            return each(argument[1]).split(argument[0])
        case "Fn::Join" if all(isinstance(one, str) for one in each(argument[1])):
            return argument[0].join(each(argument[1]))
        case "Fn::Sub" if isinstance(argument, str):
            text = re.sub(r"\$\{(\w+)\}", lambda name: str(parameters.get(name[1], name[0])), argument)
            return {"Fn::Sub": text} if "${" in text else text
    inner = each(argument)
    return DROPPED if inner == DROPPED else {function: inner}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    template["Resources"]["Relay"]["Properties"]["CodeUri"] = "s3://bucket/relay.zip"
    parameters = {}
    for name, declared in template["Parameters"].items():
        given = declared.get("Default", "")
        parameters[name] = given.split(",") if declared["Type"] == "CommaDelimitedList" else str(given)
    for pair in sys.argv[2:]:
        name, text = pair.split("=", 1)
        parameters[name] = text.split(",") if isinstance(parameters[name], list) else text
    processed = transform(template, dict(parameters), NoPolicies())
    conditions = processed.pop("Conditions")
    for part in "Metadata", "Parameters", "Rules", "Mappings":
        processed.pop(part, None)
    for section in "Resources", "Outputs":
        for name, made in list(processed[section].items()):
            condition = made.pop("Condition", None)
            if condition and not resolved(conditions[condition], parameters, conditions):
                del processed[section][name]
    json.dump(resolved(processed, parameters, conditions), sys.stdout, indent=1)


main()
