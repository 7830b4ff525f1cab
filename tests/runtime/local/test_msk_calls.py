"""What a worker that is granted an MSK cluster may ask AWS about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from worker_runtime.local.stage.aws_clients import DUMMY_CREDENTIALS, AwsClients
from worker_runtime.local.stage.gateway import Gateway, first_of
from worker_runtime.local.stage.kafka.msk_calls import MskCalls
from worker_runtime.local.stage.kafka.provisioning import cluster_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.emulator import Emulator

OURS = cluster_arn("shop", region="us-east-1")


@pytest.fixture
def msk(emulator: Emulator) -> Iterator[Any]:
    """Ask as a worker on a stage that has the cluster ``shop``."""
    calls = MskCalls(frozenset([OURS]), "127.0.0.1:9092")
    with (
        Gateway(emulator.endpoint_url, answer=first_of(), called=lambda: None, rest=calls) as gateway,
        AwsClients(gateway.url, region="us-east-1", credentials=DUMMY_CREDENTIALS) as aws,
    ):
        yield aws("kafka")


def test_its_brokers_are_the_stage_s(msk: Any) -> None:
    assert msk.get_bootstrap_brokers(ClusterArn=OURS)["BootstrapBrokerString"] == "127.0.0.1:9092"


def test_it_is_described(msk: Any) -> None:
    described = msk.describe_cluster_v2(ClusterArn=OURS)["ClusterInfo"]

    assert (described["ClusterArn"], described["ClusterName"]) == (OURS, "local-shop")
    assert described["State"] == "ACTIVE"


def test_another_cluster_is_the_emulator_s_to_know(msk: Any) -> None:
    with pytest.raises(ClientError, match="NotFound"):
        msk.get_bootstrap_brokers(ClusterArn=cluster_arn("another", region="us-east-1"))
