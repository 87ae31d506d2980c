"""Content-Encoding undone under a limit: a bomb is cut off, not unpacked."""

import zlib


class UnknownEncoding(ValueError):
    """The body is packed in a way that was not asked for, or is damaged."""


class BoundedDecoder:
    """Collects a body of at most `max_bytes`; what is beyond is never unpacked."""

    def __init__(self, content_encoding: str, *, max_bytes: int) -> None:
        self._encoding = content_encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            raise UnknownEncoding(f"content encoding {self._encoding!r}")
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._raw_bytes = 0
        self._inflater = self._new_inflater()
        self.is_full = False

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def feed(self, chunk: bytes) -> None:
        """Take some more of the raw body. Raises UnknownEncoding if it cannot be unpacked."""
        self._raw_bytes += len(chunk)
        if self._encoding == "identity":
            self._append(chunk)
            return
        try:
            self._inflate(chunk)
        except zlib.error as error:
            raise UnknownEncoding(f"damaged {self._encoding} data") from error
        # Thousands of empty gzip members yield nothing and would go on for ever.
        self.is_full = self.is_full or self._raw_bytes > self._max_bytes

    def _append(self, piece: bytes) -> None:
        room = self._max_bytes - len(self._body)
        self._body += piece[:room]
        self.is_full = self.is_full or len(piece) > room

    def _new_inflater(self) -> "zlib._Decompress":
        return zlib.decompressobj(zlib.MAX_WBITS | 32)

    def _inflate(self, chunk: bytes) -> None:
        while chunk and not self.is_full:
            if self._inflater.eof:  # gzip members may follow each other
                self._inflater = self._new_inflater()
            room = self._max_bytes - len(self._body)
            try:
                piece = self._inflater.decompress(chunk, room + 1)
            except zlib.error:
                if self._encoding != "deflate" or self._body:
                    raise
                # Many servers send deflate without the zlib header.
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                piece = self._inflater.decompress(chunk, room + 1)
            self._append(piece)
            chunk = self._inflater.unused_data if self._inflater.eof else b""
