"""Neighbours and exfiltration: what student code can see and leave behind."""

import json
import os
import socket

import pytest
from lab import FULL, Grader, cell_of

from autograder.course import REPOSITORY
from autograder.sandbox.launch import visible

CANARY = "canary-of-the-grader-7c1f"


def told(judged, code: str):
    """What a cell printed last, as JSON."""
    outputs = cell_of(judged, code).outputs
    return json.loads("".join(o.text for o in outputs if o.output_type == "stream").strip().splitlines()[-1])


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A judge that starts among secrets: an environment variable, a folder as grading/ is, an open file."""
    folder = tmp_path_factory.mktemp("grading")
    (folder / "gradebook.db").write_text(CANARY)
    (folder / "submitted").mkdir()
    (folder / "submitted" / "other.ipynb").write_text(CANARY)
    os.environ["CANARY"] = CANARY
    opened = os.open(folder / "gradebook.db", os.O_RDONLY)
    os.set_inheritable(opened, True)
    try:
        yield folder, Grader()
    finally:
        del os.environ["CANARY"]
        os.close(opened)


def test_nothing_of_the_grader_is_to_be_seen(here):
    folder, grader = here
    code = f"""
import os, json, stat
def names(path):
    try: return sorted(os.listdir(path))
    except OSError: return None
def content(path):
    try: return open(path, 'rb').read(100).decode('latin-1')
    except OSError: return None
def leads_to(fd):
    try:
        s = os.fstat(fd)
        return [fd, stat.S_IFMT(s.st_mode), os.major(s.st_rdev)]
    except OSError: return None
print(json.dumps(dict(
    environment=dict(os.environ), folder=names({str(folder)!r}), file=content({str(folder / "gradebook.db")!r}),
    home=names('/root'), homes=names('/home'), work=names('/work'), proc=names('/proc'), sys=names('/sys'), run=names('/run'),
    environ=content('/proc/self/environ'), parent=content('/proc/1/environ'), root=names('/'), etc=names('/etc'), tmp=names('/tmp'),
    shadow=content('/etc/shadow'), passwd=content('/etc/passwd'), mounts=content('/proc/mounts'),
    files=[found for found in map(leads_to, range(512)) if found], ids=[os.getuid(), os.getpid(), os.getppid()],
    notebooks=names({str(REPOSITORY / "notebooks")!r}) or content({str(REPOSITORY / "grading" / "gradebook.db")!r}),
)))"""
    said = told(grader.right({}, code), code)
    assert CANARY not in json.dumps(said)
    allowed = {"HOME", "LANG", "PATH", "PWD", "MPLBACKEND", "MPLCONFIGDIR", "COURSE_SCALE", "COURSE_DATA", "LC_CTYPE"}
    extra = {n for n in said["environment"] if n not in allowed and not n.endswith("_NUM_THREADS")}
    assert extra <= {
        "OMP_THREAD_LIMIT",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "KMP_INIT_AT_FORK",
        "KMP_DUPLICATE_LIB_OK",
        "TORCHINDUCTOR_CACHE_DIR",
        "SHLVL",
        "_",
        "PAGER",
        "GIT_PAGER",
        "CLICOLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "TERM",
    }, extra
    assert not said["folder"] and said["file"] is None and not said["notebooks"]
    assert not said["proc"] and not said["sys"] and not said["run"] and said["shadow"] is None
    assert said["environ"] is said["parent"] is said["mounts"] is None
    shown = {part for _, path in visible() for part in path.parts}  # such as the folder that Python lives in
    assert {*(said["home"] or []), *(said["homes"] or []), *(said["work"] or [])} <= shown
    assert said["ids"][1:] == [1, 0], "a process namespace of its own"
    kinds = [kind for fd, kind, major in said["files"] if fd > 2]
    links = [fd for fd, kind, major in said["files"] if kind == 0o140000]
    assert len(links) == 1 and 0o100000 not in kinds, said["files"]


ATTEMPTS = {
    "a server on this machine": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "an abstract socket": "import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')",
    "a socket in a folder": "import socket; socket.socket(socket.AF_UNIX).connect({path!r})",
    "a name server": "import socket; socket.getaddrinfo('example.com', 80)",
    "the network": "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('8.8.8.8', 53))",
    "urllib": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}', timeout=2)",
    "a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "a packet socket": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "the host's kernel": "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\nif libc.unshare(0x10000000 | 0x20000): raise OSError(ctypes.get_errno(), 'unshare')",
    "another process": "import ctypes\nif ctypes.CDLL(None).ptrace(16, 1, 0, 0) < 0: raise OSError('ptrace')",
    "memory that nobody counts": "import os; os.memfd_create('x')",
    "a device": "import os; os.mknod('/tmp/sda', 0o60660, os.makedev(8, 0))",
    "root": "import os; os.setuid(0)",
    "a mount": "import ctypes\nif ctypes.CDLL(None).mount(b'tmpfs', b'/tmp', b'tmpfs', 0, 0): raise OSError('mount')",
    "the system": "open('/usr/evil', 'w')",
    "the root of its world": "open('/evil', 'w')",
    "the folder of devices": "open('/dev/evil', 'w')",
    "what the next one imports": "open('/course/numpy.py', 'w')",
    "this Python": "import sys, os; open(os.path.join(sys.prefix, 'evil.pth'), 'w')",
    "its packages": "import torch; open(torch.__file__, 'a')",
    "course_lib": "import course_lib; open(course_lib.__file__, 'a')",
    "the runner": "open('/runner/zygote.py', 'a')",
    "the data": "import os; open(os.path.join(os.environ['COURSE_DATA'], 'evil'), 'w')",
}  # fmt: skip


def test_no_way_out(here, tmp_path):
    _, grader = here
    name = f"grader-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as named,
    ):
        abstract.bind("\0" + name)
        abstract.listen()
        named.bind(str(tmp_path / "s"))
        named.listen()
        values = {"port": server.getsockname()[1], "name": name, "path": str(tmp_path / "s")}
        codes = {why: code.format(**values) for why, code in ATTEMPTS.items()}
        judged = grader.right({}, *codes.values())
        for listener in (server, abstract, named):
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()
    for why, code in codes.items():
        errors = [o for o in cell_of(judged, code).outputs if o.output_type == "error"]
        assert errors and errors[0].ename.endswith(("Error", "error", "gaierror")), (why, errors)
    assert judged.verdict.flags


def test_what_submissions_share_is_read_only(grader):
    """Whoever owns it: where the instructor is not root, the sandbox and all in it is the same user's."""
    code = """
import os, json
shared = [path for path, folders, _ in os.walk('/') if path not in ('/tmp', '/dev/shm', '/proc') or folders.clear()]
print(json.dumps([path for path in shared if not os.statvfs(path).f_flag & os.ST_RDONLY]))"""
    assert set(told(grader.right({}, code), code)) <= {"/dev/pts"}


POISONS = {
    "~/.ipython": """
import os
os.makedirs(os.path.expanduser('~/.ipython/profile_default/startup'), exist_ok=True)
open(os.path.expanduser('~/.ipython/profile_default/startup/00.py'), 'w').write('import builtins; builtins.abs = lambda x: 0')""",
    "modules beside the notebook": """
for name in ('numpy', 'torch', 'sitecustomize', 'usercustomize', 'course_lib', 'json'):
    open(name + '.py', 'w').write('raise SystemExit')
import sys; sys.path.insert(0, '/tmp')""",
    "every place of Python's path": """
import sys, os, site
for path in [*sys.path, site.getusersitepackages()]:
    for name in ('sitecustomize.py', 'evil.pth', 'torch.py'):
        try:
            os.makedirs(path, exist_ok=True)
            open(os.path.join(path, name), 'w').write('import os; os._exit(1)')
        except OSError: pass""",
    "shared memory": "open('/dev/shm/poison', 'w').write('x' * 10**6)\nopen('/tmp/poison', 'w').write('x')",
    "the warm libraries": """
import torch.nn.functional as f, course_lib.checks as c, numpy as np, builtins, IPython
f.unfold = c.expect_close = np.mean = builtins.len = lambda *a, **k: 4
torch.Tensor.sum = lambda *a: 4
IPython.core.interactiveshell.InteractiveShell.run_cell = None""",
    "defaults": """
torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False); torch.use_deterministic_algorithms(True)
torch.set_default_device('meta'); torch.manual_seed(0); torch.set_num_threads(64)""",
    "the keyring and message queues": "import ctypes; libc = ctypes.CDLL(None); libc.syscall(248, b'user', b'x', b'y', 1, -4); libc.syscall(240, b'q', 0o102, 0o600, 0)",
    "locks on libraries": "import fcntl, torch\nf = open(torch.__file__)\nfcntl.flock(f, fcntl.LOCK_EX)",
}  # fmt: skip
LOOK = """
import os, json
print(json.dumps([sorted(os.listdir('/tmp')), sorted(os.listdir('/dev/shm')), str(torch.get_default_dtype()), os.getcwd()]))"""


@pytest.mark.parametrize("code", POISONS.values(), ids=POISONS)
def test_the_next_submission_finds_a_clean_world(grader, code):
    grader({}, code)
    honest = grader.right({}, LOOK)
    files, shared, dtype, folder = told(honest, LOOK)
    assert set(files) <= {"mpl", ".ipython", ".cache", ".config"} and not shared, (files, shared)
    assert dtype == "torch.float32" and folder == "/tmp"
    grader.caught({"double": "def double(x): return x"}, loses={"double_seen", "double_hidden"}, flagged=False)


SIDE_EFFECTS = {
    "chdir": "import os\nos.chdir('/usr')",
    "seeds": "import random, numpy as np\nrandom.seed(0); np.random.seed(0); torch.manual_seed(0)",
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "gradients off": "torch.set_grad_enabled(False)",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "matplotlib's backend": "import matplotlib\nmatplotlib.use('svg')",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')",
    "print options": "torch.set_printoptions(precision=1)\nimport sys; sys.stdout = None; sys.stderr = None",
    "the names of checks": "x = w = got = n = mean = more = net = losses = None\nexpect_close = data = None",
}  # fmt: skip


@pytest.mark.parametrize("code", SIDE_EFFECTS.values(), ids=SIDE_EFFECTS)
def test_side_effects_of_an_answer_are_its_own_matter(grader, code):
    body = "\n".join("    " + line for line in code.splitlines())
    grader.caught(
        {"counter": f"def counter(n):\n    global x, data, got\n{body}\n    return [0, 1]"},
        loses={"counter_check"},
        flagged=False,
    )
    grader.right({}, code)
    assert sum(FULL.values()) == 10
