"""Asks the Headland agent on this device; see :class:`Agent`."""

from .client import Agent, Event, Freshness, Problem

__all__ = ["Agent", "Event", "Freshness", "Problem"]
