"""HTTP: webhook intake, the API, the console pages, sign-in."""
