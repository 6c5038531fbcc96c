"""Why it went wrong: figures over stored records, and the cause of each wrong answer."""
