"""A world to try sync-system in: a pretend CRM, a pretend application, and private nodes for both to meet at."""
