"""What is declared: YAML files, fields, and what they mean."""
