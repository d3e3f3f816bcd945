"""The builder: a connector file as a form, in the thread of the request's own work."""
