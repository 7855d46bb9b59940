"""Run a command and say what it cost, as JSON: `python -m benchmarks.launcher COMMAND...`."""

import json
import resource
import subprocess
import sys
from time import perf_counter

if __name__ == "__main__":
    start = perf_counter()
    status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode
    wall_s = perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # ru_maxrss is in kB on Linux and in bytes on macOS
    peak_mb = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(
        json.dumps({"wall_s": wall_s, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": peak_mb})
    )
    sys.exit(status)
