"""Innerloop's display as a logger plugin of Snakemake: `--logger innerloop`."""

from __future__ import annotations

from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase


class LogHandler(LogHandlerBase):
    """Hands every event to the display, which writes to Snakemake's stream."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        # Snakemake imports every plugin that is installed, also where another is asked for
        from innerloop.display.display import Display

        self._display = Display(self.common_settings)

    def emit(self, record: LogRecord) -> None:
        """Show one event."""
        try:
            self._display.show(record)
        except Exception:  # as every handler: what cannot be shown stops no run
            self.handleError(record)

    def close(self) -> None:
        """Show how the run ended."""
        try:
            self._display.close()
        finally:
            super().close()
