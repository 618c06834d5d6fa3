"""The counters of rollout tools, as pure functions that no engine owns."""
