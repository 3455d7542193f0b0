"""Drivers: ophyd instruments, one family a file, and the wire that their bytes travel on."""
