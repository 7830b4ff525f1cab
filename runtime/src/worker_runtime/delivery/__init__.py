"""What leaves for AWS: layers, wheels, Terraform inputs."""
