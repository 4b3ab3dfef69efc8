from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from transforms.stream.lanes import InLanes


class Note(beam.PTransform):
    def expand(self, parts: beam.PCollection[str]) -> beam.PCollection[str]:
        return parts | beam.Map(print)


@pytest.mark.parametrize(("lanes", "environments"), [(1, 1), (3, 4)])
def test_each_lane_has_an_environment_of_its_own(lanes: int, environments: int) -> None:
    pipeline = beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([]))
    pipeline | beam.Create(["00000-000"]) | InLanes(lanes, Note())
    proto = pipeline.to_runner_api()
    used = {t.environment_id for t in proto.components.transforms.values() if t.environment_id}
    assert len(used) == environments
