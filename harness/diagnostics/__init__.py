"""Why a model hallucinates: figures over stored records, and where each wrong answer went wrong."""
