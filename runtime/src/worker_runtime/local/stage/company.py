"""The workers of a stage at work: their functions, the ways to them, the pollers of their sources."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import UUID

from worker_runtime.local.stage.apis.staged_apis import Staff, apis_of
from worker_runtime.local.stage.door.delivery_stream import DeliveryStream
from worker_runtime.local.stage.door.way_in import WayIn
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.in_process import InProcessFunction
from worker_runtime.local.stage.execution.process_environment import ProcessEnvironment
from worker_runtime.local.stage.execution.routed_output import RoutedOutput
from worker_runtime.local.stage.keeping.ports import kept_port
from worker_runtime.local.stage.lineage.happenings import Printed
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.checkpoints import Checkpoints
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.invocation_queues import by_name, events_of
from worker_runtime.local.stage.polling.mappings import Ground, poller_of
from worker_runtime.local.stage.staged_workers import function_of
from worker_runtime.local.stage.worker_logs import WorkerLogs
from worker_runtime.sources.answering import AnsweringSource
from worker_runtime.sources.firehose import Firehose

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from worker_runtime.local.stage.apis.staged_apis import StagedApi
    from worker_runtime.local.stage.counting import Tally
    from worker_runtime.local.stage.execution.invocations import Function
    from worker_runtime.local.stage.polling.delivering import Invoker
    from worker_runtime.local.stage.polling.mappings import Poller
    from worker_runtime.local.stage.polling.mishap import Mischief
    from worker_runtime.local.stage.scenery import Play, Scenery
    from worker_runtime.workers import Declaration

MIN_WALL_TIMEOUT_S = 10.0
"""An invocation gets as much of the machine's time at any speed: a busy machine is not a slow worker."""


class Company(Part):
    """All workers of a play, polled for; they must have a scenery that is started."""

    def __init__(self, play: Play, *, scenery: Scenery, tally: Tally, mischief: Mischief) -> None:
        self._play = play
        self._scenery = scenery
        self._tally = tally
        self._mischief = mischief
        self._logs = WorkerLogs(play.folder / "logs")
        self._chance = random.Random(play.options.seed)
        self._turn = play.threads.places(1)
        self._invokers: dict[str, Invoker] = {}
        self._deliveries: list[Delivery] = []
        self._pollers: list[Poller] = []
        self._apis: list[StagedApi] = []
        self._parts = ExitStack()

    @property
    def logs(self) -> Path:
        """The folder of what the workers print."""
        return self._logs.folder

    def start(self) -> Self:
        """Make the workers' functions and begin to poll; processes start when they are needed."""
        with ExitStack() as parts:
            self._set_up(parts)
            self._parts = parts.pop_all()
        return self

    def stop(self) -> None:
        """Receive nothing more, end what is under way, and wait until all is over."""
        self._parts.close()

    def busy(self) -> bool:
        """Whether a poller has a record that is not done."""
        return any(poller.busy() for poller in self._pollers)

    def urls(self) -> dict[str, tuple[str, ...]]:
        """Return where workers answer HTTP: ``POST http://127.0.0.1:4000/orders/{id}``."""
        found: dict[str, tuple[str, ...]] = {}
        for worker_id, url in (each for api in self._apis for each in api.urls()):
            found[worker_id] = (*found.get(worker_id, ()), url)
        return found

    def invoker(self, worker_id: str) -> Invoker:
        """Return what runs a worker, past all pollers."""
        return self._invokers[worker_id]

    def kill_one(self, worker_id: str | None = None) -> int | None:
        """Kill one busy process of a worker, or of any; its id, None where none is busy."""
        invokers = [made for made_for, made in self._invokers.items() if worker_id in (None, made_for)]
        self._chance.shuffle(invokers)
        return next((pid for invoker in invokers if (pid := invoker.kill_one()) is not None), None)

    def crash(self, worker_id: str) -> bool:
        """Crash a worker in the middle of a batch that can bear it; False where there is none."""
        return any(delivery.crash() for delivery in self._deliveries if delivery.worker_id == worker_id)

    def crash_all(self) -> bool:
        """Crash every worker that is in the middle of a batch that can bear it; False where none is."""
        crashed = [delivery.crash() for delivery in self._deliveries]
        return any(crashed)

    def _set_up(self, parts: ExitStack) -> None:
        play, around = self._play, self._scenery.around
        parts.enter_context(self._logs)
        if play.options.in_process:
            variables = {"AWS_ENDPOINT_URL": around.endpoint_url, "AWS_REGION": around.region}
            parts.enter_context(
                ProcessEnvironment({**variables, **around.credentials}, seed=play.options.seed)
            )
            parts.enter_context(RoutedOutput())
        self._hire_all()
        for poller in self._pollers:
            parts.callback(poller.stop)
        for invoker in self._invokers.values():
            parts.callback(invoker.stop)  # before the pollers wait for what is under way
        for poller in self._pollers:
            parts.callback(poller.quit)  # before an invocation that is cut short is tried again
            poller.start()

    def _hire_all(self) -> None:
        """Make each worker's function, the ways to it, and the APIs that several share."""
        ground = self._ground()
        for worker_id, declaration in self._play.declarations.items():
            self._hire(worker_id, declaration, ground)
        self._apis = apis_of(self._staff())
        self._pollers += [api.server for api in self._apis]

    def _hire(self, worker_id: str, declaration: Declaration, ground: Ground) -> None:
        """Make a worker's function, the way to it by name and the pollers of its sources."""
        play, around = self._play, self._scenery.around
        function = function_of(worker_id, declaration, around=around, folder=play.folder)
        invoker = self._invokers[worker_id] = self._made_to_run(worker_id, function)
        delivery = Delivery(
            worker_id,
            invoker=invoker,
            tally=self._tally,
            accidents=self._mischief,
            journal=play.journal,
            timeout_s=declaration.timeout_s,
        )
        self._deliveries.append(delivery)
        self._pollers += [
            self._way_in(declaration, function, delivery, ground),
            *self._delivery_streams(declaration, function, delivery),
        ]
        self._pollers += [
            poller_of(source, declaration, delivery=delivery, function_arn=function.arn, ground=ground)
            for source in declaration.sources
            if not isinstance(source, AnsweringSource)  # who asks them waits: the door's, and the APIs'
        ]

    def _way_in(
        self, declaration: Declaration, function: Function, delivery: Delivery, ground: Ground
    ) -> WayIn:
        events = events_of(
            by_name(declaration),
            declaration,
            delivery=delivery,
            function_arn=function.arn,
            ground=ground,
            kept_as="by name",
        )
        asked = any(isinstance(source, AnsweringSource) for source in declaration.sources)
        emulator = self._scenery.aws("lambda") if asked else None
        return WayIn(function, door=self._scenery.door, delivery=delivery, events=events, emulator=emulator)

    def _delivery_streams(
        self, declaration: Declaration, function: Function, delivery: Delivery
    ) -> list[DeliveryStream]:
        door, aws, clock = self._scenery.door, self._scenery.aws, self._play.clock
        return [
            DeliveryStream(source, function, door=door, delivery=delivery, aws=aws, clock=clock)
            for source in declaration.sources
            if isinstance(source, Firehose)
        ]

    def _staff(self) -> Staff:
        play = self._play
        chance = random.Random(f"{play.options.seed} requests")
        return Staff(
            declarations=play.declarations,
            callees={delivery.worker_id: delivery for delivery in self._deliveries},
            clock=play.clock,
            region=self._scenery.around.region,
            request_ids=lambda: str(UUID(int=chance.getrandbits(128), version=4)),
            port_of=self._port_of,
        )

    def _port_of(self, api: str) -> int:
        return 0 if self._play.kept is None else kept_port(self._play.memories.of("ports"), api)

    def _ground(self) -> Ground:
        options, scenery = self._play.options, self._scenery
        return Ground(
            aws=scenery.aws,
            names=scenery.names,
            book=scenery.book,
            checkpoints=Checkpoints(self._play.folder / "checkpoints.jsonl"),
            memories=self._play.memories,
            clock=self._play.clock,
            threads=self._play.threads,
            kafka_servers=scenery.kafka.servers,
            concurrent_batches=1 if options.in_process else options.concurrent_batches,
        )

    def _made_to_run(self, worker_id: str, function: Function) -> Invoker:
        def on_log(line: str, _function: str, request_id: str | None) -> None:
            self._logs.write(worker_id, line)
            self._tally.read_line(line, request_id)
            self._play.journal.note(Printed(worker_id, request_id, line))

        speed = self._play.options.speed
        executor = Executor(function, speed=speed, min_wall_timeout_s=MIN_WALL_TIMEOUT_S, on_log=on_log)
        if not self._play.options.in_process:
            return executor
        timeout_s = executor.wall_timeout_s
        return InProcessFunction(
            function, clock=self._play.clock, turn=self._turn, wall_timeout_s=timeout_s, on_log=on_log
        )
