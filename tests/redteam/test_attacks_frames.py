"""Forged frames: a process that speaks to the grader itself instead of letting the runner do it."""

import os

import pytest
from lab import FULL

LINK = """
import socket, os, json, struct, array, stat, threading, time
def links():
    for fd in range(3, 512):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): yield socket.socket(fileno=os.dup(fd))
        except OSError: pass
def frame(header, *blobs):
    text = json.dumps({'blobs': [len(b) for b in blobs], **header}).encode()
    return struct.pack('>I', len(text)) + text + b''.join(blobs)
"""
# What a cell says to the grader before it goes on; never may it gain a point that wrong code has not earned.
FROM_CELLS = {
    "garbage": "for link in links(): link.send(os.urandom(10**4))",
    "a huge header": "for link in links(): link.send(struct.pack('>I', 2**32 - 1))",
    "huge blobs": "for link in links(): link.send(frame({'blobs': [2**62]}))",
    "done": "for link in links(): link.send(frame({'done': True, 'flags': []}))",
    "done, many times": "for link in links(): link.send(frame({'done': True, 'flags': []}) * 50)",
    "forked": "for link in links(): link.send(frame({'done': True}) + frame({'forked': True}) * 10)",
    "a value": "for link in links(): link.send(frame({'done': True}) + frame({'value': ['v', 4]}) * 10)",
    "passed": "for link in links(): link.send(frame({'score': 99, 'outcome': 'passed', 'check': True}))",
    "flags that are none": "for link in links(): link.send(frame({'done': 1, 'flags': 7}))",
    "outputs that are none": "for link in links(): link.send(frame({'said': ['x'], 'data': 3}))",
    "deep JSON": "for link in links(): link.send(struct.pack('>I', 10**5) + b'[' * 10**5)",
    "a file": "for link in links(): socket.send_fds(link, [frame({'said': 'stream'})], [0, 1, 2])",
    "a process handle of its own": """
pid = os.fork()
if not pid: time.sleep(100); os._exit(0)
for link in links(): socket.send_fds(link, [frame({'done': True}) + frame({'forked': True})], [os.pidfd_open(pid)])""",
    "endless frames": "for link in links():\n    while True: link.send(frame({'said': 'stream', 'name': 'x', 'text': 'x' * 1000}))",
    "the link held": "for link in links(): link.recv(10**6)",
    "the link closed": "for link in links(): link.shutdown(socket.SHUT_RDWR)",
    "every descriptor": """
for fd in range(3, 512):
    try: os.set_blocking(fd, False); os.write(fd, os.urandom(5000))
    except OSError: pass""",
}


@pytest.mark.parametrize("code", FROM_CELLS.values(), ids=FROM_CELLS)
def test_what_a_cell_says_in_the_runners_name_earns_nothing(grader, code):
    before = len(os.listdir("/proc/self/fd"))
    wrong = {
        "double": "def double(x): return 3",
        "conv": "def conv(x, w): return x",
        "counter": "def counter(n): return [1]",
    }
    judged = grader(wrong, LINK + code)
    checks = judged.verdict.checks
    assert all(checks[name].score == 0 for name in ("double_seen", "double_hidden", "conv_check", "counter_check")), (
        checks
    )
    assert set(checks) == set(FULL) and judged.verdict.flags
    assert len(os.listdir("/proc/self/fd")) <= before, "descriptors stay behind"


# What the child that answers a check sends in place of an answer. `value` may be anything: it is only a value.
FROM_CHECKS = {
    "garbage": "os.urandom(10**4)",
    "a huge header": "struct.pack('>I', 2**32 - 1)",
    "huge blobs": "frame({'value': ['v', 1], 'blobs': [2**62]})",
    "negative blobs": "frame({'value': ['v', 1], 'blobs': [-1]})",
    "a million blobs": "frame({'value': ['v', 1], 'blobs': [0] * 10**6})",
    "no kind": "frame({'value': []})",
    "an unknown kind": "frame({'value': ['pickle', 'x']})",
    "an inner method": "frame({'value': ['handle', 1, {'is': 'class', 'mro': ['builtins.BaseException'], 'name': '__import__'}]})",
    "a tensor that is too short": "frame({'value': ['tensor', 'float32', [10**9, 10**9], 0, {}]}, b'x')",
    "an empty tensor of huge size": "frame({'value': ['tensor', 'float32', [0, 2**62, 2**62], 0, {}]}, b'')",
    "an array of objects": "frame({'value': ['array', '|O8', [1], 0]}, b'x' * 8)",
    "a dtype that is code": "frame({'value': ['dtype', '_C']})",
    "a named tuple that is code": "frame({'value': ['named', 'x; import os', ['__class__', 'a b', 'def'], [['v', 1]] * 3]})",
    "a range of everything": "frame({'value': ['range', [['v', 0], ['v', 10**17], ['v', 1]]]})",
    "a number of many digits": "frame({'value': ['int', 'f' * 30000]})",
    "deep nesting": "struct.pack('>I', 646) + b'{\"blobs\":[],\"value\":' + b'[\"list\",[' * 55 + b']]' * 55 + b' ' * 20 + b'}'",
    "many parts": "frame({'value': ['list', [['v', 0]] * 1500000]})",
    "an error of an inner kind": "frame({'error': {'name': 'StopIteration', 'mro': ['StopIteration', 'Exception'], 'message': 'x'}})",
    "an error that exits": "frame({'error': {'name': 'SystemExit', 'mro': ['SystemExit', 'KeyboardInterrupt'], 'message': ['x']}})",
    "an error that is none": "frame({'error': 7, 'changed': 8})",
    "changes to everything": "frame({'value': ['v', None], 'changed': [['t' + str(i), 'float32', [1], 0, {}] for i in range(99)]}, bytes(4))",
    "a twin of another's": "frame({'value': ['twin', 't1']})",
    "a parameter that is the input": "frame({'value': ['tensor', 'float32', [1], 0, {'share': 't1', 'parameter': True}]}, bytes(4))",
    "a callback": "frame({'callback': 0, 'arguments': ['list', []]})",
    "a callback of its own": "frame({'callback': '__class__', 'arguments': 3}) * 100",
    "nothing at all": "frame({})",
    "a list": "struct.pack('>I', 2) + b'[]'",
}  # fmt: skip


@pytest.mark.parametrize("code", FROM_CHECKS.values(), ids=FROM_CHECKS)
def test_what_a_check_is_answered_with_is_only_a_value(grader, code):
    answer = f"def double(x):\n    for link in links(): link.send({code})\n    time.sleep(0.2)\n    return 0"
    loses = {"double_seen", "double_hidden"}
    judged = grader({"double": answer}, LINK)
    assert all(judged.verdict.checks[name].score == 0 for name in loses), judged.verdict.checks
    assert all(judged.verdict.checks[name].score == FULL[name] for name in FULL.keys() - loses), judged.verdict.checks
    assert judged.verdict.flags
