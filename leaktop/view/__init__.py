"""From a Frame and the user's choices to rows of plain cells. No terminal library in here."""
