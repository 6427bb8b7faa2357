"""A build as Parquet alone, on any file system: no link, no lock; a folder with a manifest is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl import manifest
from etl.assemble import parts_of
from etl.config import validate
from etl.digest import Digests
from etl.errors import EtlError, Where
from etl.identity import identify
from etl.parquet import open_target, write_file
from etl.plan import make_plan

if TYPE_CHECKING:
    from etl.build import How
    from etl.config import Source
    from etl.progress import Progress


def run(source: Source, url: str, *, progress: Progress, how: How) -> dict[str, Any]:
    """Write a pipeline's tables as Parquet below ``url``, in a folder named by the build; its manifest comes last.

    Returns the manifest. Raises EtlError for what is wrong with the pipeline, the engine or the place.
    """
    identity = identify(source)
    with progress.phase("validate"):
        pipeline = validate(source)
    if pipeline.outputs != ("parquet",):
        node = source.tree.at("outputs")
        raise EtlError("--to writes Parquet alone; say outputs: [parquet]", node.where if node else Where("--to"))
    plan = make_plan(pipeline)
    sizes = plan.expected()
    progress.begin(sum(sizes[stage.name].rows for stage in plan.stages if stage.table))
    place = f"{url.rstrip('/')}/{identity.id}"
    digests, files = Digests(), {}
    for part in parts_of(plan, source, identity, progress, how, f"{place}/parquet"):
        digests.add(part.table, part.count, part.digest)
        progress.loaded(part.count)
        if part.file:
            files[f"parquet/{part.file.name}"] = {"bytes": part.file.bytes, "sha256": part.file.sha256}
    progress.end()
    tables = {name: digests.of(name) for name in pipeline.schema.tables}
    content = manifest.describe(identity, pipeline, tables, [], files)
    write_file(open_target(place), manifest.NAME, manifest.render(content))
    return content
