"""botocore finds through our loader what it finds through its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader
from botocore.session import get_session

from worker_runtime.clients import aws
from worker_runtime.clients.aws_models import models

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("dynamodb", "sqs", "s3", "kinesis", "secretsmanager", "sts", "lambda", "firehose")
KINDS = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_described_as_botocore_reads_it_in_its_order(service: str, kind: str) -> None:
    expected = create_loader().load_service_model(service, kind)

    found = models(None).load_service_model(service, kind)

    assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration", "_retry"])
def test_what_all_services_share_is_read_alike(name: str) -> None:
    assert json.dumps(models(None).load_data(name)) == json.dumps(create_loader().load_data(name))


def test_a_service_that_is_none_is_refused_with_all_there_are() -> None:
    with pytest.raises(UnknownServiceError) as refused:
        models(None).load_service_model("dynamo", "service-2")
    with pytest.raises(UnknownServiceError) as expected:
        create_loader().load_service_model("dynamo", "service-2")

    assert str(refused.value) == str(expected.value)


def test_the_services_there_are_can_be_listed() -> None:
    listed: Any = models(None).list_available_services("service-2")
    expected = create_loader().list_available_services("service-2")

    assert (list(listed), len(listed), listed[0], listed[:2]) == (
        *(expected, len(expected), expected[0]),
        expected[:2],
    )
    assert "sqs" in listed
    assert "dynamo" not in listed
    assert [*aws.session().get_available_services()] == get_session().get_available_services()


def test_descriptions_of_ones_own_are_found_where_aws_data_path_says(tmp_path: Path) -> None:
    (tmp_path / "parcels" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "parcels" / "2026-01-01" / "service-2.json").write_text('{"metadata": {}}')

    found = models(f"/nowhere:{tmp_path}").load_service_model("parcels", "service-2")

    assert found == {"metadata": {}}
