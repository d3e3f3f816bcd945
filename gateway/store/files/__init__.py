"""The files of a store: lock, checksum repair, integrity check, and restore, before a store opens or in a command."""
