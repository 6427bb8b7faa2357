"""Datasette's settings, metadata and inspect data for a build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.pipeline.model import Pipeline
    from etl.site.endpoint import Endpoint

#: For the public: nothing that costs much time or memory.
HARDENED: dict[str, bool | int] = {
    "default_allow_sql": False,
    "allow_facet": False,
    "suggest_facets": False,
    "allow_csv_stream": False,
    "allow_download": False,
    "default_cache_ttl": 0,
    "max_returned_rows": 100,
    "default_page_size": 50,
    "sql_time_limit_ms": 1000,
    "num_sql_threads": 2,
    "truncate_cells_html": 300,
}

#: For ``--explore``: a user of this machine only.
EXPLORING: dict[str, bool | int] = {
    **HARDENED,
    "default_allow_sql": True,
    "allow_facet": True,
    "suggest_facets": True,
    "allow_csv_stream": True,
    "allow_download": True,
    "max_returned_rows": 1000,
    "sql_time_limit_ms": 5000,
    "facet_time_limit_ms": 1000,
}


def metadata(pipeline: Pipeline, endpoints: list[Endpoint]) -> dict[str, Any]:
    """Datasette's metadata: titles, descriptions from the schema, labels, units, and the endpoints as queries."""
    site = pipeline.site
    tables: dict[str, dict[str, Any]] = {}
    for name, table in pipeline.schema.tables.items():
        options = site.tables.get(name)
        tables[name] = {
            "title": name.replace("_", " ").capitalize(),
            "description": table.description,
            "columns": {column.name: column.description for column in table.columns.values()},
            **({"label_column": options.label} if options and options.label else {}),
            **({"sort": options.sort} if options and options.sort else {}),
            **({"units": options.units} if options and options.units else {}),
        }
    tables["sqlite_sequence"] = {"hidden": True}  # SQLite's own
    queries = {
        f"api-{endpoint.name}": {  # prefixed: a query hides a table with the same name
            "title": endpoint.title,
            "description": f"{endpoint.description} The same as JSON: {endpoint.template}",
            "hide_sql": True,
            "sql": endpoint.sql_of_required,
            **({"params": [each.name for each in endpoint.required]} if endpoint.required else {}),
        }
        for endpoint in endpoints
    }
    return {
        "title": site.title,
        "description": site.description,
        "about": site.notice,
        **({"license": site.license, "license_url": site.license_url} if site.license else {}),
        "custom_units": site.units,
        "databases": {
            pipeline.database.removesuffix(".db"): {
                "title": site.title,
                "description": site.description,
                "tables": tables,
                "queries": queries,
            }
        },
    }


def inspect_data(pipeline: Pipeline, rows: Mapping[str, int], size: int, sha256: str) -> dict[str, Any]:
    """What ``datasette inspect`` would count, so that Datasette opens the database at once, as immutable."""
    return {
        pipeline.database.removesuffix(".db"): {
            "hash": sha256,
            "size": size,
            "file": pipeline.database,
            "tables": {table: {"count": count} for table, count in rows.items()},
        }
    }
