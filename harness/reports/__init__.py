"""What people look at: tables on a terminal, Markdown, and pages."""
