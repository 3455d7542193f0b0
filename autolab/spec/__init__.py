"""Files to objects and back: YAML with lines, faults with file:line:key, JSON Schema."""
