"""The HTTP door: JSON and event-stream API, and the web page that uses it."""
