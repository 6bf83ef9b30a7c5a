"""The console: web pages for the people who sell; it speaks to the API through `estate.sdk` only."""
