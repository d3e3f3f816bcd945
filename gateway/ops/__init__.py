"""Alert rules, their tests, and a dashboard, for those who operate a gateway."""
