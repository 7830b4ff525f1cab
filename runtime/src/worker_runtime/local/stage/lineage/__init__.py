"""What happened to every record of a stage: noted as it happens, kept in one SQLite file, told as a tree.

Pollers, the way to a worker, and the gateway ``note`` happenings (``happenings.py``) in a journal
(``journal.py``). ``sqlite_journal.py`` writes them down in a thread of its own: the scribe's rows, which
wait for the end of their transaction, into the tables that ``schema.py`` documents. ``finding.py``,
``ways.py`` and ``drawing.py`` read them for ``workers trace``, ``standing.py`` for ``workers stage status``,
``dump.py`` to compare two runs.
"""
