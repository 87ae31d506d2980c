"""HTTP error statuses in words."""

_STATUS_WORDS = {
    401: "wants a login for the page",
    402: "wants money for the page",
    403: "refuses to give the page to a program",
    404: "does not have the page",
    407: "is behind a proxy that wants a login: see WEBSEARCH_FETCH_PROXY",
    410: "does not have the page any more",
    429: "is asked too often",
    451: "may not show the page for legal reasons",
}


def status_words(status: int) -> str:
    """What an HTTP error status says, for a person who does not know the numbers."""
    if status >= 500:
        return "has an error of its own"
    return _STATUS_WORDS.get(status, "does not give the page out")
