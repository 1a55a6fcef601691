"""JSON Schema 2020-12: the tables of names, for editors and other programs."""

from typing import Any

from ._names import PRESET_NAMES, TABLES, Name, Names


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration file.

    Some editors complete and check TOML by it. It knows names and types; what
    excludes or needs what, `load` tells.
    """
    issuer: dict[str, Name] = {}
    for names in (*PRESET_NAMES.values(), TABLES["issuer"]):
        issuer.update(names)
    tables: dict[str, Names] = {**TABLES, "issuer": issuer}
    file = tables.pop("file")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of jwt_guard",
        **_object(file),
        "$defs": {name: _object(names) for name, names in tables.items()},
    }


def _object(names: Names) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, row in names.items() if row.required],
        "properties": {
            name: {**row.kind.schema, "description": row.description} for name, row in names.items()
        },
    }
