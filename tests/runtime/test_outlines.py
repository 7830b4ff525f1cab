"""What an event is said to be where nobody takes it."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import sample
from worker_runtime.outlines import outline
from worker_runtime.testing import (
    authorizer_event,
    event_bridge_event,
    field_event,
    firehose_event,
    http_event,
    kafka_event,
    s3_event,
    s3_test_event,
    sns_event,
    token_event,
)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (s3_event("a"), "a batch of 'aws:s3'"),
        (sns_event("a"), "a batch of 'aws:sns'"),
        (kafka_event(), "a batch of 'SelfManagedKafka'"),
        (firehose_event("a"), "a batch of Firehose's"),
        (s3_test_event(), "a test event of S3's"),
        (event_bridge_event({}), "an event of EventBridge's"),
        (field_event(), "AppSync's request of a field"),
        (authorizer_event("t"), "a question of an authorizer's"),
        (token_event("t"), "a question of an authorizer's"),
        (token_event("t", v2=True), "a question of an authorizer's"),
        (http_event(), "a request of API Gateway's, or of a function URL"),
        (http_event(v2=True), "a request of API Gateway's, or of a function URL"),
        ([1], "a JSON list"),
        (None, "nothing"),
        ({"personal": "fan@example.com"}, "an object with the keys ['personal']"),
        ({"requestContext": "text"}, "an object with the keys ['requestContext']"),
    ],
)
def test_an_event_is_said_to_be_what_its_shape_tells(event: Any, said: str) -> None:
    assert outline(event) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sam_alb_request", "a load balancer's request"),
        ("powertools_vpcLatticeV2Event", "VPC Lattice's request"),
        ("powertools_vpcLatticeEventPathTrailingSlash", "VPC Lattice's request"),
        ("powertools_cognitoPreSignUpEvent", "a Cognito trigger"),
        ("powertools_cloudWatchAlarmEventSingleMetric", "an alarm of CloudWatch's"),
        ("powertools_secretsManagerEvent", "a secret's rotation"),
        ("powertools_s3BatchOperationEventSchemaV1", "a job of S3 Batch Operations"),
        ("powertools_s3ObjectEventTempCredentials", "S3 Object Lambda's request"),
        ("powertools_bedrockAgentEvent", "a Bedrock agent's request"),
        ("sam_cloudformation_create-request", "CloudFormation's request of a custom resource"),
        ("sam_codepipeline_job", "a job of CodePipeline's"),
        ("sam_config_periodic-rule", "a rule of Config's"),
        ("sam_cloudfront_access-request-in-response", "CloudFront's request"),
        ("sam_ses_email-receiving", "a batch of 'aws:ses'"),
        ("powertools_rabbitMQEvent", "a batch of 'aws:rmq'"),
    ],
)
def test_a_service_that_no_source_is_for_is_named(name: str, said: str) -> None:
    assert outline(sample(name)) == said
