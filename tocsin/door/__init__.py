"""The door, HTTP in front of everything: ingest paths are bare ASGI, the rest is whatever application is given."""

from tocsin.door.app import door, rest
from tocsin.door.asgi import IngestDoor, Limits
from tocsin.door.routes import RouteTable
from tocsin.door.serve import Address, serve

__all__ = ["Address", "IngestDoor", "Limits", "RouteTable", "door", "rest", "serve"]
