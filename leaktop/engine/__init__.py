"""From raw samples to a Frame: sections, growth, history, the residual, suspects, and the poller."""
