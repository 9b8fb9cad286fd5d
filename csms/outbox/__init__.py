"""What leaves the house: mail, and questions to an identity provider."""
