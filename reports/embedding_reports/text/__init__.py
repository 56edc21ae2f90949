"""Plain text and Markdown for terminals, job summaries and badges."""
