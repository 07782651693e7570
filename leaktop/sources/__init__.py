"""Where raw samples come from: the live kernel or a captured tree; the only room that reads kernel files."""
