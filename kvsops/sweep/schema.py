"""The JSON Schema of `kvsops.toml`, from the same declarations by which it is read."""

from typing import Any, Final

from kvsops.core.rule import Parameter
from kvsops.sweep.policy import ANY_CHANNEL, NAME, REACH, TABLE, options

SCHEMA_FILE: Final = "policy.schema.json"

_TEXT: Final = {"type": "string"}
_SEVERAL: Final = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file, for editors, in SchemaStore's form.

    Source: https://github.com/SchemaStore/schemastore/blob/master/CONTRIBUTING.md#schema-authoring
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://json.schemastore.org/kvsops.json",
        "title": "kvsops policies",
        "description": "Policies by which kvsops sweep deletes signaling channels.",
        "type": "object",
        "additionalProperties": False,
        "required": [TABLE],
        "properties": {
            "max-deletes": {
                "anyOf": [_TEXT, {"type": "integer"}],
                "description": "Fuse: if more would be deleted, delete none.",
            },
            "protect-tag": _SEVERAL | {"description": options()["protect-tag"].help},
            TABLE: {
                "type": "object",
                "description": "The policies by name; the first that condemns a channel decides.",
                "minProperties": 1,
                "additionalProperties": False,
                "patternProperties": {f"^{NAME.pattern}$": _schema_of_one()},
            },
        },
    }


def _schema_of_one() -> dict[str, Any]:
    properties: dict[str, Any] = {
        option.name: {
            **(
                {"type": "boolean"}
                if option.parameter is Parameter.FLAG
                else _SEVERAL
                if option.many
                else _TEXT
            ),
            "description": option.help,
        }
        for option in options().values()
    }
    properties["grace"] = _TEXT | {
        "description": "Tag the candidates first; delete those that still qualify after this long."
    }
    properties[ANY_CHANNEL.name] = {"type": "boolean", "description": ANY_CHANNEL.help}
    for key, (pattern, text) in REACH.items():
        one = _TEXT | {"pattern": f"^({pattern})$"}
        several = {"type": "array", "items": one, "minItems": 1}
        properties[key] = {"anyOf": [one, several], "description": text}
    return {
        "type": "object",
        "description": "A sweep, in the words of the options of kvsops sweep.",
        "additionalProperties": False,
        "properties": properties,
    }
