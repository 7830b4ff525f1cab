"""What our pollers rely on in MiniStack, and where it differs from AWS; re-run when its pin moves.

A test whose name says "unlike AWS" holds a difference that our own code has to make up for.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    Unique = Callable[[str], str]

MIB = 1_048_576


def queue(sqs: SQSClient, name: str, **attributes: str) -> str:
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]  # checked by the server


def fifo(sqs: SQSClient, name: str, **attributes: str) -> str:
    return queue(sqs, f"{name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", **attributes)


def receive(sqs: SQSClient, url: str, count: int = 10) -> list[MessageTypeDef]:
    return sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"]
    ).get("Messages", [])


def bodies(messages: list[MessageTypeDef]) -> list[str]:
    return [message["Body"] for message in messages]


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


# --- SQS: delivery and redelivery


def test_an_empty_receive_has_no_messages_key(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("empty"))

    answer = sqs.receive_message(QueueUrl=url)

    assert "Messages" not in answer


def test_a_standard_queue_delivers_and_redelivers_in_the_order_of_sending(
    sqs: SQSClient, unique: Unique
) -> None:
    url = queue(sqs, unique("standard"), VisibilityTimeout="1")
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)

    first = receive(sqs, url)
    hidden = receive(sqs, url)
    time.sleep(1.05)
    second = receive(sqs, url)

    assert bodies(first) == ["a", "b", "c"]
    assert hidden == []
    assert bodies(second) == ["a", "b", "c"]
    assert [each["Attributes"]["ApproximateReceiveCount"] for each in second] == ["2", "2", "2"]
    assert {each["MessageId"] for each in first} == {each["MessageId"] for each in second}


def test_a_record_has_the_attributes_that_lambda_hands_on(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("attributes"))
    sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")

    (message,) = receive(sqs, url)

    assert set(message["Attributes"]) == {
        *("ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SenderId", "SentTimestamp"),
        *("SequenceNumber", "MessageGroupId", "MessageDeduplicationId"),
    }


def test_a_fifo_batch_mixes_groups_and_keeps_the_order_of_each(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("mixed"))
    for body in ("a1", "b1", "a2", "b2"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0])

    messages = receive(sqs, url)

    assert bodies(messages) == ["a1", "b1", "a2", "b2"]
    numbers = [int(each["Attributes"]["SequenceNumber"]) for each in messages]
    assert numbers == sorted(numbers)


def test_a_fifo_group_is_blocked_while_any_of_it_is_in_flight(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("blocked"))
    for body in ("a1", "a2", "a3", "b1"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0])
    first, second = receive(sqs, url, 2)

    others = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    still_blocked = receive(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    released = receive(sqs, url)

    assert bodies([first, second]) == ["a1", "a2"]
    assert bodies(others) == ["b1"]
    assert still_blocked == []
    assert bodies(released) == ["a2", "a3"]


def test_fifo_messages_are_redelivered_in_order(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("redelivered"), VisibilityTimeout="1")
    for body in ("a1", "a2", "a3"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a")
    first, *_ = receive(sqs, url, 2)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])

    time.sleep(1.05)

    assert bodies(receive(sqs, url)) == ["a2", "a3"]


def test_a_fifo_duplicate_is_accepted_and_not_delivered(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("duplicates"))
    first = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="a")

    second = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="a")

    assert second["MessageId"] == first["MessageId"]
    assert bodies(receive(sqs, url)) == ["same"]


def test_a_delayed_message_comes_after_its_delay(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("delayed"))
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)

    at_once = receive(sqs, url)
    time.sleep(1.05)
    later = receive(sqs, url)

    assert at_once == []
    assert bodies(later) == ["later"]


def test_a_delay_on_a_fifo_message_is_refused(sqs: SQSClient, unique: Unique) -> None:
    url = fifo(sqs, unique("undelayed"))

    code = refusal(sqs.send_message, QueueUrl=url, MessageBody="a", MessageGroupId="g", DelaySeconds=1)

    assert code == "InvalidParameterValue"


def test_unlike_aws_a_delay_over_900_seconds_is_accepted(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("far"))

    sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=901)

    assert receive(sqs, url) == []


# --- SQS: visibility and receipts


def test_a_visibility_of_nought_makes_a_message_visible_at_once(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("visible"))
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (message,) = receive(sqs, url)

    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)

    (again,) = receive(sqs, url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["ReceiptHandle"] != message["ReceiptHandle"]


def test_a_visibility_change_counts_from_now_in_wall_time(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("longer"), VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (message,) = receive(sqs, url)

    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=2)
    time.sleep(1.05)
    too_early = receive(sqs, url)
    time.sleep(1.0)

    assert too_early == []
    assert bodies(receive(sqs, url)) == ["a"]


def test_a_stale_receipt_is_refused_call_by_call_and_listed_in_batches(
    sqs: SQSClient, unique: Unique
) -> None:
    url = queue(sqs, unique("stale"), VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    stale = receive(sqs, url)[0]["ReceiptHandle"]
    receive(sqs, url)

    change = refusal(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=stale, VisibilityTimeout=1)
    batch = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{"Id": "0", "ReceiptHandle": stale, "VisibilityTimeout": 1}]
    )

    assert change == "ReceiptHandleIsInvalid"
    assert batch["Failed"] == [
        {
            "Id": "0",
            "SenderFault": True,
            "Code": "ReceiptHandleIsInvalid",
            "Message": "The input receipt handle is invalid.",
        }
    ]


def test_unlike_aws_a_message_that_was_deleted_cannot_be_deleted_again(
    sqs: SQSClient, unique: Unique
) -> None:
    url = queue(sqs, unique("deleted"))
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)

    code = refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)

    assert code == "ReceiptHandleIsInvalid"


def test_unlike_aws_visibility_has_no_limit_of_12_hours_and_needs_no_flight(
    sqs: SQSClient, unique: Unique
) -> None:
    url = queue(sqs, unique("unlimited"), VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive(sqs, url)[0]["ReceiptHandle"]  # visible again at once

    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_201)

    assert receive(sqs, url) == []


# --- SQS: dead letters


def test_a_message_moves_to_the_dead_letters_after_its_last_receive(sqs: SQSClient, unique: Unique) -> None:
    dead_letters = queue(sqs, unique("dead"))
    arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]
    redrive = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 2})
    url = queue(sqs, unique("poison"), VisibilityTimeout="0", RedrivePolicy=redrive)
    sqs.send_message(
        QueueUrl=url,
        MessageBody="poison",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )

    first, second = receive(sqs, url), receive(sqs, url)
    before_the_next_receive = receive(sqs, dead_letters)
    third = receive(sqs, url)
    (dead,) = sqs.receive_message(
        QueueUrl=dead_letters, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]

    assert bodies(first + second) == ["poison", "poison"]
    assert before_the_next_receive == []  # only a receive on the source moves it
    assert third == []
    assert dead["Body"] == "poison"
    assert dead["MessageId"] == first[0]["MessageId"]
    assert dead["MessageAttributes"]["kind"]["StringValue"] == "x"
    assert dead["Attributes"]["ApproximateReceiveCount"] == "3"  # counted on, not from nought
    assert "DeadLetterQueueSourceArn" in dead["Attributes"]


# --- SQS: limits


def test_a_message_of_1_mib_fits_a_queue_as_it_is_created(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("large"))

    sqs.send_message(QueueUrl=url, MessageBody="x" * MIB)
    code = refusal(sqs.send_message, QueueUrl=url, MessageBody="x" * (MIB + 1))

    assert code == "InvalidParameterValue"


def test_256_kib_is_a_limit_only_where_the_queue_says_so(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("small"), MaximumMessageSize="262144")

    code = refusal(sqs.send_message, QueueUrl=url, MessageBody="x" * 262_145)

    assert code == "InvalidParameterValue"


def test_unlike_aws_attributes_do_not_count_towards_the_size(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("attributed"))

    answer = sqs.send_message(
        QueueUrl=url,
        MessageBody="x" * MIB,
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )

    assert answer["MessageId"]


def test_a_batch_over_1_mib_is_refused_as_a_whole(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("batch"))

    code = refusal(
        sqs.send_message_batch,
        QueueUrl=url,
        Entries=[{"Id": str(at), "MessageBody": "x" * (MIB // 2 + 1)} for at in range(2)],
    )

    assert code == "AWS.SimpleQueueService.BatchRequestTooLong"
    assert receive(sqs, url) == []


def test_a_batch_names_the_entries_that_failed(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("partial"), MaximumMessageSize="1024")

    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "fits", "MessageBody": "x"}, {"Id": "large", "MessageBody": "x" * 1025}],
    )

    assert [each["Id"] for each in answer["Successful"]] == ["fits"]
    assert [(each["Id"], each["SenderFault"]) for each in answer["Failed"]] == [("large", True)]


def test_a_queue_that_is_missing_has_awss_error(sqs: SQSClient, unique: Unique) -> None:
    url = queue(sqs, unique("here")) + "-not"

    code = refusal(sqs.receive_message, QueueUrl=url)

    assert code == "AWS.SimpleQueueService.NonExistentQueue"


# --- DynamoDB streams


def table(dynamodb: DynamoDBClient, name: str) -> str:
    """Create a table with a stream of both images; the stream's ARN."""
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return made["TableDescription"]["LatestStreamArn"]


def shard(streams: DynamoDBStreamsClient, stream: str) -> str:
    (only,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    return only["ShardId"]


def iterator(streams: DynamoDBStreamsClient, stream: str, kind: Any, **at: str) -> str:
    return streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard(streams, stream), ShardIteratorType=kind, **at
    )["ShardIterator"]


def changes(streams: DynamoDBStreamsClient, at: str) -> list[Any]:
    return list(streams.get_records(ShardIterator=at)["Records"])


def test_changes_carry_the_images_as_they_were(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("images")
    stream = table(dynamodb, name)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}, "nested": {"M": {"n": {"N": "1"}}}})
    dynamodb.update_item(
        TableName=name,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET nested.n = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
    )
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "a"}})

    inserted, modified, removed = changes(streams, iterator(streams, stream, "TRIM_HORIZON"))

    one = {"pk": {"S": "a"}, "nested": {"M": {"n": {"N": "1"}}}}
    two = {"pk": {"S": "a"}, "nested": {"M": {"n": {"N": "2"}}}}
    assert [each["eventName"] for each in (inserted, modified, removed)] == ["INSERT", "MODIFY", "REMOVE"]
    assert inserted["dynamodb"]["NewImage"] == one
    assert "OldImage" not in inserted["dynamodb"]
    assert (modified["dynamodb"]["OldImage"], modified["dynamodb"]["NewImage"]) == (one, two)
    assert removed["dynamodb"]["OldImage"] == two
    assert "NewImage" not in removed["dynamodb"]
    assert removed["dynamodb"]["Keys"] == {"pk": {"S": "a"}}


def test_sequence_numbers_grow_as_integers(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("growing")
    stream = table(dynamodb, name)
    for at in range(12):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": str(at)}})

    records = changes(streams, iterator(streams, stream, "TRIM_HORIZON"))

    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in records]
    assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in records] == [str(at) for at in range(12)]
    assert numbers == sorted(set(numbers))


def test_unlike_aws_a_sequence_number_begins_with_the_millisecond(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("timed")
    stream = table(dynamodb, name)
    before = time.time()
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})
    after = time.time()

    (record,) = changes(streams, iterator(streams, stream, "TRIM_HORIZON"))

    made_at = int(record["dynamodb"]["SequenceNumber"][:20]) / 1000
    assert before - 0.001 <= made_at <= after
    assert 0 <= made_at - record["dynamodb"]["ApproximateCreationDateTime"].timestamp() < 2


def test_a_put_that_changes_nothing_writes_no_change(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("same")
    stream = table(dynamodb, name)
    for _ in range(2):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})

    assert len(changes(streams, iterator(streams, stream, "TRIM_HORIZON"))) == 1


def test_a_change_can_be_read_as_soon_as_the_write_returned(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("prompt")
    stream = table(dynamodb, name)
    latest = iterator(streams, stream, "LATEST")

    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})

    assert len(changes(streams, latest)) == 1


def test_reading_goes_on_after_a_checkpoint(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("checkpoint")
    stream = table(dynamodb, name)
    for key in "abc":
        dynamodb.put_item(TableName=name, Item={"pk": {"S": key}})
    first = changes(streams, iterator(streams, stream, "TRIM_HORIZON"))[0]
    checkpoint = first["dynamodb"]["SequenceNumber"]

    at = changes(streams, iterator(streams, stream, "AT_SEQUENCE_NUMBER", SequenceNumber=checkpoint))
    after = changes(streams, iterator(streams, stream, "AFTER_SEQUENCE_NUMBER", SequenceNumber=checkpoint))

    assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in at] == ["a", "b", "c"]
    assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in after] == ["b", "c"]


def test_an_unknown_checkpoint_is_refused_as_trimmed(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    stream = table(dynamodb, unique("trimmed"))

    code = refusal(
        streams.get_shard_iterator,
        StreamArn=stream,
        ShardId=shard(streams, stream),
        ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        SequenceNumber="1" * 21,
    )

    assert code == "TrimmedDataAccessException"


def test_unlike_aws_a_stream_has_one_shard_and_its_changes_say_no_size(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, unique: Unique
) -> None:
    name = unique("shape")
    stream = table(dynamodb, name)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})

    (change,) = changes(streams, iterator(streams, stream, "TRIM_HORIZON"))

    assert change["dynamodb"]["SizeBytes"] == 0
    assert set(change) == {"eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb"}
    assert (change["eventVersion"], change["eventSource"]) == ("1.1", "aws:dynamodb")
    assert "eventSourceARN" not in change  # the poller adds it
