"""How fast and how large weakft's parts are, each beside what it stands in for."""
