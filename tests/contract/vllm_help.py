"""What a vLLM takes on its command line, read from its own help.

python tests/contract/vllm_help.py PATH_OF_VLLM > tests/models/data/vllm.json
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

OFFLINE = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
# The help does not list them: they are in a register.
_REASONING = (
    "import vllm.reasoning as r; print('\\n'.join(r.ReasoningParserManager.list_registered()))"
)


def read_help(vllm: Path) -> dict[str, object]:
    """The version, all long flags, and the names of the two kinds of parsers."""
    shown = _output([str(vllm), "serve", "--help=all"])
    flags = set(re.findall(r"(?<=[\s,])--[a-z][a-z0-9-]+(?=[\s,=])", shown))
    parsers = re.search(r"--tool-call-parser \{([^}]*)\}", shown)
    registered = _output([str(vllm.with_name("python")), "-c", _REASONING])
    return {
        "version": _output([str(vllm), "--version"]).split()[-1].partition("+")[0],
        "flags": sorted(flags),
        "tool_call_parsers": sorted(parsers[1].split(",")) if parsers else [],
        "reasoning_parsers": sorted(
            line for line in registered.splitlines() if re.fullmatch(r"[a-z0-9_]+", line)
        ),
    }


def _output(command: list[str]) -> str:
    environment = {**os.environ, **OFFLINE, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_help(Path(sys.argv[1])), indent=1) + "\n")
