"""JSON Lines to Parquet without near-duplicates, by datatrove: what we are compared with.

Run by ``benchmarks.against_datatrove`` in an environment of its own, as ``python FILE SOURCE
TARGET WORKERS``. The stages and their settings are those of the MinHash
example in datatrove's repository; nothing here is docsluice's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.typeshelper import Languages

CONFIG = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)


def main(source: str, target: str, workers: str) -> None:
    tasks = len(list(Path(source).iterdir()))  # a file is read by one task
    signatures, buckets, removed = (f"{target}/{name}" for name in ("signatures", "buckets", "ids"))

    def executor(
        pipeline: list[PipelineStep], tasks: int, name: str, before: object
    ) -> LocalPipelineExecutor:
        return LocalPipelineExecutor(
            pipeline,
            tasks=tasks,
            workers=int(workers),
            logging_dir=f"{target}/logs/{name}",
            depends=before,
        )

    sign = executor(
        [JsonlReader(source), MinhashDedupSignature(signatures, CONFIG, Languages.english)],
        tasks, "sign", None,
    )  # fmt: skip
    match = executor(
        [MinhashDedupBuckets(signatures, buckets, config=CONFIG)], CONFIG.num_buckets, "match", sign
    )
    cluster = executor([MinhashDedupCluster(buckets, removed, config=CONFIG)], 1, "cluster", match)
    writer = ParquetWriter(f"{target}/documents", compression="zstd")
    write = executor(
        [JsonlReader(source), MinhashDedupFilter(removed), writer], tasks, "write", cluster
    )
    write.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
