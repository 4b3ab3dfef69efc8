"""What the tests know of Kibana: its saved objects, its query language, its answers."""
