"""What SQS takes; beside its client, for those who must know it before there is one."""

from __future__ import annotations

from typing import Final

ENTRIES_A_CALL: Final = 10  # of every batch call, and of ReceiveMessage
MESSAGE_BYTES: Final = 1_048_576  # SendMessage since August 2025, attributes counted
CALL_BYTES: Final = 1_048_576  # SendMessageBatch, all its messages together
ATTRIBUTES_A_MESSAGE: Final = 10
VISIBILITY_MAX_S: Final = 12 * 3600  # SetQueueAttributes, ChangeMessageVisibility; from the receive on
LONGEST_VISIBILITY_S: Final = VISIBILITY_MAX_S - 20 * 60  # Lambda had it up to 15 + 5 min by now
