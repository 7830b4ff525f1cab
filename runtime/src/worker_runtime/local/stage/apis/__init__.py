"""What callers who wait reach by HTTP: APIs of API Gateway and AppSync, and function URLs, each on a port.

They stand in the emulator's place, which has them too, since callers would see there what AWS never shows
them or not see what it does (each difference is held by ``test_emulator_apis.py``): a function's own error
text, 429 for a throttle where REST APIs say 500, 200 for a reply that no API could read; headers that come
again joined, paths of function URLs unescaped, no ``cookies``; AppSync without BatchInvoke, without the
names of errors, and with templates only where Node is installed. A warm answer takes 2 ms here and 13
through the emulator, whose way to a worker is a process of its own.
"""
