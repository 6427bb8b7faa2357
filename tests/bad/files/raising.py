"""A module that cannot be imported."""

message = "no such luck"
raise RuntimeError(message)
