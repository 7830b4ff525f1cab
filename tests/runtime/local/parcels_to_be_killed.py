"""Runs a stage of parcels in a folder and produces some: a stage that a test kills in the middle."""

# ruff: noqa: T201 - it prints to be read

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from confluent_kafka import Producer

from worker_runtime.local.stage.stage import Stage, StageOptions

PARCELS = 200

with Stage(StageOptions(stacks=("parcels",), speed=50.0, state_dir=Path(sys.argv[1]), goes_on=True)) as stage:
    producer = Producer({"bootstrap.servers": stage.environment()["KAFKA_BOOTSTRAP_SERVERS"]})
    for at in range(PARCELS):
        do = "fail once" if at % 20 == 0 else ""
        value = json.dumps({"id": f"parcel-{at}", "do": do})
        producer.produce(stage.named("kafka topic", "parcels"), value, key=str(at % 7))
    producer.flush(10)
    while stage.workers()["parcel.follow"].records < PARCELS // 4:
        time.sleep(0.01)
    print("in the middle", flush=True)
    time.sleep(600)
