"""What ``docker-compose.yml`` needs of us: secrets, and users and keys in the server."""
