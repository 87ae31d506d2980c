"""How much the fuzz tests try: little and always the same in the suite, much with `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LONG_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20000"))


def bounded(examples: int) -> settings:
    """So many examples in the suite; in a long run `FUZZ_EXAMPLES`, and others each time."""
    return settings(
        max_examples=LONG_EXAMPLES if IS_LONG else examples,
        derandomize=not IS_LONG,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
