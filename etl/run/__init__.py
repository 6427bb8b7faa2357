"""From a pipeline to rows: the plan, the stages, shards in threads or on Dask."""
