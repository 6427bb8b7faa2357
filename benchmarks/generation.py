"""Generation alone: the shards' rows, finished for the tables and loaded nowhere.

    python -m benchmarks.generation ROSTERS SEED

Prints JSON: the score rows, the seconds of CPU that they took, and the seconds more that the rules over the shards'
numbers took. Imports and validation are not counted.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

from benchmarks import ROOT
from benchmarks.database_only import changes
from etl.config.source import load
from etl.pipeline.validate import validate
from etl.run.plan import Plan, make_plan
from etl.run.shards import run_once, run_shard, shard_count


def seconds(plan: Plan) -> tuple[int, float]:
    """Run all shards: the score rows, and the seconds of CPU."""
    start, rows = time.process_time(), 0
    once = run_once(plan)
    for number in range(shard_count(plan, once)):
        rows += run_shard(plan, once, number)["scores"].num_rows
    return rows, time.process_time() - start


def main(rosters: int, seed: int) -> dict[str, float]:
    """Run all shards without the rules, and with them."""
    plan = make_plan(validate(load(ROOT / "pipeline.yaml", changes=changes(rosters), seed=seed)))
    rows, generated = seconds(replace(plan, per_shard=tuple(stage for stage in plan.per_shard if not stage.check)))
    _, held = seconds(plan)
    return {"score_rows": rows, "cpu": generated, "rules": held - generated}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
